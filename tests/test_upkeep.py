"""list, prune and --then, on real runs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from conftest import exported

from self_evolution import cli
from self_evolution.errors import Stopped
from self_evolution.ledger import Feedback, FeedbackStore
from self_evolution.run import Run
from self_evolution.run.process import locked
from self_evolution.upkeep import caches
from self_evolution.upkeep.runs import describe, removable

Arguments = Callable[..., list[str]]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def run(copied: Callable[..., Path]) -> Path:
    """A finished run of three promoted generations."""
    return copied("--generations", "3", "--promote.rule", "always")


def _adapters(run: Path) -> set[str]:
    return {path.name for path in (run / "adapters").iterdir()}


def test_list_shows_state_leader_and_size(
    arguments: Arguments, tmp_path: Path, capsys: Captured
) -> None:
    assert cli.main(arguments("runs/one")) == 0
    assert cli.main(arguments("runs/two", "--generations", "1", "--promote.rule", "always")) == 0
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "run.db").write_text("not a ledger")
    capsys.readouterr()
    assert cli.main(["list", str(tmp_path / "runs"), "--json"]) == 0
    broken, one, two = json.loads(capsys.readouterr().out)
    assert one["state"] == two["state"] == "complete"
    assert (one["generations"], two["generations"], two["leader"]) == (2, 1, 1)
    # SQLite's own files come and go.
    paths = (tmp_path / "runs" / "two").rglob("*")
    files = [path for path in paths if path.is_file() and "run.db-" not in path.name]
    assert 0 <= two["bytes"] - sum(path.stat().st_size for path in files) < 1_000_000
    assert broken["leader"] is None and broken["state"] not in ("", "complete")
    assert cli.main(["list", str(tmp_path / "runs")]) == 0
    assert "complete" in capsys.readouterr().out
    assert cli.main(["list", str(tmp_path / "docs")]) == 0
    assert "no run in" in capsys.readouterr().out
    assert cli.main(["list", str(tmp_path / "none")]) == 2


def test_prune_keeps_what_is_used_or_needed_to_go_on(
    arguments: Arguments, tmp_path: Path, capsys: Captured
) -> None:
    words = arguments("run", "--generations", "3", "--promote.rule", "always")
    whole = arguments("whole", "--generations", "4", "--promote.rule", "always")
    assert cli.main(words) == 0 and cli.main(whole) == 0
    run = tmp_path / "run"
    (run / "adapters" / "gen-9.tmp").mkdir()
    (run / "probe.partial" / "adapter").mkdir(parents=True)
    before = exported(run)
    capsys.readouterr()
    assert cli.main(["prune", str(run)]) == 0
    text = capsys.readouterr().out
    assert "gen-1" in text and "gen-2" in text and "gen-3" not in text
    assert "nothing was removed; --yes removes it" in text
    assert len(_adapters(run)) == 4
    assert cli.main(["prune", str(tmp_path), "--yes"]) == 0
    assert _adapters(run) == {"gen-3"} and not (run / "probe.partial").exists()
    assert exported(run) == before
    assert cli.main(["prune", str(run), "--yes"]) == 0
    assert capsys.readouterr().out.endswith("nothing to remove\n")
    # The next generation starts from the leader, as if nothing had been removed.
    again = [word if word != "3" else "4" for word in words]
    assert cli.main(again) == 0
    assert exported(run) == exported(tmp_path / "whole")


def test_prune_keeps_an_adapter_that_nothing_has_decided_on(run: Path) -> None:
    with closing(sqlite3.connect(run / "run.db")) as database, database:
        database.execute("DELETE FROM promotion WHERE generation > 1")
        database.execute("DELETE FROM stage WHERE name = 'promote' AND generation > 1")
    assert describe(run).state == "stopped before promote of generation 2"
    assert list(removable(run)) == []


def test_prune_never_touches_a_running_run(run: Path, capsys: Captured) -> None:
    with locked(run):
        assert cli.main(["prune", str(run), "--yes"]) == 0
        assert "a process is at work on it; it is left alone" in capsys.readouterr().out
    assert len(_adapters(run)) == 3


@pytest.mark.parametrize("command", ["chat", "serve"])
def test_prune_never_touches_a_run_that_answers(
    run: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    told = []

    def prune(*_: object) -> None:
        capsys.readouterr()
        assert cli.main(["prune", str(run), "--whole", "--yes"]) == 0
        told.append(capsys.readouterr().out)
        with locked(run):  # the run itself may go on
            pass

    monkeypatch.setattr("self_evolution.cli.chat._Talk.ask", prune)
    monkeypatch.setattr("self_evolution.serving.http.server.serve", prune)
    more = ["Which port?"] if command == "chat" else ["--port", "0"]
    assert cli.main([command, str(run), *more]) == 0
    assert "a process answers questions with it; it is left alone" in told[0]
    assert len(_adapters(run)) == 3
    FeedbackStore(run).add(Feedback("wrong", "Which port?", "It is 5."))
    assert cli.main(["prune", str(run), "--whole", "--yes"]) == 0
    assert "the whole run with 1 correction that it has not learnt" in capsys.readouterr().out
    assert not run.exists()


def test_prune_removes_a_whole_run_only_by_its_name(
    arguments: Arguments, tmp_path: Path, capsys: Captured
) -> None:
    assert cli.main(arguments("runs/one")) == 0
    assert cli.main(["prune", str(tmp_path / "runs"), "--whole", "--yes"]) == 2
    assert "name one run" in capsys.readouterr().err
    assert cli.main(["prune", str(tmp_path / "runs" / "one"), "--whole", "--yes"]) == 0
    assert list((tmp_path / "runs").iterdir()) == []


def test_prune_empties_the_caches_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    module = tmp_path / "some_cache.py"
    module.write_text(
        "from types import SimpleNamespace\n"
        "kept = {'m': SimpleNamespace(name='m', source='m.gguf', bytes=2_000_000, used=1.0)}\n"
        "def entries(): return list(kept.values())\n"
        "def remove(name): del kept[name]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(caches.CACHES, "models", "some_cache")
    (tmp_path / "runs").mkdir()
    assert cli.main(["list", str(tmp_path / "runs")]) == 0
    assert "cache models: m, 2.0 MB, made from m.gguf" in capsys.readouterr().out
    assert cli.main(["prune", str(tmp_path / "runs"), "--yes"]) == 0
    assert len(caches.cache("models").entries()) == 1
    assert cli.main(["prune", str(tmp_path / "runs"), "--caches", "--yes"]) == 0
    assert len(caches.cache("models").entries()) == 0


def test_then_is_told_how_the_run_ended(
    arguments: Arguments, tmp_path: Path, capsys: Captured
) -> None:
    told = tmp_path / "told"
    command = f'echo "$SELF_EVOLUTION_OUTCOME $SELF_EVOLUTION_RUN" >> {told}'
    assert cli.main(arguments("run", "--then", command)) == 0
    assert cli.main(arguments("run", "--seed", "7", "--then", command)) == 2
    assert told.read_text() == f"complete {tmp_path / 'run'}\nfailed {tmp_path / 'run'}\n"
    capsys.readouterr()
    assert cli.main(arguments("run", "--then", "exit 3")) == 0
    assert "--then: the command ended with status 3" in capsys.readouterr().err


def test_then_is_told_of_a_stop(
    arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(run: Run) -> None:
        raise Stopped

    monkeypatch.setattr("self_evolution.evolve.evolve", stopped)
    command = f"echo $SELF_EVOLUTION_OUTCOME > {tmp_path / 'told'}"
    assert cli.main(arguments("run", "--then", command)) == 130
    assert (tmp_path / "told").read_text() == "stopped\n"
