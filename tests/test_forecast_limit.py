"""The time of a probe: a step that is at work when it is over is given up, and the forecast says
what was not measured."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import tiny
from conftest import exported
from endpoint import serving
from test_forecast_run import words

from self_evolution import cli
from self_evolution.config import Config
from self_evolution.forecast import limit, probe
from self_evolution.forecast.calibration import STEPS
from self_evolution.ledger import Ledger
from self_evolution.models import other_models
from self_evolution.models.decoding import generation
from self_evolution.models.training.adapter_trainer import AdapterTrainer
from self_evolution.progress import Progress, interruptible
from self_evolution.run import Run, models
from self_evolution.stages import perform

OVER = "the time of the probe was over before it had measured "


class Clock:
    """Stands still, but for steps that do not end."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def endless(self) -> None:
        """A step that is still at work when the time of the probe is over."""
        self.seconds += probe.MOST
        for _ in range(6000):
            time.sleep(0.01)
        raise AssertionError("this step was not given up")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(limit, "clock", made)
    monkeypatch.setattr(probe, "FRAGMENTS", 3)
    return made


@pytest.fixture
def plan(documents: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Plan a run with a tiny model; its status, and what it prints."""

    def run(*more: str) -> tuple[int, str]:
        command = ["plan", str(documents), "--model", str(tiny.folder("qwen2"))]
        command += ["--answer.max-tokens", "32", "--train.rehearsal", "0", "--generations", "1"]
        command += ["--ask.max-tokens", "32", "--evaluate.abilities", "0", *more]
        status = cli.main(command)
        out, said = capsys.readouterr()
        return status, out + said

    return run


def endless_call(monkeypatch: pytest.MonkeyPatch, clock: Clock, number: int, least: int) -> None:
    """From the call with this number on, replies of at least so many tokens do not end."""
    generate, calls = generation.generate, []

    def slow(model: Any, request: generation.Request, *rest: Any) -> generation.Batch:
        calls.append(request)
        if len(calls) >= number and request.params.max_tokens >= least:
            clock.endless()
        return generate(model, request, *rest)

    monkeypatch.setattr(generation, "generate", slow)


@pytest.mark.slow
def test_a_step_of_training_that_does_not_end(
    plan: Callable[..., tuple[int, str]], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, told = plan("--evaluate.build", "never")
    assert OVER not in told and "\npairs: " in told
    clock.seconds = 0.0
    monkeypatch.setattr(AdapterTrainer, "compute_loss", lambda *_, **__: clock.endless())
    _, told = plan("--evaluate.build", "never")
    assert f"\n{OVER}training and steps with an adapter: this is guessed, and" in told
    assert "\npairs: " in told  # replies were measured


@pytest.mark.slow
def test_a_request_to_stop_is_not_lost_when_the_time_is_over(
    plan: Callable[..., tuple[int, str]], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes between two steps; the next step does not end."""
    use = AdapterTrainer.use

    def asked(self: AdapterTrainer, *rest: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        use(self, *rest)

    monkeypatch.setattr(AdapterTrainer, "use", asked)
    monkeypatch.setattr(AdapterTrainer, "compute_loss", lambda *_, **__: clock.endless())
    status, told = plan("--evaluate.build", "never")
    assert status == 130 and "stopping as soon as possible" in told and OVER not in told


@pytest.mark.slow
def test_replies_that_do_not_end(
    plan: Callable[..., tuple[int, str]], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is said for or against pairs and questions that were not seen."""
    endless_call(monkeypatch, clock, 1, STEPS + 2)
    status, told = plan("--evaluate.build", "always")
    unknown = "how long replies are and which are valid, training and steps with an adapter"
    assert f"\n{OVER}{unknown}: this" in told, told
    assert "\npairs: " not in told and "no: only" not in told
    assert "; 0 of them were probed" in told
    # As many questions as there are fragments may turn out to be valid.
    assert status == 1 and "no: some 4 test questions can show no likely gain" in told


@pytest.mark.slow
def test_first_steps_that_do_not_end(
    plan: Callable[..., tuple[int, str]], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any cost there is no forecast; with some of them there is."""
    endless_call(monkeypatch, clock, 4, 1)
    assert f"\n{OVER}steps of all sizes, how long" in plan("--evaluate.build", "never")[1]
    monkeypatch.undo()
    monkeypatch.setattr(limit, "clock", clock)
    clock.seconds = 0.0
    endless_call(monkeypatch, clock, 1, 1)
    status, told = plan("--evaluate.build", "never")
    assert status == 2 and "after 300 s, the model had not read and continued its first" in told


@pytest.mark.slow
def test_a_teacher_that_does_not_reply(plan: Callable[..., tuple[int, str]], clock: Clock) -> None:
    over = threading.Event()

    def silent(body: dict[str, Any]) -> str:
        clock.seconds = probe.MOST
        over.wait(60)
        return "What is it?"

    with serving(silent) as server:
        teacher = f"{server.url}#tiny"
        status, told = plan("--teacher", teacher, "--evaluate.build", "never")
        over.set()
    assert status == 2 and f"the teacher {teacher} had not replied to" in told


@pytest.mark.slow
def test_the_time_in_which_models_are_loaded_does_not_count(
    plan: Callable[..., tuple[int, str]], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A teacher and the run's own model are loaded in turn, each for longer than a probe may
    take."""
    loaded = []

    def slow(open_model: Callable[..., Any]) -> Callable[..., Any]:
        def load(*rest: Any, **more: Any) -> Any:
            loaded.append(open_model.__name__)
            clock.seconds += 2 * probe.MOST
            time.sleep(2 * limit.LOOK)  # the clock is looked at
            return open_model(*rest, **more)

        return load

    monkeypatch.setattr(models, "open_engine", slow(models.open_engine))
    monkeypatch.setattr(other_models, "open_model", slow(other_models.open_model))
    _, told = plan("--teacher", str(tiny.folder("llama3")), "--evaluate.build", "never")
    assert loaded[:3] == ["open_engine", "open_model", "open_engine"]
    assert OVER not in told and "\npairs: " in told and "\nthe probe took 0 s (" in told


@pytest.mark.slow
def test_a_probe_that_is_given_up_leaves_the_run_as_it_is(
    tmp_path: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is in the midst of a step of training, with gradients of the micro-batch before."""
    loss, calls = AdapterTrainer.compute_loss, []

    def slow(self: AdapterTrainer, *rest: Any, **more: Any) -> Any:
        calls.append(rest)
        if len(calls) == 2:
            clock.endless()
        return loss(self, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(probe, "LEAST", 0.0)
        patch.setattr(probe, "SHARE", 1e3)
        patch.setattr(AdapterTrainer, "compute_loss", slow)
        assert cli.main(words("run", "--run", str(tmp_path / "run"))) == 0
    said = capsys.readouterr().err
    assert OVER + "training and steps with an adapter: this is" in said
    assert len(calls) > 2  # the run has trained
    assert cli.main(words("run", "--run", str(tmp_path / "plain"))) == 0
    assert OVER not in capsys.readouterr().err
    assert exported(tmp_path / "run") == exported(tmp_path / "plain")


def test_only_the_probe_has_its_clock_stopped_while_a_model_is_loaded(
    tmp_path: Path, documents: Path, script: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run goes on with the same models, and loads them without a look at the probe's clock."""

    def slow(*rest: Any, **more: Any) -> Any:
        clock.seconds += 5
        return open_engine(*rest, **more)

    open_engine = models.open_engine
    monkeypatch.setattr(models, "open_engine", slow)
    settings = Config.model_validate(
        {
            "model": {"name": str(script), "engine": "scripted"},
            "read": {"documents": [str(documents)]},
        }
    )
    with closing(Ledger(tmp_path / "run.db")) as ledger:
        run = Run(tmp_path, settings, ledger, Progress(quiet=True))
        for stage in ("read", "split"):
            perform(run, 0, stage)
        made = probe.Probe(run)
        made.asked_for()
        assert clock.seconds == 5 and made._limit.spent == 0
        run.models.unload()
        assert run.models.own and clock.seconds == 10
        assert made._limit.spent == 5


def test_only_work_that_may_be_interrupted_is_given_up(clock: Clock) -> None:
    """The clock is looked at again, until a model is at work."""
    done = []
    with pytest.raises(limit.TimeOver), limit.Limit().upto(10):
        clock.seconds = 10
        time.sleep(3 * limit.LOOK)
        done.append("what must not be interrupted")
        with interruptible():
            clock.endless()
    assert done
    time.sleep(2 * limit.LOOK)  # and after the block it is not looked at
    with interruptible(), limit.Limit().upto(10):
        done.append("in time")
    assert done[1:] == ["in time"]
