"""Whether the numbers of a text have a decimal point or a decimal comma: by its language."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from self_evolution.text.script import has_cjk
from self_evolution.text.table import rows

_WORD = re.compile("[a-zß-öø-ÿœ]+")
_FOREIGN = re.compile("[äöüßéèêàâçîôûñõãáíóúœ]|[а-яё]{3}")
_LOOKED_AT = 2000  # characters of a text


@lru_cache(maxsize=256)
def decimal_comma(text: str, about: str = "") -> bool:
    """Whether numbers in `text` have a decimal comma, as in German and French.

    Frequent words tell it, also of a sentence too short for `language.detect`, which takes twenty
    times as long. `about` counts where the words of `text` tell nothing, and without any it is the
    point.
    """
    for told in (text, about):
        point, comma = _words_by_mark(told[:_LOOKED_AT])
        if point != comma:
            return comma > point
    return False


@lru_cache(maxsize=256)
def _words_by_mark(text: str) -> tuple[int, int]:
    """How many of the words are those of one language with a decimal point, and with a comma."""
    if has_cjk(text):
        return 1, 0
    text = text.lower()
    known = _languages_by_word()
    said = [language for word in known.keys() & _WORD.findall(text) for language in known[word]]
    foreign = not text.isascii() and _FOREIGN.search(text) is not None
    commas = [said.count(language) for language in set(said) if language != "en"]
    return said.count("en"), max(commas, default=0) + foreign


@cache
def _languages_by_word() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows("languages"):
        for word in row["words"].split():
            found.setdefault(word, []).append(row["language"])
    return found
