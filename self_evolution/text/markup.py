"""Numbers and signs as TeX, HTML or a typewriter writes them, as a printed page shows them."""

from __future__ import annotations

import re

from self_evolution.text.spelt import in_digits

_TEX = {
    "times": "×", "cdot": "·", "pm": "±", "geq": "≥", "ge": "≥", "leq": "≤", "le": "≤", "neq": "≠",
    "gt": ">", "lt": "<", "approx": "≈", "mu": "μ", "Omega": "Ω", "degree": "°", "circ": "°",
    "%": "%", "$": "$", ",": "\u2009", ";": " ", ":": " ", "!": "", " ": " ",
}  # fmt: skip
_NAMES = "|".join(re.escape(name) for name in sorted(_TEX, reverse=True))
_COMMAND = re.compile(
    rf"(?<![A-Za-z:_])(?:\^?\{{?\\(circ)\}}?|\\({_NAMES})(?:(?<![A-Za-z])|(?![A-Za-z])))"
)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_WORDING = re.compile(r"\\(?:text|mathrm|mathit|operatorname) ?\{([^{}]*)\}")
_FORMULA = re.compile(r"\$([^$\n]*[\\^][^$\n]*)\$|\\\(([^\n]*?)\\\)")
_RAISED_TAG = re.compile(r"<sup>([-+−–]?[0-9]{1,3})</sup>", re.IGNORECASE)
_LOWERED_TAG = re.compile(r"<sub>([^<>]{1,9})</sub>", re.IGNORECASE)
_PLUS_MINUS = re.compile(r"(?<![\w+])\+ ?/? ?[-−](?= ?[.0-9$€£¥])")
_INCHES = re.compile(r'(?<=[0-9¼-¾])"(?!\w)')
# The charge of an ion, Ca²⁺, but not an exponent, m⁻².
_ION = re.compile("(?<=[A-Za-z₀-₉)])([²³⁴]?)([⁺⁻])(?![⁰¹²³⁴-⁹])")
_ION_SIGNS = str.maketrans("²³⁴⁺⁻", "234+-")
# A minus before a number, with a space or as a dash (− 5, –5), but neither a range nor n − 5.
_MINUS = re.compile(
    r"(?<![\w)%°′″])(?<![0-9)%°′″][ \u00a0])(?<!\W\w[ \u00a0])(?:−[ \u00a0]?|–)(?=[.]?[0-9])"
)
_NO_CENTS = re.compile(r"(?<=[0-9])[,.][–—](?= ?(?:€|EUR|CHF|Fr))")  # 29,– €
_CODE_DASH = re.compile(r"(?<=[A-Za-z])–(?=[0-9])")  # KX–48
_WIDE_COMMA = re.compile("(?<=[０-９])，(?=[０-９]{3}(?![０-９]))")
_SHARE = re.compile("([百千]|[二三四五六八十])分之([零一二三四五六七八九十百点]{1,9})")


def unmarked(text: str) -> str:
    r"""`text` with ± for +/-, ≥ for \geq, ^3 for <sup>3</sup>, ″ for the inch of 19", and so on."""
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
    if "\\" in text:
        text = _FORMULA.sub(lambda found: found[1] or found[2], text)
        text = _WORDING.sub(r"\1", text)
        text = _COMMAND.sub(lambda found: _TEX[found[1] or found[2]], text)
    if "<s" in text or "<S" in text:
        text = _LOWERED_TAG.sub(r"\1", _RAISED_TAG.sub(r"^\1", text))
    if '"' in text and _INCHES.search(text):
        text = _with_inches(text)
    if "+" in text:
        text = _PLUS_MINUS.sub("±", text)
    return text if text.isascii() else _unmarked_signs(text)


def _unmarked_signs(text: str) -> str:
    if "分之" in text:
        text = _SHARE.sub(_share, text)
    if "⁺" in text or "⁻" in text:
        text = _ION.sub(lambda found: found[0].translate(_ION_SIGNS), text)
    if "–" in text or "−" in text:
        text = _NO_CENTS.sub("", text)
        text = _CODE_DASH.sub("-", _MINUS.sub("-", text))
    return _WIDE_COMMA.sub(",", text) if "，" in text else text


def _share(found: re.Match[str]) -> str:
    """A Chinese fraction in figures: 百分之五十 gives 百分之50, 三分之二 gives 2/3."""
    under, over = found.groups()
    over = in_digits(over)
    return f"{under}分之{over}" if under in ("百", "千") else f"{over}/{in_digits(under)}"


def _with_inches(text: str) -> str:
    """Quotation marks behind figures that close no quotation of their line are inches."""
    parts: list[str] = []
    inside = False
    for place, char in enumerate(text):
        if char == "\n":
            inside = False
        elif char == '"':
            if not inside and _INCHES.match(text, place):
                char = "″"
            else:
                inside = not inside
        parts.append(char)
    return "".join(parts)
