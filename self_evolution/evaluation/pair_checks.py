"""Checks of a question-answer pair: keep it, or reject it with a reason.

A check looks at one pair and returns a detail if it objects. To add one: write a function, and
add a line in `_checks`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from self_evolution import config
from self_evolution.evaluation.contamination import Match
from self_evolution.evaluation.metrics.token_f1 import tokens
from self_evolution.prompts import Profile
from self_evolution.records import Pair
from self_evolution.retrieval.terms import asked, terms
from self_evolution.text.language import differs, lacks_script, name
from self_evolution.text.values import extract_values, stands_in

LONGEST_QUESTION = 400
"""Characters of the longest question that is kept."""


class Case(NamedTuple):
    """A pair with the context that the checks need.

    `held_out` says that the pair is about a held-out document; `heading` is the heading path of
    the fragment, which may name the subject.
    """

    pair: Pair
    question_finish: str
    profile: Profile
    language: str
    settings: config.Check
    held_out: bool = False
    heading: str = ""


ENOUGH = 0.6
"""Two sentences are about the same matter if they share at least this part of their words."""

_SENTENCE = re.compile(r"(?<=[.;!?])\s+|[。；！？\n]")

Objection = str | None
"""The reason why a pair is rejected, for people; None if there is none."""

Check = tuple[str, Callable[[Case], Objection]]
"""The name of a check, as the ledger has it, and the check itself."""


def first_objection(case: Case, seen: set[bytes], match: Match | None) -> tuple[str | None, str]:
    """Return (reason, detail) of the first check that objects, or (None, "") if none does.

    `seen` are keys of the pairs kept so far, `match` is the nearest test question. Trusted pairs
    skip the other checks, which look for faults of generated text.
    """
    pair, settings = case.pair, case.settings
    if not pair.question or not pair.answer:
        return "empty", "no question" if not pair.question else "no answer"
    if leak := describe_leak(match):
        return "in_evaluation", leak
    if case.held_out:
        return "held_out", "about a document that is kept out of training"
    if not settings.enabled or pair.origin == "trusted":
        return None, ""
    reason, detail = first_of(_checks(settings), case)
    if reason:
        return reason, detail
    if settings.duplicates and key(pair.question, pair.answer) in seen:
        return "duplicate", "asked and answered alike before"
    return None, ""


def describe_leak(match: Match | None) -> Objection:
    """Say what a text has in common with the nearest test question; None if it leaks none."""
    if match is None or not match.leaks:
        return None
    return f"has {match.how} in common with {match.item.suite} question {match.item.position + 1}"


def first_of(checks: Sequence[Check], case: Case) -> tuple[str | None, str]:
    """Return (reason, detail) of the first of the checks that objects, or (None, "")."""
    for reason, objects in checks:
        detail = objects(case)
        if detail is not None:
            return reason, detail
    return None, ""


def support_checks(settings: config.Check) -> list[Check]:
    """Return the checks of whether the fragment supports what is said about it."""
    checks: list[Check] = []
    if settings.negation:
        checks.append(("negation", negation))
    if settings.values:
        checks.append(("ungrounded_value", ungrounded_value))
    if settings.grounding:
        checks.append(("ungrounded", ungrounded))
    return checks


def _checks(settings: config.Check) -> list[Check]:
    checks: list[Check] = [
        ("truncated", truncated),
        ("not_one_question", not_one_question),
        ("too_long", too_long),
        ("mentions_document", mentions_document),
        ("language", wrong_language),
    ]
    if settings.pointing:
        checks.append(("pointing", pointing))
    if settings.off_topic:
        checks.append(("off_topic", off_topic))
    return checks + support_checks(settings)


def truncated(case: Case) -> Objection:
    if "length" in (case.question_finish, case.pair.finish):
        return "question cut off" if case.question_finish == "length" else "answer cut off"
    return None


def not_one_question(case: Case) -> Objection:
    marks = sum(case.pair.question.count(mark) for mark in case.profile.question_marks)
    return None if marks == 1 else f"{marks} question marks"


def too_long(case: Case) -> Objection:
    size = len(case.pair.question)
    return f"{size} characters" if size > LONGEST_QUESTION else None


def mentions_document(case: Case) -> Objection:
    return _first_match(case.profile.leaks, case.pair.question, case.pair.answer)


def pointing(case: Case) -> Objection:
    return _first_match(case.profile.pointing, case.pair.question)


def off_topic(case: Case) -> Objection:
    """Reject a question that has no word in common with its fragment and the headings above it."""
    pair = case.pair
    if not pair.fragment or case.language != pair.language:
        return None
    there = _terms(f"{case.heading}\n{pair.fragment}")
    asked_for = asked(pair.question)
    if any(term in there for term in asked_for):
        return None
    return f"none of these stands in the fragment: {', '.join(asked_for[:5])}"


def negation(case: Case) -> Objection:
    """Reject an answer that denies what the fragment states.

    Each sentence of the answer is compared with the sentence of the fragment that has most of its
    words, if that has ENOUGH of them. A negation in the question excuses one in the answer. The
    other direction, an answer that leaves a negation out, is not checked, because "no longer than
    5 m" and "at most 5 m" say the same.
    """
    pair, negations = case.pair, case.profile.negations
    if case.language != pair.language or _first_match(negations, pair.question):
        return None
    for sentence in _SENTENCE.split(pair.answer):
        denied = _first_match(negations, sentence)
        if denied is None:
            continue
        sources = [(one, set(terms(one))) for one in _SENTENCE.split(pair.fragment)]
        words = set(asked(sentence)) - set(terms(denied))
        nearest, common = max(sources, key=lambda source: len(source[1] & words))
        alike = len(common & words) >= max(1, ENOUGH * len(words))
        if alike and _first_match(negations, nearest) is None:
            return f"{denied} is not in the fragment's “{nearest.strip()[:80]}”"
    return None


def wrong_language(case: Case) -> Objection:
    """Reject clear cases only: names, codes and a few words may be of any language."""
    question, answer, wanted = case.pair.question, case.pair.answer, case.language
    if differs(question, wanted) or lacks_script(question, wanted):
        return f"question not in {name(wanted)}"
    return f"answer not in {name(wanted)}" if differs(answer, wanted) else None


def ungrounded_value(case: Case) -> Objection:
    """A number, code or name of the answer that neither fragment nor question has."""
    fragment, question = case.pair.fragment, case.pair.question
    about = f"{fragment}\n{question}"
    missing = [
        value
        for value in extract_values(case.pair.answer, about=fragment)
        if not any(stands_in(value, text, about) for text in (fragment, question))
    ]
    return f"not in the fragment: {', '.join(missing[:3])}" if missing else None


def ungrounded(case: Case) -> Objection:
    """Reject an answer with too few content words in fragment or question."""
    source = _tokens(case.pair.fragment).union(tokens(case.pair.question))
    words = [word for word in tokens(case.pair.answer) if word not in case.profile.common]
    missing = [word for word in words if word not in source]
    share = 1 - len(missing) / len(words) if words else 1.0
    if share >= case.settings.grounding:
        return None
    return f"{share:.0%} grounded; not in the fragment: {', '.join(missing[:5])}"


@lru_cache(maxsize=16)  # the pairs about a fragment are checked one after the other
def _terms(text: str) -> frozenset[str]:
    return frozenset(terms(text))


@lru_cache(maxsize=16)
def _tokens(text: str) -> frozenset[str]:
    return frozenset(tokens(text))


def _first_match(patterns: tuple[str, ...], *texts: str) -> Objection:
    for pattern in patterns:
        for text in texts:
            if match := re.search(pattern, text):
                return f"“{match[0]}”"
    return None


def _plain(text: str) -> str:
    return " ".join(tokens(text))


def key(question: str, answer: str) -> bytes:
    """A digest of the pair, because a long run keeps one of every pair in memory."""
    text = f"{_plain(question)}\n{_plain(answer)}"
    return hashlib.blake2b(text.encode(), digest_size=12).digest()
