"""One character for all that look or mean the same to a reader: hyphens, widths, digits, signs."""

from __future__ import annotations

import unicodedata

# What a reader takes for one, and Unicode does not call compatible.
_ALIKE = {
    "-": "‐‑‒−﹣",
    "×": "✕✖⨯",
    "·": "⋅∙•‧",
    "*": "∗",
    "/": "⁄∕",
    "≥": "≧⩾",
    "≤": "≦⩽",
    "~": "∼",
    ":": "∶",
    "°": "º˚",
}
# Signs of a Chinese sentence, which must not be taken for the comma of 10,000 and the like; a
# double prime, which is no pair of single ones; and an ellipsis, which is no three full stops.
_KEPT = frozenset("，：；！？、。～「」『』【】《》（）［］｛｝″‴…‥")
# Kinds of characters that mean something by their place or size: x², H₂O, ½, ①, a no-break space.
_KEPT_KINDS = ("<super>", "<sub>", "<fraction>", "<circle>", "<noBreak>")


def plain_characters(text: str) -> str:
    """`text` composed, with one form of each character, and without invisible ones.

    Spaces, exponents (³), indexes (₂), fractions (½) and numbers in circles stay as they are.
    """
    if text.isascii() or _UNCHANGED.issuperset(text):
        return text
    plain = unicodedata.normalize("NFC", text).translate(_PLAIN)
    _UNCHANGED.update(filter(_stays, set(plain) - _UNCHANGED))
    return plain


# Characters met so far that stay as they are, whatever stands beside them. Few texts have others.
_UNCHANGED: set[str] = set()


def _stays(char: str) -> bool:
    composes = unicodedata.category(char)[0] == "M" or "\u1100" <= char <= "\u11ff"
    return _PLAIN[ord(char)] == char and not composes


class _Plain(dict[int, str]):
    """The form of each character, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        plain = self[code] = _plain(chr(code))
        return plain


_PLAIN = _Plain({ord(char): plain for plain, chars in _ALIKE.items() for char in chars})


def _plain(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf" or char == "\ufe0f":  # soft hyphens, zero widths, marks of direction
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(char))
    kind, *codes = unicodedata.decomposition(char).split() or [""]
    if char in _KEPT or kind in _KEPT_KINDS or not kind.startswith("<"):
        return char
    parts = "".join(chr(int(code, 16)) for code in codes)
    # An accent that stands alone would become a space and a mark.
    return char if parts[0] == " " and len(parts) > 1 else plain_characters(parts)


RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
"""Characters of exponents; none of them is special between the brackets of a pattern."""

EXPONENT = f"[⁺⁻]?[{RAISED[:10]}]{{1,3}}"
"""A pattern for a raised number."""

VULGAR = "¼-¾⅐-⅞"
"""Fractions in one character, as a range for the brackets of a pattern."""

_ON_THE_LINE = str.maketrans(RAISED + "₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-" * 2)


def on_the_line(text: str) -> str:
    """`text` with exponents and indexes as plain figures: 10⁻⁶ gives 10-6, H₂O gives H2O."""
    return text if text.isascii() else text.translate(_ON_THE_LINE)
