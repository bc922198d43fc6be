"""The reply of a model: its text, why it ended, and its tokens."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import NamedTuple

TopLogprobs = list[list[tuple[int | str, float]]]
"""The most likely tokens at each token of a reply, with log-probabilities (nats), best first.

They are those of the model, before temperature and top-p. A token is its id, or its text if an
endpoint sends no ids.
"""

TOO_LONG = "window"
"""The finish reason of a reply that never began, because its prompt does not fit the window."""

_THOUGHTS = re.compile(r"^.*?</think>|<think>.*", re.DOTALL)
_UNCERTAIN = re.compile(r"(\s|\ufffd|<(t(h(i(nk?)?)?)?)?)+$")


class Reply(NamedTuple):
    """`text` is without thoughts, stripped. `finish_reason` is "stop", "length", or TOO_LONG.

    `ids` has all tokens that were generated, thoughts and the stop token included, and is None
    where they are not known; `top` is None unless log-probabilities were asked for.
    """

    text: str
    finish_reason: str
    ids: list[int] | None = None
    top: TopLogprobs | None = None


def without_thoughts(text: str) -> str:
    """A generated text without the thoughts in it, stripped."""
    return _THOUGHTS.sub("", text).strip()


class TextStream:
    """Passes on the new part of a growing text, and holds back what may still change.

    It holds back an incomplete character, the beginning of <think>, and spaces at the end. If the
    text changes further back (a thought that was closed but never opened, invalid bytes), the part
    from there on is passed on again.
    """

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._sent = ""

    def update(self, text: str, finished: bool = False) -> None:
        """`text` is the reply so far, without thoughts."""
        ready = text if finished else _UNCERTAIN.sub("", text)
        if finished or len(ready) > len(self._sent):
            known = len(os.path.commonprefix([ready, self._sent]))  # noqa: RUF071 - no paths
            self._sent = ready
            if ready[known:]:
                self._on_text(ready[known:])
