"""Nugget recall: the share of the reference's facts that the answer has (Voorhees 2003).

No model lists the facts: they are the reference's values, and the words of its statements that the
question does not have. Only recall is measured: an answer that repeats a whole document may score,
so this metric decides no promotion.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from self_evolution.evaluation.metrics.exact_match import known_values
from self_evolution.evaluation.metrics.metric import Graded, Metric
from self_evolution.evaluation.metrics.token_f1 import tokens
from self_evolution.text.function_words import FUNCTION_WORDS
from self_evolution.text.lexer import plain
from self_evolution.text.script import is_cjk
from self_evolution.text.values import stands_in
from self_evolution.text.words import cut

COVERED = 0.6
"""Share of a statement's words that the answer must have."""

_ENDS = frozenset("。！？；;!?\n")


def statements(pair: Graded) -> list[frozenset[str]]:
    """The content words of each statement of the reference, beyond its values and the question.

    Function words are left out, and Chinese words of one character.
    """
    text = plain(pair.reference)
    cjk = is_cjk(pair.reference)
    context = " ".join([pair.question, *known_values(pair)]).casefold()
    known = FUNCTION_WORDS.union(tokens(context))
    found = []
    for part in _parts(text):
        if cjk:
            words = {word.casefold() for word in part if len(word) > 1 and word[0].isalpha()}
            words = {word for word in words - known if word not in context}
        else:
            words = {word for word in tokens("".join(part)) if word[0].isalpha()} - known
        if words:
            found.append(frozenset(words))
    return found


def _parts(text: str) -> Iterator[list[str]]:
    """The words of each statement. A full stop ends a statement; the point in 4.5 does not."""
    words = cut(text)
    part: list[str] = []
    for word, after in pairwise((*words, "\n")):
        if word in _ENDS or (word == "." and not after.strip()):
            yield part
            part = []
        else:
            part.append(word)
    yield part


def nugget_recall(pair: Graded) -> float | None:
    """Share of the facts that the prediction has, in percent; None where nothing is listed.

    A value must be in the prediction as a whole; of a statement's words, the share COVERED must be
    there.
    """
    hits = [stands_in(value, pair.prediction, pair.about) for value in known_values(pair)]
    answer, there = pair.prediction.casefold(), set(tokens(pair.prediction))
    cjk = is_cjk(pair.reference)
    for words in statements(pair):
        covered = sum(word in answer if cjk else word in there for word in words)
        hits.append(covered >= COVERED * len(words))
    return 100.0 * sum(hits) / len(hits) if hits else None


NUGGET_RECALL = Metric(
    "nugget-recall",
    ("values+statements", f"covered:{COVERED}"),
    nugget_recall,
    ("jieba",),
    revision=4,
    charted=True,
)
