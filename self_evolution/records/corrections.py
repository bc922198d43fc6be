"""What people said about answers, as a run has taken it in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Correction:
    """Feedback on one answer that entered with `generation`; `position` counts them as they came.

    `verdict`: right, wrong, or better, with the better answer in `better`. `asked` is the question
    in the form by which equal questions are known: the last correction of a question counts.
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
    """A pair that a correction taught (made for training), or removed from training (`kind`)."""

    correction_id: str
    answer_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Recheck:
    """A question that each generation is asked to see whether a correction was learnt.

    `held`: it is in other words, which training does not use.
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
