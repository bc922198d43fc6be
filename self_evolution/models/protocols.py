"""Three small protocols of a model: it generates, it scores, it is trained.

A model that is only asked, such as an endpoint or a judge, is a `Generator`. The model of a run is
an `Engine`, which does all three on the same weights. Each declares its `capabilities`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, get_args

from self_evolution.errors import UserError
from self_evolution.models.reply import Reply
from self_evolution.models.training.job import Trained, TrainingJob
from self_evolution.records import Message, seed_of

Weights = Literal["base", "current"]
"""The model without an adapter, or with the one given to `set_adapter`, if there is one.

For a model that has no adapters, both are the same.
"""

Row = tuple[list[int], list[int]]
"""Token ids of a prompt and of the text that follows it; each has at least one."""

KEPT_NUMBERS = 1 << 28
"""The largest number of keys and values that an engine keeps between two calls in a batch: 1 GiB in
float32."""

OnText = Callable[[int, str], None]
"""Called with the place of a prompt in its batch and the next piece of the reply to it."""

Seeds = int | Sequence[int]
"""What the random numbers of replies are made of: a seed for each prompt, or one for all."""


def seeds_of(seed: Seeds, size: int) -> list[int]:
    """A seed for each of so many prompts. Raises ValueError if there are more or fewer."""
    if isinstance(seed, int):
        return [seed_of(seed, i) for i in range(size)]
    if len(seed) != size:
        raise ValueError(f"{len(seed)} seeds for {size} prompts")
    return list(seed)


Capability = Literal[
    "streaming", "logprobs", "token_ids", "scoring", "training", "sharing", "served"
]
"""In this order: `generate` takes `on_text`; it takes `SamplingParams.logprobs`; it fills
`Reply.ids`; the model is a `Scorer`; it is a `Trainer`; several processes may share its training
(`TrainingJob.world`); a server may generate in its place (`model.generator`)."""

EVERYTHING: frozenset[Capability] = frozenset(get_args(Capability))


class SamplingParams(NamedTuple):
    """The way in which the tokens of a reply are chosen; temperature 0 is greedy.

    `logprobs`: how many of the most likely tokens to report at each token of the reply.
    """

    temperature: float
    top_p: float
    max_tokens: int
    logprobs: int = 0


class Generator(Protocol):
    """A model that replies to conversations."""

    capabilities: frozenset[Capability]

    revision: str
    """The version of the weights, as the hub names it; empty if it is not known."""

    concurrency: int
    """The number of prompts that it handles at the same time, even if `model.batch_size` is
    smaller."""

    def fits(self, messages: Sequence[Message], max_tokens: int) -> bool:
        """Whether the context window has room for a conversation and a reply of `max_tokens`."""

    def generate(
        self,
        prompts: Sequence[Sequence[Message]],
        params: SamplingParams,
        seed: Seeds,
        weights: Weights,
        on_text: OnText | None = None,
    ) -> list[Reply]:
        """One reply to each conversation, in their order.

        For an empty conversation, the reply is text that a user might begin with; this works only
        if `prompt_ids([])` is not empty. The result depends only on the arguments; no global random
        state is read or changed. The pieces given to `on_text` add up to the text of the reply.
        Raises UserError for what `capabilities` does not declare.
        """

    def close(self) -> None:
        """Give back memory and connections. The model cannot be used afterwards."""


class Scorer(Protocol):
    """A model that computes the likelihood of given tokens."""

    window: int
    """Longest sequence in tokens."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in tokens."""

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a conversation up to where the assistant's reply begins.

        For an empty conversation, up to where the user's message begins; an empty list if this
        cannot be told.
        """

    def opening_ids(self) -> list[int]:
        """Token ids of an assistant's turn without any question before it."""

    def text_ids(self, text: str, *, reply: bool = False) -> list[int]:
        """Token ids of plain text; with `reply`, of text at the beginning of an assistant's turn in
        this template."""

    def id_texts(self, ids: Sequence[int]) -> list[str]:
        """The text of each token id by itself, for programs that show log-probabilities."""

    def nll(self, rows: Sequence[Row], weights: Weights) -> list[float]:
        """Mean negative log-likelihood, in nats a token, of each second part given the first."""


class Trainer(Protocol):
    """A model whose adapter is trained, and exchanged for others that were trained before."""

    def set_adapter(self, folder: Path | None, sha256: str = "") -> None:
        """Make the adapter in `folder` the "current" one; None goes back to the base.

        Raises UserError if there is no adapter, or if its digest is not `sha256` (empty: any).
        """

    def train(self, job: TrainingJob) -> Trained:
        """Train the current adapter, or a new one, and make the result the current one.

        Raises Stopped when `job.on_step` asks for it, UserError if nothing can be trained on.
        """


class Engine(Generator, Scorer, Trainer, Protocol):
    """One resident model that generates, scores and is trained, in turns, on the same weights."""

    def begin_batch(self) -> None:
        """Begin a batch of a stage.

        Until the next call of this, `generate` may use again what it has read for earlier prompts,
        and forgets all that it has read before. So a batch does not depend on any other one, down
        to the last bit. Before the first call nothing is kept at all.
        """


_MEANINGS: dict[Capability, str] = {
    "streaming": "give the text of a reply as it comes",
    "logprobs": "give log-probabilities",
    "token_ids": "give token ids",
    "scoring": "compute the likelihood of a text",
    "training": "be trained",
    "sharing": "be trained by several processes (--train.parallel, --train.processes)",
    "served": "leave its replies to a server (--model.generator)",
}


def require(name: str, declared: frozenset[Capability], *wanted: Capability) -> None:
    """Raises UserError, with `name` as the subject, if a wanted capability is not declared."""
    missing = [_MEANINGS[one] for one in wanted if one not in declared]
    if missing:
        raise UserError(f"{name} cannot {' or '.join(missing)}; choose another --model.engine")


def check_request(
    name: str, declared: frozenset[Capability], params: SamplingParams, on_text: OnText | None
) -> None:
    """Raises UserError if a call of `generate` asks for what is not declared."""
    if params.logprobs:
        require(name, declared, "logprobs")
    if on_text:
        require(name, declared, "streaming")
