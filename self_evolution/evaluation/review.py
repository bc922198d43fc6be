"""Review: test questions as lines that a person may edit or remove, and back as a new version.

Rows are only added: an edited question is a new item that replaces the old one, and the old item
stays in the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from self_evolution.errors import UserError, excerpt
from self_evolution.evaluation import abilities
from self_evolution.evaluation.agreement import stated
from self_evolution.ledger import Ledger, digest
from self_evolution.records import Item, Lock, Replacement, content_id
from self_evolution.run import Run

TEXTS = ("passage", "question", "reference")
EXPECTED = 'expected {"id", "passage", "question", "reference", "values", "keep"} as it was written'


def kind(item: Item) -> str:
    """Return the kind of a question: own (the user's), seen, unseen, or ability."""
    if item.suite == abilities.ABILITIES:
        return abilities.KIND
    if item.fragment_id is None:
        return "own"
    return "unseen" if item.suite == "unseen" else "seen"


def lines(ledger: Ledger) -> Iterator[dict[str, Any]]:
    """Yield a row for each test question. Raises UserError if the set is not built yet."""
    items = _locked(ledger)
    sources = ledger.sources.built(items)
    for item in items:
        source = sources.get(item.id)
        topic = (item.cluster_id or "",) if kind(item) == abilities.KIND else ()
        yield {
            "id": item.id,
            "kind": kind(item),
            "document": source.path if source else None,
            "heading": list(source.heading if source else topic),
            "passage": item.passage,
            "question": item.question,
            "reference": item.reference,
            "values": None if item.reference_values is None else list(item.reference_values),
            "keep": True,
        }


def take_back(run: Run, rows: Sequence[Any], origin: str) -> tuple[int, int]:
    """Lock the reviewed lines; returns how many questions were edited, and how many removed.

    A missing line removes its question, as `"keep": false` does. Raises UserError that names the
    row of `origin`, or if a model has already answered the questions.
    """
    items = {item.id: item for item in _locked(run.ledger)}
    before = run.ledger.items.replaced()
    if run.ledger.count("prediction"):
        raise UserError(
            f"{run.folder}: a model has answered these questions; changed ones would measure "
            "something else: start a new run, and review it after `self-evolution build`"
        )
    version = run.ledger.items.locks()[-1].version + 1
    kept: dict[str, Item] = {}
    for number, row in enumerate(rows, 1):
        item = items.get(str(row.get("id"))) if isinstance(row, dict) else None
        place = f"{origin}, row {number}"
        if item is None and isinstance(row, dict) and row.get("id") in before:
            raise UserError(
                f"{place}: edited or struck out already; `self-evolution review RUN -o FILE` "
                "writes the questions as they are now: go on from those"
            )
        if item is None or item.id in kept:
            what = "twice the same id" if item else "no question of this set"
            raise UserError(f"{place}: {what}; {EXPECTED}")
        keep = row.get("keep", True)
        if not isinstance(keep, bool):
            raise UserError(f'{place}: "keep" is {json.dumps(keep)}, expected true or false')
        if keep:
            kept[item.id] = _edited(item, row, version, place)
    changed = {id: new for id, new in kept.items() if new != items[id]}
    struck = [id for id in items if id not in kept]
    if not changed and not struck:
        return 0, 0
    every = sorted(kept.values(), key=lambda item: (item.suite, item.position))
    gone = [Replacement(id, version, new.id) for id, new in changed.items()]
    gone += [Replacement(id, version, None) for id in struck]
    lock = Lock(version, "reviewed", len(every), digest(every))
    run.ledger.add([*changed.values(), *gone, lock])
    return len(changed), len(struck)


def _locked(ledger: Ledger) -> list[Item]:
    if not ledger.items.locks():
        raise UserError(
            f"{ledger.path.parent}: no test questions; `self-evolution build RUN` makes them, "
            "unless --evaluate.build is never"
        )
    return ledger.items.locked()


def _edited(item: Item, row: dict[str, Any], version: int, place: str) -> Item:
    """Return the item with the texts of the row; the same item if they are unchanged."""
    texts = [row.get(name, getattr(item, name)) for name in TEXTS]
    if not all(isinstance(text, str) for text in texts) or not texts[1].strip():
        raise UserError(f"{place}: {EXPECTED}, got {excerpt(row)}")
    passage, question, reference = texts
    old = item.reference_values
    given = row.get("values", None if old is None else list(old))
    if given is not None and not (
        isinstance(given, list) and all(isinstance(value, str) for value in given)
    ):
        raise UserError(f'{place}: "values" must be a list of texts, or null')
    values = None if given is None else tuple(given)
    if values == old and values is not None and reference != item.reference:
        find = abilities.definite if kind(item) == abilities.KIND else stated
        values = find(question, reference)  # the old ones belong to the old reference
    new = replace(
        item, passage=passage, question=question, reference=reference, reference_values=values
    )
    if new == item:
        return item
    id = content_id("item", item.suite, item.position, version, *texts, values)
    return replace(new, id=id)
