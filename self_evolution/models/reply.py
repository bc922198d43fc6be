"""The reply of a model: its text, why it ended, and its tokens."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

TopLogprobs = list[list[tuple[int | str, float]]]
"""The most likely tokens at each token of a reply, with log-probabilities (nats), best first.

They are those of the model, before temperature and top-p. A token is its id, or its text if an
endpoint sends no ids.
"""

TOO_LONG = "window"
"""The finish reason of a reply that never began, because its prompt does not fit the window."""

_PAIRS = (
    ("<think>", "</think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<seed:think>", "</seed:think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|channel>thought", "<channel|>"),
    ("<|channel|>analysis", "<|channel|>final<|message|>"),
    ("<|channel|>commentary", "<|channel|>final<|message|>"),
)
"""The marks that models write around a thought. The channels are those of gpt-oss and Gemma."""

_NAMED = tuple((f"<{name}>", f"</{name}>") for name in ("thinking", "thought", "reasoning"))
"""Tags that an answer may speak of as well, so that only those that begin the reply count."""

OPENINGS = tuple(opening for opening, _ in (*_PAIRS, *_NAMED))
"""The marks that begin a thought; chat templates may write them themselves."""

_CLOSINGS = tuple(dict.fromkeys(closing for _, closing in _PAIRS))
_MARKER = re.compile(r"<\|?[\w:/]+\|?>|\[/?THINK\]|◁/?think▷")
MARKERS = frozenset(
    marker for pair in _PAIRS for part in pair for marker in _MARKER.findall(part) if part
)
"""The tokens in these, which must be seen to know where a thought ends."""


def _any(words: Iterable[str]) -> str:
    return "(?:" + "|".join(map(re.escape, words)) + ")"


def _begun(words: Iterable[str]) -> str:
    """A pattern for beginnings of words; each text matches it in one way only."""
    after: dict[str, list[str]] = {}
    for word in words:
        after.setdefault(word[0], []).extend([word[1:]] if word[1:] else [])
    ends = ((char, _begun(rest) if rest else "") for char, rest in after.items())
    return "|".join(re.escape(char) + (f"(?:{rest})?" if rest else "") for char, rest in ends)


_THOUGHTS = re.compile(
    "|".join(
        [
            *(rf"\A\s*{re.escape(a)}.*?(?:{re.escape(b)}|\Z)" for a, b in _NAMED),
            rf"\A.*?{_any(_CLOSINGS)}",
            rf"{_any(opening for opening, _ in _PAIRS)}.*",
        ]
    ),
    re.DOTALL,
)
_UNCERTAIN = re.compile(rf"(?:\s|\ufffd|{_begun([*OPENINGS, *_CLOSINGS])})+\Z")


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


def thinking_options(thinking: bool) -> dict[str, Any]:
    """The settings about thoughts for chat templates, under the names that they use."""
    options: dict[str, Any] = {"enable_thinking": thinking, "thinking": thinking}
    return options if thinking else options | {"reasoning_effort": "low"}


def content_text(content: Any) -> str:
    """The text of a message's content: a text, parts of which some are thoughts, or nothing.

    Raises TypeError for what is neither.
    """
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise TypeError(f"expected a text or a list of parts, got {type(content).__name__}")
    parts = [{"type": "text", "text": one} if isinstance(one, str) else one for one in content]
    return "".join(one["text"] for one in parts if one["type"] in ("text", "output_text"))


class TextStream:
    """Passes on the new part of a growing text, and holds back what may still change.

    That is the beginning of a character, the beginning of a mark of thoughts, and spaces at the
    end. Where the text changes further back all the same (a thought that was closed but never
    opened, bytes that are no character), the part from there on is passed on anew.
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
