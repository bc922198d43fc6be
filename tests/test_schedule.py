"""The stage table: the seed of each stage is the same in every version."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from self_evolution.config import Config
from self_evolution.ledger import Ledger
from self_evolution.progress import Progress
from self_evolution.run import Run
from self_evolution.schedule import STAGES, Stage, stage_seed

SEEDS: dict[str, tuple[int, int]] = {
    "read": (335118530, 272299102),
    "split": (1846435273, 68170323),
    "examine": (1505535196, 665741492),
    "rehearse": (863437351, 1026179581),
    "rivals": (59347990, 1206896773),
    "ask": (1953610112, 535862615),
    "answer": (2060167666, 189457982),
    "rewrite": (1489862379, 2021225769),
    "check": (881975928, 741179745),
    "score": (501008978, 645408418),
    "recite": (362045644, 1311556148),
    "select": (443668380, 1548803797),
    "train": (1963561182, 135757426),
    "evaluate": (1168381273, 1921149406),
    "judge": (337892555, 808956046),
    "promote": (1329857158, 1512270154),
}
"""{key: a seed of the stage in a run with seed 0, and that of a batch in a run with seed 7}."""


@pytest.mark.parametrize("name", STAGES)
def test_seeds_are_what_they_were(name: str) -> None:
    key = STAGES[name].seed_key or name
    batch = (2, "a label", ["a", "b"])
    found = stage_seed(Config(), name, 0), stage_seed(Config(seed=7), name, *batch)
    assert found == SEEDS[key]


def test_every_known_key_belongs_to_one_stage() -> None:
    assert sorted(stage.seed_key or stage.name for stage in STAGES.values()) == sorted(SEEDS)


def test_a_renamed_stage_keeps_its_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [("a", 1), ("b", 2), ("c", 3)]
    with closing(Ledger(tmp_path / "run.db")) as ledger:
        run = Run(tmp_path, Config(), ledger, Progress(quiet=True))

        def batches(stage: str) -> list[tuple[list[str], list[int]]]:
            return list(run.batches(stage, 0, "questions", ledger.queue(tasks, ()), 2, "round 1"))

        before = batches("ask")
        monkeypatch.setitem(STAGES, "inquire", Stage("inquire", "run", "", seed_key="ask"))
        assert batches("inquire") == before
        monkeypatch.setitem(STAGES, "inquire", Stage("inquire", "run", ""))
        assert batches("inquire") != before
