"""The forecast of rewrites estimates the work of writing them once, and of training on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from self_evolution.forecast.replies import Expected
from self_evolution.forecast.sketch import Call
from self_evolution.records import Fragment, Message
from self_evolution.run import Run
from self_evolution.stages.rewrite import recalled

FRAGMENTS = 64
"""Fragments, at most, of which the prompts for training are counted."""


def rounds(run: Run, fragments: Sequence[Fragment], number: int) -> list[list[list[Message]]]:
    """The prompts for the first rewrite of each fragment, for the second, and so on up to `number`;
    none for those that take the fragment as it is."""
    found = []
    for sample in range(number):
        prompts = []
        for one in fragments:
            kinds = run.prompts.kinds(one.language)
            if prompt := run.prompts.rewrite(one, kinds[sample % len(kinds)]):
                prompts.append(prompt)
        found.append(prompts)
    return [prompts for prompts in found if prompts]


def batches(
    run: Run, chosen: Sequence[Sequence[Fragment]], number: int, most: int
) -> tuple[list[list[Call]], int]:
    """Batches of calls for all rewrites of the `chosen` fragments, and how many fragments these
    are."""
    found = [
        [Call("rewrite", prompts, most) for prompts in rounds(run, some, number)] for some in chosen
    ]
    return found, sum(map(len, chosen))


def tokens(run: Run, number: int, replies: Mapping[str, Expected]) -> float:
    """The mean tokens of a rewrite as a training example: what is asked for it, and the text."""
    ids = [id for id, _ in run.ledger.fragments.for_training()[:FRAGMENTS]]
    sizes = []
    fragments = run.ledger.fragments.get(ids)
    questions = recalled(run, fragments)
    for one in fragments:
        asked = [{"role": "user", "content": questions[one.id]}]
        prompt = len(run.engine.prompt_ids(run.prompts.chat(asked)))
        kinds = run.prompts.kinds(one.language)
        for sample in range(min(number, len(kinds))):
            written = bool(run.prompts.rewrite(one, kinds[sample]))
            sizes.append(prompt + (replies["rewrite"].mean if written else one.tokens))
    return sum(sizes) / max(1, len(sizes))
