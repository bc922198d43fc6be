"""The languages of the pages: which one a browser wants, and the words in it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from fastapi import Request

COOKIE = "language"
"""The choice of a person; without it, the language of the browser counts."""

_WORDS = Path(__file__).parents[1] / "page" / "words.yaml"
LANGUAGES = {"en": "English", "zh": "中文"}


def wanted(request: Request) -> str:
    """One of LANGUAGES."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    accepted = request.headers.get("accept-language", "")
    for part in sorted(accepted.split(","), key=_weight, reverse=True):
        name = part.partition(";")[0].strip().lower().partition("-")[0]
        if name in LANGUAGES and _weight(part) > 0:
            return name
    return "en"


@cache
def words(language: str) -> dict[str, str]:
    """All words of the pages by their keys."""
    table: dict[str, dict[str, Any]] = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))
    return {key: str(texts[language]) for key, texts in table.items()}


def _weight(part: str) -> float:
    """The weight of a language in Accept-Language; 0 if it is not a number."""
    _, _, weight = part.partition(";q=")
    try:
        return float(weight.strip() or 1)
    except ValueError:
        return 0.0
