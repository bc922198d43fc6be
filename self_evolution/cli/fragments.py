"""read as a filter: documents in, fragments out as lines of JSON, without a run."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from self_evolution.cli.output import json_lines
from self_evolution.ledger import Ledger
from self_evolution.progress import Progress
from self_evolution.records import Document, Fragment
from self_evolution.run import Run
from self_evolution.run.open import Request
from self_evolution.run.process import stop_signals


def write(request: Request, output: str) -> int:
    """Write a line for each fragment, in reading order; without a model its tokens are estimated.

    No search index is made, since nothing is searched.
    """
    from self_evolution.stages import perform
    from self_evolution.stages.split import make_fragments

    settings = request.settings()
    progress = Progress()
    if not settings.model.name:
        progress.say("no --model: tokens are counted roughly, one for each four bytes")
    with (
        json_lines(output) as out,
        tempfile.TemporaryDirectory() as folder,
        closing(Ledger(Path(folder) / "run.db")) as ledger,
    ):
        run = Run(Path(folder), settings, ledger, progress)
        with stop_signals(run):
            perform(run, 0, "read")
            progress.say(f"{'':<4}split: {make_fragments(run).note}")
        for document in ledger.documents.here():
            for fragment in ledger.fragments.of_document(document.id):
                out(_line(document, fragment))
    return 0


def _line(document: Document, fragment: Fragment) -> dict[str, Any]:
    return {
        "id": fragment.id,
        "text": fragment.text,
        "document": document.path,
        "title": document.title,
        "heading": list(fragment.heading),
        "page": fragment.page,
        "start": fragment.start,
        "end": fragment.end,
        "tokens": fragment.tokens,
        "language": fragment.language,
        "duplicate": fragment.duplicate,
        "duplicate_of": fragment.duplicate_of,
    }
