"""Whether a run is still the same: its settings, the files they name, its documents."""

from __future__ import annotations

from pathlib import Path

from self_evolution.config import Config
from self_evolution.documents.changes import Changes
from self_evolution.errors import UserError, printable
from self_evolution.ledger import Ledger
from self_evolution.run.side_files import digests, side_files
from self_evolution.schedule import out_of_patience

FREE = {
    "recipe",
    "generations",
    "evaluate.against",
    "evaluate.judge",
    "model.download",
    "read.follow_links",
    "read.max_file_mb",
    "read.memory_mb",
    "read.seconds",
    "read.workers",
    "train.checkpoint_steps",
    "train.report_to",
}
"""Settings that may change in the middle of a run without a word.

They change no row that is there; those of reading count for the files that are read from then on.
"""

GROWING = {"train.samples", "train.steps"}
"""Settings with a number a generation, which may go on for generations to come."""

FIXED = (
    "seed",
    "model.name",
    "model.engine",
    "model.dtype",
    "model.chat_template",
    "model.thinking",
    "split.",
    "read.limit",
    "train.rank",
    "train.alpha",
    "train.dropout",
    "train.rehearsal_file",
    "evaluate.abilities",
    "evaluate.build",
    "evaluate.file",
    "evaluate.held_out",
    "evaluate.questions",
    "evaluate.retention_file",
    "evaluate.samples",
    "evaluate.limit",
    "evaluate.max_tokens",
    "evaluate.temperature",
    "evaluate.top_k",
    "evaluate.top_p",
)
"""Settings that a run cannot change: what it has would no longer belong together.

Those of the model and of splitting may, as long as nothing was made with them.
"""


def of_settings(folder: Path, stored: Config, wanted: Config, accept: bool, begun: bool) -> None:
    old, new = stored.flat(), wanted.flat()
    changed = [
        key
        for key in old
        if old[key] != new[key]
        and key not in FREE
        and key != "read.documents"
        and not (key in GROWING and old[key] and new[key][: len(old[key])] == old[key])
    ]
    if not begun:
        changed = [key for key in changed if not key.startswith(("model.", "split."))]
    if not changed:
        return
    listed = "; ".join(f"{key} {old[key]} → {new[key]}" for key in changed)
    fixed = [key for key in changed if key.startswith(FIXED)]
    if fixed:
        raise UserError(
            f"{folder}: this run began with other settings: {listed}\n"
            f"{', '.join(fixed)} cannot change within a run: start a new one with another --run"
        )
    if not accept:
        raise UserError(
            f"{folder}: this run began with other settings: {listed}\n"
            "--accept-change takes them from the next batch on; or start a new run with another "
            "--run"
        )


def of_files(folder: Path, ledger: Ledger, wanted: Config, accept: bool) -> None:
    """Files that settings name must be what they were; prompts and score template may change."""
    known, found = ledger.meta("files"), digests(wanted)
    changed = [key for key in known if key in found and known[key] != found[key]]
    fixed = [key for key in changed if key.startswith(FIXED)]
    if fixed or (changed and not accept):
        paths = ", ".join(f"{side_files(wanted)[key]} ({key})" for key in fixed or changed)
        cure = "put the old one back, or start a new run with another --run"
        if not fixed:
            cure = "--accept-change takes it from the next batch on; or start a new run"
        raise UserError(f"{folder}: not what it was when this run began: {paths}\n{cure}")
    if changed:
        ledger.set_meta("files", known | found)


def of_documents(
    folder: Path, ledger: Ledger, changes: Changes, wanted: Config, reads: bool, accept: bool
) -> None:
    """Documents may come, change and go, but not behind a person's back."""
    gone = [document.path for document, kind in changes.gone if kind == "withdrawn"]
    altered = [document.path for document, kind in changes.gone if kind == "changed"]
    kinds = {
        "new": [name for name in (*changes.new, *changes.refused) if name not in altered],
        "changed": altered,
        "gone": gone,
        "back": [document.path for document in changes.returned],
    }
    told = "; ".join(f"{len(some)} {kind} ({_some(some)})" for kind, some in kinds.items() if some)
    most = len(gone) > len(ledger.documents.here()) / 2
    if not accept and (most or not reads):
        raise UserError(
            f"{folder}: documents are not what this run has read: {told}\n"
            "--accept-change takes that over from the next generation on: what is gone is set "
            "aside; or start a new run with another --run"
        )
    if ledger.count("candidate") and not ledger.items.seals():
        raise UserError(
            f"{folder}: its test questions are being built from the documents as they were; finish "
            f"that first (`self-evolution examine {folder}`), or start a new run"
        )
    if not reads and out_of_patience(wanted, ledger):
        raise UserError(
            f"{folder}: ended early, because the last generations were not promoted; give "
            "--promote.patience 0 or a larger one too, so that the new documents are asked about"
        )
    if not reads and ledger.stage_done(wanted.generations, "promote"):
        raise UserError(
            f"{folder}: complete with {wanted.generations} generations; give --generations too, "
            "a larger number, so that the new documents are asked about"
        )


def _some(names: list[str]) -> str:
    return ", ".join(map(printable, names[:3])) + (
        f" and {len(names) - 3} more" if len(names) > 3 else ""
    )
