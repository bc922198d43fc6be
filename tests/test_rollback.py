"""After a rollback: where the next generation starts, how it is trained, and when a run ends."""

from __future__ import annotations

import pytest

from self_evolution import rollback
from self_evolution.config import Config


def settings(rehearsal: float = 0.1, **promote: object) -> Config:
    return Config.model_validate(
        {"generations": 9, "train": {"rehearsal": rehearsal}, "promote": promote}
    )


@pytest.mark.parametrize(
    ("on_failure", "generation", "leader", "expected"),
    [
        # no rollback: the leader is the generation before
        ("both", 1, 0, (0, 1.0, 0.1)),
        ("both", 4, 3, (3, 1.0, 0.1)),
        # one, two and three generations rolled back
        ("lower-rate", 3, 1, (1, 0.5, 0.1)),
        ("lower-rate", 4, 1, (1, 0.25, 0.1)),
        ("lower-rate", 4, 0, (0, 0.125, 0.1)),
        ("more-rehearsal", 3, 1, (1, 1.0, 0.2)),
        ("more-rehearsal", 4, 1, (1, 1.0, 0.4)),
        ("both", 3, 1, (1, 0.5, 0.2)),
        ("nothing", 5, 1, (1, 1.0, 0.1)),
    ],
)
def test_a_generation_starts_from_the_leader(
    on_failure: str, generation: int, leader: int, expected: tuple[int, float, float]
) -> None:
    assert rollback.start(settings(on_failure=on_failure), generation, leader) == expected


@pytest.mark.parametrize(
    ("share", "after_one", "after_two"),
    [(0.0, 0.0, 0.0), (0.1, 0.2, 0.4), (0.3, 0.5, 0.5), (0.5, 0.5, 0.5), (0.7, 0.7, 0.7)],
)
def test_rehearsal_doubles_up_to_half_and_never_falls(
    share: float, after_one: float, after_two: float
) -> None:
    config = settings(share, on_failure="more-rehearsal")
    assert rollback.start(config, 2, 0).rehearsal == after_one
    assert rollback.start(config, 3, 0).rehearsal == after_two


def test_without_rollback_a_generation_continues_the_one_before() -> None:
    config = settings(on_failure="continue")
    assert rollback.start(config, 5, 1) == (4, 1.0, 0.1)


@pytest.mark.parametrize(
    ("patience", "leader", "last", "over"),
    [
        (2, 0, 0, False),
        (2, 0, 1, False),
        (2, 0, 2, True),
        (2, 3, 4, False),
        (2, 3, 5, True),
        (1, 3, 4, True),
        (3, 3, 5, False),
        (0, 0, 8, False),  # 0 never stops
        (2, 7, 9, False),  # all 9 generations are made: it ends because of that
    ],
)
def test_patience(patience: int, leader: int, last: int, over: bool) -> None:
    assert rollback.out_of_patience(settings(patience=patience), leader, last) is over


@pytest.mark.parametrize(
    ("on_failure", "generation", "described"),
    [
        ("both", 2, ""),
        ("nothing", 3, ""),
        ("lower-rate", 3, "0.5 of the learning rate"),
        ("more-rehearsal", 4, "40% rehearsal instead of 10%"),
        ("both", 3, "0.5 of the learning rate and 20% rehearsal instead of 10%"),
    ],
)
def test_the_change_in_words(on_failure: str, generation: int, described: str) -> None:
    assert rollback.describe_start(settings(on_failure=on_failure), generation, 1) == described
