"""Intervals and comparisons: against SciPy, by hand, and as often right as they say."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from self_evolution.evaluation.statistics import bootstrap, distributions, holm, paired, ratio
from self_evolution.evaluation.statistics.comparisons import PairedDifference, format_mean
from self_evolution.evaluation.statistics.intervals import Interval
from self_evolution.evaluation.statistics.resampling import Clusters, replicates
from self_evolution.report.render.words import interval

stats = pytest.importorskip("scipy.stats")
Sample = tuple[np.ndarray, np.ndarray]


def clustered(generator: np.random.Generator, count: int, size: int) -> Sample:
    """Right and wrong answers, 60% right on the whole, and each one's document.

    A document's share of right answers is beta distributed: answers correlate at 0.25 within it.
    """
    shares = generator.beta(1.8, 1.2, count)
    documents = np.repeat(np.arange(count), size)
    return 100.0 * (generator.random(count * size) < shares[documents]), documents


# --- against SciPy ------------------------------------------------------------------------


def _witness(sums: np.ndarray, sizes: np.ndarray, drawn: np.ndarray, level: float) -> list[float]:
    """SciPy's BCa of a ratio of two means over clusters, from the same resamples."""

    def ratio(sums: np.ndarray, sizes: np.ndarray, axis: int = -1) -> np.ndarray:
        return sums.sum(axis=axis) / sizes.sum(axis=axis)

    class Given:
        bootstrap_distribution = drawn

    found = stats.bootstrap(
        (sums, sizes), ratio, paired=True, vectorized=True, method="BCa", n_resamples=0,
        confidence_level=level, bootstrap_result=Given(),
    )  # fmt: skip
    return [*found.confidence_interval]


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_the_interval_is_scipys_bca_at_the_widened_level(level: float) -> None:
    generator = np.random.default_rng(5)
    values, documents = clustered(generator, 40, 5)
    values = values * generator.beta(2, 5, 200)  # skewed, without ties
    keep = generator.random(200) < 0.7  # documents of unequal size
    values, documents = values[keep], documents[keep]
    clusters = Clusters.of([values.tolist()], documents.tolist())
    drawn = replicates(clusters, 10_000, seed=3)[0]
    number = len(clusters.sizes)
    reach = math.sqrt(number / (number - 1)) * stats.t.ppf((1 + level) / 2, number - 1)
    wanted = _witness(clusters.sums[:, 0], clusters.sizes, drawn, 2 * stats.norm.cdf(reach) - 1)
    ours = bootstrap(values.tolist(), documents.tolist(), seed=3, level=level)
    assert (ours.low, ours.high) == pytest.approx(wanted, abs=1e-9)
    assert ours.mean == pytest.approx(values.mean(), abs=1e-12)
    assert ours.n == len(values)


def test_the_draws_are_those_of_scipy_but_for_chance() -> None:
    values = np.random.default_rng(5).beta(2, 5, size=300) * 100
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(2),
        batch=1000,
    )  # fmt: skip
    ours = bootstrap(values.tolist(), resamples=20_000, seed=1)
    low, high = theirs.confidence_interval
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.08)
    error = distributions([values.tolist()])[0].error
    assert error == pytest.approx(values.std(ddof=1) / math.sqrt(300), abs=1e-9)
    assert theirs.standard_error == pytest.approx(error, rel=0.02)


def test_few_documents_get_students_interval() -> None:
    values = [10.0, 30.0, 35.0, 60.0, 80.0]
    wanted = stats.ttest_1samp(values, 0.0)
    ours = bootstrap(values)
    assert (ours.low, ours.high) == pytest.approx([*wanted.confidence_interval()])
    assert paired([0.0] * 5, values).p == pytest.approx(wanted.pvalue)
    assert bootstrap([0.0, 100.0, 100.0]).high == 100.0  # and no score beyond its range


