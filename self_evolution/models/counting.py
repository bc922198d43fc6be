"""How long texts are in tokens, for which a tokenizer is enough and no weights are loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from self_evolution.config import Model

Counter = Callable[[Sequence[str]], list[int]]
"""Texts -> the length of each in tokens."""

BYTES_A_TOKEN = 4
"""What vocabularies of a hundred thousand words and more come to, in UTF-8, Chinese included."""


def open_counter(settings: Model) -> Counter:
    """The count of the model that `settings` name; without a name, a rough one by size.

    Raises UserError if there is no such model.
    """
    from self_evolution.models import weights

    if settings.engine == "scripted":
        from self_evolution.models.scripted import ScriptedEngine

        return ScriptedEngine(settings).count
    if not settings.name:
        return rough
    weights.require_here(settings)
    return partial(count, weights.load_tokenizer(settings))


def count(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    """By a tokenizer of transformers; words of its template in a text are text."""
    if not texts:
        return []
    encoded = tokenizer(
        list(texts), add_special_tokens=False, split_special_tokens=True, verbose=False
    )
    return [len(ids) for ids in encoded["input_ids"]]


def rough(texts: Sequence[str]) -> list[int]:
    """By size: a token for each four bytes of UTF-8."""
    return [-(-len(text.encode()) // BYTES_A_TOKEN) for text in texts]
