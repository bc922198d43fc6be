"""Counting tokens in few calls, and the forced cut of a text without good places to cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

Count = Callable[[Sequence[str]], list[int]]
"""Tokens of each text, by the tokenizer of the run."""

# A call's texts, in characters: enough to make calls few, and little enough for its memory.
_CHARACTERS_A_CALL = 200_000


def counted(texts: Sequence[str], count: Count) -> list[int]:
    """Count the tokens of all texts, in calls of a bounded number of characters."""
    sizes: list[int] = []
    some: list[str] = []
    characters = 0
    for text in texts:
        if some and characters + len(text) > _CHARACTERS_A_CALL:
            sizes += count(some)
            some, characters = [], 0
        some.append(text)
        characters += len(text)
    return sizes + (count(some) if some else [])


def forced(text: str, limit: int, size: Callable[[str], int]) -> Iterator[str]:
    """The parts of a text that is too long; together they are the whole text, and words stay whole.

    Each is of at most `limit` by `size`, except a single character that is larger. The `size` of an
    empty text is taken for the overhead of any text.
    """
    from semantic_text_splitter import TextSplitter

    around = size("")
    room = max(1, limit - around)
    splitter = TextSplitter.from_callback(lambda part: size(part) - around, room, trim=False)
    # The splitter takes quadratic time for a text without breaks, so it gets it in windows.
    window = usual = min(12 * room, 4000)
    at = 0
    while at < len(text):
        parts = splitter.chunks(text[at : at + window])
        if at + window < len(text):
            if len(parts) == 1:
                window *= 2
                continue
            parts = parts[:-1]  # the last one may go on beyond the window
        for part in parts:
            yield from _halved(part, limit, size)
            at += len(part)
        window = usual


def _halved(part: str, limit: int, size: Callable[[str], int]) -> Iterator[str]:
    """The part, or parts of it: the splitter takes for granted that a byte is a token at most."""
    if len(part) < 2 or size(part) <= limit:
        yield part
    else:
        half = len(part) // 2
        half = part.rfind(" ", 1, half) + 1 or half
        yield from _halved(part[:half], limit, size)
        yield from _halved(part[half:], limit, size)
