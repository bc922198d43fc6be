"""The reply of a model: its text, why it ended, and its tokens."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import NamedTuple

TopLogprobs = list[list[tuple[int | str, float]]]
"""At each token of a reply, the most likely tokens with their log-probabilities (nats), best first.

They are those of the model, before temperature and top-p. A token is its id, or its text where an
endpoint tells no ids.
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
    """Passes on the new part of a text that grows, and holds back what may still change.

    That is the beginning of a character, the beginning of <think>, and spaces at the end. Where the
    text changes further back all the same (a thought that was closed but never opened, bytes that
    are no character), the part from there on is passed on anew.
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
