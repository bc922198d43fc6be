"""Answers with the model's certainty, which the routing needs besides their text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from self_evolution.models.reply import Reply
from self_evolution.serving.answering import Answerer, Question


class Told(NamedTuple):
    """An answer, and the mean log-probability of its tokens (None where the engine has none)."""

    text: str
    certainty: float | None
    cut: bool = False


def tell(
    answerer: Answerer,
    questions: Sequence[Question],
    on_text: Callable[[str], None] | None = None,
) -> list[Told]:
    """The answers to questions, which share the forward passes of the model.

    `on_text` gets the pieces of all answers, as far as the engine can stream.
    Only one batch waits at a time, so that other questions that come meanwhile are answered after
    it. If the caller is interrupted, the rest is not answered.
    """
    found: list[Told] = []
    size = answerer.batch_size
    for first in range(0, len(questions), size):
        some = questions[first : first + size]
        jobs = answerer.start_batch([certain(answerer, one) for one in some], on_text)
        try:
            found += [told(job.future.result()) for job in jobs]
        except BaseException:
            for job in jobs:
                job.leave()
            raise
    return found


def certain(answerer: Answerer, question: Question) -> Question:
    """The question, put so that the reply to it tells how certain the model is."""
    if "logprobs" not in answerer.engine.capabilities:
        return question
    call = question.call
    return question._replace(call=call._replace(params=call.params._replace(logprobs=1)))


def told(reply: Reply) -> Told:
    """A reply with the certainty of the model: the mean over the likeliest token at each place.

    They are the answer's own tokens where the run answers greedily.
    """
    top = reply.top
    certainty = sum(step[0][1] for step in top) / len(top) if top else None
    return Told(reply.text, certainty, reply.finish_reason == "length")
