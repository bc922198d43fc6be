"""Two processes train one adapter on this CPU: as one would, whatever happens to one of them."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pytest
import tiny
from conftest import exported
from together import alone, processes, train_together

from self_evolution import cli
from self_evolution.cli import parser, torchrun
from self_evolution.config import Config, Model, Train, load
from self_evolution.errors import Stopped, UserError
from self_evolution.models import engines
from self_evolution.models.base import memory
from self_evolution.models.training import parallel, rank, ranks, trainer
from self_evolution.models.training.job import Trained
from self_evolution.models.training.parallel import Parallel
from self_evolution.models.training.world import Held, World

SETTINGS = Train(rank=4, alpha=8, epochs=2, batch_size=5, micro_batch=2, checkpoint_steps=0)
Kind = Literal["ddp", "fsdp"]


def slow(function: Callable[..., None]) -> Callable[..., None]:
    """Processes are started, each of which loads torch."""
    return pytest.mark.timeout(900)(pytest.mark.slow(function))


def drill(*values: object) -> Any:
    return pytest.param(*values, marks=pytest.mark.drill)


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[ranks.End]:
    """How the processes ended."""
    found: list[ranks.End] = []
    own = ranks.outcome
    monkeypatch.setattr(ranks, "outcome", lambda ends: own(found.extend(ends) or ends))
    return found


@pytest.fixture
def set_for_processes(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Start the processes as together.py, with that in their environment."""

    def start(name: str, value: str) -> None:
        monkeypatch.setattr(ranks, "PROGRAM", "together")
        path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        monkeypatch.setenv("PYTHONPATH", path)
        monkeypatch.setenv(name, value)

    return start


