"""`/api/why`: the training pairs behind an answer, and what they came from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from self_evolution.serving.http.ask_api import Asked
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.openai_shapes import Source
from self_evolution.serving.http.places import shown
from self_evolution.serving.http.problems import Given, documented
from self_evolution.serving.why import Why, why


class WhyRequest(Given):
    """`text` is a question or an answer; at most `limit` pairs are wanted."""

    text: Asked
    limit: Annotated[int, Field(ge=1, le=20)] = 3


class NearPair(BaseModel):
    """A training pair. `share` of the text's terms are in it (0 to 1).

    `origin` is `generated`, `trusted`, `rewrite` for a text about a passage, or `fragment` for the
    passage itself. The question of the last two is what the model is asked in training; `trained`
    are the generations that were trained on it.
    """

    question: str
    answer: str
    share: float
    origin: str
    generation: int
    trained: list[int]
    live: bool
    source: Source | None


class NearTest(BaseModel):
    """The nearest test question. `share` of the words are in common (0 to 1).

    `first_right`: the first generation that answered it right from memory; `right_since`: the first
    of those that all have done so, up to the last one; null where none did.
    """

    question: str
    reference: str
    share: float
    first_right: int | None
    right_since: int | None


class WhyAnswer(BaseModel):
    """Training pairs near a text, the nearest first, and the nearest test question, if one is."""

    pairs: list[NearPair]
    tested: NearTest | None


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["documents"])

    @router.post("/api/why", responses=documented(body=True))
    async def reasons(wanted: WhyRequest) -> WhyAnswer:
        """The training pairs nearest to a question or an answer. No model is asked."""
        return await desk.read(lambda: _shown(_why(desk, wanted)))

    return router


def _why(desk: Desk, wanted: WhyRequest) -> Why:
    with desk.run.snapshot():
        return why(desk.run.ledger, wanted.text, wanted.limit)


def _shown(found: Why) -> WhyAnswer:
    tested = found.tested
    return WhyAnswer(
        pairs=[
            NearPair(
                question=near.pair.question,
                answer=near.pair.answer,
                share=near.share,
                origin=near.pair.origin,
                generation=near.pair.generation,
                trained=list(near.pair.trained),
                live=near.pair.live,
                source=shown([near.source])[0] if near.source else None,
            )
            for near in found.pairs
        ],
        tested=None
        if tested is None
        else NearTest(
            question=tested.item.question,
            reference=tested.item.reference,
            share=tested.share,
            first_right=tested.first,
            right_since=tested.since,
        ),
    )
