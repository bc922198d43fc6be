"""What people say about test questions and pairs: what waits for them, and how far they agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from self_evolution.evaluation import review
from self_evolution.evaluation.statistics.kappa import Agreement, agreements
from self_evolution.ledger import FeedbackStore, Review, ReviewStore, TrainedPair
from self_evolution.run import Run
from self_evolution.run.read import RunReader

PAIRS, QUESTIONS = "pairs", "questions"
_AS_REVIEW = {"right": "accept", "better": "edit", "wrong": "reject"}
"""What a verdict on an answer says about its pair."""


class Pairs(NamedTuple):
    """Pairs that wait for a reviewer, and how many were reviewed already."""

    waiting: list[TrainedPair]
    reviewed: int


class Questions(NamedTuple):
    """Test questions that wait for a reviewer, as lines of `review`; `fixed`: a model has answered
    them, so that they are not changed any more."""

    waiting: list[dict[str, Any]]
    reviewed: int
    fixed: bool


def pairs(run: RunReader, reviewer: str = "") -> Pairs:
    """The generated pairs that training uses, the newest first.

    With a `reviewer`, those wait that this one has not reviewed; without, those that nobody has.
    """
    said = {
        (row.question, row.answer)
        for row in FeedbackStore(run.folder).rows()
        if reviewer in ("", row.reviewer)
    }
    used = [
        pair
        for pair in reversed(run.ledger.pairs.trained())
        if pair.live and pair.origin == "generated" and pair.fragment_id
    ]
    waiting = [pair for pair in used if (pair.question, pair.answer) not in said]
    return Pairs(waiting, len(used) - len(waiting))


def questions(run: RunReader, reviewer: str = "") -> Questions:
    """The test questions; none before they are locked. `reviewer` as in `pairs`."""
    if not run.ledger.items.locks():
        return Questions([], 0, False)
    rows = list(review.lines(run.ledger))
    said = {row.item for row in ReviewStore(run.folder).rows() if reviewer in ("", row.reviewer)}
    waiting = [row for row in rows if row["id"] not in said]
    return Questions(waiting, len(rows) - len(waiting), bool(run.ledger.count("prediction")))


def agreement(folder: Path, kind: str) -> list[Agreement]:
    """How far reviewers agree about pairs (and other answers), or about test questions."""
    if kind == QUESTIONS:
        return agreements((row.item, row.reviewer, row.verdict) for row in _reviews(folder))
    return agreements(
        ((row.question, row.answer), row.reviewer, _AS_REVIEW[row.verdict])
        for row in FeedbackStore(folder).rows()
    )


def told(folder: Path) -> Iterator[str]:
    """A sentence on how far each two reviewers agree, for the terminal."""
    for kind, what in ((QUESTIONS, "test questions"), (PAIRS, "pairs and answers")):
        for one in agreement(folder, kind):
            first, second = one.reviewers
            kappa = "not defined, as both gave one verdict only"
            if one.kappa is not None:
                kappa = f"{one.kappa:.2f}, {one.meaning}"
            yield (
                f"{first} and {second} agree on {one.same:,} of {one.both:,} {what} that both "
                f"reviewed (kappa {kappa})"
            )


def apply(run: Run) -> tuple[int, int]:
    """Lock the test questions as they were reviewed: how many were edited, how many removed.

    A question that any reviewer rejects in the end is removed. Of several edits the last one
    counts. Raises UserError if a model has already answered the questions.
    """
    last: dict[str, dict[str, Review]] = {}
    for row in _reviews(run.folder):
        last.setdefault(row.item, {}).pop(row.reviewer, None)
        last[row.item][row.reviewer] = row  # in the order of the last words
    rows = list(review.lines(run.ledger))
    for line in rows:
        for one in last.get(line["id"], {}).values():
            if one.verdict == "reject":
                line["keep"] = False
            elif one.verdict == "edit":
                line |= {"question": one.question, "reference": one.reference}
    return review.take_back(run, rows, str(run.folder / ReviewStore.file))


def _reviews(folder: Path) -> list[Review]:
    return ReviewStore(folder).rows()
