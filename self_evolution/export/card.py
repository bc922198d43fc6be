"""The card of an exported folder: what it is, how it was tested, and how it is used."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from self_evolution import __version__
from self_evolution.errors import UserError
from self_evolution.evaluation.statistics import format_difference
from self_evolution.evaluation.tasks import MODES
from self_evolution.export.comparing import Compared
from self_evolution.export.job import Job
from self_evolution.models.adapter import digest

CARD, PAGE = "card.json", "README.md"
_LICENCE = re.compile(r"^licen[sc]e:\s*(\S.*?)\s*$", re.MULTILINE)
UNKNOWN = "not stated in the base's folder"


def write_card(
    job: Job,
    folder: Path,
    format: str,
    tests: Sequence[dict[str, Any]],
    accepted: float,
    usage: str,
) -> None:
    """Write the card as JSON and as a page. `tests`: those of `test`, the latest last."""
    quantised = {"quantisation": job.quantisation} if format in ("gguf", "ollama") else {}
    card = {
        "format": format,
        **quantised,
        "run": str(job.run.folder.absolute()),
        "generation": job.generation,
        "adapter_sha256": job.sha256,
        "base": str(job.base),
        "base_files": job.run.ledger.meta("model"),
        "base_licence": licence(job.base),
        "made_with": f"self-evolution {__version__}",
        "accepted_loss": accepted,
        "tests": list(tests),
        "files": {path.name: digest(path) for path in _files(folder)},
    }
    text = json.dumps(card, ensure_ascii=False, indent=2, allow_nan=False)
    (folder / CARD).write_text(text + "\n", encoding="utf-8")
    (folder / PAGE).write_text(_page(card, usage), encoding="utf-8")


def read_card(job: Job, folder: Path, format: str) -> dict[str, Any]:
    """The card of a folder, whose files are those that were exported.

    Raises UserError if there is none, if it is of another run or format, or if a file has changed.
    """
    try:
        card: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UserError(
            f"{folder}: no {CARD}; export without --server first, then start the server with what "
            "was exported"
        ) from None
    if (card["format"], card["adapter_sha256"]) != (format, job.sha256):
        raise UserError(
            f"{folder}: it holds generation {card['generation']} of {card['run']} as "
            f"{card['format']}, not generation {job.generation} of {job.run.folder} as {format}"
        )
    for name, known in card["files"].items():
        if not (folder / name).is_file() or digest(folder / name) != known:
            raise UserError(f"{folder}: {name} is not the file that was exported; export it again")
    return card


def test(compared: Sequence[Compared], answered_by: str) -> dict[str, Any]:
    """The figures of one test, for the card."""
    return {
        "answered_by": answered_by,
        "tasks": [
            {
                "suite": one.task.suite,
                "mode": one.task.mode,
                "metric": one.metric,
                "questions": one.change.n,
                "same_answers": one.same,
                "run": one.before,
                "exported": one.after,
                "change": one.change.mean,
                "low": one.change.low,
                "high": one.change.high,
            }
            for one in compared
        ],
    }


def lines(compared: Sequence[Compared]) -> list[str]:
    """The figures as sentences for people."""
    return [
        f"{one.task.suite}, {MODES[one.task.mode]}: {one.same:,} of {one.change.n:,} answers are "
        f"the same; {one.metric} {one.after:.1f}% where the run has {one.before:.1f}% "
        f"({format_difference(one.change)})"
        for one in compared
    ]


def licence(base: Path) -> str:
    """The licence that the base's own card states, or the beginning of its licence file."""
    page = base / "README.md"
    if page.is_file():
        head = page.read_text(encoding="utf-8", errors="replace").partition("\n---")[0]
        if found := _LICENCE.search(head):
            return found[1]
    for path in sorted(base.glob("LICEN[CS]E*")):
        words = path.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in words if line.strip()), UNKNOWN)
    return UNKNOWN


def _files(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.is_file() and path.name not in (CARD, PAGE)
    )


def _page(card: dict[str, Any], usage: str) -> str:
    head = [
        f"# Generation {card['generation']} as {card['format']}",
        "",
        f"- Base: `{card['base']}` (licence: {card['base_licence']})",
        f"- Adapter: SHA-256 `{card['adapter_sha256']}`",
    ]
    if "quantisation" in card:
        head.append(f"- Number format of the weights: {card['quantisation']}")
    head += [
        f"- Made with {card['made_with']}; a loss of {card['accepted_loss']:g} points is accepted",
        "",
        "## Is it still the same?",
        "",
        "The locked test questions of the run were put to this export. Scores are in percent; the "
        "change has one-sided 95% bounds.",
        "",
        "| answered by | questions | same answers | metric | run | export | change |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = [
        f"| {one['answered_by']} | {task['suite']}, {MODES[task['mode']]} ({task['questions']:,}) "
        f"| {task['same_answers']:,} | {task['metric']} | {task['run']:.1f} "
        f"| {task['exported']:.1f} | {task['change']:+.1f} [{task['low']:+.1f}, "
        f"{task['high']:+.1f}] |"
        for one in card["tests"]
        for task in one["tasks"]
    ]
    if not rows:
        rows = ["| not tested yet | | | | | | |"]
    files = [f"| `{name}` | `{sha256}` |" for name, sha256 in card["files"].items()]
    tail = ["", "## Use", "", usage, "## Files", "", "| file | SHA-256 |", "|---|---|", *files]
    return "\n".join([*head, *rows, *tail]) + "\n"