# --- paired differences -------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(
    gaps=st.lists(st.sampled_from([-100.0, 0.0, 0.0, 25.0, 100.0]), min_size=1, max_size=60),
    size=st.integers(1, 3),
)
def test_a_difference_is_shown_where_its_p_is_small(gaps: list[float], size: int) -> None:
    documents = [place // size for place in range(len(gaps))]
    change = paired([0.0] * len(gaps), gaps, documents, resamples=2000)
    assert change.low <= change.mean + 1e-9 and change.mean - 1e-9 <= change.high
    assert 0.0 <= change.p <= 1.0
    if not 0.045 < change.p < 0.055:  # the interval's end falls between two replicates
        assert change.shown is (change.p < 0.05)
    back = paired(gaps, [0.0] * len(gaps), documents, resamples=2000)
    assert back.mean == -change.mean and back.p == pytest.approx(change.p, abs=0.05)


def test_alike_differences_are_as_sure_as_their_number() -> None:
    """Six documents that all turned right: the sign test's p, and an interval just above 0."""
    change = paired([0.0] * 6, [100.0] * 6)
    assert change.p == pytest.approx(2 / 2**6)
    assert (change.high, change.shown) == (100.0, True)
    assert not paired([0.0] * 5, [100.0] * 5).shown
    assert not paired([0.0] * 60, [100.0] * 60, ["one document"] * 60).shown
    none = paired([50.0] * 200, [50.0] * 200)
    assert (none.mean, none.p, none.shown) == (0.0, 1.0, False)
    assert none.high == pytest.approx(100 * (1 - 0.025 ** (1 / 200)))


def test_a_handful_of_changed_answers_shows_nothing() -> None:
    few = [100.0] * 4 + [0.0] * 196
    assert not paired([0.0] * 200, few).shown  # a sign test gives 0.125
    more = [100.0] * 12 + [-100.0] + [0.0] * 187
    assert paired([0.0] * 200, more).shown


def test_one_document_asked_often_is_one_document() -> None:
    generator = np.random.default_rng(2)
    values, documents = clustered(generator, 12, 50)
    alone = bootstrap(values.tolist())
    together = bootstrap(values.tolist(), documents.tolist())
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_pairs_must_match() -> None:
    with pytest.raises(ValueError, match="1 scores against 2"):
        paired([1.0], [1.0, 2.0])


# --- ratios -------------------------------------------------------------------------------


def test_a_ratio_is_that_of_the_means_with_scipys_interval() -> None:
    generator = np.random.default_rng(8)
    before, documents = clustered(generator, 40, 5)
    before = before * generator.beta(2, 5, 200)
    after = before * generator.beta(5, 2, 200) + 20 * generator.random(200)
    found = ratio(after.tolist(), before.tolist(), documents.tolist(), seed=3)
    assert found.value == pytest.approx(after.mean() / before.mean()) and found.n == 200
    both = Clusters.of([after.tolist(), before.tolist()], documents.tolist())
    beyond = Clusters(both.sums[:, :1] - both.sums[:, 1:], both.sums[:, 1])
    drawn = replicates(beyond, 10_000, seed=3)[0]
    reach = math.sqrt(40 / 39) * stats.t.ppf(0.975, 39)
    level = 2 * stats.norm.cdf(reach) - 1
    wanted = _witness(beyond.sums[:, 0], beyond.sizes, drawn, level)
    assert (found.low, found.high) == pytest.approx([1 + end for end in wanted], abs=1e-9)


def test_a_ratio_over_few_documents_is_students_of_its_logarithm() -> None:
    before, after = [20.0, 30.0, 25.0, 40.0, 35.0], [50.0, 45.0, 60.0, 70.0, 75.0]
    without = [math.log((300 - new) / (150 - old)) for old, new in zip(before, after, strict=True)]
    error = math.sqrt(4 / 5 * sum((one - sum(without) / 5) ** 2 for one in without))
    reach = stats.t.ppf(0.975, 4) * error
    found = ratio(after, before)
    assert found[:3] == pytest.approx((2.0, 2 * math.exp(-reach), 2 * math.exp(reach)))
    alone = ratio([100.0, 0.0, 0.0, 0.0, 0.0], [50.0, 40.0, 60.0, 50.0, 50.0])
    assert alone[:3] == pytest.approx((0.4, 0.0, 2.0))  # all of it is from one document


def test_a_ratio_to_what_may_be_nothing_is_undefined() -> None:
    for reference in ([0.0] * 200, [100.0] + [0.0] * 199):
        found = ratio([50.0] * 200, reference)
        assert found[:4] == (None, None, None, 200)
        assert "not shown to be above 0" in found.undefined and not found.shown
    with pytest.raises(ValueError, match="1 scores against 2"):
        ratio([1.0], [1.0, 2.0])


def test_a_model_beside_itself_has_ratio_one() -> None:
    same = ratio([60.0] * 200, [60.0] * 200)
    assert same.value == 1 and not same.shown
    room = 1 - 0.025 ** (1 / 200)  # so much of the documents may still be otherwise
    assert (same.low, same.high) == pytest.approx((1 - room, 1 + room * (100 / 60 - 1)))
    none = ratio([0.0] * 40, [50.0] * 40)
    assert (none.value, none.low, none.shown) == (0.0, 0.0, True)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), differing=st.sampled_from([0.01, 0.03, 0.1, 0.3]))
