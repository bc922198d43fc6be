"""Build: test questions are written where the user gives none, and the whole set is locked.

There are three kinds of questions: `seen`, on a document that is trained on; `unseen`, on a
document that is kept out of training; and questions on former abilities of the base. The set does
not change any more when generation 0 has been evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from self_evolution.evaluation import abilities, choice, unread
from self_evolution.evaluation.agreement import stated
from self_evolution.evaluation.building import builds, describe, taken
from self_evolution.evaluation.candidates import KINDS, build_questions
from self_evolution.evaluation.holdout import held_out
from self_evolution.evaluation.power import power
from self_evolution.evaluation.statistics import FEW_CLUSTERS
from self_evolution.ledger import digest
from self_evolution.records import Holdout, Item, Lock, content_id
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome
from self_evolution.text.counts import many


def build(run: Run, generation: int) -> Outcome:
    """Hold out, build, lock: each step continues where it was interrupted."""
    wanted = builds(run.config)
    if not run.ledger.items.locks():
        unread.leave_out(run)
        if wanted:
            if not run.ledger.documents.holdouts():
                run.ledger.add(Holdout(id) for id in held_out(run))
            for kind in KINDS:
                build_questions(run, kind)
        abilities.build(run)
        run.ledger.sources.note(run.ledger.items.all())
        _lock(run, wanted)
    items = run.ledger.items.locked()
    notes = list(_notes(run)) if wanted else []
    notes += filter(None, [unread.describe(run)])
    notes += filter(None, [abilities.describe_abilities(run)])
    notes += filter(None, [choice.describe_choice(run.config, run.ledger)])
    notes += [f"{suite}: {sentence}" for suite, sentence in power(run.config, run.ledger).items()]
    return Outcome(len(items), "; ".join(notes))


def _lock(run: Run, built: bool) -> None:
    """Store items and lock in one transaction, so that the set is complete or absent.

    In this transaction the domain questions that choose the leader get a suite of their own.
    """
    items: list[Item] = []
    if built:
        own = bool(run.ledger.items.of_suite("domain"))
        for kind in KINDS:
            items += _items(run, kind, "domain" if kind == "seen" and not own else kind)
    items += abilities.items(run)
    domain = [*run.ledger.items.of_suite("domain"), *(i for i in items if i.suite == "domain")]
    chosen = choice.chosen_apart(run.config, run.ledger, domain)
    items = [replace(item, suite=choice.SUITE) if item.id in chosen else item for item in items]
    with run.ledger.transaction():
        run.ledger.items.move(chosen, choice.SUITE)
        every = [*run.ledger.items.locked(), *items]
        every.sort(key=lambda item: (item.suite, item.position))
        if every:
            origin = "built" if items else "given"
            run.ledger.add([*items, Lock(1, origin, len(every), digest(every))])


def _items(run: Run, kind: str, suite: str) -> Iterator[Item]:
    rows = taken(run.ledger, kind)
    fragments = run.ledger.fragments.get([str(row.fragment_id) for row in rows])
    few = len({fragment.document_id for fragment in fragments}) < FEW_CLUSTERS
    for position, (row, fragment) in enumerate(zip(rows, fragments, strict=True)):
        yield Item(
            content_id("item", suite, position, row.id),
            suite,
            position,
            fragment.titled(fragment.askable),
            row.question,
            row.reference,
            stated(row.question, row.reference),
            fragment.id,
            fragment.id if few else fragment.document_id,
        )


def _notes(run: Run) -> Iterator[str]:
    held = run.ledger.documents.holdouts()
    if held:
        yield f"{many(len(held), 'document')} held out"
    for kind in KINDS:
        if run.ledger.items.candidates(kind):
            yield describe(run.ledger, kind, kind)
