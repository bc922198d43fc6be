"""The arithmetic of a forecast: known numbers, properties, and the model's own steps."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from self_evolution.cli import status
from self_evolution.config import Config
from self_evolution.forecast.beside import beside, sentence
from self_evolution.forecast.counts import Given, Shares, counts, examples
from self_evolution.forecast.forecast import uncertainty
from self_evolution.forecast.rates import Price, Rates, fit, price
from self_evolution.forecast.replies import Expected, Replies, measured
from self_evolution.forecast.sample import Sample, Tally
from self_evolution.forecast.sketch import Call, Reader, evenly
from self_evolution.forecast.work import Amount, Work
from self_evolution.ledger import ForecastRow, Ledger, StageRow
from self_evolution.meter import Event, listening
from self_evolution.models import SamplingParams
from self_evolution.models.decoding.beginnings import at_once, to_read
from self_evolution.progress import Count
from self_evolution.run.at_work import AtWork
from self_evolution.run.outlook import describe, outlook

PASSAGE = "The pump at North Station stops when alarm 4711 is raised. " * 8


def prompts(*texts: str) -> list[list[dict[str, str]]]:
    return [[{"role": "user", "content": text}] for text in texts]


# -- what is read, counted beforehand ----------------------------------------------------------


@pytest.mark.parametrize("name", ["qwen2", "gemma3"])
def test_the_tokens_that_will_be_read_are_those_that_are_read(name: str) -> None:
    """Common beginnings, what the call before has read, and steps of a limited size included."""
    engine = tiny.engine(name)
    calls = [
        prompts(*(PASSAGE + f"Question {i}?" for i in range(5)), "Short?", "Other?"),
        prompts(*(PASSAGE + f"Question {i}? And then?" for i in range(4))),
    ]
    before: list[list[int]] = []
    engine.begin_batch()
    for call in calls:
        rows = [engine.prompt_ids(prompt) for prompt in call]
        expected = to_read(rows, before, at_once("cpu"))
        with listening() as events:
            replies = engine.generate(call, SamplingParams(1.0, 1.0, 4), 3, "base")
        read = [(event.tokens, event.width) for event in events if event.kind == "read"]
        assert sorted(read) == sorted(expected)
        written = sum(event.tokens for event in events if event.kind == "write")
        assert written == sum(len(reply.ids or ()) - 1 for reply in replies)
        before = [[*row, *(reply.ids or ())] for row, reply in zip(rows, replies, strict=True)]


def test_a_sketch_of_a_call_has_the_tokens_of_the_call() -> None:
    engine = tiny.engine("qwen2")
    asked = prompts(*(PASSAGE + f"Question {i}?" for i in range(6)))
    reader = Reader(engine, None, at_once("cpu"))
    sketch = reader.sketch([[Call("answer", asked, 9)]], 6)
    replies = {"answer": Expected((5.0,), 9)}
    work = sketch.work(replies, 6, tuned=False, row_seconds=0.5)
    params = SamplingParams(1.0, 1.0, 5)
    with listening() as events:
        engine.generate(asked, params, 3, "base")
    assert work.tokens == sum(event.tokens for event in events)
    assert work.amounts["write"].steps == 4 and work.other == 3.0
    twice = sketch.work(replies, 12, tuned=False, row_seconds=0.5)
    assert twice.tokens == 2 * work.tokens
    # Half a batch has half the rows, and takes as many steps.
    half = sketch.work(replies, 3, tuned=True, row_seconds=0.5)
    assert half.amounts["tuned write"].tokens == work.amounts["write"].tokens / 2
    assert half.amounts["tuned write"].steps == 4


def test_evenly_takes_the_middle_of_each_part() -> None:
    assert evenly(range(9), 3) == [1, 4, 7]
    assert evenly("ab", 5) == ["a", "b"]
    assert evenly([], 3) == []


# -- prices ------------------------------------------------------------------------------------


@given(st.floats(1e-4, 1e-1), st.floats(1e-6, 1e-3), st.floats(1e-9, 1e-6), st.floats(0.5, 4.0))
def test_prices_are_found_again(step: float, token: float, back: float, pace: float) -> None:
    sizes = [(1, 20), (1, 600), (32, 20), (32, 600), (512, 512), (1024, 1500)]
    events = []
    for tokens, width in sizes:
        cost = step + token * tokens + back * tokens * width
        events.append(Event("read", tokens, width, pace * cost, cost))
    found = price(events)
    for tokens, width in sizes:
        cost = found.step + found.token * tokens + found.back * tokens * width
        assert cost == pytest.approx(step + token * tokens + back * tokens * width, rel=1e-3)
    assert found.pace == pytest.approx(pace)


def test_an_adapter_makes_reading_and_writing_dearer_by_one_factor() -> None:
    plain = [Event("write", n, 10, 0.01 * n, 0.01 * n) for n in (1, 8, 32)]
    tuned = [Event("write", n, 10, 0.03 * n, 0.015 * n) for n in (8, 32)]
    rates = fit({"write": plain, "tuned write": tuned})
    work = Work({"tuned write": Amount(1, 20, 200)}, other=0.25, waiting=2.0)
    assert rates.cpu_seconds(work) == pytest.approx(0.25 + 0.3, rel=1e-3)
    plain_pace = 1.0  # seconds on the clock are those of the same kind without the adapter
    other = 0.25 * max(1.0, rates.pace)
    assert rates.seconds(work) == pytest.approx(2.0 + other + 0.3 * plain_pace, rel=1e-3)


def test_work_that_has_no_price_costs_nothing() -> None:
    rates = Rates({"read": Price(1.0, 0.0, 0.0, 2.0)}, 2.0)
    assert rates.cpu_seconds(Work({"train": Amount(3, 5, 7)})) == 0
    assert rates.seconds(Work({"read": Amount(3, 5, 7)})) == 6


def test_a_price_that_was_not_measured_may_be_three_times_as_high() -> None:
    steps = [Event("read", n, 10, 0.01 * n, 0.01 * n) for n in (1, 8, 32)]
    sample = Sample(events={"read": steps, "write": steps})
    assert sample.rates().guessed == frozenset()  # nothing was given up: it is not tried yet
    sample.given_up.add("training")
    rates = sample.rates()
    assert rates.guessed == {"train", "score", "tuned read", "tuned write"}
    work = Work({"read": Amount(1, 20, 200), "score": Amount(1, 10, 100)}, other=5.0)
    assert rates.guessed_seconds(work) == pytest.approx(0.1, rel=1e-3)
    sample.given_up.add("steps")
    assert sample.rates().guessed_seconds(work) == pytest.approx(0.3, rel=1e-3)
    assert uncertainty(10.0, 0.0) == pytest.approx(1.5)
    assert uncertainty(10.0, 2 * 10.0) == pytest.approx((1.5**2 + 20**2) ** 0.5)


def test_what_the_probe_had_no_time_for_may_be_anything() -> None:
    sample = Sample()
    most = {"ask": 40, "answer": 100}
    assert sample.share(Tally(), -1) == 1 and sample.expected(most)["answer"].mean == 8
    sample.given_up.add("replies")
    assert [sample.share(Tally(), sign) for sign in (-1, 0, 1)] == [0.0, 0.5, 1.0]
    assert sample.share(Tally(10, 10), -1) == pytest.approx(0.7225, abs=1e-4)
    assert set(sample.conversations(-1).values()) == {0.0}
    assert set(sample.conversations(1).values()) == {1.0}
    unseen = sample.expected(most)["answer"]
    assert [unseen.shifted(sign).mean for sign in (-1, 0, 1)] == [5.0, 50.0, 100.0]
    sample.replies["answer"] = measured([10, 12], 64, 100)
    assert sample.expected(most)["answer"].mean == 11 and sample.expected(most)["ask"].mean == 20


# -- replies -----------------------------------------------------------------------------------


def test_a_reply_that_the_probe_cut_off_would_have_gone_on() -> None:
    """Two of four replies end, after 40 tokens in all; 200 tokens were seen: one in a hundred ends
    a reply. Of 120 more tokens, (1 - 0.99^120) * 100 are then expected."""
    found = measured([20, 20, 80, 80], cap=80, most=200)
    assert found.cut == (False, False, True, True)
    further = (1 - 0.99**120) / 0.01
    assert found.lasting().mean == pytest.approx((20 + 20 + 2 * (80 + further)) / 4)
    ends = 1 - 0.99**120
    assert found.ending == pytest.approx((2 + 2 * ends + 0.5) / 5)


def test_a_reply_that_is_as_long_as_the_settings_allow_was_not_cut_by_the_probe() -> None:
    assert measured([96, 50], cap=96, most=96).cut == (False, False)
    assert measured([96], cap=96, most=96).ending == 0.25  # half a reply of two
    never = measured([64, 64], cap=64, most=128)  # none has ended: all go on to the end
    assert never.lasting().lengths == (128.0, 128.0)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=20), st.integers(1, 64))
def test_the_longest_of_several_replies_is_between_the_mean_and_the_longest(
    lengths: list[int], rows: int
) -> None:
    found = Replies(tuple(lengths), (False,) * len(lengths), 100).lasting()
    assert found.mean - 1e-9 <= found.longest(rows) <= max(lengths) + 1e-9
    assert found.longest(1) == pytest.approx(found.mean)
    assert (
        found.shifted(-1).mean <= found.mean + 1e-9 and found.mean <= found.shifted(1).mean + 1e-9
    )


def test_the_longest_of_two_dice() -> None:
    dice = Expected(tuple(float(n) for n in range(1, 7)), 6)
    assert dice.longest(2) == pytest.approx(161 / 36)


# -- counts ------------------------------------------------------------------------------------

GIVEN = Given(
    fragments=40,
    unseen=10,
    domain=0,
    retention=0,
    trusted=5,
    abilities=True,
    builds=True,
    per_task={"topics": 4, "template": 1, "fragments": 5},
)


def test_questions_are_asked_until_enough_are_taken_or_the_tries_are_spent() -> None:
    """Whole batches of 8: of 40 fragments half give a question, the others are tried once more."""
    settings = Config().changed(
        {"evaluate.questions": 12, "evaluate.abilities": 4, "model.batch_size": 8}
    )
    shares = Shares(0.5, 0.5, 0.25, {"topics": 1.0, "template": 0.5, "fragments": 1.0})
    found = counts(settings, GIVEN, shares)
    assert found.seen.asked == (24,) and found.seen.taken == 12
    assert found.unseen.asked == (10, 5) and found.unseen.taken == 7.5
    assert found.abilities.asked == (12,) and found.abilities.taken == 3
    assert (found.asked, found.kept) == (160, 80)
    # 400 of the template's, half of which are kept: 400, 200, 100 and 50 are made.
    assert found.tasks == {"topics": (100,), "template": (400, 200, 100, 50), "fragments": (40,)}
    assert found.made == 400 + 750 + 200 and found.conversations == 400 + 375 + 200


def test_a_training_set_has_new_pairs_replayed_ones_and_rehearsal() -> None:
    settings = Config().changed({"select.k": 100, "train.rehearsal": 0.5})
    shares = Shares(0.5, 1.0, 1.0, dict.fromkeys(("topics", "template", "fragments"), 1.0))
    found = counts(settings, GIVEN, shares)
    assert examples(settings, GIVEN, found, 1) == (85, 0, 85)
    assert examples(settings, GIVEN, found, 2) == (80 + 85, 0, 165)
    assert examples(settings, GIVEN, found, 3) == (80 + 100, 0, 180)
    everything = settings.changed({"select.strategy": "all", "train.rehearsal": 0.0})
    assert examples(everything, GIVEN, found, 3) == (80 + 165, 0, 0)
    rewritten = settings.changed({"ask.rewrites": 3, "train.rewrites": 0.2})
    found = counts(rewritten, GIVEN, shares)  # 40 fragments: of 120 rewrites half are kept
    assert found.rewrites == 60
    # A fifth of what is no rehearsal, and no more than there are.
    assert examples(rewritten, GIVEN, found, 1) == (85, 85 / 4, 85 * 5 / 4)
    assert examples(rewritten, GIVEN, found, 3) == (180, 45, 225)
    many = rewritten.changed({"train.rewrites": 0.5})
    assert examples(many, GIVEN, found, 3) == (180, 60, 240)


# -- what is left, and what it took ------------------------------------------------------------


def row(generation: int, name: str, seconds: float) -> ForecastRow:
    return ForecastRow(
        generation, name, 10 * seconds, seconds, 0.5 * seconds, 2 * seconds, seconds, 1 << 30
    )


def taken(generation: int, name: str, seconds: float, done: bool = True) -> StageRow:
    return StageRow(generation, name, 1, seconds, seconds, done, "", 500, 2 << 30)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "run.db")
    made.set_forecast([row(0, "evaluate", 100), row(1, "train", 200), row(1, "evaluate", 100)])
    return made


def test_the_rest_follows_the_pace_of_what_is_done(ledger: Ledger) -> None:
    with closing(ledger):
        settings = Config(generations=1)
        assert outlook(settings, ledger) == (400, 200, 800)
        # 100 were expected and 200 taken; a tenth of the whole, 40, counts beside it.
        ledger.log_stage(taken(0, "evaluate", 200))
        factor = 240 / 140
        found = outlook(settings, ledger)
        assert found and found.seconds == pytest.approx(300 * factor)
        ledger.log_stage(taken(1, "train", 100, done=False))
        found = outlook(settings, ledger)
        assert found and found.seconds == pytest.approx(200 * factor - 100 + 100 * factor)
        assert describe(found).startswith("about 6 min 5")
        # A stage that counts its items knows better that it is slower still.
        now = time.time()
        noted = AtWork(1, "train", now, Count("", "", 0, 1, 11), now - 100)
        found = outlook(settings, ledger, noted)
        assert found and found.seconds == pytest.approx(1000 + 100 * factor, rel=1e-2)
        for name in ("train", "evaluate"):
            ledger.log_stage(taken(1, name, 100))
        assert outlook(settings, ledger) is None


def test_the_status_of_a_run_at_work_counts_what_its_stage_has_done(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(ledger):
        settings = Config(generations=1)
        for name in ("read", "split", "build", "rehearse"):
            ledger.log_stage(taken(0, name, 0))
        ledger.set_meta("at_work", AtWork(0, "evaluate", time.time() - 60))
        status.show_next(settings, ledger)
        status.show_next(settings, ledger, running=True)
        stopped, running = capsys.readouterr().out.splitlines()
        assert stopped.startswith("next: evaluate of generation 0; ")
        assert "about 6 min 40 s left" in stopped
        assert running.startswith("at work: evaluate of generation 0; ")
        assert "about 5 min" in running
        status.show(settings, ledger)
        shown = capsys.readouterr().out
        assert "gen" in shown and "leads" not in shown  # there is no score to explain


def test_generations_that_were_added_count_in_what_is_left(ledger: Ledger) -> None:
    with closing(ledger):
        assert outlook(Config(generations=3), ledger) == (1000, 500, 2000)


def test_a_run_without_a_forecast_has_no_outlook(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "run.db")) as ledger:
        assert outlook(Config(generations=1), ledger) is None
        assert beside(ledger) == [] and list(sentence(ledger)) == []


def test_the_forecast_stands_beside_what_was_taken(ledger: Ledger) -> None:
    with closing(ledger):
        ledger.log_stage(taken(0, "evaluate", 120))
        ledger.log_stage(taken(1, "train", 150, done=False))
        rows = beside(ledger)
        assert [one.name for one in rows] == ["evaluate", "all"]
        ledger.log_stage(taken(1, "evaluate", 130))
        evaluate, total = beside(ledger)
        assert (evaluate.expected.seconds, evaluate.taken.seconds) == (200, 250)
        assert (total.taken.tokens, total.taken.memory) == (1000, 2 << 30)
        (told,) = sentence(ledger)
        assert told == (
            "forecast for the stages that are done: 3 min 20 s (1 min 40 s to 6 min 40 s), 2,000 "
            "tokens, 1.1 GB of memory; they took 4 min 10 s, 1,000 tokens, 2.1 GB"
        )
        assert not any("forecast" in name for name, _ in ledger.export())
        ledger.set_forecast([row(0, "evaluate", 1)])  # in place of the one before
        assert list(ledger.forecast()) == [(0, "evaluate")]
        ledger.set_forecast([row(0, "build", 0)])
        ledger.log_stage(taken(0, "build", 0.1))
        assert list(sentence(ledger)) == []
