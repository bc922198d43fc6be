"""Counts the tokens of texts with a tokenizer alone, without loading weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

TokenCounter = Callable[[Sequence[str]], list[int]]
"""Texts -> the length of each in tokens."""

BYTES_A_TOKEN = 4
"""UTF-8 bytes a token in vocabularies of a hundred thousand words and more, also for Chinese."""


def count(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    """Count by a tokenizer of transformers; the strings of special tokens are ordinary text."""
    if not texts:
        return []
    encoded = tokenizer(
        list(texts), add_special_tokens=False, split_special_tokens=True, verbose=False
    )
    return [len(ids) for ids in encoded["input_ids"]]


def estimate(texts: Sequence[str]) -> list[int]:
    """Estimate from the size alone, where there is no tokenizer."""
    return [-(-len(text.encode()) // BYTES_A_TOKEN) for text in texts]
