"""Questions, answers and their checks, training sets and adapters."""

from __future__ import annotations

from dataclasses import dataclass

Message = dict[str, str]
"""One turn of a conversation: {"role": "system" | "user" | "assistant", "content": text}."""


@dataclass(frozen=True, slots=True)
class Question:
    """Question number `sample` that generation `generation` asked about a fragment."""

    id: str
    generation: int
    fragment_id: str
    sample: int
    text: str
    finish: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question, given with the fragment open. `finish`: stop or length."""

    id: str
    question_id: str
    text: str
    finish: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check stage said of a pair: kept (`reason` is None), or why not."""

    answer_id: str
    reason: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Likeness:
    """A kept pair whose question is near an evaluation question, without being it.

    `share`: of the words of both, those in common.
    """

    answer_id: str
    item_id: str
    share: float


@dataclass(frozen=True, slots=True)
class Score:
    """The pair's IFD. Negative log-likelihoods are means per answer token, in nats.

    `outcome` is `scored`, or names why `ifd` is None (see `self_evolution.stages.score`).
    """

    answer_id: str
    scorer: str
    outcome: str
    ifd: float | None
    nll_given_question: float | None
    nll_alone: float | None
    answer_tokens: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation to rehearse, so that little is forgotten (`reason`: None), or why it is none.

    `origin`: given by the user, or made by the base itself: on one of the profile's topics
    (`topics`), begun by it in the user's place (`template`), or about a fragment (`fragments`).
    Those that were made in one go have one `position`. `question`: what is asked in it, without
    any passage; empty in one that is given, or in which the base asks about a fragment.
    """

    id: str
    messages: tuple[Message, ...]
    origin: str = "given"
    position: int = 0
    question: str = ""
    topic: str | None = None
    fragment_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """One training example of a generation; `source`: new, replay or rehearsal.

    Exactly one of `answer_id` and `conversation_id` is set.
    """

    generation: int
    position: int
    source: str
    answer_id: str | None
    conversation_id: str | None


@dataclass(frozen=True, slots=True)
class Adapter:
    """The LoRA adapter that training of a generation left, continued from `parent`'s.

    `divergence` is KL(base || tuned) on the pairs that were trained on, in nats a token.
    """

    generation: int
    parent: int
    path: str
    sha256: str
    examples: int
    steps: int
    first_loss: float
    last_loss: float
    divergence: float | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """A question with its answer and fragment, as several stages want to see it."""

    answer_id: str
    generation: int
    fragment_id: str
    question: str
    answer: str
    finish: str
    fragment: str
    language: str
