"""Small documents, a script that asks and answers about them, and runs on both."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"
# Where a shell starts the tests in the background, they ignore Ctrl-C, and so would every process
# that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

from self_evolution import cli
from self_evolution.ledger.database import Database
from self_evolution.models.scripted import ScriptedEngine
from self_evolution.models.training.job import TrainingJob

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("ours", deadline=None, derandomize=True)
settings.load_profile("ours")

SHARED = Path(__file__).resolve().parents[1].parent / "shared"

FACTS = [
    ("port", "server Alpha", "4711"),
    ("colour", "alarm Brake", "amber"),
    ("rack", "node Coral", "R-17"),
    ("timeout", "link Delta", "30 s"),
    ("owner", "pump Echo", "team Fox"),
    ("limit", "queue Foxtrot", "512"),
]

RULES = {
    "rules": [
        {
            "pattern": r"The (\w+) of ([\w ]+?) is ([^.]+)\..*Ask one question",
            "reply": r"What is the \1 of \2?",
        },
        {"pattern": r"Ask another question", "reply": "Which one is shown on page 3?"},
        {
            "pattern": r"The (\w+) of ([\w ]+?) is ([^.]+)\..*What is the",
            "reply": r"The \1 of \2 is \3.",
        },
    ],
    "default": "The colour is ultramarine 99.",
}
"""The first question of a fragment is good, the second one points at a page: it is rejected."""


def pytest_collection_finish() -> None:
    """What is there before the first test stays, so that no collection of garbage looks at it."""
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def quick_ledgers() -> Iterator[None]:
    """Ledgers of this process do not wait for the disk, which only a power cut could tell."""
    prepare = Database._prepare

    def prepared(self: Database, read_only: bool) -> None:
        prepare(self, read_only)
        assert read_only or self.one("PRAGMA synchronous") == 2, "a power cut would lose rows"
        self.execute("PRAGMA synchronous = OFF")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Database, "_prepare", prepared)
        yield


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder with Markdown, text and HTML; one fact a section, one section twice."""
    folder = tmp_path / "docs"
    folder.mkdir()
    sections = [
        f"## {thing.title()}\n\nThe {key} of {thing} is {value}. It is checked every morning.\n"
        for key, thing, value in FACTS
    ]
    (folder / "a.md").write_text("# Handbook\n\n" + "\n".join(sections[:4]), encoding="utf-8")
    (folder / "b.txt").write_text(
        "Handbook\n========\n\n"
        "Pump Echo\n---------\n\nThe owner of pump Echo is team Fox. It is checked every morning.\n"
        "\nServer Alpha\n------------\n\n"
        "The port of server Alpha is 4711. It is checked every morning.\n",
        encoding="utf-8",
    )
    (folder / "c.html").write_text(
        "<html><head><title>Queues</title></head><body><h1>Queues</h1><h2>Foxtrot</h2>"
        "<p>The limit of queue Foxtrot is 512. It is checked every morning.</p></body></html>",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def script(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """What the scripted model says: `SCRIPT` of the module with the test, or else `RULES`."""
    path = tmp_path / "script.json"
    path.write_text(json.dumps(getattr(request.module, "SCRIPT", RULES)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    if not binary:
        pytest.skip("no Chromium on this machine: the pages are not looked at in a browser")
    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    switches += ["--disable-component-update", "--disable-sync", "--no-first-run"]
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=binary, args=switches)
        yield opened
        opened.close()


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    rows = [
        {
            "instruction": f"The {key} of {thing} is {value}.",
            "input": f"Tell me the {key} of {thing}?",
            "output": f"The {key} of {thing} is {value}.",
            "values": [value],
        }
        for key, thing, value in FACTS
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def arguments(
    documents: Path, script: Path, questions: Path, tmp_path: Path
) -> Callable[..., list[str]]:
    """The command line of a scripted run in `tmp_path/NAME`, with more words behind it."""

    def make(name: str, *more: str) -> list[str]:
        words = ["run", str(documents), "--model.engine", "scripted", "--model", str(script)]
        words += ["--eval", str(questions), "--domain.prompts", "embedded", "--generations", "2"]
        words += ["--ask.per-fragment", "2", "--model.batch-size", "4", "--check.grounding", "0.5"]
        words += ["--split.min-tokens", "0", "--read.workers", "1"]
        words += ["--evaluate.abilities", "0"]
        if "--train.rehearsal" not in more:
            words += ["--train.rehearsal", "0"]
        return [*words, "--evaluate.resamples", "50", "--run", str(tmp_path / name), *more]

    return make


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the run is that a test file makes once."""
    return tmp_path_factory.mktemp("made") / "run"


@pytest.fixture
def copied(arguments: Callable[..., list[str]], made: Path, tmp_path: Path) -> Callable[..., Path]:
    """Gives each test a copy of a finished run, which the first test of a file makes."""

    def copy(*more: str) -> Path:
        if not made.exists():
            unfinished = made.with_name("unfinished")
            assert cli.main(arguments("run", *more, "--run", str(unfinished))) == 0
            unfinished.rename(made)
        shutil.copytree(made, tmp_path / "run")
        return tmp_path / "run"

    return copy


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[TrainingJob]:
    """What the scripted model is trained on from now on."""
    jobs: list[TrainingJob] = []
    train = ScriptedEngine.train

    def kept(self: ScriptedEngine, job: TrainingJob) -> object:
        jobs.append(job)
        return train(self, job)

    monkeypatch.setattr(ScriptedEngine, "train", kept)
    return jobs


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of ledger version 4 with one generation, beside its documents, script and questions.

    In the fixture, FOLDER stands where the settings had the path of the folder.
    """
    shutil.copytree(Path(__file__).with_name("fixtures") / "run-v4", tmp_path, dirs_exist_ok=True)
    with closing(sqlite3.connect(tmp_path / "run" / "run.db")) as database, database:
        query = "UPDATE meta SET value = replace(value, 'FOLDER', ?)"
        database.execute(query, (str(tmp_path),))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "run"


def exported(run: Path) -> dict[str, bytes]:
    """Every table of a run, as `dump` writes it."""
    folder = run.with_name(run.name + "-dump")
    shutil.rmtree(folder, ignore_errors=True)
    assert cli.main(["dump", str(run), "-o", str(folder)]) == 0
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def rows(run: Path, table: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in exported(run)[f"{table}.jsonl"].splitlines()]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB; needs the right to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small file system cannot be mounted here: {error}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, capture_output=True)
