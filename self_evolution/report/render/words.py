"""The wording of numbers, languages and reasons in the report."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from self_evolution.evaluation.corrections.recheck import format_learnt
from self_evolution.evaluation.scores import is_share as is_share
from self_evolution.evaluation.statistics import Interval
from self_evolution.evaluation.statistics import format_p as format_p
from self_evolution.evaluation.tasks import MODES as MODES
from self_evolution.evaluation.tasks import passage_found as passage_found
from self_evolution.ledger import (
    Conflict,
    PairSource,
    RewriteCounts,
    TeacherCounts,
    TrustedCounts,
)
from self_evolution.models.endpoint.address import is_address
from self_evolution.models.other_models import label
from self_evolution.progress import clock
from self_evolution.records import Evaluation
from self_evolution.report.facts.corrected import Corrections
from self_evolution.report.facts.coverage import Coverage, Uncovered
from self_evolution.report.facts.evaluations import trend as trend
from self_evolution.text.counts import many, rounded
from self_evolution.text.language import detect as language

KINDS = {
    "own": "Questions of your own",
    "choice": "Questions that only choose which generation leads",
    "seen": "New questions on documents that are trained on",
    "unseen": "Questions on documents that are held out",
    "ability": "The base's own questions on what it can do besides",
}
REASONS = {
    "empty": "the model gave no question or no answer",
    "in_evaluation": "is a test question, or nearly so: never trained on",
    "truncated": "question or answer reached its length limit",
    "not_one_question": "not exactly one question",
    "too_long": "the question is too long",
    "mentions_document": "speaks of the document instead of the matter",
    "language": "in another language than the fragment",
    "pointing": "points at something unnamed (“this parameter”)",
    "ungrounded_value": "a number, code or name that the fragment does not have",
    "off_topic": "the question has no word in common with the fragment",
    "negation": "the answer denies what the fragment states",
    "ungrounded": "too few of the answer's words stand in the fragment",
    "corrected": "says what a person has corrected",
    "duplicate": "asked and answered alike before",
    "held_out": "a pair of your own on a document that is kept out of training",
    "disagreement": "independent answers do not say the same",
    "no_short_answer": "the answer is no number, word or name",
    "about_documents": "asks about what the documents say: training is to change that",
    "surplus": "the set was full",
}
OUTCOMES = {
    "scored": "has an IFD and a place in the ranking",
    "one_token": "an answer of one token: trained on, not ranked",
    "empty_answer": "no token to score",
    "question_too_long": "the question alone does not fit the window: left out",
    "answer_too_long": "question and answer do not fit the window: left out",
    "near_zero_alone": "certain even without its question: trained on, not ranked",
    "not_finite": "the model gave no finite likelihood: left out",
}

_WHOLE = re.compile(r"[\d.]+%? \[[\d.]+–[\d.]+\]|--[\w.-]*\w")


def number(value: float) -> str:
    """A percentage for a sentence; a decimal only where a whole number would say too much."""
    whole = rounded(value)
    near_end = value < 10 or value > 99
    return f"{value:.1f}" if near_end and abs(value - whole) >= 0.05 else str(whole)


def interval(row: Evaluation | Interval) -> str:
    return f"[{number(row.low)}–{number(row.high)}]"


def format_score(row: Evaluation | Interval, metric: str) -> str:
    """`83% [78–88]`: a share of the questions for exact-match, points for other metrics."""
    return f"{number(row.mean)}{'%' if is_share(metric) else ''} {interval(row)}"


def score(row: Evaluation) -> str:
    return format_score(row, row.metric)


def lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def keep(text: str) -> Markup:
    """The escaped text, in which no line break can divide an interval or a flag."""
    return Markup(_WHOLE.sub(r'<span class="keep">\g<0></span>', str(escape(text))))


def share(row: Interval | None) -> str:
    """`62% [55–68]`; a dash if there was nothing to count."""
    return "–" if row is None else f"{number(row.mean)}% {interval(row)}"


def duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if 0 < seconds < 9.95 else clock(seconds)


def trusted(found: TrustedCounts) -> str:
    """Describe how many of the user's own pairs were used; empty if there are none."""
    if not found.rows:
        return ""
    told = f"Your own pairs: {many(found.rows, 'row')}, {many(found.pairs, 'different pair')}, "
    told += f"{found.placed:,} of them placed in the documents"
    if found.kept + found.stopped + found.held_out:
        told += f"; {found.kept:,} kept, {found.near:,} of these near a test question; "
        told += f"{found.stopped:,} stopped as test questions"
    if found.held_out:
        told += f"; {found.held_out:,} stopped as their documents are held out"
    return told


