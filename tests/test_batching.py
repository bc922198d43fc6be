"""Questions that wait together: what shares a batch, and that nobody gets another one's answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from self_evolution import config
from self_evolution.errors import Stopped, UserError
from self_evolution.models import Engine, Reply, SamplingParams, open_engine
from self_evolution.models.scripted import ScriptedEngine
from self_evolution.serving.batching import Batcher, Call, Job
from self_evolution.serving.stopping import StopWords

GREEDY = SamplingParams(0.0, 1.0, 40)
SAMPLED = SamplingParams(1.0, 0.95, 12)
QUESTIONS = [f"What is the code of alarm {name}?" for name in ("Temun", "Buli", "Rolan", "Kemi")]


class Held(ScriptedEngine):
    """The scripted engine, which waits before each batch until it is let go."""

    def __init__(self) -> None:
        super().__init__(config.Model(), lambda messages: f"You said {messages[-1]['content']}.")
        self.sizes: list[int] = []
        self.go = threading.Event()

    def generate(self, prompts: Sequence[Any], *more: Any) -> list[Reply]:
        self.sizes.append(len(prompts))
        assert self.go.wait(10)
        if any("broken" in messages[-1]["content"] for messages in prompts):
            raise UserError("a broken question")
        return super().generate(prompts, *more)


@pytest.fixture
def held() -> Iterator[Held]:
    engine = Held()
    yield engine
    engine.go.set()


def call(text: str, params: SamplingParams = GREEDY, seed: int = 0, **more: Any) -> Call:
    return Call([{"role": "user", "content": text}], params, seed, (None, ""), **more)


def put(batcher: Batcher, *calls: Call) -> list[Future[Reply]]:
    """Put calls behind one that holds the engine; their futures, without that one's."""
    return [job.future for job in put_jobs(batcher, *calls)]


def put_jobs(batcher: Batcher, *calls: Call) -> list[Job]:
    """The same; the jobs themselves."""
    batcher.put(Job(call("first")))
    while not batcher.batches:
        time.sleep(0.001)
    jobs = [Job(one) for one in calls]
    for job in jobs:
        batcher.put(job)
    return jobs


def texts(futures: list[Future[Reply]]) -> list[str]:
    return [future.result(10).text for future in futures]


def test_what_waits_goes_together_and_each_gets_its_own_answer(held: Held) -> None:
    batcher = Batcher(held, 4)
    futures = put(batcher, *(call(f"number {i}", seed=i) for i in range(6)))
    held.go.set()
    assert texts(futures) == [f"You said number {i}." for i in range(6)]
    batcher.wait()
    assert held.sizes == [1, 4, 2] and batcher.batches == 3


def test_only_calls_with_the_same_settings_share_a_batch(held: Held) -> None:
    short = GREEDY._replace(max_tokens=2)
    batcher = Batcher(held, 8)
    futures = put(batcher, call("a"), call("b", short), call("c"), call("d", SAMPLED, 1), call("e"))
    held.go.set()
    assert texts(futures)[1:4] == ["You said", "You said c.", "You said d."]
    batcher.wait()
    assert held.sizes == [1, 3, 1, 1]


def test_sampled_calls_share_a_batch_whatever_their_seeds(held: Held) -> None:
    batcher = Batcher(held, 8)
    futures = put(batcher, *(call(f"number {i}", SAMPLED, i) for i in range(3)))
    held.go.set()
    assert texts(futures) == [f"You said number {i}." for i in range(3)]
    batcher.wait()
    assert held.sizes == [1, 3]


def test_who_leaves_is_not_answered_and_the_others_are(held: Held) -> None:
    batcher = Batcher(held, 8)
    first, leaver, last = put_jobs(batcher, call("a"), call("b"), call("c"))
    leaver.leave()
    leaver.leave()  # a second time changes nothing
    held.go.set()
    assert texts([first.future, last.future]) == ["You said a.", "You said c."]
    with pytest.raises(Stopped):
        leaver.future.result()
    batcher.wait()
    assert held.sizes == [1, 2]


def test_a_reply_that_nobody_waits_for_is_broken_off(held: Held) -> None:
    pieces: list[str] = []
    batcher = Batcher(held, 8)

    def leave_after_one(piece: str) -> None:
        pieces.append(piece)
        job.leave()

    job = Job(call("a b c d e f"), leave_after_one)
    batcher.put(job)
    held.go.set()
    batcher.wait()
    assert pieces == ["You"]


def test_one_that_fails_does_not_spoil_the_others(held: Held) -> None:
    batcher = Batcher(held, 8)
    futures = put(batcher, call("a"), call("broken"), call("c"))
    held.go.set()
    assert [futures[0].result(10).text, futures[2].result(10).text] == [
        "You said a.",
        "You said c.",
    ]
    with pytest.raises(UserError, match="a broken question"):
        futures[1].result(10)
    batcher.wait()
    assert texts([_after(batcher)]) == ["You said later."]  # and it goes on


def _after(batcher: Batcher) -> Future[Reply]:
    job = Job(call("later"))
    batcher.put(job)
    return job.future


@pytest.mark.parametrize(
    ("words", "pieces", "text"),
    [
        (["stop"], ["go on ", "st", "op now"], "go on "),
        (["stop"], ["go on st", "ill"], "go on still"),
        (["aab"], ["a", "a", "a", "b", "c"], "a"),
        (["x", "yx"], ["ay", "x"], "a"),
        ([], ["a", "b"], "ab"),
        (["ab"], ["a"], "a"),
    ],
)
def test_stop_words_may_be_in_several_pieces(
    words: list[str], pieces: list[str], text: str
) -> None:
    stop = StopWords(words)
    passed = [stop.take(piece) for piece in pieces]
    assert "".join(passed) + stop.rest() == text
    assert all(word not in "".join(passed) for word in words)


# -- the real model ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def miniature() -> Iterator[Engine]:
    engine = open_engine(config.Model(name="embedded", threads=1))
    yield engine
    engine.close()


def ask(batcher: Batcher, calls: Sequence[Call]) -> list[Reply]:
    jobs = [Job(one) for one in calls]
    for job in jobs:
        batcher.put(job)
    return [job.future.result(60) for job in jobs]


@pytest.mark.slow
def test_greedy_replies_are_the_same_alone_and_together(miniature: Engine) -> None:
    batcher = Batcher(miniature, 64)
    calls = [call(text) for text in QUESTIONS * 8]
    alone = [ask(batcher, [one])[0].text for one in calls[:4]]
    before = batcher.batches
    together = [reply.text for reply in ask(batcher, calls)]
    assert together == alone * 8
    assert batcher.batches - before < 8
    assert len(set(alone)) == 4


@pytest.mark.slow
def test_a_sampled_reply_follows_from_its_seed_whoever_else_asks(miniature: Engine) -> None:
    batcher = Batcher(miniature, 64)
    wanted = [call(QUESTIONS[0], SAMPLED, seed) for seed in range(4)]
    alone = [ask(batcher, [one])[0].text for one in wanted]
    crowd: list[Call] = []
    for one in wanted:
        crowd += [call(QUESTIONS[1]), one, call(QUESTIONS[2], SAMPLED, 99)]
    before = batcher.batches
    together = ask(batcher, crowd)
    assert batcher.batches - before < len(wanted)
    assert [reply.text for reply in together[1::3]] == alone
    assert len(set(alone)) > 1
