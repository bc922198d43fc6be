"""`/api/pairs`, `/api/questions`: what a person may accept, edit or reject.

What the person says of a pair is feedback like any other, so it goes to `/api/feedback`; what is
said of a test question goes to `/api/reviews`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, model_validator

from self_evolution.evaluation import reviews
from self_evolution.ledger import Review, ReviewStore
from self_evolution.ledger.reviews import LONGEST
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.feedback_api import Kept
from self_evolution.serving.http.problems import Given, Refusal, documented
from self_evolution.serving.http.run_api import Passage, passage

Reviewer = Annotated[str, Query(max_length=LONGEST["reviewer"])]
Offset = Annotated[int, Query(ge=0, lt=2**31)]
Limit = Annotated[int, Query(ge=1, le=100)]


class Agreed(BaseModel):
    """Two reviewers who judged the same `both` things, `same` of them alike.

    `kappa` (Cohen's) is 1 if they always agree, 0 if as often as by chance, and null if both always
    gave one and the same verdict. `meaning` says it in words.
    """

    reviewers: tuple[str, str]
    both: int
    same: int
    kappa: float | None
    meaning: str


class PairRow(BaseModel):
    """A pair with the passage that it was made from.

    `generation` is the one to name in feedback about it.
    """

    question: str
    answer: str
    generation: int
    passage: Passage


class PairRows(BaseModel):
    """Pairs that were not reviewed yet; `reviewed` counts those that were, `left` the others."""

    reviewed: int
    left: int
    pairs: list[PairRow]
    agreement: list[Agreed]


class QuestionRow(BaseModel):
    """A test question with its reference answer, and the place and text of its passage."""

    id: str
    kind: str
    question: str
    reference: str
    document: str | None
    heading: list[str]
    passage: str


class QuestionRows(BaseModel):
    """Test questions that were not reviewed yet.

    `fixed`: a model has answered them, so that reviews do not change them any more.
    """

    reviewed: int
    left: int
    fixed: bool
    questions: list[QuestionRow]
    agreement: list[Agreed]


class ReviewRequest(Given):
    """What a person says of a test question; `question` and `reference` are those of an edit."""

    item: Annotated[str, Field(max_length=LONGEST["item"])]
    verdict: Literal["accept", "edit", "reject"]
    question: Annotated[str, Field(max_length=LONGEST["question"])] = ""
    reference: Annotated[str, Field(max_length=LONGEST["reference"])] = ""
    reviewer: Annotated[str, Field(max_length=LONGEST["reviewer"])] = ""

    @model_validator(mode="after")
    def _fits(self) -> ReviewRequest:
        texts = [bool(text.strip()) for text in (self.question, self.reference)]
        if texts != [self.verdict == "edit"] * 2:
            raise ValueError("an edit needs `question` and `reference`; other verdicts have none")
        return self


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["documents"])

    @router.get("/api/pairs", responses=documented())
    async def pairs(offset: Offset = 0, limit: Limit = 20, reviewer: Reviewer = "") -> PairRows:
        """Generated pairs that training uses and that nobody has reviewed, the newest first.

        With a `reviewer`, those that this one has not reviewed.
        """
        return await desk.read(lambda: _pairs(desk, offset, limit, reviewer))

    @router.get("/api/questions", responses=documented())
    async def questions(
        offset: Offset = 0, limit: Limit = 20, reviewer: Reviewer = ""
    ) -> QuestionRows:
        """Test questions that nobody has reviewed, or not this `reviewer`."""
        return await desk.read(lambda: _questions(desk, offset, limit, reviewer))

    @router.post("/api/reviews", status_code=201, responses=documented(body=True))
    async def review(given: ReviewRequest) -> Kept:
        """Keep what a person says of a test question. It is on the disk when this answers."""
        return Kept(id=await desk.read(lambda: _keep(desk, given)))

    return router


def _pairs(desk: Desk, offset: int, limit: int, reviewer: str) -> PairRows:
    run = desk.run
    with run.snapshot():
        found = reviews.pairs(run, reviewer)
        trained = {row.generation for row in run.ledger.training.adapters()}
        return PairRows(
            reviewed=found.reviewed,
            left=len(found.waiting),
            pairs=[
                PairRow(
                    question=pair.question,
                    answer=pair.answer,
                    generation=pair.generation if pair.generation in trained else 0,
                    passage=passage(desk, pair.fragment_id or ""),
                )
                for pair in found.waiting[offset : offset + limit]
            ],
            agreement=_agreement(desk, reviews.PAIRS),
        )


def _questions(desk: Desk, offset: int, limit: int, reviewer: str) -> QuestionRows:
    run = desk.run
    with run.snapshot():
        found = reviews.questions(run, reviewer)
    names = QuestionRow.model_fields
    return QuestionRows(
        reviewed=found.reviewed,
        left=len(found.waiting),
        fixed=found.fixed,
        questions=[
            QuestionRow(**{name: row[name] for name in names})
            for row in found.waiting[offset : offset + limit]
        ],
        agreement=_agreement(desk, reviews.QUESTIONS),
    )


def _agreement(desk: Desk, kind: str) -> list[Agreed]:
    found = reviews.agreement(desk.run.folder, kind)
    return [Agreed(**one._asdict(), meaning=one.meaning) for one in found]


def _keep(desk: Desk, given: ReviewRequest) -> int:
    if given.item not in {item.id for item in desk.run.ledger.items.locked()}:
        raise Refusal(400, "there is no such test question", param="item")
    row = Review(given.item, given.verdict, given.question, given.reference, given.reviewer)
    return ReviewStore(desk.run.folder).add(row)
