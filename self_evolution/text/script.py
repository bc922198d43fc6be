"""Tells which characters are CJK, and whether a text is written in them."""

from __future__ import annotations

import re

# Han with its extensions and compatibility forms, and kana: scripts written without spaces.
# Hangul is written with them and counts as a script of words.
HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
KANA = "\u3040-\u30ff\u31f0-\u31ff"
HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
CJK = HAN + KANA

_HAN_CHARACTER = re.compile(f"[{HAN}]")
_CJK_CHARACTERS = re.compile(f"[{CJK}]+")
_OTHER_WORD = re.compile(rf"[^\W\d_{CJK}]+")
_NARROW = re.compile("[^\u2e80-\U0003ffff]+")


def has_cjk(text: str) -> bool:
    """Whether any character of `text` is CJK."""
    return not text.isascii() and _CJK_CHARACTERS.search(text) is not None


def is_cjk(text: str) -> bool:
    """Whether `text` is written in a CJK script: more such characters than other words."""
    if not has_cjk(text):
        return False
    characters = sum(map(len, _CJK_CHARACTERS.findall(text)))
    return characters >= len(_OTHER_WORD.findall(text))


def has_han(text: str) -> bool:
    """Whether any character of `text` is Han."""
    return _HAN_CHARACTER.search(text) is not None


def columns(line: str) -> int:
    """Width of a line on a terminal: wide characters take two columns."""
    return len(line) if line.isascii() else len(line) + len(_NARROW.sub("", line))
