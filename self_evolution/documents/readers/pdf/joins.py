"""The joining of the end of one line of a PDF with the beginning of the next."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from self_evolution.documents.readers.pdf.lines import Line, are_cjk

_WORD = re.compile(r"[^\W_]+(?:[-\u2010][^\W_]+)*")
_LAST = re.compile(r"(\S*?)([^\W\d_]+)[-\u2010]$")
_FIRST = re.compile(r"[^\W\d_]+(?:-[^\W_]+)*")
# What begins English words that have a hyphen, unless one of these syllables ends them: selfish.
_COMPOUND = frozenset(("well", "self", "quasi"))
_ENDINGS = ("ish", "less", "ness", "same")
_LONGEST = 100  # characters; longer words are not looked at


class Joins:
    """Joins lines; the document's own words say whether a hyphen at a line's end belongs there."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._words: Counter[str] = Counter()
        ends: list[tuple[str, str]] = []
        before = ""
        for line in lines:
            text = " ".join(cell for row in line.rows for cell in row) if line.rows else line.text
            if (
                before
                and (last := _LAST.search(before[-_LONGEST:]))
                and (first := _FIRST.match(text))
            ):
                ends.append((last[2], first[0]))
            before = text if text[-1:] in "-\u2010" else ""
            whole = text.rsplit(None, 1)[0] if before else text
            self._words.update(_WORD.findall(whole.lower()))
        clear = [kept for a, b in ends if (kept := self._is_kept(a, b)) is not None]
        # Documents whose lines end in hyphens of their words alone are not hyphenated.
        self._hyphenated = sum(clear) * 2 <= len(clear)

    def join(self, before: str, after: str) -> str:
        """`before` and `after` as one text: with a space, none, or a word made whole."""
        if not before or not after:
            return before + after
        end = before[-_LONGEST:]
        if before[-1] in "-\u2010":
            last, first = _LAST.search(end), _FIRST.match(after)
            if last is None:
                # `a -` and numbers: a dash after a space stands alone.
                return before + (" " if before[-2:-1] in ("", " ") else "") + after
            return (
                before[:-1] + after if first and self._is_soft(last, first[0]) else before + after
            )
        if are_cjk(end, after) or (before[-1] == "/" and "://" in end.rsplit(None, 1)[-1]):
            return before + after
        return f"{before} {after}"

    def _is_soft(self, last: re.Match[str], after: str) -> bool:
        kept = self._is_kept(last[2], after)
        if kept is not None:
            return not kept
        if last[2].lower() in _COMPOUND and not after.startswith(_ENDINGS):
            return False
        if last[1] or not after[0].islower():
            return False  # `--with-` and `X-`: parts of names keep their hyphens
        known = self._words[last[2].lower()] > 0 and self._words[after.lower()] > 0
        return self._hyphenated and not (known and len(last[2]) > 3)

    def _is_kept(self, before: str, after: str) -> bool | None:
        """Whether the document writes the two with a hyphen; None if it has neither form."""
        one = self._words[f"{before}{after}".lower()]
        two = self._words[f"{before}-{after}".lower()]
        return two > one if one or two else None
