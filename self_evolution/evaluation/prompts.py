"""The prompts of an evaluation: how each test question is put to the model, with which passages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from self_evolution.models import Generator
from self_evolution.records import Fragment, Item, Message
from self_evolution.run import Run
from self_evolution.text.language import detect as language


class TaskPrompt(NamedTuple):
    """A question as a prompt, and the ids of the fragments in it, the best first."""

    messages: list[Message]
    sources: tuple[str, ...] = ()


def length(mode: str, item: Item) -> int:
    """Return the length in characters by which questions are grouped into batches.

    What a search will find is not known before. So the batches of an evaluation task do not follow
    the documents, and the model does not wait until all searches are done.
    """
    return len(item.question) + (len(item.passage) if mode == "open" else 0)


def task_prompts(
    run: Run, model: Generator, mode: str, items: Sequence[Item]
) -> dict[str, TaskPrompt]:
    """Return prompts by item id, for the items that leave room for an answer in the model's window.

    Mode `closed` has the question alone, `open` the item's passage, and `retrieved` what a search
    finds. Where it finds nothing, the question stands alone, as it would for a user.
    """
    made = ((item.id, _task_prompt(run, model, mode, item)) for item in items)
    return {id: prompt for id, prompt in made if _fits(run, model, prompt)}


def _task_prompt(run: Run, model: Generator, mode: str, item: Item) -> TaskPrompt:
    if mode == "retrieved":
        return _retrieved(run, model, item)
    return _open(run, item) if mode == "open" else _closed(run, item)


def _closed(run: Run, item: Item) -> TaskPrompt:
    return TaskPrompt(run.prompts.closed(item.question, language(item.question)))


def _open(run: Run, item: Item) -> TaskPrompt:
    passage = item.passage.strip()
    return TaskPrompt(run.prompts.answer((), passage, item.question, language(passage)))


def _retrieved(run: Run, model: Generator, item: Item) -> TaskPrompt:
    """Build a prompt with as many whole passages as fit, best first; one that is too long is
    skipped."""
    found = run.search.find(item.question, run.config.evaluate.top_k)
    if not found:
        return _closed(run, item)
    prompt = _shown(run, item, found)
    if _fits(run, model, prompt):
        return prompt
    some: list[Fragment] = []
    for fragment in found:
        if _fits(run, model, tried := _shown(run, item, [*some, fragment])):
            some.append(fragment)
            prompt = tried
    return prompt


def _shown(run: Run, item: Item, found: Sequence[Fragment]) -> TaskPrompt:
    """A single passage is put as in the answer stage; of several, each has its headings above
    it."""
    heading = found[0].heading if len(found) == 1 else ()
    passage = "\n\n".join(
        one.text if one.heading == heading else f"{' > '.join(one.heading)}\n{one.text}"
        for one in found
    )
    return TaskPrompt(
        run.prompts.answer(heading, passage, item.question, language(item.question)),
        tuple(one.id for one in found),
    )


def _fits(run: Run, model: Generator, prompt: TaskPrompt) -> bool:
    return model.fits(prompt.messages, run.config.evaluate.max_tokens)
