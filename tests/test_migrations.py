"""A run of an earlier version opens and goes on; what cannot be opened is refused with a cure."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from conftest import exported

from self_evolution import cli
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger, migrations
from self_evolution.ledger.migrations import OLDEST, STEPS, VERSION, Step

SETTINGS = {
    "model.engine": "scripted",
    "model": "script.json",
    "eval": "questions.jsonl",
    "domain.prompts": "embedded",
    "ask.per-fragment": "2",
    "model.batch-size": "4",
    "check.grounding": "0.5",
    "check.contradictions": "false",
    "check.off-topic": "false",
    "check.negation": "false",
    "split.min-tokens": "0",
    "read.workers": "1",
    "evaluate.abilities": "0",
    "train.rehearsal": "0",
    "evaluate.resamples": "50",
}


def version(run: Path) -> int:
    with closing(sqlite3.connect(run / "run.db")) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


def schema(path: Path) -> list[tuple[str, str, str, str]]:
    with closing(sqlite3.connect(path)) as database:
        query = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
        return database.execute(query).fetchall()


def numbered(run: Path, number: int) -> None:
    with closing(sqlite3.connect(run / "run.db")) as database:
        database.execute(f"PRAGMA user_version = {number}")


def test_the_schema_is_the_same_as_in_a_new_ledger(old: Path, tmp_path: Path) -> None:
    Ledger(old / "run.db").close()
    Ledger(tmp_path / "new.db").close()
    assert version(old) == VERSION
    assert schema(old / "run.db") == schema(tmp_path / "new.db")


@pytest.mark.parametrize("command", ["status", "report", "dump"])
def test_each_command_opens_an_old_run(
    command: str, old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [command, "run", *(["-o", "tables"] if command == "dump" else [])]
    assert cli.main(words) == 0
    assert version(old) == VERSION
    assert capsys.readouterr().err == ""


def test_an_old_run_goes_on_as_a_new_one_would(old: Path, tmp_path: Path) -> None:
    assert cli.main(["run", "--run", "run", "--generations", "2"]) == 0
    settings = [word for key, value in SETTINGS.items() for word in (f"--{key}", value)]
    assert cli.main(["run", "docs", *settings, "--generations", "2", "--run", "anew"]) == 0
    there, anew = exported(old), exported(tmp_path / "anew")
    assert there.keys() == anew.keys()
    # An earlier version did not measure how far training went from the base.
    for tables in (there, anew):
        # Nor did its signatures of metrics end in the numbers of today.
        for table in ("evaluation.jsonl", "signature.jsonl"):
            tables[table] = re.sub(rb"\|v\d", b"", tables[table])
        tables["adapter.jsonl"] = re.sub(rb'"divergence": [^,]+', b"", tables["adapter.jsonl"])
        # Nor did it say so what comes after a rollback.
        tables["promotion.jsonl"] = tables["promotion.jsonl"].replace(
            b"the next one starts", b"a further generation starts"
        )
    for table, lines in anew.items():
        assert there[table] == lines, table
    assert anew["prediction_score.jsonl"].count(b"\n") == anew["prediction.jsonl"].count(b"\n") * 12


COUNTED = """
  SELECT q.generation, 'question', q.origin, count(*) FROM question q GROUP BY 1, 3
  UNION SELECT q.generation, 'answer', '', count(*)
    FROM answer a JOIN question q ON q.id = a.question_id GROUP BY 1
  UNION SELECT q.generation, 'verdict', coalesce(v.reason, ''), count(*) FROM verdict v
    JOIN answer a ON a.id = v.answer_id JOIN question q ON q.id = a.question_id GROUP BY 1, 3
  UNION SELECT q.generation, 'score', s.outcome, count(*) FROM score s
    JOIN answer a ON a.id = s.answer_id JOIN question q ON q.id = a.question_id GROUP BY 1, 3
  UNION SELECT generation, 'selection', source, count(*) FROM selection GROUP BY 1, 3
  UNION SELECT q.generation, 'taught', t.teacher_id, count(*) FROM taught t
    JOIN answer a ON a.id = t.id JOIN question q ON q.id = a.question_id GROUP BY 1, 3
  UNION SELECT q.generation, 'kept', t.teacher_id, count(*) FROM taught t
    JOIN verdict v ON v.answer_id = t.id JOIN answer a ON a.id = v.answer_id
    JOIN question q ON q.id = a.question_id WHERE v.reason IS NULL GROUP BY 1, 3
"""


def test_the_tally_is_what_a_count_of_the_rows_gives(old: Path) -> None:
    """Both of the rows that an earlier version has added, and of those that came later."""
    for more in (("status", "run"), ("run", "--run", "run", "--generations", "2")):
        assert cli.main(list(more)) == 0
        with closing(sqlite3.connect(old / "run.db")) as database:
            tally = set(database.execute("SELECT * FROM tally"))
            assert tally == set(database.execute(COUNTED))
        kinds = {what for _, what, _, _ in tally}
        assert kinds == {"question", "answer", "verdict", "score", "selection"}
    assert {generation for generation, *_ in tally} == {1, 2}


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (VERSION + 1, f"newer version.*version {VERSION + 1}.*up to {VERSION}.*update"),
        (OLDEST - 1, f"too old.*version {OLDEST - 1}.*from {OLDEST} on.*start a new run"),
    ],
)
def test_a_version_that_is_not_known_is_refused(number: int, says: str, old: Path) -> None:
    numbered(old, number)
    before = (old / "run.db").read_bytes()
    for read_only in (False, True):
        with pytest.raises(UserError, match=says):
            Ledger(old / "run.db", read_only)
    assert (old / "run.db").read_bytes() == before


def test_an_old_run_that_is_opened_to_be_read_is_brought_up_to_date(old: Path) -> None:
    with closing(Ledger(old / "run.db", read_only=True)) as ledger:
        assert ledger.count("prediction_score") == 0 < ledger.count("prediction")
    assert version(old) == VERSION


def test_an_old_run_that_cannot_be_written_says_what_to_do(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(UserError, match=r"earlier version.*read-only.*copy.*self-evolution status"):
        Ledger(old / "run.db", read_only=True)
    assert version(old) == OLDEST


def test_all_steps_are_taken_or_none(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = schema(old / "run.db")
    broken = Step(VERSION + 1, "broken", "CREATE TABLE one (a) STRICT;\nCREATE TABLE one (b);\n")
    monkeypatch.setattr(migrations, "STEPS", (*STEPS, broken))
    with pytest.raises(sqlite3.OperationalError, match="one"):
        Ledger(old / "run.db")
    assert version(old) == OLDEST
    assert schema(old / "run.db") == before


def test_two_processes_may_bring_a_ledger_up_to_date_at_once(old: Path) -> None:
    code = (
        "import sys, pathlib; from self_evolution.ledger import Ledger\n"
        "sys.stdin.read(); Ledger(pathlib.Path(sys.argv[1])).close()"
    )
    words = [sys.executable, "-c", code, str(old / "run.db")]
    started = [subprocess.Popen(words, stdin=subprocess.PIPE, text=True) for _ in range(2)]
    for one in started:
        assert one.stdin is not None
        one.stdin.close()
    assert [one.wait() for one in started] == [0, 0]
    assert version(old) == VERSION


def test_steps_are_numbered_one_after_the_other() -> None:
    numbers = [step.version for step in STEPS]
    assert numbers == list(range(OLDEST, VERSION + 1))
    assert len({step.name for step in STEPS}) == len(STEPS)
