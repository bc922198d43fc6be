"""The power calculation: what it says, held against simulated evaluations."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from self_evolution.config import Config
from self_evolution.evaluation.power import power
from self_evolution.evaluation.statistics import detectable, paired
from self_evolution.evaluation.statistics.power import describe_power
from self_evolution.ledger import Ledger
from self_evolution.records import Item


def seen(gain: float, questions: int, clusters: int, correlation: float, times: int) -> float:
    """Return how often `paired` finds a true difference (a share).

    Each question takes its cluster's result with probability sqrt(correlation), else its own, so
    that two of a cluster correlate by just that. A ninth of the changes against the gains are
    losses.
    """
    rng = np.random.default_rng(7)
    changed = gain / 0.8
    chances = [0.1 * changed, 1 - changed, 0.9 * changed]
    groups = np.arange(questions) % clusters
    shown = 0
    for time in range(times):
        common = rng.choice([-100.0, 0.0, 100.0], size=clusters, p=chances)
        own = rng.choice([-100.0, 0.0, 100.0], size=questions, p=chances)
        shared = rng.random(questions) < math.sqrt(correlation)
        gaps = np.where(shared, common[groups], own)
        change = paired([0.0] * questions, gaps.tolist(), groups.tolist(), resamples=400, seed=time)
        shown += change.low > 0
    return shown / times


@pytest.mark.parametrize(
    ("questions", "clusters", "correlation"),
    [(300, 80, 0.1), (60, 60, 0.0), (200, 25, 0.1)],
)
def test_what_is_called_detectable_is_seen_in_four_of_five_cases(
    questions: int, clusters: int, correlation: float
) -> None:
    gain = detectable(questions, clusters, correlation=correlation) / 100
    power = seen(gain, questions, clusters, correlation, 300)
    print(f"{questions} over {clusters}: {100 * gain:.1f} points are seen in {power:.0%}")
    assert 0.78 <= power <= 0.92
    assert seen(gain / 2, questions, clusters, correlation, 100) < 0.7


def test_more_questions_and_more_documents_show_more() -> None:
    assert detectable(300, 80) < detectable(100, 80) < detectable(100, 20) < detectable(40, 10)
    assert detectable(300, 300) < detectable(300, 80)
    assert detectable(3, 3) == 100.0


@pytest.mark.parametrize(
    ("document", "passage", "over"),
    [("guide", "Twice", " over 2 documents"), ("", "Twice", " over 2 passages"), ("", "", " a")],
)
def test_questions_are_told_over_what_their_file_names(
    document: str, passage: str, over: str, tmp_path: Path
) -> None:
    with closing(Ledger(tmp_path / "run.db")) as ledger:
        for i in range(4):
            part = passage and f"{passage} {i % 2}"
            named = document and f"{document} {i % 2}"
            item = Item(f"{i}", "domain", i, part, f"Which {i}?", "7", ("7",), None, named or None)
            ledger.add([item])
        assert power(Config(), ledger)["domain"].startswith(f"with 4 questions{over} ")


def test_it_is_said_in_a_sentence() -> None:
    text = describe_power(300, 80, "documents")
    assert text.startswith("with 300 questions over 80 documents a difference of ")
    assert text.endswith(" points is detectable")
    assert "no difference is detectable" in describe_power(3, 1, "documents")
    with pytest.raises(ValueError, match="2 questions in 3 clusters"):
        detectable(2, 3)
