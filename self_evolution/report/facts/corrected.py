"""What people corrected, and whether it is right since."""

from __future__ import annotations

from dataclasses import dataclass

from self_evolution.evaluation.corrections.recheck import Learnt, learnt
from self_evolution.ledger import Ledger
from self_evolution.records import Correction


@dataclass(frozen=True, slots=True)
class Corrected:
    """A correction that counts, with the answer of the generation that the report is about.

    `stopped` is the reason why its own pair is not trained on, or None. `now` is what the
    generation answers to the question (None if it was not asked), `right` whether that is what the
    person wanted. `held_right` of the `held` questions in other words are answered right.
    """

    correction: Correction
    taught: int
    removed: int
    stopped: str | None
    now: str | None
    right: bool
    held_right: int
    held: int


@dataclass(frozen=True, slots=True)
class Corrections:
    """`entered`: all that were taken in; `rows`: those that count, the last of each question.

    `learnt`: {generation: what it answers right} of the generations that were asked.
    """

    entered: int
    rows: tuple[Corrected, ...]
    learnt: dict[int, Learnt]

    @property
    def taught(self) -> int:
        return sum(row.taught for row in self.rows)

    @property
    def removed(self) -> int:
        return sum(row.removed for row in self.rows)

    @property
    def stopped(self) -> int:
        return sum(row.stopped is not None for row in self.rows)


def corrections(ledger: Ledger, generation: int) -> Corrections:
    """The corrections of a run, with the answers of `generation`, or of the last that was asked."""
    known = ledger.corrections
    found = {number: learnt(ledger, number) for number in range(ledger.evaluations.last() + 1)}
    found = {number: one for number, one in found.items() if one.asked + one.held}
    if found and generation not in found:
        generation = max(found)
    answers = known.rechecked(generation)
    taught, removed, stopped = known.counted("taught"), known.counted("removed"), known.stopped()
    questions = known.rechecks()
    rows = []
    for one in known.live():
        asked = [row for row in questions if row.correction_id == one.id and row.id in answers]
        own = next((answers[row.id] for row in asked if not row.held), None)
        held = [answers[row.id].correct for row in asked if row.held]
        rows.append(
            Corrected(
                one,
                taught.get(one.id, 0),
                removed.get(one.id, 0),
                stopped.get(one.id),
                own.text if own else None,
                bool(own and own.correct),
                sum(held),
                len(held),
            )
        )
    return Corrections(len(known.known()), tuple(rows), found)
