"""What the run behind the service has: documents, passages, generations with their scores."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from self_evolution.run.read import RunReader
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.problems import Refusal, documented
from self_evolution.serving.sources import sources


class Passage(BaseModel):
    """A whole passage. `before` and `after` are its neighbours in the document, if there are."""

    fragment: str
    document: str
    heading: list[str]
    page: int | None
    language: str
    text: str
    before: str | None
    after: str | None


class DocumentRow(BaseModel):
    """A document that is searched; `path` is the value for `document` in a question."""

    path: str
    passages: int
    languages: list[str]
    held_out: bool


class Score(BaseModel):
    """A mean over test questions in percent, with its 95% interval."""

    suite: str
    mode: str
    metric: str
    mean: float
    low: float
    high: float
    questions: int


class Generation(BaseModel):
    """A generation that may be asked; 0 is the base. `promoted` is null before the decision."""

    generation: int
    parent: int | None
    promoted: bool | None
    scores: list[Score]


class RunState(BaseModel):
    """The run: `name` is that of its folder, `leader` is null before any generation leads."""

    name: str
    model: str
    domain: str
    leader: int | None
    generations: list[Generation]


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["documents"])

    @router.get("/api/fragments/{id}", responses=documented(404))
    async def fragment(id: str) -> Passage:
        """A passage that an answer names, whole and with its place."""
        return await desk.read(lambda: passage(desk, id))

    @router.get("/api/documents", responses=documented())
    async def documents() -> list[DocumentRow]:
        """The documents that can be searched."""
        return await desk.read(lambda: _documents(desk))

    @router.get("/api/run", responses=documented())
    async def run() -> RunState:
        """The generations of the run, with the scores of the domain questions."""
        return await desk.read(lambda: run_state(desk.run))

    return router


def passage(desk: Desk, id: str) -> Passage:
    """A passage with its place. Raises Refusal (404) if there is none."""
    ledger = desk.run.ledger
    try:
        (fragment,) = ledger.fragments.get([id])
    except KeyError:
        raise Refusal(404, "there is no such passage", "fragment_not_found") from None
    (place,) = sources(ledger, [id])
    others = [one.id for one in ledger.fragments.of_document(fragment.document_id)]
    at = others.index(id)
    return Passage(
        fragment=id,
        document=place.document,
        heading=list(fragment.heading),
        page=fragment.page,
        language=fragment.language,
        text=fragment.text,
        before=others[at - 1] if at else None,
        after=others[at + 1] if at + 1 < len(others) else None,
    )


def _documents(desk: Desk) -> list[DocumentRow]:
    ledger = desk.run.ledger
    held = ledger.documents.held_out()
    return [
        DocumentRow(
            path=row.document.path,
            passages=row.fragments,
            languages=row.languages.split(),
            held_out=row.document.id in held,
        )
        for row in ledger.documents.rows()
        if row.here and row.fragments
    ]


def run_state(run: RunReader) -> RunState:
    """The generations at this moment."""
    with run.snapshot():
        ledger = run.ledger
        decided = {row.generation: row.promoted for row in ledger.evaluations.promotions()}
        metric = ledger.evaluations.deciding_metric(run.config.promote.metric)
        scores: dict[int, list[Score]] = {}
        for row in ledger.evaluations.of_generations():
            if row.suite == "domain" and row.metric == metric:
                scores.setdefault(row.generation, []).append(
                    Score(
                        suite=row.suite,
                        mode=row.mode,
                        metric=row.metric,
                        mean=row.mean,
                        low=row.low,
                        high=row.high,
                        questions=row.n,
                    )
                )
        parents: dict[int, int | None] = {0: None}
        parents |= {row.generation: row.parent for row in ledger.training.adapters()}
        return RunState(
            name=run.folder.name,
            model=run.config.model.name,
            domain=run.config.domain.name,
            leader=ledger.evaluations.leader() if decided else None,
            generations=[
                Generation(
                    generation=number,
                    parent=parent,
                    promoted=decided.get(number),
                    scores=scores.get(number, []),
                )
                for number, parent in parents.items()
            ],
        )
