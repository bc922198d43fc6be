"""The exceptions with which work ends early on purpose, and helpers for the texts of messages."""

import difflib
import json
from collections.abc import Sequence
from typing import Any


class UserError(Exception):
    """A mistake that the person at the keyboard can mend: ends with exit status 2.

    The message names what was given, what was expected and what to do next, in one or two lines.
    """


class Stopped(BaseException):
    """The person pressed Ctrl-C; all batches that were done are stored. Ends with exit status 130.

    Like KeyboardInterrupt it is not an `Exception`, so that a library that catches exceptions does
    not swallow it.
    """


def nearest(word: str, known: list[str]) -> str:
    """Return `did you mean x?` with the nearest of the `known` words, or else the first of them."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known: {', '.join(known[:20])}{', …' if len(known) > 20 else ''}"


def printable(text: str) -> str:
    """Return `text` for a terminal, on one line: newlines and control characters, as in the name of
    a file, become escapes."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def excerpt(value: Any) -> str:
    """The beginning of a value as JSON, on one line of at most 80 characters."""
    return json.dumps(value, ensure_ascii=False, default=str)[:80]


def first_line(error: Exception) -> str:
    """The kind of an error and the beginning of its text, on one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def some(texts: Sequence[str], separator: str = ", ") -> str:
    """The first three of `texts` on one line, and the number of the others."""
    more = f" and {len(texts) - 3:,} more" if len(texts) > 3 else ""
    return separator.join(map(printable, texts[:3])) + more
