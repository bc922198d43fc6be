"""`/api/pairs`: the pairs that training uses, for a person to accept, edit or reject.

What the person says is feedback like any other, so it goes to `/api/feedback`.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from self_evolution.ledger.feedback import FeedbackStore
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.problems import documented
from self_evolution.serving.http.run_api import Passage, passage


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


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["documents"])

    @router.get("/api/pairs", responses=documented())
    async def pairs(
        offset: Annotated[int, Query(ge=0, lt=2**31)] = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> PairRows:
        """Generated pairs that training uses and that nobody has reviewed, the newest first."""
        return await desk.read(lambda: _pairs(desk, offset, limit))

    return router


def _pairs(desk: Desk, offset: int, limit: int) -> PairRows:
    run = desk.run
    said = {(row.question, row.answer) for row in FeedbackStore(run.folder).rows()}
    with run.snapshot():
        trained = {row.generation for row in run.ledger.training.adapters()}
        used = [
            pair
            for pair in reversed(run.ledger.pairs.trained())
            if pair.live and pair.origin == "generated" and pair.fragment_id
        ]
        left = [pair for pair in used if (pair.question, pair.answer) not in said]
        return PairRows(
            reviewed=len(used) - len(left),
            left=len(left),
            pairs=[
                PairRow(
                    question=pair.question,
                    answer=pair.answer,
                    generation=pair.generation if pair.generation in trained else 0,
                    passage=passage(desk, pair.fragment_id or ""),
                )
                for pair in left[offset : offset + limit]
            ],
        )