def teachers(found: Sequence[TeacherCounts]) -> str:
    """Describe what teachers wrote; empty if there are none."""
    return "; ".join(
        f"Teacher {label(one.name, one.id if is_address(one.id) else '')}: "
        f"{many(one.pairs, 'pair')} asked and answered in place of the base, "
        f"{one.kept:,} of them kept; {many(one.test_questions, 'test question')}{_rewrote(one)}"
        for one in found
    )


def _rewrote(one: TeacherCounts) -> str:
    if not one.rewrites:
        return ""
    return f"; {many(one.rewrites, 'rewrite')} of fragments, {one.rewrites_kept:,} of them kept"


def rewritten(found: Sequence[RewriteCounts]) -> str:
    """Describe how many rewrites of each kind were kept; empty if none were written."""
    if not found:
        return ""
    copied = sum(one.copied for one in found)
    told = f"Rewrites of fragments: {many(sum(one.written for one in found), 'text')}, "
    told += f"{copied:,} of them the fragment as it is, " if copied else ""
    told += f"{sum(one.kept for one in found):,} kept"
    kinds = (f"{one.kind} {one.kept:,} of {one.written:,}{_dropped(one)}" for one in found)
    return f"{told}: {'; '.join(kinds)}"


def _dropped(found: RewriteCounts) -> str:
    reasons = (f"{n:,} {reason.replace('_', ' ')}" for reason, n in found.reasons.items())
    listed = ", ".join(reasons)
    return f" ({listed})" if listed else ""


def corrected(found: Corrections) -> str:
    """What became of the corrections; empty if there are none."""
    if not found.rows:
        return ""
    told = f"Corrections by people: {found.entered:,}, on {many(len(found.rows), 'question')}; "
    told += f"{many(found.taught, 'pair')} made from them, "
    told += f"{many(found.removed, 'pair')} removed from training"
    if found.stopped:
        told += f"; {found.stopped:,} stopped, because they are evaluation questions or held out"
    if found.learnt:
        parts = [
            f"{format_learnt(one)} ({f'generation {generation}' if generation else 'the base'})"
            for generation, one in sorted(found.learnt.items())
        ]
        told += f"; right with the book closed: {'; '.join(parts)}"
    return told


def covered(found: Coverage) -> str:
    """How many of the documents' values were asked about, by generation."""
    where = f"{many(found.fragments, 'fragment')}, drawn from {found.total:,},"
    if found.fragments == found.total:
        where = "the documents"
    told = f"Coverage: {number(found.share.mean)}% {interval(found.share)} of the {found.values:,} "
    told += f"numbers, codes and identifiers in {where} are stated by the answer of a kept pair"
    told += _steps(found.covered, found.values)
    if one := found.statements:
        where = "" if found.fragments == found.total else " in these fragments"
        told += f". Of the {one.total:,} statements (sentences, items and rows){where}, "
        told += "kept pairs state "
        told += f"{number(one.share.mean)}% {interval(one.share)}{_steps(one.covered, one.total)}"
    return told


def _steps(covered: Mapping[int, int], total: int) -> str:
    if len(covered) < 2:
        return ""
    steps = (f"{number(100 * n / total)}%" for n in covered.values())
    return f"; generation by generation: {', '.join(steps)}"


def located(found: Uncovered) -> str:
    """The document, the heading path and the page of a fragment."""
    page = f"page {found.page}" if found.page else ""
    return ", ".join(filter(None, (found.path, " > ".join(found.heading), page)))


def listed(values: Sequence[str], most: int = 12) -> str:
    """The first values, and how many more there are."""
    more = f" and {len(values) - most:,} more" if len(values) > most else ""
    return ", ".join(values[:most]) + more


def contradicted(found: Sequence[Conflict]) -> str:
    """What became of pairs that contradict each other; empty if there are none."""
    if not found:
        return ""
    settled = sum(one.believed for one in found)
    told = f"Contradictions: {len(found):,} (two places answer the same question differently); "
    told += f"neither answer is trained on in {len(found) - settled:,} of them"
    return told + (f", the one preferred by --check.prefer in {settled:,}" if settled else "")


def place(source: PairSource) -> str:
    """Where a pair comes from: the document and page, or the user's file and row."""
    return ", ".join(filter(None, (source.path, source.place)))


def lang(text: str) -> str:
    """The `lang` attribute of a text: zh, ja or ko, or empty where only a guess is left."""
    found = language(text)
    return found if found in ("zh", "ja", "ko") else ""


def cut(text: str, size: int) -> str:
    """At most `size` characters, and how many more there are."""
    if len(text) <= size:
        return text
    return f"{text[:size]} … ({many(len(text) - size, 'more character')})"
