"""Checks that a run is continued as it began: its settings, the files they name, its documents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from self_evolution.config import Config
from self_evolution.documents.changes import Changes
from self_evolution.errors import UserError, some
from self_evolution.ledger import Ledger
from self_evolution.run.side_files import digests, side_files
from self_evolution.schedule import out_of_patience

Change = Literal["free", "growing", "accepted", "fixed"]

CHANGES: dict[str, Change] = {
    "recipe": "free",
    "generations": "free",
    "seed": "fixed",
    "model.download": "free",
    "model.name": "fixed",
    "model.engine": "fixed",
    "model.dtype": "fixed",
    "model.quantize": "fixed",
    "model.chat_template": "fixed",
    "model.thinking": "fixed",
    "cluster": "free",
    "read.documents": "free",
    "read.follow_links": "free",
    "read.max_file_mb": "free",
    "read.memory_mb": "free",
    "read.seconds": "free",
    "read.workers": "free",
    "read.limit": "fixed",
    "split": "fixed",
    "rehearse": "fixed",
    "train.checkpoint_steps": "free",
    "train.checkpointing": "free",
    "train.parallel": "free",
    "train.processes": "free",
    "train.report_to": "free",
    "train.rank": "fixed",
    "train.layers": "fixed",
    "train.alpha": "fixed",
    "train.rehearsal_file": "fixed",
    "train.rehearsal_loss": "fixed",  # it says whether replies that were cut are rehearsed
    "train.samples": "growing",
    "train.steps": "growing",
    "evaluate.against": "free",
    "evaluate.judge": "free",
    "evaluate.abilities": "fixed",
    "evaluate.build": "fixed",
    "evaluate.choice": "fixed",
    "evaluate.file": "fixed",
    "evaluate.held_out": "fixed",
    "evaluate.questions": "fixed",
    "evaluate.retention_file": "fixed",
    "evaluate.samples": "fixed",
    "evaluate.limit": "fixed",
    "evaluate.max_tokens": "fixed",
    "evaluate.temperature": "fixed",
    "evaluate.top_k": "fixed",
    "evaluate.top_p": "fixed",
}
"""The rule by which a setting, or a section, may change in a run that has begun. All others are
`accepted`.

- `free`: without confirmation. The change affects no existing row; a setting of reading applies to
  files that are read from then on, and changes of documents are found separately.
- `growing`: a list with one number a generation may be made longer for generations to come.
- `accepted`: with --accept-change, from the next batch on.
- `fixed`: never, because the existing rows would no longer belong together. Settings of the model
  and of splitting may change as long as nothing was made with them.
"""


def change_of(key: str) -> Change:
    """Return the rule by which the setting with this flat key may change."""
    return CHANGES.get(key) or CHANGES.get(key.partition(".")[0], "accepted")


def of_settings(folder: Path, stored: Config, wanted: Config, accept: bool, begun: bool) -> None:
    old, new = stored.flat(), wanted.flat()
    changed = [
        key
        for key in old
        if old[key] != new[key] and change_of(key) != "free" and not _grown(key, old, new)
    ]
    if not begun:
        changed = [key for key in changed if not key.startswith(("model.", "split."))]
    if not changed:
        return
    listed = "; ".join(f"{key} {old[key]} → {new[key]}" for key in changed)
    fixed = [key for key in changed if change_of(key) == "fixed"]
    if fixed:
        raise UserError(
            f"{folder}: this run began with other settings: {listed}\n"
            f"{', '.join(fixed)} cannot change within a run: start a new one with another --run"
        )
    if not accept:
        raise UserError(
            f"{folder}: this run began with other settings: {listed}\n"
            "--accept-change applies them from the next batch on; or start a new run with another "
            "--run"
        )


def _grown(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether `new` is the list `old` with more numbers at its end."""
    before = old[key]
    return change_of(key) == "growing" and bool(before) and new[key][: len(before)] == before


def of_files(folder: Path, ledger: Ledger, wanted: Config, accept: bool) -> None:
    """Check that files named by settings are unchanged; prompts and score template may change."""
    known, found = ledger.meta("files"), digests(wanted)
    changed = [key for key in known if key in found and known[key] != found[key]]
    fixed = [key for key in changed if change_of(key) == "fixed"]
    if fixed or (changed and not accept):
        paths = ", ".join(f"{side_files(wanted)[key]} ({key})" for key in fixed or changed)
        cure = "put the old one back, or start a new run with another --run"
        if not fixed:
            cure = "--accept-change applies it from the next batch on; or start a new run"
        raise UserError(f"{folder}: not what it was when this run began: {paths}\n{cure}")
    if changed:
        ledger.set_meta("files", known | found)


def of_documents(
    folder: Path, ledger: Ledger, changes: Changes, wanted: Config, reads: bool, accept: bool
) -> None:
    """Check for changed documents, which the user must accept explicitly."""
    gone = [document.path for document, kind in changes.gone if kind == "withdrawn"]
    altered = [document.path for document, kind in changes.gone if kind == "changed"]
    kinds = {
        "new": [name for name in (*changes.new, *changes.refused) if name not in altered],
        "changed": altered,
        "gone": gone,
        "back": [document.path for document in changes.returned],
    }
    summary = "; ".join(
        f"{len(names)} {kind} ({some(names)})" for kind, names in kinds.items() if names
    )
    most = len(gone) > len(ledger.documents.here()) / 2
    if not accept and (most or not reads):
        raise UserError(
            f"{folder}: documents are not what this run has read: {summary}\n"
            "--accept-change applies this from the next generation on, and sets aside what is "
            "gone; or start a new run with another --run"
        )
    if ledger.count("candidate") and not ledger.items.locks():
        raise UserError(
            f"{folder}: its test questions are being built from the documents as they were; finish "
            f"that first (`self-evolution build {folder}`), or start a new run"
        )
    if not reads:
        _refuse_without_generation(
            folder, ledger, wanted, "promote", "the new documents are asked about"
        )


def of_pairs(folder: Path, ledger: Ledger, wanted: Config) -> None:
    """Raises UserError if there are new pairs, and no generation is left that could train on
    them."""
    found = digests(wanted).get("ask.pairs")
    if found and found != ledger.meta("trusted"):
        _refuse_without_generation(folder, ledger, wanted, "ask", "the pairs are trained on")


def _refuse_without_generation(
    folder: Path, ledger: Ledger, wanted: Config, stage: str, aim: str
) -> None:
    """Raises UserError if no generation is left whose `stage` is still to do.

    `stage` is the first stage that uses the new documents or pairs.
    """
    if out_of_patience(wanted, ledger):
        raise UserError(
            f"{folder}: ended early, because the last generations were not promoted; give "
            f"--promote.patience 0 or a larger one too, so that {aim}"
        )
    if ledger.stage_done(wanted.generations, stage):
        raise UserError(
            f"{folder}: complete with {wanted.generations} generations; give --generations too, "
            f"a larger number, so that {aim}"
        )
