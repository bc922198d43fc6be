"""doctor, list and prune: what works here, which runs there are, and what can be removed."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from self_evolution.errors import UserError
from self_evolution.text.counts import many

_MARKS = {"good": "✓", "missing": "–", "broken": "✗"}


class _Gone(NamedTuple):
    """Something to remove: how it is shown, its size in bytes, and what removes it."""

    name: str
    reason: str
    bytes: int
    remove: Callable[[], None]


def doctor(options: argparse.Namespace) -> int:
    """Print the findings; status 1 if something must be mended."""
    from self_evolution.upkeep.doctor import examine

    found = list(examine(options.model, Path(options.run or "runs").absolute()))
    if options.json:
        print(json.dumps([one._asdict() for one in found], ensure_ascii=False, indent=2))
    else:
        for one in found:
            print(f"{_MARKS[one.state]} {one.subject}: {one.detail}")
            if one.cure:
                print(f"    → {one.cure}")
        broken = sum(one.state == "broken" for one in found)
        missing = sum(one.state == "missing" for one in found)
        print(
            f"{broken} must be mended"
            if broken
            else f"all that is needed works; {missing} more would add a feature"
        )
    return int(any(one.state == "broken" for one in found))


def list_runs(options: argparse.Namespace) -> int:
    """Print a line for each run below a folder, and one for each entry of the caches."""
    from rich.console import Console
    from rich.text import Text

    from self_evolution.cli.tables import plain
    from self_evolution.upkeep.caches import CACHES, cache
    from self_evolution.upkeep.runs import describe, find_runs

    found = [describe(path) for path in find_runs(Path(options.folder))]
    if options.json:
        rows = [one._asdict() | {"folder": str(one.folder)} for one in found]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    table = plain()
    for title in ("run", "state", "model"):
        table.add_column(title, overflow="fold")
    for title in ("generations", "leader", "size", "changed"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in found:
        leader = "–" if one.leader is None else str(one.leader or "base")
        day = time.strftime("%Y-%m-%d", time.localtime(one.changed))
        words = (str(one.folder), one.state, one.model)
        table.add_row(*map(Text, words), str(one.generations), leader, _size(one.bytes), day)
    if found:
        Console().print(table)
    else:
        print(f"no run in {options.folder}")
    for name in CACHES:
        for entry in cache(name).entries():
            print(f"cache {name}: {entry.name}, {_size(entry.bytes)}, made from {entry.source}")
    return 0


def prune(options: argparse.Namespace) -> int:
    """Show what can be removed, ask, and remove it. Runs that a process works on, or uses to
    answer, are left alone."""
    from self_evolution.run.process import is_running, locked
    from self_evolution.upkeep.runs import find_runs, is_asked

    folder = Path(options.folder)
    runs = find_runs(folder)
    if options.whole and runs != [folder]:
        raise UserError(f"--whole {folder}: not a run; name one run to remove all of it")
    with ExitStack() as stack:
        free = []
        for path in runs:
            if is_running(path):
                print(f"{path}: a process is at work on it; it is left alone")
            elif is_asked(path):
                print(f"{path}: a process answers questions with it; it is left alone")
            else:
                stack.enter_context(locked(path))
                if (path / "adapters").is_dir():
                    stack.enter_context(locked(path / "adapters"))
                free.append(path)
        found = [one for path in free for one in _of_run(path, options.whole)]
        found += _of_caches() if options.caches else []
        if not found:
            print("nothing to remove")
            return 0
        for one in found:
            print(f"{_size(one.bytes):>9}  {one.name}  ({one.reason})")
        print(f"{_size(sum(one.bytes for one in found)):>9}  in all")
        if not options.yes and not _agreed():
            print("nothing was removed; --yes removes it")
            return 0
        for one in found:
            one.remove()
    print("removed")
    return 0


def _of_run(folder: Path, whole: bool) -> Iterator[_Gone]:
    from self_evolution.upkeep.runs import removable, size_of, unlearnt

    if whole:
        waiting = unlearnt(folder)
        lost = (
            f" with {many(waiting, 'correction')} that it has not learnt from yet"
            if waiting
            else ""
        )
        reason = f"the whole run{lost}"
        yield _Gone(str(folder), reason, size_of(folder), partial(_remove, folder))
        return
    for one in removable(folder):
        yield _Gone(str(one.path), one.reason, one.bytes, partial(_remove, one.path))


def _of_caches() -> Iterator[_Gone]:
    from self_evolution.upkeep.caches import CACHES, cache

    for name in CACHES:
        module = cache(name)
        for entry in module.entries():
            yield _Gone(
                f"cache {name}: {entry.name}",
                "made again when it is needed",
                entry.bytes,
                partial(module.remove, entry.name),
            )


def _remove(path: Path) -> None:
    """Rename a folder before it is removed, so that a killed process never leaves half of it under
    its name."""
    gone = path.with_name(path.name + ".tmp") if path.suffix != ".tmp" else path
    try:
        if gone != path:
            path.rename(gone)
        shutil.rmtree(gone)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; what stands above it is removed") from None


def _agreed() -> bool:
    if not sys.stdin.isatty():
        return False
    try:
        return input("remove it? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
