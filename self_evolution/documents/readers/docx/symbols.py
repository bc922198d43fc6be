"""Characters of symbol fonts, whose codes mean letters and signs only in that font."""

from __future__ import annotations

import re

_PRIVATE = re.compile("[\uf020-\uf0ff]")


def _row(start: int, characters: str) -> dict[int, str]:
    """Characters of consecutive codes; a space stands for a code without one."""
    return {start + i: one for i, one in enumerate(characters) if one != " "}


_SYMBOL = {
    0x20: " ",
    **_row(0x21, "!∀#∃%&∋()∗+,−./0123456789:;<=>?"),
    **_row(0x40, "≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_"),
    **_row(0x60, "‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"),
    **_row(0xA0, "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵"),
    **_row(0xC0, "ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓"),
    **_row(0xE0, "◊⟨®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪ ⟩∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭"),
}
_WINGDINGS = {
    0x20: " ",
    **_row(0x21, "✏✂✁    ☎✆✉"),
    **_row(0x36, "⌛⌨       ✍ ✌ 👍👎☜☞☝☟✋☺😐☹💣☠ "),
    **_row(0x51, "✈☼ ❄ ✞ ✠✡☪☯"),
    **_row(0x6C, "●❍■□◻❑❒⬧⧫◆❖⬥⌧⍓⌘❀✿❝❞"),
    **_row(0x80, "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿"),
    **_row(0x9E, "·•▪○  ◉◎ ▪☐ ✦★✶✴✹✵ ⌖⟡⌑ ✪✰"),
    **_row(0xB7, "🕐🕑🕒🕓🕔🕕🕖🕗🕘🕙🕚🕛"),
    **_row(0xD5, "⌫⌦ ➢   ➲  ←→↑↓↖↗↙↘ ➔      ⇦⇨⇧⇩⇔⇳"),
    **_row(0xFB, "✗✓☒☑"),
}
_WINGDINGS_2 = {
    0x20: " ",
    **_row(0x4F, "✗✓☒☑☒⊗"),
    **_row(0x69, "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿"),
    **_row(0x95, "•●"),
    0xA3: "☐",
}
_WINGDINGS_3 = {0x20: " ", **_row(0x66, "←→↑↓↖↗↙↘"), **_row(0x70, "▲▼△▽◀▶◁▷")}
_WEBDINGS = {0x20: " ", **_row(0x33, "◀▶▲▼"), 0x61: "✓", 0x63: "□", 0x67: "■", 0x69: "ℹ"}
_WEBDINGS |= {0x6E: "●", 0x72: "✗", 0x7E: "⚡"}
FONTS = {
    "symbol": _SYMBOL,
    "wingdings": _WINGDINGS,
    "wingdings 2": _WINGDINGS_2,
    "wingdings 3": _WINGDINGS_3,
    "webdings": _WEBDINGS,
}
"""{font in lower case: {code: character}}."""


def symbol(font: str, code: str) -> str:
    """The character of a w:sym, whose code is hexadecimal; empty where it is not known."""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    return meant(chr(number), font) if 0x20 <= number < 0xFFFE else ""


def meant(text: str, font: str) -> str:
    """A text in a font; characters for private use are those of Symbol in fonts without symbols."""
    table = FONTS.get(font.lower())
    if table is not None:
        return "".join(_character(one, table) for one in text)
    if text.isascii():
        return text
    return _PRIVATE.sub(lambda match: _character(match[0], _SYMBOL), text)


def _character(one: str, table: dict[int, str]) -> str:
    code = ord(one)
    if 0xF020 <= code <= 0xF0FF:
        return table.get(code - 0xF000, "")
    return table.get(code, one) if code < 0x100 else one
