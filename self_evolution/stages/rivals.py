"""Rivals: other models answer the same test questions, for comparison.

Each rival has a number below 0, under which its predictions and evaluations are stored. Rivals have
no influence on promotion.
"""

from __future__ import annotations

from self_evolution.errors import UserError
from self_evolution.evaluation.predict import Predictions, predict
from self_evolution.evaluation.tasks import tasks
from self_evolution.models.other_models import AGAINST, label
from self_evolution.records import Rival
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome
from self_evolution.stages.evaluate import summary

FLAG = AGAINST


def rivals(run: Run, generation: int) -> Outcome:
    """Ask one rival after the other. A rival that has answered everything is not loaded again."""
    wanted = set(tasks(run, generation=-1))
    asked, notes = 0, []
    for name in dict.fromkeys(run.config.evaluate.against) if wanted else ():
        number = _number(run, name)
        if wanted <= run.ledger.evaluations.evaluated(number):
            continue
        predictions = _predict(run, number, name)
        if isinstance(predictions, Rival):
            notes.append(f"{label(name)} is rival {-predictions.generation}, and not asked again")
            continue
        asked += predictions.asked
        parts = [*summary(run, run.ledger.evaluations.of_rivals(), number), *predictions.notes]
        notes.append(f"rival {-number}, {label(name)}: {', '.join(parts) or 'asked'}")
    if not wanted:
        notes.append("there are no test questions to put to them; give some with --eval FILE")
    return Outcome(asked, "; ".join(notes))


def _number(run: Run, name: str) -> int:
    """Return the number of this rival, or the next free one."""
    known = {row.name: row.generation for row in run.ledger.evaluations.rivals()}
    return known.get(name, min(known.values(), default=0) - 1)


def _predict(run: Run, number: int, name: str) -> Predictions | Rival:
    """Let a rival answer the test questions, and return its predictions.

    If the same model has answered under another name, return that rival instead.
    Raises UserError if the model under this name is not the one that answered before.
    """
    other = run.models.open_other(name, FLAG)
    rival = Rival(number, name, other.identity)
    before = next(
        (row for row in run.ledger.evaluations.rivals() if row.generation == number), rival
    )
    if before != rival:
        raise UserError(
            f"{FLAG} {name}: no longer the model that answered before (that was "
            f"{before.identity}, this is {rival.identity}); put it back, or give the new one "
            "another name"
        )
    if before is rival:
        twins = [row for row in run.ledger.evaluations.rivals() if row.identity == other.identity]
        if twins:
            return twins[0]
        run.ledger.add([rival])
    return predict(run, number, other.generator)
