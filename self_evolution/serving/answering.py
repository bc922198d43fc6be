"""Answering a user's question with the model of a run, as the evaluation puts its questions."""

from __future__ import annotations

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
from self_evolution.models import Engine, SamplingParams, engines, open_engine
from self_evolution.records import Message
from self_evolution.run.adapters import known_adapter
from self_evolution.run.read import RunReader
from self_evolution.serving.batching import Batcher, Call, Job
from self_evolution.serving.sources import Source, sources

LEADER, BASE = "leader", "base"
PASSAGES = 3
"""Passages that are looked for where the evaluation of the run shows none."""


class TooLong(UserError):
    """A question leaves no room for an answer in the model's window."""


class NoSuchDocument(UserError):
    """No document of the run has the path that was given."""


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


class Question(NamedTuple):
    """The call that puts a question, the passages in its prompt, and the `tokens` of the prompt."""

    call: Call
    sources: list[Source]
    generation: int
    tokens: int


class Answerer:
    """Answers questions with any generation of a run.

    It may be called from any number of threads; questions that wait at the same time are answered
    together. It reads the run as it is at each question, so that a new leader is taken up.
    """

    def __init__(self, run: RunReader, engine: Engine) -> None:
        self._run = run
        self._engine = engine
        self.batch_size = max(run.config.model.batch_size, engine.concurrency)
        """The most questions that are answered at the same time."""
        self._batcher = Batcher(engine, self.batch_size)

    @property
    def streams(self) -> bool:
        """Whether `answer` can pass on the text as it comes."""
        return "streaming" in self._engine.capabilities

    @property
    def engine(self) -> Engine:
        """The model. Only what counts tokens may be called while questions are answered."""
        return self._engine

    def close(self) -> None:
        """Answer nothing more, and wait until the model works on nothing.

        Whoever still waits for an answer gets Stopped.
        """
        self._batcher.close()

    def raise_if_closed(self) -> None:
        self._batcher.raise_if_closed()

    @property
    def batches(self) -> int:
        """How many batches of questions the model was given."""
        return self._batcher.batches

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
        put = self.put(question, history, generation, limit)
        job = self.start(put, on_text)
        try:
            reply = job.future.result()
        except BaseException:  # Ctrl-C too
            job.leave()
            raise
        return Answered(reply.text, put.sources, generation, reply.finish_reason == "length")

    def warm_up(self, generation: int) -> None:
        """Load all that the first question would wait for: the adapter, tables of languages.

        Raises UserError as `answer` does.
        """
        params = sampling(self._run.config.evaluate)._replace(max_tokens=1)
        hello: list[Message] = [{"role": "user", "content": "What does this handbook tell?"}]
        for limit in (0, 1):
            self.start(self.put_messages(hello, generation, limit, params)).future.result()

    def start(self, question: Question, on_text: Callable[[str], None] | None = None) -> Job:
        """Have a question answered; `on_text` gets the pieces in the thread of the model."""
        job = Job(question.call, on_text)
        self._batcher.put(job)
        return job

    def start_batch(
        self, questions: Sequence[Question], on_text: Callable[[str], None] | None = None
    ) -> list[Job]:
        """Have at most `batch_size` questions answered together; `on_text` gets all pieces."""
        jobs = [Job(question.call, on_text) for question in questions]
        self._batcher.put(*jobs)
        return jobs

    def put(
        self,
        question: str,
        history: Sequence[Turn] = (),
        generation: int = 0,
        limit: int | None = None,
        document: str | None = None,
    ) -> Question:
        """A question as `answer` puts it; with a `document`, only its passages are searched.

        Raises UserError as `answer` does, and if no document has that path.
        """
        with self._run.snapshot():
            searched = f"{question}\n{history[-1].question}" if history else ""
            prompt = self._prompt(question, limit, searched, document)
            messages = self._conversation(prompt, history)
            return self._question(messages, prompt.sources, generation, None, None, ())

    def put_messages(
        self,
        messages: Sequence[Message],
        generation: int,
        limit: int = 0,
        params: SamplingParams | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Question:
        """A whole conversation that ends with a question; all of it is put, or nothing.

        With a `limit`, the last question is put with as many passages. `params` and `seed` are the
        run's unless given. Raises UserError if conversation and reply do not fit the window.
        """
        with self._run.snapshot():
            *before, last = messages
            asked = [last["content"], *(m["content"] for m in before if m["role"] == "user")]
            searched = f"{asked[0]}\n{asked[-1]}" if asked[1:] else ""
            prompt = self._prompt(asked[0], limit, searched)
            every = [*before, *prompt.messages]
            system = [one for one in every if one["role"] == "system"]
            others = [one for one in every if one["role"] != "system"]
            if len(system) > 1:  # the caller's, and that of the prompt with passages
                text = "\n\n".join(one["content"] for one in system)
                system = [{"role": "system", "content": text}]
            whole = [*system, *others]
            return self._question(whole, prompt.sources, generation, params, seed, stop)

    def put_prompt(self, prompt: TaskPrompt, generation: int) -> Question:
        """A prompt that is made already, as the evaluation would put it."""
        return self._question(prompt.messages, prompt.sources, generation, None, None, ())

    def _question(
        self,
        messages: list[Message],
        shown: Sequence[str],
        generation: int,
        params: SamplingParams | None,
        seed: int | None,
        stop: Sequence[str],
    ) -> Question:
        run, params = self._run, params or sampling(self._run.config.evaluate)
        tokens = len(self._engine.prompt_ids(messages))
        if tokens + params.max_tokens > self._engine.window:
            raise self._too_long(bool(shown), params.max_tokens)
        adapter = known_adapter(run.folder, run.ledger, generation)
        call = Call(
            messages, params, run.config.seed if seed is None else seed, adapter, tuple(stop)
        )
        return Question(call, sources(run.ledger, shown), generation, tokens)

    def _prompt(
        self, question: str, limit: int | None, searched: str, document: str | None = None
    ) -> TaskPrompt:
        run = self._run
        wanted = run.config.evaluate.top_k or PASSAGES if limit is None else limit
        place = None if document is None else run.ledger.documents.at(document)
        if document is not None and place is None:
            raise NoSuchDocument(f"no document {document} in this run; expected its path")
        if wanted == 0:
            prompt = closed_prompt(run, question)
        else:
            prompt = retrieved_prompt(run, self._engine, question, wanted, searched, place)
        if not fits(run, self._engine, prompt.messages):
            raise self._too_long(bool(prompt.sources), run.config.evaluate.max_tokens)
        return prompt

    def _conversation(self, prompt: TaskPrompt, history: Sequence[Turn]) -> list[Message]:
        """The prompt with the latest turns before its question that leave room for an answer."""
        *before, last = prompt.messages
        for first in range(len(history)):
            turns = [message for turn in history[first:] for message in _messages(turn)]
            if fits(self._run, self._engine, tried := [*before, *turns, last]):
                return tried
        return prompt.messages

    def _too_long(self, passages: bool, most: int) -> TooLong:
        what = "no passage found fits" if passages else "the question does not fit"
        do = "--closed asks without passages" if passages else "give a shorter question"
        return TooLong(f"{what} the model's window beside an answer of up to {most:,} tokens; {do}")


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
