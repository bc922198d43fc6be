"""What a stage may ask of an engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from self_evolution.config import Train
from self_evolution.models.training import Trained
from self_evolution.records import Message

Who = Literal["base", "current"]
"""The model without its adapter, or with the one given to `use`."""

Row = tuple[list[int], list[int]]
"""Token ids of a prompt and of the text that follows it."""


class Sampling(NamedTuple):
    """How to choose the next token; temperature 0 is greedy."""

    temperature: float
    top_p: float
    max_tokens: int


class Reply(NamedTuple):
    """A generated text, stripped; `finish` is "stop", or "length" if it was cut off.

    From an endpoint it may be TOO_LONG, without text.
    """

    text: str
    finish: str


TOO_LONG = "window"
"""How a reply ends that never began, because the prompt did not fit the model's window."""

_THOUGHTS = re.compile(r"^.*?</think>|<think>.*", re.DOTALL)


def spoken(text: str) -> str:
    """A generated text without the thoughts in it, stripped."""
    return _THOUGHTS.sub("", text).strip()


class Speaker(Protocol):
    """A model that can be asked: an engine, or one somewhere else that does no more than that."""

    revision: str
    """Which version of the weights a hub gave; empty where that is not known."""

    at_once: int
    """Prompts that it takes at the same time, also where `model.batch_size` is less."""

    def fits(self, messages: Sequence[Message], max_tokens: int) -> bool:
        """Whether the window has room for a conversation and a reply of up to so many tokens."""

    def generate(
        self, prompts: Sequence[Sequence[Message]], sampling: Sampling, seed: int, who: Who
    ) -> list[Reply]:
        """One reply to each conversation, as a batch; a function of its arguments alone."""


class Engine(Speaker, Protocol):
    """One resident model: it generates, scores and trains on the same weights, in turns."""

    window: int
    """Longest sequence in tokens."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in tokens."""

    def use(self, adapter: Path | None, sha256: str = "") -> None:
        """Make the adapter in that folder the "current" one; None takes it off.

        Raises UserError if it is read from the folder and has not the digest `sha256`, if given.
        """

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a conversation up to where the assistant's reply begins."""

    def opening_ids(self) -> list[int]:
        """Token ids of an assistant's turn without any question before it."""

    def text_ids(self, text: str, *, reply: bool = False) -> list[int]:
        """Token ids of plain text, or of text as an assistant's reply begins in this template."""

    def nll(self, rows: Sequence[Row], who: Who) -> list[float]:
        """Mean negative log-likelihood (nats a token) of each second part given the first.

        Both parts of each row must have at least one token.
        """

    def train(
        self,
        conversations: Sequence[Sequence[Message]],
        settings: Train,
        learning_rate: float,
        folder: Path,
        seed: int,
        on_step: Callable[[int, int], bool],
    ) -> Trained:
        """Train the current adapter, or a new one, on the assistant's turns; save it in `folder`.

        `settings` are those of this generation (`Train.of`).

        `on_step(done, total)` is called after each step and returns True to stop: then a
        checkpoint is kept beside `folder`, and `Stopped` is raised. A later call goes on from it.
        """
