"""IFD: how hard an answer is to predict with its question, relative to without it.

IFD(Q, A) = mean token NLL of A given Q / mean token NLL of A alone (Li et al. 2024, as used by
Zhang et al. 2024: a ratio of mean losses, not of perplexities). The token ids of prompt and answer
are joined; nothing is searched for in text. An IFD of 1 means that the question does not help to
predict the answer, and a low IFD that it helps much.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from self_evolution import config
from self_evolution.errors import UserError
from self_evolution.models.protocols import Row, Scorer, Weights
from self_evolution.prompts import Prompts
from self_evolution.records import Message

NEAR_ZERO = 1e-3
"""If the NLL of the answer alone (nats a token) is below this, the ratio means nothing."""

TRAINABLE = ("scored", "one_token", "near_zero_alone")
"""Outcomes with which a pair may be trained on; only `scored` pairs are ranked for replay."""


class Measure(NamedTuple):
    """The result of scoring a pair; `outcome` says why there is no IFD, or none to rank by.

    scored, one_token (computed, but not ranked: a single token is no measure), empty_answer,
    question_too_long (it leaves no room in the window for an answer), answer_too_long (question and
    answer do not fit the window), near_zero_alone, not_finite.
    """

    outcome: str
    ifd: float | None
    nll_given_question: float | None
    nll_alone: float | None
    answer_tokens: int


class Template:
    """Makes the token ids of the text before an answer: with its question, or without any."""

    def __init__(
        self, scorer: Scorer, prompts: Prompts, texts: Mapping[str, str] | None = None
    ) -> None:
        """`texts` come from `read_template`; None means the model's chat template."""
        self._scorer, self._prompts, self._texts = scorer, prompts, texts
        self.alone = scorer.text_ids(self._texts["alone"]) if self._texts else scorer.opening_ids()

    def given(self, prompt: Sequence[Message]) -> list[int]:
        """`prompt` is a question with the turns before it, if there are any."""
        if self._texts:
            asked = "\n".join(turn["content"] for turn in prompt)
            filled = self._texts["given_question"].replace("{input}", asked)
            return self._scorer.text_ids(filled)
        return self._scorer.prompt_ids(self._prompts.chat(prompt))

    def answer(self, answer: str) -> list[int]:
        return self._scorer.text_ids(answer, reply=self._texts is None)


def measure(
    scorer: Scorer,
    template: Template,
    pairs: Sequence[tuple[str | Sequence[Message], str]],
    settings: config.Score,
    weights: Weights,
) -> list[Measure]:
    """The IFD of (question, answer) pairs, in their order.

    A conversation that ends with a question stands in the place of a question: its answer is then
    compared given all turns before it, and alone.
    """
    window = min(settings.max_tokens, scorer.window)
    answers = [template.answer(answer) for _, answer in pairs]
    given: list[Row] = [
        (template.given(asked(question)), answer)
        for (question, _), answer in zip(pairs, answers, strict=True)
    ]
    fits = [bool(answer) and len(prompt) + len(answer) <= window for prompt, answer in given]
    inside = [i for i, fit in enumerate(fits) if fit]
    with_question = _nll(scorer, [given[i] for i in inside], settings.batch_tokens, weights)
    unasked: list[Row] = [(template.alone, answers[i]) for i in inside]
    alone = _nll(scorer, unasked, settings.batch_tokens, weights)
    found = {
        i: _ratio(q, a, len(answers[i]))
        for i, q, a in zip(inside, with_question, alone, strict=True)
    }
    return [
        found.get(i) or Measure(_unscored(*row, window), None, None, None, len(answers[i]))
        for i, row in enumerate(given)
    ]


def asked(question: str | Sequence[Message]) -> Sequence[Message]:
    """Return a question as a conversation of one turn; a conversation is returned as it is."""
    return [{"role": "user", "content": question}] if isinstance(question, str) else question


def _unscored(prompt: Sequence[int], answer: Sequence[int], window: int) -> str:
    if not answer:
        return "empty_answer"
    return "question_too_long" if len(prompt) >= window else "answer_too_long"


def _ratio(given: float, alone: float, size: int) -> Measure:
    if not (math.isfinite(given) and math.isfinite(alone)):
        return Measure("not_finite", None, None, None, size)
    if alone < NEAR_ZERO:
        return Measure("near_zero_alone", None, given, alone, size)
    return Measure("one_token" if size == 1 else "scored", given / alone, given, alone, size)


def _nll(scorer: Scorer, rows: Sequence[Row], budget: int, weights: Weights) -> list[float]:
    """NLLs in the order of `rows`, computed in batches of similar length."""
    result = [math.nan] * len(rows)
    for batch in by_tokens([len(prompt) + len(answer) for prompt, answer in rows], budget):
        for i, value in zip(batch, scorer.nll([rows[i] for i in batch], weights), strict=True):
            result[i] = value
    return result


def by_tokens(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indices in batches of similar length, each of at most `budget` tokens when padded.

    A row longer than the budget is a batch of its own.
    """
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if batch and lengths[i] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def read_template(file: str) -> dict[str, str] | None:
    """The texts in that file; None without a file. Raises UserError for a bad one."""
    if not file:
        return None
    expected = 'expected a JSON object with "given_question", which holds {input}, and "alone"'
    try:
        values = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"--score.template {file}: {error.strerror}; {expected}") from None
    except ValueError as error:
        raise UserError(f"--score.template {file}: {error}; {expected}") from None
    good = isinstance(values, dict) and all(
        isinstance(values.get(key), str) and values[key] for key in ("given_question", "alone")
    )
    if not good or "{input}" not in values["given_question"]:
        raise UserError(f"--score.template {file}: {expected}")
    return dict(values)
