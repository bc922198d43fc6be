"""Runs are started, watched and stopped in a real browser, by those who hold the token."""

# ruff: noqa: F401, F811 - fixtures are imported
from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from answering import finished_run, write_script
from pages import LOOKS, SIZES, Visit, expect, visit
from serving import Service, served
from test_serve_runs import TEXT, TOKEN, until

from self_evolution import cli
from self_evolution.run.process import ask_to_stop, is_running

pytestmark = pytest.mark.slow
SETTLED = 240_000
"""Milliseconds that a step of a run may take on a busy machine."""
Arguments = Callable[..., list[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("started")


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """The run and its service, once there are."""
    return {}


@pytest.fixture(scope="module")
def held(folder: Path) -> Iterator[list[Any]]:
    contexts: list[Any] = []
    yield contexts
    for context in contexts:
        context.__exit__(None, None, None)
    for path in folder.glob("*/run.db"):
        ask_to_stop(path.parent)
        until(lambda path=path: not is_running(path.parent))


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return write_script(tmp_path)


@pytest.fixture
def service(
    arguments: Arguments, tmp_path: Path, folder: Path, made: dict[str, Any], held: list[Any]
) -> Service:
    if not made:
        (tmp_path / "token").write_text(TOKEN)
        words = ["--token-file", str(tmp_path / "token"), "--runs", str(folder)]
        held.append(served(finished_run(arguments, tmp_path), tmp_path, *words))
        made["service"] = held[-1].__enter__()
    found: Service = made["service"]
    return found


@pytest.fixture
def stopped_and_unbegun(service: Service, arguments: Arguments, folder: Path) -> None:
    """A run that was stopped, and one that could not begin, among those that were started."""
    if not (folder / "stopped").exists():
        words = arguments("run", "--run", str(folder / "stopped"))
        assert cli.main(["read", *words[1:]]) == 0
        (folder / "unbegun.log").write_text("picture.xyz: no readable document\n")


def logged_in(page: Any, path: str) -> Any:
    """The page that was asked for, behind the login."""
    page.locator("#token").fill(TOKEN)
    page.get_by_role("button").click()
    page.wait_for_url(f"**{path}")
    expect(page.locator("nav")).to_be_visible()
    return page


def begin(page: Any, name: str, file: str = "pump.md") -> None:
    page.locator("#name").fill(name)
    page.select_option("#recipe", "embedded")
    payload = {"name": file, "mimeType": "text/plain", "buffer": TEXT.encode()}
    page.locator("#files").set_input_files([payload])
    page.locator("#start button").click()


def test_a_run_is_started_watched_and_stopped(visit: Visit, folder: Path) -> None:
    page = logged_in(visit("/runs"), "/runs")
    expect(page.locator("nav a").first).to_have_text("Run")
    expect(page.locator("nav [aria-current]")).to_have_text("Run")
    begin(page, "night")
    page.wait_for_url("**/runs/night")
    expect(page.locator(".lead")).to_contain_text("The run is", timeout=SETTLED)
    expect(page.locator(".lead")).to_contain_text("at the stage", timeout=SETTLED)
    expect(page.locator("tbody tr", has_text="read").first).to_be_visible(timeout=SETTLED)
    assert [path.name for path in (folder / "night.documents").iterdir()] == ["pump.md"]
    page.get_by_role("link", name="The report, as it is now").click()
    expect(page.locator("h1")).to_contain_text("Self-Evolution report")
    page.go_back()
    page.get_by_role("button", name="Stop the run").click()
    expect(page.locator("#live > .problem").first).to_contain_text(
        re.compile("asked to stop|No process is at work"), timeout=SETTLED
    )
    expect(page.locator("#stop-run")).to_be_hidden(timeout=SETTLED)
    assert not is_running(folder / "night")
    expect(page.locator("#live code")).to_have_text(f"self-evolution run --run {folder / 'night'}")
    expect(page.locator(".log")).to_contain_text("stopping as soon as possible")
    expect(page.get_by_role("radio", name="as planned")).to_be_checked()
    planned = int(re.findall(r"\d+", page.locator("fieldset").inner_text())[0])
    page.get_by_role("radio", name=f"One generation more, up to generation {planned + 1}").check()
    page.get_by_role("button", name="Continue the run").click()
    expect(page.locator("#stop-run")).to_be_visible(timeout=SETTLED)
    expect(page.locator(".continue")).to_have_count(0)
    assert is_running(folder / "night")
    page.get_by_role("button", name="Stop the run").click()
    expect(page.get_by_role("radio", name="as planned")).to_be_visible(timeout=SETTLED)
    expect(page.locator("fieldset")).to_contain_text(f"Up to generation {planned + 1}, as planned")
    page.get_by_role("link", name="Runs that were started here").click()
    expect(page.locator(".runs li")).to_contain_text(["night not at work"])
    page.locator("#start").evaluate("form => { form.dataset.file = 10; }")
    begin(page, "large")
    expect(page.get_by_role("alert")).to_have_text("pump.md is too large.")
    assert not (folder / "large.documents").exists()


def test_the_run_that_is_served_gets_one_generation_more(
    visit: Visit,
    service: Service,
) -> None:
    page = logged_in(visit("/run"), "/run")
    expect(page.locator(".lead")).to_have_text("The run is complete, up to generation 1.")
    page.get_by_role("button", name="Train one more generation").click()
    expect(page.locator(".lead")).to_have_text(
        "The run is complete, up to generation 2.", timeout=SETTLED
    )
    expect(page.locator(".continue button")).to_be_visible(timeout=SETTLED)
    page.evaluate(
        "body => { window.fetch = async () => new Response(body, { status: 409 }); }",
        json.dumps({"error": {"message": "the disk is full"}}),
    )
    page.get_by_role("button", name="Train one more generation").click()
    expect(page.locator(".continue [role=alert]")).to_have_text("the disk is full")


def test_a_run_that_cannot_begin_says_why(visit: Visit) -> None:
    page = logged_in(visit("/runs"), "/runs")
    begin(page, "wrong", "picture.xyz")
    page.wait_for_url("**/runs/wrong")
    expect(page.locator(".lead")).to_contain_text("could not begin", timeout=SETTLED)
    expect(page.locator(".log")).to_contain_text("no readable document")


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
def test_no_barrier_of_wcag_2_2(
    visit: Visit,
    stopped_and_unbegun: None,
    size: str,
    scheme: str,
    locale: str,
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not there")
    page = logged_in(visit("/runs", size, color_scheme=scheme, locale=locale), "/runs")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    options = {"runOnly": {"type": "tag", "values": tags}}
    for path in ("/runs", "/runs/stopped", "/runs/unbegun", "/run"):
        page.goto(f"{page.url.partition('/run')[0]}{path}")
        expect(page.locator("h2").first).to_be_visible()
        found = axe.Axe().run(page, options=options).response
        assert len(found["passes"]) > 10
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    # The last page has the stages with their notes, which are read without scrolling.
    stages = page.locator(".stages")
    assert stages.evaluate("one => one.scrollWidth - one.clientWidth") <= 0
    assert stages.locator("td.soft:not(:empty)").first.is_visible()
