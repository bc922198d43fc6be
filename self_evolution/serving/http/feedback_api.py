"""`/api/feedback`: what people say about answers; the run learns from it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from self_evolution.ledger.feedback import FRAGMENTS, LONGEST, Feedback, FeedbackStore
from self_evolution.run.adapters import known_adapter
from self_evolution.serving.http.ask_api import FragmentId
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.problems import Given, Refusal, documented
from self_evolution.serving.routing import NOT_FOUND


class FeedbackRequest(Given):
    """An answer was right or wrong, or the person gives a better one (`better`).

    That nothing was found is neither right nor wrong. `fragments` and `generation` are those of the
    answer; `reviewer` is free text.
    """

    verdict: Literal["right", "wrong", "better"]
    question: Annotated[str, Field(max_length=LONGEST["question"], pattern=r"\S")]
    answer: Annotated[str, Field(max_length=LONGEST["answer"], pattern=r"\S")]
    better: Annotated[str, Field(max_length=LONGEST["better"])] = ""
    fragments: Annotated[list[FragmentId], Field(max_length=FRAGMENTS, default_factory=list)]
    generation: Annotated[int, Field(ge=0, lt=2**31)]
    reviewer: Annotated[str, Field(max_length=LONGEST["reviewer"])] = ""

    @model_validator(mode="after")
    def _fits(self) -> FeedbackRequest:
        if (self.verdict == "better") != bool(self.better.strip()):
            raise ValueError("`better` is expected with the verdict better, and with no other")
        return self


class Kept(BaseModel):
    """The feedback is on the disk."""

    id: int


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["documents"])

    @router.post("/api/feedback", status_code=201, responses=documented(body=True))
    async def feedback(given: FeedbackRequest) -> Kept:
        """Keep what a person says about an answer. It is on the disk when this answers."""
        return Kept(id=await desk.read(lambda: _keep(desk, given)))

    return router


def _keep(desk: Desk, given: FeedbackRequest) -> int:
    if given.verdict != "better" and given.answer.strip() in NOT_FOUND:
        raise Refusal(400, "nothing was answered, so nothing is right or wrong", param="verdict")
    run = desk.run
    folder, digest = known_adapter(run.folder, run.ledger, given.generation)
    if folder is not None and not digest:
        raise Refusal(400, "there is no such generation", param="generation")
    try:
        run.ledger.fragments.get(given.fragments)
    except KeyError:
        raise Refusal(400, "there is no such passage", param="fragments") from None
    row = Feedback(
        given.verdict,
        given.question,
        given.answer,
        given.better if given.verdict == "better" else "",
        tuple(given.fragments),
        given.generation,
        digest,
        given.reviewer,
    )
    return FeedbackStore(run.folder).add(row)
