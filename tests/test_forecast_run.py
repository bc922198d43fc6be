"""The forecast with the miniature: a run tells it, keeps it, and stays what it would have been."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import exported

from self_evolution import cli
from self_evolution.cli import runs
from self_evolution.cli.foresee import Planned
from self_evolution.config import Config, load
from self_evolution.forecast import hours, probe, storage
from self_evolution.forecast.beside import beside
from self_evolution.forecast.forecast import Forecast
from self_evolution.ledger import ForecastRow, Ledger
from self_evolution.run import Run
from self_evolution.run.read import RunReader, read_run
from self_evolution.serving.progress import read_progress

SMALL = {
    "generations": "1",
    "train.steps": "4",
    "rehearse.topics": "40",
    "rehearse.fragments": "10",
    "evaluate.limit": "24",
    "evaluate.resamples": "100",
    "ask.per-fragment": "2",
}


def words(command: str, *more: str) -> list[str]:
    flags = [word for key, value in SMALL.items() for word in (f"--{key}", value)]
    return [command, "--recipe", "embedded", *flags, *more]


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs are forecast however short they are, in one round."""
    monkeypatch.setattr(probe, "LEAST", 0.0)
    monkeypatch.setattr(probe, "SHARE", 1e3)
    monkeypatch.setattr(probe, "FRAGMENTS", 2)
    yield


def test_a_run_tells_its_forecast_and_keeps_it_beside_what_it_took(
    tmp_path: Path,
    always: None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "run"
    assert cli.main(words("run", "--run", str(folder))) == 0
    out, said = capsys.readouterr()
    lines = said.splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("stage "))
    assert lines[place - 1].startswith(("loading", "forecast"))  # nothing else came before
    assert lines[place + 1].startswith("build ")
    total = next(line for line in lines if line.startswith("forecast: about "))
    assert " tokens, " in total and total.endswith(" of disk")
    left = [line for line in lines if "left of the run" in line]
    assert len(left) > 8 and left[0].startswith("    about ")
    assert "forecast for the stages that are done: " in out

    with read_run(folder) as run:
        *stages, everything = beside(run.ledger)
        assert {"rehearse", "ask", "answer", "score", "train", "evaluate"} <= {
            one.name for one in stages
        }
        assert everything.expected.tokens == pytest.approx(everything.taken.tokens, rel=0.25)
        assert 0 < everything.expected.low < everything.expected.seconds < everything.expected.high
        assert everything.taken.memory > 1e8 and everything.expected.memory > 1e9
        expected = run.ledger.forecast()
    results = json.loads((folder / "report" / "results.json").read_text(encoding="utf-8"))
    costs = {(one["generation"], one["stage"]): one for one in results["cost"]}
    assert costs[1, "train"]["expected"]["tokens"] == expected[1, "train"].tokens
    assert costs[1, "train"]["tokens"] > 0 and costs[0, "read"]["expected"] is None
    assert "The forecast beside it" in (folder / "report" / "index.html").read_text("utf-8")
    assert "and what it took" in (folder / "report" / "report.md").read_text("utf-8")
    with closing(RunReader(folder)) as run:
        assert read_progress(run).left is None  # nothing is left

    # Without a forecast, which is not made for so short a run, everything is the same.
    monkeypatch.undo()
    plain = tmp_path / "plain"
    assert cli.main(words("run", "--run", str(plain))) == 0
    out, said = capsys.readouterr()
    assert "forecast: " not in said and "forecast for" not in out and "left of the run" not in said
    with read_run(plain) as run:
        assert run.ledger.forecast() == {} and beside(run.ledger) == []
    assert exported(folder) == exported(plain)


def test_rewrites_are_forecast(tmp_path: Path, always: None) -> None:
    folder = tmp_path / "run"
    more = ["--ask.rewrites", "1", "--train.rewrites", "0.3"]
    assert cli.main(words("run", "--run", str(folder), *more)) == 0
    with read_run(folder) as run:
        expected, taken = run.ledger.forecast(), run.ledger.stages()
        assert (1, "rewrite") in expected
        trained = next(row for row in taken if row.name == "train")
        plain = expected[1, "train"].tokens
        assert plain == pytest.approx(trained.tokens, rel=0.2)
        assert run.ledger.pairs.funnel()[-1]["rewrites"] > 0


def test_what_a_teacher_reads_and_keeps_is_forecast(tmp_path: Path, always: None) -> None:
    folder = tmp_path / "run"
    assert cli.main(words("run", "--run", str(folder), "--train.objective", "distill")) == 0
    with read_run(folder) as run:
        expected, taken = run.ledger.forecast(), run.ledger.stages()
        (trained,) = (row for row in taken if row.name == "train")
        assert expected[1, "train"].tokens == pytest.approx(trained.tokens, rel=0.2)
        plain = storage.needed(run.config).training
        assert 0 < expected[1, "train"].memory - plain < 1e6
        assert storage.soft_targets(run.config, 1000) == 164_000
        assert storage.soft_targets(load("embedded"), 1000) == 0


