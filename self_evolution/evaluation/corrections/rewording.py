"""A corrected question in other words, asked by the base itself about the same passage.

The base asks about the passage again and again, and answers each question with the passage open.
A question whose answer agrees with the answer to learn asks for the same fact.
"""

from __future__ import annotations

from self_evolution.evaluation.agreement import stated
from self_evolution.evaluation.corrections.judging import is_right, plain
from self_evolution.models import SamplingParams
from self_evolution.records import Correction, Fragment, Message
from self_evolution.run import Run
from self_evolution.schedule import stage_seed

ASKED = 32
"""Questions that the base asks about the passage of a correction."""


def reword(run: Run, correction: Correction, fragment: Fragment) -> list[str]:
    """Different questions for the fact of a correction, in an order that follows from its id.

    None equals the corrected question. The list is empty where the base finds none, for example
    because the passage does not say what the person wrote.
    """
    settings = run.config
    seed = stage_seed(settings, "ask", correction.generation, "corrections", correction.id)
    asking = SamplingParams(
        max(settings.ask.temperature, 0.7), settings.ask.top_p, settings.ask.max_tokens
    )
    prompts = [_prompt(run, correction, fragment)] * ASKED
    asked = _generate(run, prompts, asking, seed)
    own = plain(correction.question)
    different = {plain(text): text for text in asked}
    questions = [text for key, text in different.items() if key and key != own]
    answering = SamplingParams(
        settings.answer.temperature, settings.answer.top_p, settings.answer.max_tokens
    )
    opened = [
        run.prompts.answer(fragment.heading, fragment.askable, text, fragment.language)
        for text in questions
    ]
    answers = _generate(run, opened, answering, seed)
    return [
        question
        for question, answer in zip(questions, answers, strict=True)
        if is_right(correction, answer) and not _given_away(question, correction)
    ]


def _prompt(run: Run, correction: Correction, fragment: Fragment) -> list[Message]:
    return run.prompts.reword(fragment, correction.question) or run.prompts.ask(fragment, [])


def _given_away(question: str, correction: Correction) -> bool:
    """Whether the question has a value of the answer, so that nothing is left to know."""
    return len(stated(question, correction.target)) < len(
        stated(correction.question, correction.target)
    )


def _generate(
    run: Run, prompts: list[list[Message]], params: SamplingParams, seed: int
) -> list[str]:
    """The base's replies; empty where they were cut, or the prompt does not fit its window."""
    found = [""] * len(prompts)
    fitting = [i for i, prompt in enumerate(prompts) if run.engine.fits(prompt, params.max_tokens)]
    size = run.config.model.batch_size
    run.use(0)
    for start in range(0, len(fitting), size):
        places = fitting[start : start + size]
        replies = run.engine.generate([prompts[i] for i in places], params, seed + start, "base")
        for i, reply in zip(places, replies, strict=True):
            found[i] = reply.text if reply.finish_reason == "stop" else ""
    return found
