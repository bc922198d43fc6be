"""Coverage: which values of the documents an answer of a kept pair states."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from self_evolution import cli
from self_evolution.config import Config
from self_evolution.ledger import Ledger
from self_evolution.report.facts.coverage import coverage
from self_evolution.report.render.words import covered

Arguments = Callable[..., list[str]]


@pytest.fixture
def run(arguments: Arguments, documents: Path, tmp_path: Path) -> Path:
    """Four of the six facts have a value: 4711, R-17, 30 s, 512. A seventh is in no question."""
    (documents / "d.txt").write_text("Fuse F-9 must be replaced after 250 hours.", encoding="utf-8")
    assert cli.main(arguments("run")) == 0
    return tmp_path / "run"


def test_values_that_no_answer_states_are_counted_and_named(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["report", str(run)])
    found = json.loads((run / "report" / "results.json").read_text())["coverage"]
    assert (found["fragments"], found["total"], found["values"]) == (7, 7, 6)
    assert found["covered"] == {"1": 4} or found["covered"] == {"1": 4, "2": 4}
    assert found["share"]["mean"] == pytest.approx(100 * 4 / 6)
    (missed,) = found["examples"]
    assert missed["path"].endswith("d.txt") and set(missed["values"]) == {"F-9", "250 hours"}
    for page in ("index.html", "report.md"):
        text = (run / "report" / page).read_text(encoding="utf-8")
        assert "of the 6 numbers, codes and identifiers in the documents" in text
        assert "F-9" in text


def test_a_large_run_is_covered_by_a_part_that_is_drawn(run: Path) -> None:
    with closing(Ledger(run / "run.db", read_only=True)) as ledger:
        found = coverage(Config(), ledger, most=3)
    assert found is not None
    assert (found.fragments, found.total) == (3, 7)
    assert found.statements is not None
    told = f"Of the {found.statements.total} statements (sentences, items and rows) in these"
    assert told in covered(found)


def test_nothing_is_told_before_anything_was_asked(arguments: Arguments, tmp_path: Path) -> None:
    cli.main(["read", *arguments("run")[1:]])
    cli.main(["split", str(tmp_path / "run")])
    with closing(Ledger(tmp_path / "run" / "run.db", read_only=True)) as ledger:
        assert coverage(Config(), ledger) is None
