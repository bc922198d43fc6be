"""How a question is put to the model, and with which passages: in an evaluation, and by a user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from self_evolution.config import Evaluate
from self_evolution.ledger import Task
from self_evolution.models import Generator, SamplingParams
from self_evolution.records import Fragment, Item, Message
from self_evolution.run import Run
from self_evolution.run.read import RunReader
from self_evolution.text.language import detect as language

AnyRun = Run | RunReader
"""What a prompt needs of a run: its settings, prompt profiles and search. Nothing is written."""


class TaskPrompt(NamedTuple):
    """A question as a prompt, and the ids of the fragments in it, the best first."""

    messages: list[Message]
    sources: tuple[str, ...] = ()


def sampling(settings: Evaluate) -> SamplingParams:
    """How the tokens of an answer are chosen."""
    return SamplingParams(settings.temperature, settings.top_p, settings.max_tokens)


def as_task(mode: str, item: Item) -> Task:
    """Return a question as a task: questions of one length, in characters, share a batch.

    With the book open, those with the same passage do. The length does not depend on what a search
    finds. So the batches of an evaluation task do not depend on the documents, and the model does
    not wait until all searches are done.
    """
    if mode == "open":
        return item.id, len(item.passage), item.passage
    return item.id, len(item.question)


def task_prompts(
    run: AnyRun, model: Generator, mode: str, items: Sequence[Item]
) -> dict[str, TaskPrompt]:
    """Return prompts by item id, for the items that leave room for an answer in the model's window.

    Mode `closed` has the question alone, `open` the item's passage, and `retrieved` what a search
    finds. Where it finds nothing, the question stands alone, as it would for a user.
    """
    made = ((item.id, _task_prompt(run, model, mode, item)) for item in items)
    return {id: prompt for id, prompt in made if fits(run, model, prompt.messages)}


def _task_prompt(run: AnyRun, model: Generator, mode: str, item: Item) -> TaskPrompt:
    if mode == "retrieved":
        return retrieved_prompt(run, model, item.question, run.config.evaluate.top_k)
    return _open(run, item) if mode == "open" else closed_prompt(run, item.question)


def closed_prompt(run: AnyRun, question: str) -> TaskPrompt:
    """The question alone, as the model is trained to answer it."""
    return TaskPrompt(run.prompts.closed(question, language(question)))


def _open(run: AnyRun, item: Item) -> TaskPrompt:
    passage = item.passage.strip()
    return TaskPrompt(run.prompts.answer((), passage, item.question, language(passage)))


def retrieved_prompt(
    run: AnyRun,
    model: Generator,
    question: str,
    limit: int,
    searched: str = "",
    document_id: str | None = None,
) -> TaskPrompt:
    """The question with at most `limit` passages that a search for it finds.

    The prompt has as many whole passages as fit, the best first; a passage that is too long is
    skipped. If none fits, the prompt has all of them and does not fit either. `searched` is the
    text to search for, if it is not the question. `document_id` is the only document to search, if
    one is given.
    """
    found = run.search.find(searched or question, limit, document_id)
    if not found:
        return closed_prompt(run, question)
    prompt = shown_prompt(run, question, found)
    if fits(run, model, prompt.messages):
        return prompt
    some: list[Fragment] = []
    for fragment in found:
        tried = shown_prompt(run, question, [*some, fragment])
        if fits(run, model, tried.messages):
            some.append(fragment)
            prompt = tried
    return prompt


def shown_prompt(run: AnyRun, question: str, found: Sequence[Fragment]) -> TaskPrompt:
    """A single passage is put as in the stage `answer`. If there are several, each has its headings
    above it."""
    heading = found[0].heading if len(found) == 1 else ()
    passage = "\n\n".join(
        one.text if one.heading == heading else f"{' > '.join(one.heading)}\n{one.text}"
        for one in found
    )
    return TaskPrompt(
        run.prompts.answer(heading, passage, question, language(question)),
        tuple(one.id for one in found),
    )


def fits(run: AnyRun, model: Generator, messages: Sequence[Message]) -> bool:
    """Whether a conversation leaves room for an answer in the model's window."""
    return model.fits(messages, run.config.evaluate.max_tokens)