def test_a_ratio_shows_no_difference_where_the_means_show_none(seed: int, differing: float) -> None:
    generator = np.random.default_rng(seed)
    before, documents = clustered(generator, 60, 4)
    turned = generator.random(240) < differing
    after = np.where(turned, 100 - before, before)
    found = ratio(after.tolist(), before.tolist(), documents.tolist(), resamples=4000)
    change = paired(before.tolist(), after.tolist(), documents.tolist(), resamples=4000)
    assert found.value is not None and (found.value > 1) is (change.mean > 0)
    if not 0.02 < change.p < 0.1:  # the two are not quite alike
        assert found.shown is change.shown


# --- many comparisons ---------------------------------------------------------------------


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_keeps_the_order_and_only_raises(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= new <= 1 for p, new in zip(p_values, adjusted, strict=True))
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)


# --- samples of any kind ------------------------------------------------------------------


@settings(deadline=None, max_examples=50)
@given(values=st.lists(st.floats(0, 100), min_size=1, max_size=40), seed=st.integers(0, 2**32 - 1))
def test_an_interval_is_deterministic_and_within_the_range(values: list[float], seed: int) -> None:
    interval = bootstrap(values, resamples=200, seed=seed)
    assert interval == bootstrap(values, resamples=200, seed=seed)
    assert 0.0 <= interval.low <= interval.high <= 100.0 + 1e-9
    assert min(values) - 1e-9 <= interval.mean <= max(values) + 1e-9
    assert interval.low <= interval.mean + 1e-9 and interval.mean - 1e-9 <= interval.high
    assert interval.n == len(values)


def test_answers_that_are_all_alike_leave_room_for_those_not_asked() -> None:
    low, high = stats.binomtest(0, 200).proportion_ci(0.95, "exact")
    assert bootstrap([0.0] * 200)[1:3] == pytest.approx((100 * low, 100 * high))
    assert bootstrap([0.0] * 200, list(range(40)) * 5).high > 8.0  # 40 documents, not 200 answers
    assert bootstrap([100.0] * 200).low == pytest.approx(100 - 100 * high)
    assert bootstrap([7.0] * 9, bounds=None) == (7.0, 7.0, 7.0, 9)


def test_columns_of_one_call_are_those_of_single_calls() -> None:
    generator = np.random.default_rng(4)
    columns = generator.random((3, 50)) * 100
    together = [one.interval() for one in distributions(columns.tolist(), resamples=500)]
    alone = [bootstrap(column.tolist(), resamples=500) for column in columns]
    for one, other in zip(together, alone, strict=True):
        assert one == pytest.approx(other, abs=1e-9)


def test_ten_thousand_items_stay_small() -> None:
    values = [float(index % 101) for index in range(10_000)]
    bootstrap(values[:10], resamples=10)  # numpy's own import is not counted
    tracemalloc.start()
    try:
        bootstrap(values, resamples=1000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 80e6


@pytest.mark.parametrize(
    ("values", "arguments", "message"),
    [
        ([], {}, "one or more values"),
        ([1.0, math.nan], {}, "value 1 is nan"),
        ([math.inf], {}, "value 0 is inf"),
        ([1.0, 2.0], {"resamples": 0}, "resamples=0"),
        ([1.0], {"level": 1.0}, "level=1.0"),
        ([1.0], {"clusters": ["a", "b"]}, "2 clusters for 1 values"),
    ],
)
def test_bootstrap_refuses(values: list[float], arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap(values, **arguments)  # type: ignore[arg-type]


# --- calibration --------------------------------------------------------------------------

REPETITIONS = 1000
RESAMPLES = 2000
"""Their number moves an end of an interval by about 0.3 points of its level: nothing beside the 2
points that the tests allow."""
Draw = Callable[[np.random.Generator], Sample]


def _skewed(generator: np.random.Generator) -> Sample:
    return 100 * generator.beta(1, 4, 100), np.arange(100)


def _unequal(generator: np.random.Generator) -> Sample:
    values, documents = clustered(generator, 30, 12)
    keep = generator.random(len(values)) < generator.uniform(0.1, 0.9, 30)[documents]
    return values[keep], documents[keep]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        pytest.param(_skewed, 20.0, id="100 skewed scores"),
        pytest.param(lambda g: clustered(g, 60, 4), 60.0, id="60 documents of 4"),
        pytest.param(lambda g: clustered(g, 20, 10), 60.0, id="20 documents of 10"),
        pytest.param(lambda g: clustered(g, 8, 12), 60.0, id="8 documents of 12"),
        pytest.param(_unequal, 60.0, id="30 documents of unequal size"),
    ],
)
def test_intervals_cover_the_truth_as_often_as_they_say(draw: Draw, truth: float) -> None:
    generator = np.random.default_rng(11)
    hits = 0
    for seed in range(REPETITIONS):
        values, documents = draw(generator)
        interval = bootstrap(values.tolist(), documents.tolist(), resamples=RESAMPLES, seed=seed)
        hits += interval.low <= truth <= interval.high
    assert 0.93 <= hits / REPETITIONS <= 0.97


