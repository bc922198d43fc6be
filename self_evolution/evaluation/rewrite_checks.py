"""Checks of a rewrite: it is kept, or not used for a reason.

A rewrite is held to its fragment and headings by the checks of answers (`pair_checks`).
"""

from __future__ import annotations

from collections.abc import Iterable

from self_evolution import config
from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.evaluation.pair_checks import (
    Case,
    Check,
    Objection,
    describe_leak,
    first_of,
    mentions_document,
    support_checks,
    truncated,
)
from self_evolution.prompts import Profile
from self_evolution.records import Fragment, Pair, Rewrite
from self_evolution.text.language import differs, name
from self_evolution.text.wording import says_nothing_new, wording


def first_objection(
    rewrite: Rewrite,
    fragment: Fragment,
    profile: Profile,
    language: str,
    settings: config.Check,
    contamination: ContaminationCheck,
) -> tuple[str | None, str]:
    """Return (reason, detail) of the first check that objects, or (None, "") if none does.

    `language` is the one that was asked for. A fragment that was taken as it is cannot be wrong
    about itself, so only test questions are looked for in it.
    """
    if not rewrite.text:
        return "empty", "no text"
    if found := leak(rewrite, fragment, contamination):
        return "in_evaluation", found
    if not settings.enabled or not profile.rewrites[rewrite.kind].strip():
        return None, ""
    pair = Pair(
        rewrite.id,
        rewrite.generation,
        fragment.id,
        "",
        rewrite.text,
        rewrite.finish,
        fragment.titled(fragment.askable),
        fragment.language,
    )
    checks: list[Check] = [
        ("truncated", truncated),
        ("mentions_document", mentions_document),
        ("language", _wrong_language),
        *support_checks(settings),
    ]
    return first_of(checks, Case(pair, "stop", profile, language, settings))


def leak(rewrite: Rewrite, fragment: Fragment, contamination: ContaminationCheck) -> str | None:
    """Say what the text has in common with a test question; None if it leaks none."""
    return describe_leak(contamination.match(rewrite.prompt, rewrite.text, fragment.text))


def repeats(text: str, others: Iterable[str]) -> bool:
    """Whether one of the other texts says all that this text says, in the same words and order."""
    mine = wording(text)
    return any(says_nothing_new(mine, wording(other)) for other in others)


def _wrong_language(case: Case) -> Objection:
    return f"not in {name(case.language)}" if differs(case.pair.answer, case.language) else None