def test_a_run_ends_in_the_hours_that_it_is_given(
    tmp_path: Path, always: None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "run")
    assert cli.main(words("plan", "--hours", "100")) in (0, 1)
    assert "to end in time" not in capsys.readouterr().out  # nothing has to be given up
    assert cli.main(words("run", "--run", folder, "--hours", "0.00001")) == 2
    assert "no plan ends in 1e-05 hours: the smallest one takes about" in capsys.readouterr().err
    assert not Path(folder).exists()


def test_a_run_that_is_killed_as_it_is_made_goes_on_with_what_was_chosen(
    tmp_path: Path,
    always: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The settings are kept together with the run, so that there is no moment between."""

    class Killed(BaseException):
        pass

    opened = []

    def killed(run: Run, planned: Planned | None) -> None:
        opened.append((run.config.ask.per_fragment, planned and planned.obstacles))
        raise Killed

    def choose(stages: Any, settings: Config, left: float) -> tuple[hours.Plan, bool]:
        assert 0.9 < left <= 1 - stages.sample.seconds / 3600  # the probe's own time is taken off
        changes = {"ask.per_fragment": 1}
        chosen = hours.forecast(settings.changed(changes), stages, 0.01)
        return hours.Plan(changes, chosen), True

    monkeypatch.setattr(runs, "foresee", killed)
    monkeypatch.setattr(storage, "there", lambda device: (1e6, "of a small machine"))
    monkeypatch.setattr(hours, "choose", choose)
    folder = tmp_path / "run"
    folder.mkdir()
    Ledger(folder / "run.db").close()  # so far came a process that was killed even earlier
    command = words("run", "--run", str(folder), "--hours", "1")
    for _ in range(2):
        with pytest.raises(Killed):
            cli.main(command)
    (first, obstacles), second = opened
    assert first == 1 and second == (1, None)
    assert obstacles and "and 1 MB are there (of a small machine)" in obstacles[-1]

    for more in (["--generations", "+1"], []):
        if not more:
            with closing(Ledger(folder / "run.db")) as ledger:
                ledger.execute("DELETE FROM meta WHERE key = 'hours'")
        assert cli.main([*command, *more]) == 2
        assert "--hours 1: it is for new runs, and " in capsys.readouterr().err


# -- the plans from which one is chosen --------------------------------------------------------


class Stages:
    """What `hours` needs of the stages: how many sections there are."""

    def __init__(self) -> None:
        self.run, self.ledger = self, self

    def count(self, table: str) -> int:
        assert table == "section"
        return 640


def cost(settings: Config, share: float) -> float:
    """Hours: of asking and training, and of the evaluations."""
    pairs = settings.generations * settings.ask.per_fragment * share
    return pairs + (1 + settings.generations) * settings.evaluate.questions / 300


@pytest.fixture
def priced(monkeypatch: pytest.MonkeyPatch) -> None:
    def forecast(settings: Config, stages: Any, share: float = 1.0) -> Forecast:
        seconds = 3600 * cost(settings, share)
        row = ForecastRow(0, "all", 0, seconds, 0, 1.1 * seconds, 0, 0)
        return Forecast((row,), 0, (), settings, share)

    monkeypatch.setattr(hours, "forecast", forecast)


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        (30, {}),
        (24, {"generations": 4}),
        (13, {"generations": 2}),
        (8, {"generations": 2, "ask.per_fragment": 2}),
        (5, {"generations": 1, "ask.per_fragment": 2}),
    ],
)
def test_the_first_plan_that_ends_in_time_is_chosen(
    priced: None, given: float, chosen: dict[str, int]
) -> None:
    """The upper end of its interval counts, which is a tenth above the middle here."""
    plan, fits = hours.choose(Stages(), load("default"), given)  # type: ignore[arg-type]
    assert fits and plan.changes == chosen
    assert plan.forecast.high <= 3600 * given


def test_the_documents_are_given_up_last(priced: None) -> None:
    plan, fits = hours.choose(Stages(), load("default"), 0.9)  # type: ignore[arg-type]
    assert fits
    assert plan.changes == {
        "generations": 1,
        "ask.per_fragment": 1,
        "evaluate.questions": 75,
        "evaluate.abilities": 75,
        "rehearse.topics": 100,
        "rehearse.template": 100,
        "rehearse.fragments": 50,
        "read.limit": 160,
    }
    own = load("default").changed({"evaluate.build": "never"})
    plan, _ = hours.choose(Stages(), own, 0.9)  # type: ignore[arg-type]
    assert "evaluate.questions" not in plan.changes  # none are built
    smallest, fits = hours.choose(Stages(), load("default"), 0.1)  # type: ignore[arg-type]
    assert not fits and smallest.changes["read.limit"] == 10