@pytest.mark.slow
def test_paired_intervals_cover_the_true_difference() -> None:
    """Two models on the same clustered items, the second right on 10 points more of them."""
    generator = np.random.default_rng(12)
    hits = 0
    for seed in range(REPETITIONS):
        documents = np.repeat(np.arange(40), 5)
        shares = generator.beta(2, 2, 40)[documents] * 0.8
        dice = generator.random((2, 200))
        dice[1] = np.where(generator.random(200) < 0.5, dice[0], dice[1])  # they agree on half
        before, after = 100.0 * (dice[0] < shares), 100.0 * (dice[1] < shares + 0.1)
        change = paired(
            before.tolist(), after.tolist(), documents.tolist(), resamples=RESAMPLES, seed=seed
        )
        hits += change.low <= 10.0 <= change.high
    assert 0.93 <= hits / REPETITIONS <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "size", "base", "gain"),
    [
        pytest.param(60, 4, 0.4, 0.5, id="60 documents of 4"),
        pytest.param(20, 10, 0.4, 0.1, id="20 documents of 10, a small gain"),
        pytest.param(100, 3, 0.05, 0.8, id="a base near 0"),
        pytest.param(8, 12, 0.4, 0.3, id="8 documents of 12"),
    ],
)
def test_ratios_cover_the_true_one(count: int, size: int, base: float, gain: float) -> None:
    """The second model knows in addition a share `gain` of what the first does not."""
    generator = np.random.default_rng(14)
    documents = np.repeat(np.arange(count), size)
    truth = (base + (1 - base) * gain) / base
    hits = defined = 0
    for seed in range(REPETITIONS):
        shares = generator.beta(3 * base, 3 * (1 - base), count)[documents]
        dice = generator.random((2, count * size))
        dice[1] = np.where(generator.random(count * size) < 0.5, dice[0], dice[1])
        before = 100.0 * (dice[0] < shares)
        after = 100.0 * (dice[1] < shares + (1 - shares) * gain)
        found = ratio(
            after.tolist(), before.tolist(), documents.tolist(), seed=seed, resamples=RESAMPLES
        )
        if found.low is not None and found.high is not None:
            defined += 1
            hits += found.low <= truth <= found.high
    assert defined > 0.95 * REPETITIONS
    assert 0.93 <= hits / defined <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("differing", [0.02, 0.1, 0.4])
def test_without_an_effect_few_comparisons_are_called_different(differing: float) -> None:
    """Five generations, none better than the base, which each differs from in a share of answers.

    After Holm at most 5% (and 1.5 for chance) of the families have a false alarm, let alone of
    the single comparisons.
    """
    generator = np.random.default_rng(13)
    documents = np.repeat(np.arange(100), 2).tolist()
    alarms = 0
    for seed in range(REPETITIONS):
        shares = [differing / 2, 1 - differing, differing / 2]
        gaps = generator.choice([-100.0, 0.0, 100.0], size=(5, 200), p=shares)
        p_values = [
            one.p_value()
            for one in distributions(
                gaps.tolist(),
                documents,
                seed=seed,
                resamples=RESAMPLES,
                bounds=(-100, 100),
                idle=0.0,
            )
        ]
        alarms += min(holm(p_values)) < 0.05
    assert alarms / REPETITIONS <= 0.065


def test_a_change_says_whether_its_interval_holds_nothing() -> None:
    ends = ((-1, 3), (0, 2), (0.1, 2))
    shown = [PairedDifference(1, low, high, 9, 0.5).shown for low, high in ends]
    assert shown == [False, False, True]


@pytest.mark.parametrize(
    ("mean", "p_holm", "verdict"),
    [(2.0, 0.04, "higher"), (-2.0, 0.04, "lower"), (2.0, 0.05, "no difference shown")],
)
def test_one_difference_among_several_is_shown_by_its_adjusted_p(
    mean: float, p_holm: float, verdict: str
) -> None:
    found = PairedDifference(mean, mean - 1, mean + 1, 9, 0.01, p_holm)
    assert found.direction == verdict


def test_the_terminal_and_the_report_round_halves_alike() -> None:
    """Half a question of 200 is such a half: 12.5, 62.5."""
    row = Interval(40.5, 12.5, 62.5, 200)
    assert interval(row) == "[13–63]" and format_mean(row) == "40.5 [13–63]"