@slow
@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("ddp", {"objective": "distill"}),
        ("fsdp", {}),
        drill("fsdp", {"objective": "distill"}),
        drill("fsdp", {"rehearsal_loss": "nll"}),
    ],
)
def test_the_losses_are_those_of_one_process(
    kind: Kind,
    changes: dict[str, str],
    tmp_path: Path,
    ends: list[ranks.End],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With steps that are no multiple of the processes, and a last one that is not full.

    A file of the working folder is not taken for a library of that name.
    """
    (here := tmp_path / "here").mkdir()
    (here / "torch.py").write_text("raise ArithmeticError('not the library')", encoding="utf-8")
    monkeypatch.chdir(here)
    settings = SETTINGS.model_copy(update=changes)
    model = tiny.folder("qwen2")
    one, expected = alone(model, tmp_path / "one", settings)
    two, found = train_together(model, tmp_path / "two", settings, kind)
    assert len(one.losses) == 5
    assert two.losses == pytest.approx(one.losses, abs=1e-4)
    assert found[1:] == pytest.approx(expected[1:], abs=1e-4)
    assert two.steps == one.steps
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]

    first, second = (end.held for end in ends)
    assert first.adapter == second.adapter
    assert first.whole == second.whole
    if kind == "ddp":
        assert first.here == second.here == first.whole
    else:  # the embeddings are whole in both, and so may be the last norm; the layers are in halves
        embeddings = tiny.model("qwen2").get_input_embeddings().weight.numel()
        for held in (first, second):
            half = (held.whole - embeddings) / 2
            assert held.here - embeddings == pytest.approx(half, abs=32)


@pytest.mark.drill
@slow
def test_the_base_is_asked_in_each_step_where_its_states_are_too_many(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    set_for_processes: Callable[[str, str], None],
) -> None:
    """Also in a process that has nothing to rehearse in this step, with activations made twice."""
    settings = SETTINGS.model_copy(update={"checkpointing": "on"})
    monkeypatch.setattr("self_evolution.models.training.objective.KEPT_NUMBERS", 0)
    set_for_processes("MANY", "1")
    model = tiny.folder("qwen2")
    one, _ = alone(model, tmp_path / "one", settings)
    two, _ = train_together(model, tmp_path / "two", settings, "fsdp")
    assert two.losses == pytest.approx(one.losses, abs=1e-4)


@slow
@pytest.mark.drill
@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_a_killed_process_ends_the_training_and_it_goes_on_to_an_equal_end(
    kind: Kind, tmp_path: Path, set_for_processes: Callable[[str, str], None]
) -> None:
    set_for_processes("PAUSE", "0.3")
    model, folder = tiny.folder("qwen2"), tmp_path / "gen-1"

    def kill(done: int) -> bool:
        if done == 2:
            os.kill(processes(folder)[1], signal.SIGKILL)
        return False

    with pytest.raises(UserError, match=r"process 2 of 2 was killed by SIGKILL.*goes on from"):
        train_together(model, folder, SETTINGS, kind, kill)
    assert not processes(folder)
    assert not folder.exists() and not folder.with_name("gen-1.ranks.tmp").exists()

    again, found = train_together(model, folder, SETTINGS, kind)
    _, whole = train_together(model, tmp_path / "whole", SETTINGS, kind)
    assert again.steps[0] > 1, "the first process keeps its last step"
    assert found == whole


@slow
@pytest.mark.drill
@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_stopped_it_ends_within_five_seconds_and_one_process_can_go_on(
    kind: Kind, tmp_path: Path, set_for_processes: Callable[[str, str], None]
) -> None:
    set_for_processes("PAUSE", "0.3")
    model, folder = tiny.folder("qwen2"), tmp_path / "gen-1"
    asked: list[float] = []

    def ask(done: int) -> bool:
        if done == 2:
            asked.append(time.monotonic())
        return False

    with pytest.raises(Stopped):
        train_together(model, folder, SETTINGS, kind, ask, lambda: bool(asked))
    assert time.monotonic() - asked[0] < 5
    assert not processes(folder)
    again, found = alone(model, folder, SETTINGS)
    _, whole = alone(model, tmp_path / "whole", SETTINGS)
    assert again.steps[0] > 2
    assert found[1:] == pytest.approx(whole[1:], abs=1e-4)


@slow
def test_a_process_that_fails_is_told_with_its_last_words(
    tmp_path: Path, set_for_processes: Callable[[str, str], None]
) -> None:
    """Not with those of the other, which has lost the connection to it."""
    set_for_processes("FAIL", "1")
    with pytest.raises(
        UserError, match=r"process 2 of 2 failed: ArithmeticError: the third step\n.*--train"
    ) as caught:
        train_together(tiny.folder("qwen2"), tmp_path / "gen-1", SETTINGS, "ddp")
    assert "Traceback" in caught.value.__notes__[0]


@slow
@pytest.mark.parametrize("kind", ["ddp", drill("fsdp")])
def test_adapters_that_differ_are_noticed_in_the_next_step(
    kind: Kind, tmp_path: Path, set_for_processes: Callable[[str, str], None]
) -> None:
    set_for_processes("FLIP", "1")
    with pytest.raises(UserError, match="differ before step 3, so they did not train together"):
        train_together(tiny.folder("qwen2"), tmp_path / "gen-1", SETTINGS, kind)


@pytest.mark.drill
@slow
def test_a_whole_run(tmp_path: Path) -> None:
    """The second generation goes on from the adapter of the first. Started by torchrun, one process
    does the run, two train, and the rows are the same."""
    folder = tmp_path / "run"
    words = "--limit 6 --generations 2 --ask.per-fragment 2 --evaluate.limit 8 --train.steps 4,3"
    words += " --rehearse.topics 24 --rehearse.fragments 6 --model.threads 1"
    run = ["run", "--recipe", "embedded", *words.split(), "--run"]
    assert cli.main([*run, str(folder), "--train.processes", "2"]) == 0
    with closing(sqlite3.connect(folder / "run.db")) as database:
        stages = database.execute("SELECT * FROM stage WHERE name = 'train' ORDER BY generation")
        names = [column[0] for column in stages.description]
        rows = [dict(zip(names, row, strict=True)) for row in stages]
        steps = database.execute("SELECT steps FROM adapter ORDER BY generation").fetchall()
    assert steps == [(4,), (3,)]
    assert len(rows) == 2
    for row in rows:
        assert "in 2 processes, each with the whole model (DDP)" in row["note"]
        assert row["tokens"] > 0 and row["cpu_seconds"] > 1
    assert not [*(folder / "adapters").glob("*.tmp")]
    assert "2 processes" in (folder / "report" / "index.html").read_text(encoding="utf-8")

    done = by_torchrun(*run, str(tmp_path / "launched"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("report: ") == 1
    with closing(sqlite3.connect(tmp_path / "launched" / "run.db")) as database:
        notes = database.execute("SELECT note FROM stage WHERE name = 'train'").fetchall()
    assert all("in 2 processes, each with the whole model (DDP)" in note for (note,) in notes)
    assert exported(tmp_path / "launched") == exported(folder)


def by_torchrun(*words: str) -> subprocess.CompletedProcess[str]:
    """Start a command in two processes, as `torchrun` does."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.run(
        [*launcher, "-m", "--", "self_evolution", *words],  # else torchrun takes --run for its own
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


@slow
def test_torchrun_ends_with_the_status_of_the_process_that_works(tmp_path: Path) -> None:
    done = by_torchrun("status", str(tmp_path / "nothing"))
    assert done.returncode != 0
    assert done.stderr.count(f"self-evolution: {tmp_path / 'nothing'}") == 1


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    """Asks whether a process leads that torchrun has started for these words, with that rank."""

    def leads(options: argparse.Namespace, rank: int, machines: int = 1) -> bool:
        found = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 3, "LOCAL_WORLD_SIZE": 3}
        found |= {"GROUP_RANK": 0, "GROUP_WORLD_SIZE": machines, "TORCHELASTIC_RUN_ID": "night"}
        for name, value in found.items():
            monkeypatch.setenv(name, str(value))
        return torchrun.leads(options)

    return leads


