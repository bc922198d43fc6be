"""F1 of token overlap: words for scripts with spaces, characters for CJK."""

from __future__ import annotations

import re
from collections import Counter

from self_evolution.evaluation.metrics.metric import Graded, Metric
from self_evolution.text.characters import plain_characters
from self_evolution.text.script import CJK

_TOKEN = re.compile(rf"[{CJK}]|\d+(?:\.\d+)+|[^\W_{CJK}]+")


def tokens(text: str) -> list[str]:
    """The tokens of `text` in order, lower-cased, punctuation dropped; 4.5 is one token."""
    return _TOKEN.findall(plain_characters(text).casefold())


def token_f1(pair: Graded) -> float:
    """F1 in percent of the multisets of tokens; 0 where either text has none.

    After Rajpurkar et al. 2016 (SQuAD), but articles count, and an empty answer never scores.
    """
    predicted, expected = Counter(tokens(pair.prediction)), Counter(tokens(pair.reference))
    overlap = (predicted & expected).total()
    return 100.0 * 2 * overlap / (predicted.total() + expected.total()) if overlap else 0.0


TOKEN_F1 = Metric(
    "token-f1",
    ("words+cjk-chars", "case:lower", "punct:no"),
    token_f1,
    revision=2,
    charted=True,
)
