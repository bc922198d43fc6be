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
_NOT_CHINESE_CHARACTER = re.compile(f"[{KANA}{HANGUL}]")
_CJK_CHARACTER = re.compile(f"[{CJK}]")
_NARROW = re.compile("[^\u2e80-\U0003ffff]+")
_OTHER_WORD = re.compile(rf"[^\W\d_{CJK}]+")


def has_cjk(text: str) -> bool:
    """Whether any character of `text` is CJK."""
    return not text.isascii() and _CJK_CHARACTER.search(text) is not None


def is_cjk(text: str) -> bool:
    """Whether `text` is written in a CJK script: more such characters than other words."""
    if not has_cjk(text):
        return False
    characters = len(_CJK_CHARACTER.findall(text))
    return characters > 0 and characters >= len(_OTHER_WORD.findall(text))


def has_han(text: str) -> bool:
    """Whether any character of `text` is Han."""
    return _HAN_CHARACTER.search(text) is not None


def is_chinese(text: str) -> bool:
    """Whether `text` is Chinese: in a CJK script that is Han, but for a quoted kana or Hangul.

    A Japanese or Korean sentence has at least one of those to ten Han characters.
    """
    han = len(_HAN_CHARACTER.findall(text))
    return is_cjk(text) and han > 10 * len(_NOT_CHINESE_CHARACTER.findall(text))


def columns(line: str) -> int:
    """Width of a line on a terminal: wide characters take two columns."""
    return len(line) if line.isascii() else len(line) + len(_NARROW.sub("", line))
