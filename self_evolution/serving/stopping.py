"""Stop words: texts at which a caller wants a reply to end."""

from __future__ import annotations

from collections.abc import Sequence


class StopWords:
    """Passes a growing text on up to the first of some words, which is not part of it.

    The end of the text is held back while it may be the beginning of a word.
    """

    def __init__(self, words: Sequence[str] = ()) -> None:
        self._words = [word for word in words if word]
        self._held = ""
        self.found = False
        """Whether one of the words has come; what follows it is dropped."""

    def take(self, piece: str) -> str:
        """What can be passed on after the next piece of the text."""
        if self.found:
            return ""
        text = self._held + piece
        places = [at for word in self._words if (at := text.find(word)) >= 0]
        if places:
            self.found, self._held = True, ""
            return text[: min(places)]
        keep = max((_overlap(text, word) for word in self._words), default=0)
        ready, self._held = text[: len(text) - keep], text[len(text) - keep :]
        return ready

    def rest(self) -> str:
        """What was held back, when the text has ended."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, word: str) -> int:
    """The length of the longest beginning of `word` that `text` ends with."""
    longest = min(len(word) - 1, len(text))
    return next((n for n in range(longest, 0, -1) if text.endswith(word[:n])), 0)