def test_the_first_process_of_torchrun_leads_and_forgets_torchrun(
    launched: Callable[..., bool],
) -> None:
    """Otherwise the Trainer of transformers would wait for the others."""
    assert not launched(parser.parse(["run"]), 2)
    assert launched(options := parser.parse(["run"]), 0)
    assert options.overrides == {"train.processes": "3"}
    assert not {"RANK", "LOCAL_RANK", "WORLD_SIZE", "TORCHELASTIC_RUN_ID"} & {*os.environ}
    assert torchrun.leads(options)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "--train.processes", "1"], {"train.processes": "1"}),
        (["train", "runs/night"], {"train.processes": "3"}),
        (["status", "runs/night"], {}),
    ],
)
def test_the_number_of_processes_is_that_of_torchrun_where_none_is_given(
    words: list[str], expected: dict[str, str], launched: Callable[..., bool]
) -> None:
    assert launched(options := parser.parse(words), 0)
    assert options.overrides == expected


def test_torchrun_on_several_machines_is_refused(launched: Callable[..., bool]) -> None:
    with pytest.raises(UserError, match="one machine; leave out --nnodes"):
        launched(parser.parse(["run"]), 0, machines=2)


@pytest.mark.drill
@slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_run_that_ends_takes_its_processes_with_it(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    """On Ctrl-C with the last whole step kept; also where the run itself is killed."""
    words = "--limit 3 --generations 1 --ask.per-fragment 2 --evaluate.limit 4 --train.steps 900"
    words += " --rehearse.topics 24 --rehearse.fragments 6 --train.processes 2 --model.threads 1"
    command = [sys.executable, "-m", "self_evolution", "run", "--recipe", "embedded"]
    run = subprocess.Popen(
        [*command, *words.split(), "--run", str(tmp_path / "run")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stderr is not None
    while not re.search(r"train .*steps.*loss", line := run.stderr.readline()):
        assert line, "the run ended before its training"
    adapter = tmp_path / "run" / "adapters" / "gen-1"
    assert len(processes(adapter)) == 2
    run.send_signal(number)
    start = time.monotonic()
    run.communicate(timeout=60)
    assert run.returncode == status
    while processes(adapter) and time.monotonic() - start < 5:
        time.sleep(0.1)
    assert time.monotonic() - start < 5
    kept = [*adapter.with_name("gen-1.partial").glob("checkpoint-*/trainer_state.json")]
    assert bool(kept) is (number == signal.SIGINT)


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("examples", [1, 7, 12])
def test_the_shares_of_a_step_are_its_examples(size: int, examples: int) -> None:
    order, batch = trainer.in_order([3] * examples, 5, 2, seed=1), 5
    shares = [World(rank, size).share(order, batch, -1) for rank in range(size)]
    assert len({len(share) for share in shares}) == 1
    each = -(-batch // size)
    for step in range(-(-len(order) // batch)):
        parts = [share[step * each : (step + 1) * each] for share in shares]
        found = sorted(place for part in parts for place in part if place >= 0)
        assert found == sorted(order[step * batch : (step + 1) * batch])


@pytest.mark.parametrize(
    ("device", "dtype", "expected"),
    [
        ("cuda", "auto", "bfloat16"),
        ("cuda", "float32", "float32"),
        ("cpu", "auto", "auto"),
    ],
)
def test_the_number_format_is_that_of_the_device_while_main_memory_holds_the_base(
    device: str, dtype: Literal["auto", "float32"], expected: str, tmp_path: Path
) -> None:
    model = shutil.copytree(tiny.folder("qwen2"), tmp_path / "model")
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    config["dtype"] = "bfloat16"
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")
    found = rank.opened(Model(name=str(model), device=device, dtype=dtype))
    assert (found.device, found.dtype) == ("cpu", expected)


def test_alone_nothing_is_shared() -> None:
    order = [3, 1, 2, 5, 4]
    assert World().share(order, 2, -1) == order
    assert World().first(7, "cpu") == 7


def settings(**changes: object) -> Config:
    words = {"model.name": str(tiny.folder("qwen2")), "model.device": "cpu"}
    return load("default").changed({**words, **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Parallel("none", 1)),
        ({"train.parallel": "none"}, Parallel("none", 1)),
        ({"train.processes": 1}, Parallel("none", 1)),
        ({"train.processes": 2}, Parallel("ddp", 2)),
        ({"train.processes": 2, "train.parallel": "fsdp"}, Parallel("fsdp", 2)),
        ({"train.processes": 2, "model.quantize": "nf4"}, Parallel("ddp", 2)),
    ],
)
def test_what_is_chosen(
    changes: dict[str, object], expected: Parallel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(memory, "memory_bytes", lambda: (1e12, "here"))
    assert engines.parallel(settings(**changes)) == expected


def test_the_base_is_divided_where_a_device_cannot_hold_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(memory, "memory_bytes", lambda: (2.2e9, "here"))  # 1.1 for each
    assert engines.parallel(settings(**{"train.processes": 2})).kind == "fsdp"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"train.parallel": "none", "train.processes": 2}, "asks for more"),
        ({"train.parallel": "ddp"}, "it needs two processes or more"),
        ({"train.processes": 3}, "on cpu there can be 2 at most"),
        (
            {"train.parallel": "fsdp", "train.processes": 2, "model.quantize": "nf4"},
            "cannot be divided",
        ),
        ({"model.engine": "scripted", "train.processes": 2}, "--train.processes"),
    ],
)
def test_what_cannot_be_had_is_refused(
    changes: dict[str, object], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 2)
    with pytest.raises(UserError, match=told):
        engines.parallel(settings(**changes))


def test_adapters_that_differ_are_refused() -> None:
    end = ranks.End(Held("a", 1, 1), Trained("", 1, 1, 1.0, 1.0, 0.0))
    with pytest.raises(UserError, match="did not train together"):
        ranks.outcome([end, end._replace(held=Held("b", 1, 1))])


def test_a_process_holds_a_part_of_the_layers_where_they_are_divided() -> None:
    shape = memory.Shape(1100, 2, 8, 16, 4, 100, 64, 32, 1000)
    whole, half = (memory.memory(shape, settings(), "float32", n).training for n in (1, 2))
    assert whole - half == 4 * 500
