"""Pretraining conversations: the abilities the loop needs, over entities drawn afresh each time.

Because no random entity is ever seen twice, the only way to do well is to read the fragment. The
known entities are the exception: they teach that a question may also be answered from memory.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tools.miniature import vocabulary as words
from tools.miniature.wordings import TYPES, Attribute
from tools.miniature.world import (
    Entity,
    fragment,
    known_entities,
    random_entity,
    reserved_names,
    value,
)

START, END = "<|im_start|>", "<|im_end|>"
ASK_FIRST = "Ask one question."
ASK_NEXT = "Ask another question."

Conversation = list[dict[str, str]]
"""Messages with the keys "role" and "content", user and assistant taking turns."""


def conversation(*contents: str) -> Conversation:
    """Messages from texts that alternate between user and assistant."""
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(contents)]


def render(messages: Conversation) -> str:
    """The text that the model's chat template makes of a conversation."""
    return "".join(f"{START}{m['role']}\n{m['content']}{END}\n" for m in messages)


def question(rng: random.Random, entity: Entity, wordings: tuple[str, ...]) -> str:
    """A question about the entity in one of the wordings."""
    return entity.say(rng.choice(wordings))


def open_book(rng: random.Random, entity: Entity, turns: int, evaluation: bool) -> Conversation:
    """Questions on a fragment, each about another fact, answered from it.

    `evaluation` admits the wordings kept for evaluation: the base must understand them.
    """
    texts: list[str] = []
    for attribute in rng.sample(TYPES[entity.kind], turns):
        wordings = attribute.questions if evaluation else attribute.asking
        texts += [question(rng, entity, wordings), entity.answer(attribute)]
    texts[0] = f"{fragment(rng, entity)}\n\n{texts[0]}"
    return conversation(*texts)


def asking(rng: random.Random, entity: Entity, turns: int) -> Conversation:
    """Questions put to a fragment, each about another fact, in asking wordings only.

    The first question is about any fact, the next go on from it in the order of the type's
    attributes, round and round. In free order, one question in five repeated an earlier one.
    """
    attributes = TYPES[entity.kind]
    first = rng.randrange(len(attributes))
    texts: list[str] = []
    for turn in range(turns):
        attribute = attributes[(first + turn) % len(attributes)]
        texts += [ASK_NEXT, question(rng, entity, attribute.asking)]
    texts[0] = f"{fragment(rng, entity)}\n\n{ASK_FIRST}"
    return conversation(*texts)


def closed_book(
    rng: random.Random, entity: Entity, attribute: Attribute, evaluation: bool
) -> Conversation:
    """One question about a fact, answered from memory."""
    wordings = attribute.questions if evaluation else attribute.asking
    return conversation(question(rng, entity, wordings), entity.answer(attribute))


def repeating(rng: random.Random) -> Conversation:
    """A line to copy out: a type word, then names and values of every kind.

    Copying is learnt first and everything else rests on it. A vocabulary that were missing here
    would be copied wrongly later, so each line draws from all attributes of all types.
    """
    attributes = [attribute for group in TYPES.values() for attribute in group]
    parts = [rng.choice(tuple(TYPES))]
    for attribute in rng.choices(attributes, k=rng.randint(4, 14)):
        parts.append(value(rng, attribute.key, _free_name))
    line = " ".join(parts)
    return conversation(f"Repeat: {line}", line)


def _free_name(rng: random.Random) -> str:
    return words.new_name(rng, reserved_names())


def _open_lesson(rng: random.Random) -> Conversation:
    return open_book(rng, random_entity(rng), rng.choice((1, 2, 3, 4)), evaluation=True)


def _ask_lesson(rng: random.Random) -> Conversation:
    return asking(rng, random_entity(rng), rng.choice((2, 4, 4, 5)))


def _known_lesson(rng: random.Random) -> Conversation:
    entity = rng.choice(known_entities())
    return closed_book(rng, entity, rng.choice(TYPES[entity.kind]), evaluation=True)


def _repeat_lesson(rng: random.Random) -> Conversation:
    return repeating(rng)


LESSONS: dict[str, tuple[Callable[[random.Random], Conversation], float, float]] = {
    "repeat": (_repeat_lesson, 0.85, 0.07),
    "open": (_open_lesson, 0.05, 0.50),
    "ask": (_ask_lesson, 0.05, 0.27),
    "known": (_known_lesson, 0.05, 0.16),
}
"""Each lesson with its share of the mix while copying is learnt and afterwards."""

COPYING = (0.20, 0.27)
"""From where to where in the training the first mix gives way to the second.

Without a time of almost nothing but copying, the model learns to answer in form only: 2,000 steps
that began with a third of shorter lines to copy left hardly a number copied right, and open book
it was right in 3 of 10 answers.
"""


def lesson(rng: random.Random, progress: float) -> Conversation:
    """One conversation of the mix; `progress` runs from 0 to 1 over the training."""
    start, end = COPYING
    way = min(1.0, max(0.0, (progress - start) / (end - start)))
    makers = [maker for maker, _, _ in LESSONS.values()]
    shares = [first + way * (last - first) for _, first, last in LESSONS.values()]
    return rng.choices(makers, shares)[0](rng)
