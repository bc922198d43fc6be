"""Selection: agreement with the published choices, and what every strategy promises."""

import json
import math
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_evolution import cli
from self_evolution.strategies import STRATEGIES, ScoredPair, Strategy

VECTORS = Path(__file__).resolve().parents[1].parent / "shared" / "vectors" / "selection.json"
EXACT = tuple(name for name, strategy in STRATEGIES.items() if strategy.uses_k)
"""The strategies that must choose exactly k pairs, if there are as many."""

pools = st.lists(
    # few different scores, so that ties are common
    st.tuples(
        st.text("abc", max_size=4),
        st.sampled_from([0.0, 0.25, 0.5, 1, 1.0, 2.5]),
        st.sampled_from([None, 0.0, 50.0, 75.0, 100.0]),
    ),
    max_size=30,
    unique_by=lambda item: item[0],
).map(lambda items: [ScoredPair(*item) for item in items])
every = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)


def scored(*values: float) -> list[ScoredPair]:
    return [ScoredPair(f"{index:04}", value) for index, value in enumerate(values)]


@pytest.mark.skipif(not VECTORS.exists(), reason="shared/vectors/selection.json is not here")
@pytest.mark.parametrize("mode", ["hard", "easy", "all"])
def test_published_selections(mode: str) -> None:
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    cases = [case for case in vectors["cases"] if case["mode"] == mode]
    assert cases
    for case in cases:
        pool = scored(*(value for part in vectors["pools"][case["pool"]] for value in part))
        chosen = STRATEGIES[mode].choose(pool, case["k"], 0)
        assert [int(identifier) for identifier in chosen] == case["selected"], case


@pytest.mark.slow
@every
@given(pool=pools, k=st.integers(0, 40), seed=st.integers(0, 9), data=st.data())
def test_ids_of_the_pool_each_once_whatever_its_order(
    strategy: Strategy, pool: list[ScoredPair], k: int, seed: int, data: st.DataObject
) -> None:
    chosen = strategy.choose(pool, k, seed)
    assert len(set(chosen)) == len(chosen)
    assert set(chosen) <= {item.id for item in pool}
    assert strategy.choose(data.draw(st.permutations(pool)), k, seed) == chosen


@pytest.mark.parametrize("name", EXACT)
@given(pool=pools, k=st.integers(0, 40), seed=st.integers(0, 9))
def test_exactly_k_are_chosen(name: str, pool: list[ScoredPair], k: int, seed: int) -> None:
    assert len(STRATEGIES[name].choose(pool, k, seed)) == min(k, len(pool))


@given(pool=pools, k=st.integers(0, 40))
def test_hard_and_easy_are_the_two_ends(pool: list[ScoredPair], k: int) -> None:
    ifd = {item.id: item.ifd for item in pool}
    k = min(k, len(pool))
    ordered = sorted(ifd.values())
    hard, easy = STRATEGIES["hard"].choose(pool, k, 0), STRATEGIES["easy"].choose(pool, k, 0)
    assert [ifd[one] for one in hard] == ordered[::-1][:k]
    assert [ifd[one] for one in easy] == ordered[:k][::-1]
    rest = STRATEGIES["easy"].choose(pool, len(pool) - k, 0)
    assert hard + rest == STRATEGIES["all"].choose(pool, 0, 0)


def test_ties_go_by_id() -> None:
    pool = [ScoredPair("b", 0.5), ScoredPair("c", 0.5), ScoredPair("a", 0.5)]
    assert STRATEGIES["hard"].choose(pool, 2, 0) == ["a", "b"]
    assert STRATEGIES["easy"].choose(pool, 2, 0) == ["b", "c"]


@pytest.mark.parametrize(
    ("n", "k", "ranks"),
    [(10, 5, [0, 2, 4, 6, 8]), (10, 4, [0, 2, 5, 7]), (10, 1, [0]), (9, 5, [0, 1, 3, 5, 7])],
)
def test_even_spacing(n: int, k: int, ranks: list[int]) -> None:
    pool = scored(*(float(-index) for index in range(n)))
    assert [int(one) for one in STRATEGIES["even"].choose(pool, k, 0)] == ranks


