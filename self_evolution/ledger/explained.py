"""Errors of SQLite in words for the person who can mend them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from self_evolution.errors import UserError


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise UserError for what SQLite says of the ledger at `path`, if a person can mend it."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "full" in text or "disk I/O" in text:
            cure = "free some space and run the same command again; nothing is lost"
        elif "locked" in text:
            cure = "another process is writing to it; wait for it or give another --run"
        elif "no such module" in text:
            cure = "use a Python whose SQLite has FTS5, as nearly all have"
        elif "unable to open" in text or "readonly" in text:
            cure = "give a --run folder that you may write to, or a copy of the run in one"
        else:
            raise
        raise UserError(f"{path}: {text}; {cure}") from None
    except sqlite3.DatabaseError as error:
        if "not a database" not in str(error) and "malformed" not in str(error):
            raise
        raise UserError(
            f"{path}: {error}; not a ledger of Self-Evolution, give another --run"
        ) from None
