"""A service on a finished scripted run, as fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from answering import finished_run, write_script
from serving import Service, served

Arguments = Callable[..., list[str]]
QUESTION = "What is the port of server Alpha?"
ANSWER = "The port of server Alpha is 4711."


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Where the finished run and its service are, once there are."""
    return {}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return write_script(tmp_path)


@pytest.fixture
def run(arguments: Arguments, tmp_path: Path, made: dict[str, Any]) -> Path:
    """A finished run of one generation, which leads."""
    if not made:
        made["run"] = finished_run(arguments, tmp_path)
    found: Path = made["run"]
    return found


@pytest.fixture(scope="module")
def held(made: dict[str, Any]) -> Iterator[list[Any]]:
    """The contexts that end with this module."""
    contexts: list[Any] = []
    yield contexts
    for context in reversed(contexts):
        context.__exit__(None, None, None)


@pytest.fixture
def service(run: Path, made: dict[str, Any], held: list[Any]) -> Service:
    """One service for all tests that do not stop it."""
    if "service" not in made:
        held.append(served(run, run.parent, "--max-tokens", "500"))
        made["service"] = held[-1].__enter__()
    found: Service = made["service"]
    return found


@pytest.fixture
def client(service: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture
def http(service: Service) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=service.url, timeout=30) as made:
        yield made
