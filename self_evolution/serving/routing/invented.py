"""Questions that no document answers, made from test questions.

The rarest term of a question that the documents know is replaced by one like it that no document
has: another name, code or number. Nothing in the documents answers the new question.
"""

from __future__ import annotations

import random
import re
import unicodedata

from self_evolution.records import seed_of
from self_evolution.retrieval import asked
from self_evolution.serving.routing.evidence import Coverage

_VOWELS, _CONSONANTS, _DIGITS = "aeiou", "bcdfghklmnprstvz", "0123456789"
_TRIES = 20


def unanswerable(question: str, coverage: Coverage) -> str:
    """The question about a thing that is in no document; empty if none can be made."""
    known = [term for term in asked(question) if coverage.frequency(term)]
    dice = random.Random(seed_of("unanswerable", question))
    for term in sorted(known, key=lambda one: (coverage.frequency(one), -len(one), one)):
        match = re.search(re.escape(term), question, re.IGNORECASE)
        for _ in range(_TRIES if match else 0):
            assert match is not None
            new = "".join(_like(char, dice) for char in match[0])
            made = f"{question[: match.start()]}{new}{question[match.end() :]}"
            if not any(coverage.frequency(one) for one in set(asked(made)) - set(asked(question))):
                return made
    return ""


def _like(char: str, dice: random.Random) -> str:
    """Another sign of the same kind: a digit, a vowel, a consonant, or a Chinese character."""
    lower = char.casefold()
    for kind in (_DIGITS, _VOWELS, _CONSONANTS):
        if lower in kind:
            new = dice.choice(kind)
            return new.upper() if char.isupper() else new
    if unicodedata.category(char) == "Lo":
        return chr(dice.randrange(0x4E00, 0x9FA5))
    return char