@given(n=st.integers(1, 200), k=st.integers(1, 200))
def test_even_gaps_differ_by_one_at_most(n: int, k: int) -> None:
    pool = scored(*(float(-index) for index in range(n)))
    ranks = [int(one) for one in STRATEGIES["even"].choose(pool, k, 0)]
    gaps = {after - before for before, after in zip(ranks, [*ranks[1:], n], strict=True)}
    assert max(gaps) - min(gaps) <= 1
    if n % k == 0:
        assert ranks == list(range(0, n, n // k))


@given(pool=pools, k=st.integers(0, 40), seed=st.integers(0, 9))
def test_random_reads_only_ids_k_and_seed(pool: list[ScoredPair], k: int, seed: int) -> None:
    flat = [ScoredPair(item.id, 0.5) for item in pool]
    chosen = STRATEGIES["random"].choose(pool, k, seed)
    assert STRATEGIES["random"].choose(flat, k, seed) == chosen
    assert STRATEGIES["random"].choose(pool, k + 1, seed)[: len(chosen)] == chosen


def test_random_is_the_same_for_ever() -> None:
    pool = scored(*[1.0] * 10)
    assert STRATEGIES["random"].choose(pool, 4, 7) == ["0007", "0006", "0000", "0005"]


def test_random_is_fair_and_turns_with_the_seed() -> None:
    pool = scored(*(random.Random(3).random() for _ in range(20)))
    counts = Counter(
        one for seed in range(2000) for one in STRATEGIES["random"].choose(pool, 5, seed)
    )
    # 2000 draws at 1/4: standard deviation 19.4; twenty ids within five of them.
    assert set(counts) == {item.id for item in pool}
    assert all(abs(count - 500) < 97 for count in counts.values())


@given(pool=pools, k=st.integers(0, 40), seed=st.integers(0, 9))
def test_mastery_replays_what_is_missed_and_a_little_of_what_is_known(
    pool: list[ScoredPair], k: int, seed: int
) -> None:
    known = {item.id: item.known for item in pool}
    chosen = STRATEGIES["mastery"].choose(pool, k, seed)
    score = [known[id] for id in chosen]
    masters = sum(one is not None and one > 50 for one in score)
    there = sum(one is not None and one > 50 for one in known.values())
    # A tenth of k is kept for known pairs; more are taken only if everything else is in.
    if masters > min(there, round(0.1 * k)):
        rest = {id for id, one in known.items() if one is None or one <= 50}
        assert rest <= set(chosen)
    else:
        assert masters == min(there, round(0.1 * k)) or len(chosen) == len(pool)
    # A pair that was not asked about is taken only if all missed ones are in.
    if None in score:
        assert {id for id, one in known.items() if one is not None and one <= 50} <= set(chosen)


def test_mastery_needs_answers_of_a_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "scored.jsonl"
    file.write_text('{"ifd": 0.5}\n')
    words = ["select", str(file), "--strategy", "mastery", "-o", str(tmp_path / "out.jsonl")]
    assert cli.main(words) == 2
    assert "asks the model of a run what it knows" in capsys.readouterr().err


@every
def test_an_empty_pool_gives_nothing(strategy: Strategy) -> None:
    assert strategy.choose([], 3, 0) == []


def test_all_and_none_do_not_read_k() -> None:
    pool = scored(0.1, 0.9)
    assert STRATEGIES["all"].choose(pool, 0, 0) == ["0001", "0000"]
    assert STRATEGIES["none"].choose(pool, 2, 0) == []


@every
@pytest.mark.parametrize("ifd", [math.nan, math.inf, -math.inf])
def test_an_ifd_that_is_no_number_is_refused(strategy: Strategy, ifd: float) -> None:
    with pytest.raises(ValueError, match="IFD of 'pair-7' is"):
        strategy.choose([ScoredPair("pair-1", 0.5), ScoredPair("pair-7", ifd)], 1, 0)


@every
def test_a_negative_k_and_a_double_id_are_refused(strategy: Strategy) -> None:
    with pytest.raises(ValueError, match="given k=-1"):
        strategy.choose(scored(0.5), -1, 0)
    with pytest.raises(ValueError, match="'a' stands twice"):
        strategy.choose([ScoredPair("a", 0.5), ScoredPair("a", 0.6)], 1, 0)


@given(pool=pools, k=st.integers(0, 40), seed=st.integers(0, 9))
def test_a_pool_need_only_be_read_once(pool: list[ScoredPair], k: int, seed: int) -> None:
    for strategy in STRATEGIES.values():
        assert strategy.choose(iter(pool), k, seed) == strategy.choose(pool, k, seed)
