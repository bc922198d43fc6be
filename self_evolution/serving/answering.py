"""Answering a user's question with the model of a run, as the evaluation puts its questions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from self_evolution.errors import UserError
from self_evolution.evaluation.prompts import (
    TaskPrompt,
    closed_prompt,
    fits,
    retrieved_prompt,
    sampling,
)
from self_evolution.models import TOO_LONG, Engine, Reply, engines, open_engine
from self_evolution.records import Message
from self_evolution.run.adapters import use_generation
from self_evolution.run.read import RunReader
from self_evolution.serving.sources import Source, sources

LEADER, BASE = "leader", "base"
PASSAGES = 3
"""Passages that are looked for where the evaluation of the run shows none."""


class Turn(NamedTuple):
    """An earlier question of a conversation, and the answer to it."""

    question: str
    answer: str


class Answered(NamedTuple):
    """An answer; `sources` are the passages that were in the prompt, the best first.

    `generation` is that of the model that answered, 0 the base. `cut` tells that the answer
    reached the longest that was allowed.
    """

    text: str
    sources: list[Source]
    generation: int
    cut: bool


class Told(NamedTuple):
    """An answer, and the mean log-probability of its tokens (None where the engine has none)."""

    text: str
    certainty: float | None
    cut: bool


def open_model(run: RunReader) -> Engine:
    """Load the model of a run, without a lock on it.

    Raises UserError if it is not there, or is not the model that the run began with.
    """
    settings = run.config.model
    engines.check_engine(settings)
    changed = engines.identity(settings) != run.ledger.meta("model")
    if not changed:
        engine = open_engine(settings)
        if run.ledger.meta("revision") in (None, engine.revision):
            return engine
        engine.close()
    raise UserError(
        f"{run.folder}: the model {settings.name} is not the one that this run began with, so its "
        "adapters do not fit; put the old one back"
    )


class Answerer:
    """Answers questions with any generation of a run.

    It may be called from any number of threads; the model answers one question at a time. It reads
    the run as it is at each question, so that a new leader is taken up.
    """

    def __init__(self, run: RunReader, engine: Engine) -> None:
        self._run = run
        self._engine = engine
        self._lock = threading.Lock()

    @property
    def streams(self) -> bool:
        """Whether `answer` can pass on the text as it comes."""
        return "streaming" in self._engine.capabilities

    def answer(
        self,
        question: str,
        history: Sequence[Turn] = (),
        generation: int = 0,
        limit: int | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> Answered:
        """The answer of a generation to a question, with at most `limit` passages beside it.

        `limit` 0 puts the question with the book closed; None looks for as many passages as the
        evaluation does, or PASSAGES where that shows none. With a `history` the last question of
        it is searched for too, and its latest turns stand before the question, as many as fit.
        Raises UserError if the question does not fit the model's window, or if the adapter of the
        generation is not there.
        """
        run = self._run
        wanted = run.config.evaluate.top_k or PASSAGES if limit is None else limit
        with self._lock:
            with run.snapshot():
                prompt = self._prompt(question, history, wanted)
                places = sources(run.ledger, prompt.sources)
                use_generation(self._engine, run.folder, run.ledger, generation)
            (reply,) = self._engine.generate(
                [self._conversation(prompt, history)],
                sampling(run.config.evaluate),
                run.config.seed,
                "current",
                None if on_text is None else lambda _, piece: on_text(piece),
            )
        if reply.finish_reason == TOO_LONG:
            raise self._too_long(prompt)
        return Answered(reply.text, places, generation, reply.finish_reason == "length")

    @property
    def engine(self) -> Engine:
        """The model. Only what counts tokens may be called while questions are answered."""
        return self._engine

    def ask(
        self, question: str, history: Sequence[Turn], generation: int, limit: int
    ) -> tuple[tuple[str, ...], Told]:
        """(ids of the passages in the prompt, the answer with its certainty), as `answer` does."""
        with self._lock, self._run.snapshot():
            prompt = self._prompt(question, history, limit)
            whole = TaskPrompt(self._conversation(prompt, history), prompt.sources)
        (told,) = self.tell([whole], generation)
        return prompt.sources, told

    def tell(self, prompts: Sequence[TaskPrompt], generation: int) -> list[Told]:
        """The answers of a generation to prompts, with their certainty, in batches."""
        run, size = self._run, self._run.config.model.batch_size
        params = sampling(run.config.evaluate)
        if "logprobs" in self._engine.capabilities:
            params = params._replace(logprobs=1)
        found: list[Told] = []
        for start in range(0, len(prompts), size):
            some = [prompt.messages for prompt in prompts[start : start + size]]
            with self._lock:
                use_generation(self._engine, run.folder, run.ledger, generation)
                found += map(_told, self._engine.generate(some, params, run.config.seed, "current"))
        return found

    def _prompt(self, question: str, history: Sequence[Turn], limit: int) -> TaskPrompt:
        if limit == 0:
            prompt = closed_prompt(self._run, question)
        else:
            searched = f"{question}\n{history[-1].question}" if history else ""
            prompt = retrieved_prompt(self._run, self._engine, question, limit, searched)
        if not fits(self._run, self._engine, prompt.messages):
            raise self._too_long(prompt)
        return prompt

    def _conversation(self, prompt: TaskPrompt, history: Sequence[Turn]) -> list[Message]:
        """The prompt with the latest turns before its question that leave room for an answer."""
        *before, last = prompt.messages
        for first in range(len(history)):
            turns = [message for turn in history[first:] for message in _messages(turn)]
            if fits(self._run, self._engine, tried := [*before, *turns, last]):
                return tried
        return prompt.messages

    def _too_long(self, prompt: TaskPrompt) -> UserError:
        what = "no passage found fits" if prompt.sources else "the question does not fit"
        most = self._run.config.evaluate.max_tokens
        do = "--closed asks without passages" if prompt.sources else "give a shorter question"
        return UserError(
            f"{what} the model's window beside an answer of up to {most:,} tokens; {do}"
        )


def _told(reply: Reply) -> Told:
    """The answer, and the mean log-probability of the likeliest token at each of its places."""
    top = reply.top
    certainty = sum(step[0][1] for step in top) / len(top) if top else None
    return Told(reply.text, certainty, reply.finish_reason == "length")


def generation(run: RunReader, name: str) -> int:
    """The generation that `name` (`leader`, `base`, or a number) stands for at this moment.

    Raises UserError if no generation leads yet, or if there is none of that number.
    """
    if name == BASE:
        return 0
    if name == LEADER:
        if not run.ledger.evaluations.promotions():
            raise UserError(
                f"{run.folder}: no generation was evaluated yet, so none leads; `--model base` "
                f"asks the model before training, and `self-evolution run --run {run.folder}` "
                "goes on with the run"
            )
        return run.ledger.evaluations.leader()
    there = [0, *(row.generation for row in run.ledger.training.adapters())]
    if not name.isdecimal() or int(name) not in there:
        raise UserError(
            f"--model {name}: no such generation in {run.folder}; expected leader, base, or one "
            f"of {', '.join(map(str, there))}"
        )
    return int(name)


def _messages(turn: Turn) -> list[Message]:
    return [
        {"role": "user", "content": turn.question},
        {"role": "assistant", "content": turn.answer},
    ]
