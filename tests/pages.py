"""The pages of the service in a real browser: the fixtures and helpers of their tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from answering import finished_run
from served_run import ANSWER, QUESTION  # noqa: F401
from served_run import held as held
from served_run import made as made
from served_run import script as script
from serving import Service, served

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect
expect.set_options(timeout=20_000)
Arguments = Callable[..., list[str]]
Visit = Callable[..., Any]
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"
SIZES = {"desktop": (1280, 800), "phone": (360, 740)}
LOOKS = [  # with the drills, each size meets each of the colours and each language
    ("desktop", "light", "en-GB"),
    ("phone", "dark", "zh-CN"),
    pytest.param("desktop", "dark", "zh-CN", marks=pytest.mark.drill),
    pytest.param("phone", "light", "en-GB", marks=pytest.mark.drill),
]


@pytest.fixture
def run(documents: Path, arguments: Arguments, tmp_path: Path, made: dict[str, Any]) -> Path:
    """A finished run of one generation, which leads; one document has script in it."""
    if "run" not in made:
        text = f"Pump Evil\n---------\n\nThe note of pump Evil is {EVIL}. It is checked daily.\n"
        (documents / "d.txt").write_text(text, encoding="utf-8")
        made["run"] = finished_run(arguments, tmp_path)
    found: Path = made["run"]
    return found


@pytest.fixture
def service(run: Path, made: dict[str, Any], held: list[Any]) -> Service:
    if "service" not in made:
        held.append(served(run, run.parent))
        made["service"] = held[-1].__enter__()
    found: Service = made["service"]
    return found


@pytest.fixture
def visit(browser: Any, service: Service) -> Iterator[Callable[..., Any]]:
    """Opens a page; at the end, nothing has complained and nothing went to another host."""
    complaints: list[str] = []
    asked: list[str] = []
    contexts: list[Any] = []

    def open_page(path: str = "/", size: str = "desktop", **more: Any) -> Any:
        width, height = SIZES[size]
        more = {"viewport": {"width": width, "height": height}, "locale": "en-GB"} | more
        contexts.append(browser.new_context(**more))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(service.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert asked and not [url for url in asked if not url.startswith(service.url)]


def ask(page: Any, question: str = QUESTION) -> Any:
    """Ask by keyboard; returns the newest turn when its answers are complete."""
    page.locator("#question").fill(question)
    page.keyboard.press("Enter")
    turn = page.locator("#turns .turn").first
    expect(turn.locator(".asked")).to_have_text(question)
    expect(page.locator("#go")).to_be_visible()
    return turn
