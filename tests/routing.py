"""A run whose answers are routed: from memory, from passages, or not found."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import RULES

from self_evolution import cli
from self_evolution.run.read import RunReader
from self_evolution.serving.answering import Answerer, open_model
from self_evolution.serving.routing import Routed, Router

KINDS = ("port", "colour", "rack", "limit")
NAMES = ("Alpha", "Brake", "Coral", "Delta", "Echo", "Fox", "Golf", "Hotel", "Ice")
FACTS = [
    (kind, f"node {name}", str(100 * i + j))
    for j, name in enumerate(NAMES)
    for i, kind in enumerate(KINDS, 41)
]
ASKED = ("Tell me", "Give me")
SCRIPT = {
    "rules": [
        *RULES["rules"][:2],
        {
            "pattern": r"The (\w+) of ([\w ]+?) is (\w+)\.(?s:.*)(?:is|me) the \1 of \2\?",
            "reply": r"The \1 of \2 is \3.",
        },
        {"pattern": r"(?:is|me) the (\w+) of ([\w ]+)", "reply": r"The \1 of \2 is 777."},
    ],
    "default": "I do not know.",
}
WORDS = [
    word
    for words in (
        "--domain.prompts embedded --generations 1 --ask.per-fragment 1 --check.grounding 0.5",
        "--split.min-tokens 0 --read.workers 1 --evaluate.abilities 0 --train.rehearsal 0",
        "--evaluate.resamples 50 --evaluate.top-k 1 --model.engine scripted",
    )
    for word in words.split()
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on nine documents with four facts each, a section for each, and as many questions.

    The model reads well. Where it has not learnt a question, it makes up an answer.
    """
    folder = tmp_path_factory.mktemp("routing")
    (folder / "docs").mkdir()
    for name in NAMES:
        facts = [fact for fact in FACTS if fact[1].endswith(name)]
        text = "\n\n".join(
            f"## {kind} of {thing}\n\nThe {kind} of {thing} is {value}. It is checked every day."
            for kind, thing, value in facts
        )
        (folder / "docs" / f"{name}.md").write_text(f"# Node {name}\n\n{text}\n")
    lines = [
        {
            "instruction": f"The {kind} of {thing} is {value}.",
            "input": f"{ask} the {kind} of {thing}?",
            "output": f"The {kind} of {thing} is {value}.",
            "values": [value],
        }
        for kind, thing, value in FACTS
        for ask in ASKED
    ]
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (folder / "script.json").write_text(json.dumps(SCRIPT))
    words = ["run", str(folder / "docs"), *WORDS, "--model", str(folder / "script.json")]
    words += ["--eval", str(folder / "questions.jsonl"), "--run", str(folder / "run")]
    assert cli.main(words) == 0
    return folder / "run"


def ask(run: Path, *questions: str, generation: int = 0) -> list[Routed]:
    with closing(RunReader(run)) as reader, closing(open_model(reader)) as engine:
        answerer = Answerer(reader, engine)
        router = Router(reader, answerer)
        found = [router.answer(question, (), generation) for question in questions]
        answerer.close()
        return found


def calibrations(run: Path) -> dict[str, Any]:
    """{generation: its calibration}, as they are kept."""
    kept: dict[str, Any] = json.loads((run / "routing.json").read_text())
    return kept


def changed(run: Path, tmp_path: Path, query: str, *values: object) -> Path:
    """A copy of the run without a calibration, in whose ledger a statement is carried out."""
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / "routing.json").unlink(missing_ok=True)
    with closing(sqlite3.connect(copy / "run.db")) as database, database:
        assert database.execute(query, values).rowcount
    return copy
