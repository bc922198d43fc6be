"""Pairs with the same question whose answers contradict each other, and which to believe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatch
from typing import NamedTuple

from self_evolution.errors import UserError, some
from self_evolution.evaluation.contamination import names
from self_evolution.evaluation.metrics.token_f1 import tokens
from self_evolution.ledger import PairSource
from self_evolution.records import Contradiction
from self_evolution.text.script import has_cjk
from self_evolution.text.values import extract_values, stands_in

TRUSTED, NEWEST = "trusted", "newest"
"""The entries of `check.prefer` that are no pattern of paths."""

_POLITE = re.compile(r"^\s*(?:please\b|请问?)", re.IGNORECASE)
_LIGHT = {"a", "an", "the", "exactly", "is", "are", "was", "were", "be", "do", "does", "did"}
_LIGHT |= set("的了吗呢")
_YES = ("yes", "ja", "oui", "sí", "si", "sim", "да", "是", "有", "可", "能", "对")
_NO = ("no", "nein", "non", "não", "нет", "不", "否", "没", "无")


class Claim(NamedTuple):
    """A pair with its place, and when the file of its document was written last (`modified`).

    That time is in nanoseconds; 0 if it is not known.
    """

    pair: PairSource
    modified: int


def question_key(question: str) -> str:
    """A text that is equal for two questions with the same words in the same order.

    Case, punctuation, articles and auxiliary verbs do not count, and "which" counts as "what". The
    order does: "from A to B" is not "from B to A".
    """
    words = tokens(_POLITE.sub("", question))
    kept = [("what" if word == "which" else word) for word in words if word not in _LIGHT]
    return " ".join(kept or words)


def contradict(question: str, one: str, other: str) -> bool:
    """Whether two answers to a question cannot both be right.

    They are compared by their numbers, codes and identifiers: they contradict each other if each
    states one that the other does not have. Units are not converted: 5 m and 500 cm differ. If
    neither states any, they are compared by yes and no, and then by their names, which must have
    nothing in common. Answers in free words never contradict each other.
    """
    mine, its = _values(question, one), _values(question, other)
    if mine and its:
        return not _states(other, mine, question) and not _states(one, its, question)
    polar = {_polarity(one), _polarity(other)}
    if None not in polar:
        return len(polar) == 2
    if mine or its:
        return False
    known = names(question)
    left, right = names(one) - known, names(other) - known
    return bool(left and right) and not left & right


def losers(generation: int, claims: Sequence[Claim], prefer: Sequence[str]) -> list[Contradiction]:
    """Find which of these pairs, all with the same question, are not to be trained on from
    `generation` on, because another one contradicts them.

    A pair stays only if it is preferred to every pair that contradicts it. Two trusted pairs do not
    exclude each other: the user gave both.
    """
    found = []
    for one in claims:
        mine = one.pair
        beaten: Contradiction | None = None
        for other in claims:
            its = other.pair
            better = _preferred(other, one, prefer)
            hopeless = (beaten and not better) or _preferred(one, other, prefer)
            if hopeless or (mine.trusted and its.trusted):
                continue
            if contradict(mine.question, mine.answer, its.answer):
                beaten = Contradiction(generation, mine.answer_id, its.answer_id, better)
                if better or not prefer:
                    break
        if beaten:
            found.append(beaten)
    return found


def require_known(prefer: Sequence[str], paths: Sequence[str]) -> None:
    """Raises UserError for an entry of `check.prefer` that is no known word and no pattern of one
    of these paths: it could never prefer anything."""
    for entry in prefer:
        if entry in (TRUSTED, NEWEST) or any(_lies_in(path, entry) for path in paths):
            continue
        there = f", such as {some(paths)}" if paths else ", of which there are none"
        raise UserError(
            f"--check.prefer {entry}: it is neither {TRUSTED} nor {NEWEST}, and as a pattern it "
            f"matches none of the documents{there}"
        )


def _lies_in(path: str, pattern: str) -> bool:
    return fnmatch(f"/{path}", f"*/{pattern.lstrip('/')}")


def _preferred(one: Claim, other: Claim, prefer: Sequence[str]) -> bool:
    """Whether `one` is believed rather than `other`: the first entry that tells them apart says."""
    for entry in prefer:
        if entry == NEWEST and not (one.modified and other.modified):
            continue  # which one is newer is not known
        rank = _rank(entry)
        first, second = rank(one), rank(other)
        if first != second:
            return first > second
    return False


def _rank(entry: str) -> Callable[[Claim], int]:
    if entry == TRUSTED:
        return lambda claim: int(claim.pair.trusted)
    if entry == NEWEST:
        return lambda claim: claim.modified
    return lambda claim: int(_lies_in(claim.pair.path, entry))


def _values(question: str, answer: str) -> list[str]:
    """The values of an answer that the question does not state already."""
    stated = extract_values(answer, about=question)
    return [value for value in stated if not stands_in(value, question, answer)]


def _states(text: str, values: Iterable[str], question: str) -> bool:
    return all(stands_in(value, text, question) for value in values)


def _polarity(answer: str) -> bool | None:
    """True for an answer that begins with yes, False for no, None for any other."""
    first = next(iter(tokens(answer)), "")
    if first in _YES and (has_cjk(first) or _alone(answer, first)):
        return True
    return False if first in _NO and (has_cjk(first) or _alone(answer, first)) else None


def _alone(answer: str, word: str) -> bool:
    """Whether the word stands before a comma, a full stop or the end: "No." but not "No node"."""
    rest = answer.lstrip()[len(word) :].lstrip()
    return not rest or not rest[0].isalnum()
