"""What people said about answers, as a run has taken it in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Correction:
    """Feedback on one answer, which the run took in with `generation`. `position` numbers all
    feedback in the order in which it came.

    `verdict`: right, wrong, or better, with the better answer in `better`. `asked` is the question
    in a form that is the same for equal questions: of these, the last correction counts.
    `fragment_id` is the passage that the answer stands in, if it was found. `answered_by` is the
    generation whose answer it was, `adapter` the digest of its adapter (empty for the base).
    """

    id: str
    generation: int
    position: int
    time: str
    verdict: str
    question: str
    answer: str
    better: str
    asked: str
    fragment_id: str | None
    answered_by: int
    adapter: str
    reviewer: str

    @property
    def target(self) -> str:
        """The answer to learn; empty where the person only said that the answer is wrong."""
        return {"right": self.answer, "better": self.better}.get(self.verdict, "")


@dataclass(frozen=True, slots=True)
class CorrectionPair:
    """A pair that was made to teach a correction, or that a correction removed from training
    (`kind`)."""

    correction_id: str
    answer_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Recheck:
    """A question that is put to each generation, to see whether it learnt a correction.

    `held`: the question is in other words, and training does not use it.
    """

    id: str
    correction_id: str
    question: str
    held: bool


@dataclass(frozen=True, slots=True)
class RecheckAnswer:
    """The answer of a generation, book closed, and whether it is what the person wanted."""

    generation: int
    recheck_id: str
    text: str
    correct: bool
