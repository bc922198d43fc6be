"""Text within a paragraph, gathered piece by piece, as Markdown without escapes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from self_evolution.documents.readers.formulas import lowered, raised

# Marks that no text has in it: controls are taken out of what comes in.
BREAK = "\x01"
_BOLD_START, _BOLD_END, _CODE_START, _CODE_END = "\x02", "\x03", "\x04", "\x05"
_MARKS = re.compile("[\x00-\x08\x0e-\x1f]")
_PARAGRAPHS = re.compile(" ?(?:\x01 ?){2,}")
_EMPTY = re.compile("\x02( ?)\x03|\x04( ?)\x05")
_ADJACENT = re.compile("\x03( ?)\x02|\x05\x04")
_EDGES = (
    (re.compile("([\x02\x04]+) "), r" \1"),
    (re.compile(" ([\x03\x05]+)"), r"\1 "),
)
# Stars inside a word would split it; scripts without spaces have no such words.
_LETTER = "0-9A-Za-z\u00c0-\u024f\u0370-\u052f"
_INSIDE = re.compile(
    f"(?<=[{_LETTER}])\x02([^\x02\x03]*)\x03|\x02([^\x02\x03]*)\x03(?=[{_LETTER}])"
)
_BOLD = re.compile("\x02([^\x02\x03]*)\x03")
_CODE = re.compile("\x04([^\x04\x05]*)\x05")
_CHARGE = re.compile(r"\d*[+\-\u2212\u2013]\Z")
_WORDS = re.compile(r"\w")
_FRACTION = re.compile("([0-9]?)\\^([0-9]+)[/\u2044]\\Z")


class Inline:
    """The words of a paragraph that is being built."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._bold = self._code = 0

    def add(self, text: str) -> None:
        """Add text from the source, in which the amount of whitespace does not count."""
        self._pieces.append(_MARKS.sub("", text) if not text.isprintable() else text)

    def line(self) -> None:
        """End a line; two ends in a row end the paragraph."""
        self._pieces.append(BREAK)

    def bold(self, step: int) -> None:
        """Begin (1) or end (-1) bold text."""
        if self._bold == (step < 0) and not self._code:
            self._pieces.append(_BOLD_START if step > 0 else _BOLD_END)
        self._bold += step

    def code(self, step: int) -> None:
        """Begin (1) or end (-1) code."""
        if self._code == (step < 0):
            self._pieces.append(_CODE_START if step > 0 else _CODE_END)
        self._code += step

    def position(self) -> int:
        """The place at which the next piece will stand."""
        return len(self._pieces)

    def since(self, position: int) -> str:
        """Remove the text since `position`, so that it can be added in another form."""
        text = "".join(self._pieces[position:])
        del self._pieces[position:]
        return text

    def ends_fraction(self, position: int) -> bool:
        """Join a raised number, a slash and the lowered one since `position`: 5^1/2 is 5 1/2."""
        below = "".join(self._pieces[position:]).strip()
        start = max(position - 3, 0)
        match = _FRACTION.search("".join(self._pieces[start:position])) if below.isdigit() else None
        if match:
            gap = " " if match[1] else ""
            before = match.string[: match.start()]
            self._pieces[start:] = [f"{before}{match[1]}{gap}{match[2]}/{below}"]
        return match is not None

    def blank(self) -> bool:
        """Whether there is nothing but space so far."""
        return not any(piece.strip() for piece in self._pieces)

    def has_words(self, position: int) -> bool:
        """Whether letters or digits were added since `position`."""
        return any(_WORDS.search(piece) for piece in self._pieces[position:])

    def take(self, plain: bool = False) -> list[str]:
        """The paragraphs gathered so far, of which there is usually one; `plain`: unmarked."""
        text = " ".join("".join(self._pieces).split())
        self._pieces.clear()
        if not text or text.isprintable():
            return [text] if text else []
        if plain:
            return _nonempty([_MARKS.sub("", text.replace(BREAK, " "))])
        return _nonempty(_lines(one) for one in _PARAGRAPHS.split(text))


def _nonempty(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if text.strip()]


def _lines(text: str) -> str:
    """Write one paragraph with its Markdown signs."""
    text = _ADJACENT.sub(r"\1", text)
    for edge, outside in _EDGES:
        text = edge.sub(outside, text)
    text = _INSIDE.sub(r"\1\2", _EMPTY.sub(r"\1\2", text))
    text = _CODE.sub(_quoted, _BOLD.sub(r"**\1**", text))
    lines = (" ".join(_MARKS.sub("", line).split()) for line in text.split(BREAK))
    return "\n".join(lines).strip("\n")


def _quoted(match: re.Match[str]) -> str:
    code = match[1].replace(BREAK, " ").strip()
    if "`" not in code:
        return f"`{code}`" if code else ""
    mark = "`" * (1 + max(map(len, re.findall("`+", code))))
    return f"{mark} {code} {mark}"


def power(text: str) -> str:
    """Raised text: an exponent is marked, the end of a word and the charge of an ion are not."""
    text = _MARKS.sub("", text).strip()
    if not text or text[0] in "[(" or (len(text) > 1 and text.isalpha()) or _CHARGE.match(text):
        return text
    return raised(text)


def index(text: str) -> str:
    """Write lowered text: digits follow as in a formula, other text gets a sign."""
    text = _MARKS.sub("", text).strip()
    return text if not text or text.isdigit() else lowered(text)
