"""Finds out before a run whether its export will work."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from self_evolution.errors import UserError
from self_evolution.evaluation.building import builds, limited
from self_evolution.evaluation.choice import chosen_apart, smaller_part
from self_evolution.export.comparing import require_questions
from self_evolution.export.exporting import format_module, require_disk
from self_evolution.export.job import Base, base_folder
from self_evolution.run import Run


def export_obstacles(run: Run, format: str, quantisation: str, accepted: float) -> Iterator[str]:
    """Each reason why a generation of this run could not be exported into the current folder.

    `run` has read its documents and test questions. `accepted` is the loss in points that is
    accepted.
    """
    form, flag = format_module(format), f"--to {format}"
    try:
        require_questions(_questions(run), accepted)
    except UserError as error:
        yield f"{flag}: {error}"
    try:
        base = Base(run.config, base_folder(run.config.model), quantisation.lower())
        require_disk(Path.cwd(), form.check(base))
        with tempfile.TemporaryDirectory() as folder:
            yield from (f"{flag}: {fault}" for fault in form.foreseen(base, Path(folder)))
    except UserError as error:
        yield f"{flag}: {error}"


def _questions(run: Run) -> int:
    """The test questions, at most, that an export will be compared on: those that do not choose
    the leader."""
    given = run.ledger.items.of_suite("domain")
    if given:
        return len(given) - len(chosen_apart(run.config, run.ledger, given))
    if not builds(run.config):
        return 0
    built = limited(run, run.config.evaluate.questions)
    if smaller_part(run.config, built, len(run.ledger.documents.here())) == built:
        return built
    return built - round(run.config.evaluate.choice * built)
