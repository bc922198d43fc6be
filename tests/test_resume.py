"""Killed at any transaction, a run goes on as if nothing had been."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from conftest import exported

from self_evolution import cli, report
from self_evolution.evaluation import predict
from self_evolution.evaluation.metrics.aggregate import summarise
from self_evolution.ledger import Ledger
from self_evolution.progress import interrupt
from self_evolution.stages import promote

Arguments = Callable[..., list[str]]


@pytest.fixture(autouse=True, scope="module")
def warm() -> None:
    """Load what metrics load at first use before processes are forked, not in each of them."""
    summarise([{"prediction": "a b", "reference": "a b"}])


def in_child(words: list[str], kill_at: int = 0, after_commit: bool = False) -> int:
    """Run a command in a forked process that kills itself (-9) at its `kill_at`-th transaction.

    Returns the exit status, or minus the signal. The kill comes with the rows written but not
    committed, or right after the commit.
    """
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        report.write = lambda *_: None  # drawn from the ledger's rows, which are what counts here
        _arm(kill_at, after_commit)
        os._exit(cli.main(words))
    finally:
        os._exit(99)


def _arm(kill_at: int, after_commit: bool) -> None:
    add = Ledger.add
    calls = 0

    def counted(self: Ledger, rows: object) -> None:
        nonlocal calls
        calls += 1
        if calls == kill_at and not after_commit:
            with self.transaction():
                add(self, rows)  # type: ignore[arg-type]
                os.kill(os.getpid(), signal.SIGKILL)
        add(self, rows)  # type: ignore[arg-type]
        if calls == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    Ledger.add = counted  # type: ignore[method-assign]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("apart", "after_commit"),
    [(15, False), (15, True), pytest.param(2, False, marks=pytest.mark.drill)],
)
def test_killed_at_a_transaction_a_run_goes_on_to_the_same_rows(
    arguments: Arguments, tmp_path: Path, apart: int, after_commit: bool
) -> None:
    """Killed in a transaction, or after it: the ledger is left in each of its states.

    After one transaction and in the midst of the next there are the same rows in it.
    """
    assert in_child(arguments("whole")) == 0
    expected = exported(tmp_path / "whole")
    for last in count(1, apart):
        name = f"killed-{last}"
        status = in_child(arguments(name), kill_at=last, after_commit=after_commit)
        if status == 0:
            break  # the run has fewer transactions than that
        assert status == -signal.SIGKILL
        assert in_child(arguments(name)) == 0
        assert exported(tmp_path / name) == expected, f"killed at transaction {last}"
    assert last > 40


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_killed_again_and_again(arguments: Arguments, tmp_path: Path) -> None:
    """Only one transaction of each attempt survives, and still the run is the same in the end."""
    assert in_child(arguments("whole")) == 0
    attempts = 0
    while (status := in_child(arguments("often"), kill_at=2)) != 0:
        assert status == -signal.SIGKILL
        attempts += 1
        assert attempts < 200
    assert attempts > 40
    assert exported(tmp_path / "often") == exported(tmp_path / "whole")


@pytest.mark.slow
def test_ctrl_c_stops_after_the_batch_and_tells_how_to_go_on(
    arguments: Arguments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    add = Ledger.add
    calls = 0

    def interrupted(self: Ledger, rows: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 20:
            os.kill(os.getpid(), signal.SIGINT)
        add(self, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(Ledger, "add", interrupted)
    words = arguments("run")
    assert cli.main(words) == 130
    assert calls == 20
    error = capsys.readouterr().err
    assert "stopping as soon as possible" in error
    assert f"Go on with: self-evolution run {words[1]}" in error
    assert cli.main(words) == 0
    monkeypatch.undo()
    cli.main(arguments("whole"))
    assert exported(tmp_path / "run") == exported(tmp_path / "whole")


@pytest.mark.parametrize(("module", "name"), [(predict, "intervals"), (promote, "difference")])
def test_a_request_to_stop_is_heard_while_answers_are_compared(
    arguments: Arguments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
) -> None:
    """It ends the work at once, and the run goes on as if nothing had been."""
    with monkeypatch.context() as patched:
        patched.setattr(module, name, lambda *_, **__: interrupt())
        assert cli.main(arguments("run")) == 130
    assert cli.main(arguments("run")) == 0
    assert cli.main(arguments("whole")) == 0
    assert exported(tmp_path / "run") == exported(tmp_path / "whole")
