"""How long training examples are: generated pairs, the user's own, and what is rehearsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from self_evolution.documents.readers.pairs import read_pairs
from self_evolution.forecast.batches import NONE
from self_evolution.forecast.replies import Expected
from self_evolution.forecast.sample import Sample, Text
from self_evolution.forecast.sketch import Sketch
from self_evolution.run import Run
from self_evolution.run.side_files import side_files
from self_evolution.text.language import detect

PAIRS = 64
"""Pairs, at most, of which the tokens are counted."""


class Lesson(NamedTuple):
    """The mean tokens of a pair: of its question with the book closed, and of its answer."""

    prompt: float
    answer: float

    @property
    def tokens(self) -> float:
        return self.prompt + self.answer


class Lessons:
    """Measures them with the texts of the probe and the user's pairs."""

    def __init__(self, run: Run, sample: Sample) -> None:
        self._run, self._sample = run, sample
        pairs = side_files(run.config).get("ask.pairs")
        self.trusted = [
            Text(one.question, one.answer) for one in (read_pairs(pairs) if pairs else ())
        ]
        some = self.trusted[:: max(1, len(self.trusted) // PAIRS)]
        self._lengths = [size + 1 for size in run.engine.count([one.answer for one in some])]
        self._trusted = self._prompt(some) if some else 0.0

    def pair(self, kept: float, trusted: float, replies: Mapping[str, Expected]) -> Lesson:
        """The mean over `kept` generated pairs and `trusted` pairs of the user's own."""
        texts = [one for one in self._sample.texts.get("ask", ()) if one.question] or [NONE]
        own = sum(self._lengths) / len(self._lengths) if self._lengths else 0.0
        prompts = ((kept, self._prompt(texts[:PAIRS])), (trusted, self._trusted))
        answers = ((kept, replies["answer"].mean), (trusted, own))
        whole = max(1e-9, kept + trusted)
        return Lesson(*(sum(n * size for n, size in some) / whole for some in (prompts, answers)))

    def learnt(self, kept: float, trusted: float, replies: Mapping[str, Expected]) -> Expected:
        """The answers that a tuned model has learnt to give: those of most of its pairs."""
        most = replies["closed"].most
        if trusted <= kept:
            return Expected(tuple(min(n, most) for n in replies["answer"].lengths), most)
        return Expected(tuple(sorted(min(float(size), most) for size in self._lengths)), most)

    def conversation(
        self,
        tasks: Mapping[str, float],
        per_task: int,
        asking: Sketch,
        replies: Mapping[str, Expected],
    ) -> float:
        """The mean tokens of a conversation that is rehearsed; `tasks` are those of each origin,
        with so many questions each. `asking` is a sketch of what is asked about fragments."""
        tokens = {
            "topics": self._frame + replies["ask"].mean + replies["answer"].mean,
            "fragments": asking.mean + replies["answer"].mean,
        }
        if "topic" in replies:
            tokens["topics"] = self._frame + replies["topic"].mean + replies["topic answer"].mean
            tokens["template"] = (
                self._frame + replies["template"].mean + replies["template answer"].mean
            )
        rows = {
            origin: number * {"topics": per_task, "template": 1, "fragments": per_task + 1}[origin]
            for origin, number in tasks.items()
        }
        whole = sum(rows.values())
        return sum(number * tokens[origin] for origin, number in rows.items()) / max(1e-9, whole)

    def _prompt(self, texts: Sequence[Text]) -> float:
        closed = (self._run.prompts.closed(one.question, detect(one.question)) for one in texts)
        return sum(len(self._run.engine.prompt_ids(prompt)) for prompt in closed) / len(texts)

    @property
    def _frame(self) -> float:
        """Tokens of a closed-book prompt beside its question and the end of that."""
        return self._prompt([NONE]) - self._run.engine.count([NONE.question])[0] - 1
