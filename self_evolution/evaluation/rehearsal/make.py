"""Making conversations: the base sets itself a question, and answers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from self_evolution.evaluation import abilities
from self_evolution.evaluation.holdout import shuffled
from self_evolution.models import Reply, SamplingParams
from self_evolution.records import Fragment, Message, seed_of
from self_evolution.run import Run
from self_evolution.text.language import detect


class Made(NamedTuple):
    """A conversation as it was made; `replies` are all that the base said in it.

    `question` is what is asked, without a passage; it is empty if the base only asks about a
    fragment.
    """

    messages: list[Message]
    replies: list[Reply]
    question: str = ""
    topic: str | None = None
    fragment: Fragment | None = None


Maker = Callable[[Run, Sequence[int], Sequence[int]], list[list[Made]]]
"""A function of the run, the numbers of some tasks and a seed for each. It returns the
conversations of each task."""


def topics(run: Run) -> list[str]:
    """The topics of the profile that the test of former abilities does not use and never asked
    about."""
    profile = run.prompts.profile(run.ledger.fragments.main_language())
    asked = {row.topic for row in run.ledger.items.candidates(abilities.KIND)}
    rest = abilities.split(run).rehearsal if profile.rehearse and profile.rehearse_another else []
    return [topic for topic in rest if topic not in asked]


def questions_a_task(run: Run) -> int:
    """The number of questions in a task: as many as the run asks about a fragment, but at least
    one."""
    return max(1, run.config.ask.per_fragment)


def obstacle(run: Run, origin: str) -> str:
    """Why no such conversation can be made; empty if nothing is in the way."""
    if origin == "topics" and not topics(run):
        return "the prompt profile has no `rehearse`, or no topics are left for it"
    if origin == "template" and not run.engine.prompt_ids([]):
        return "this chat template does not show where a user's turn begins and ends"
    if origin == "fragments" and not run.ledger.fragments.for_training():
        return "there are no fragments"
    return ""


def _on_topics(run: Run, numbers: Sequence[int], seeds: Sequence[int]) -> list[list[Made]]:
    """For each task, several questions on one topic, each answered in a conversation of its own."""
    language, left = run.ledger.fragments.main_language(), topics(run)
    chosen = [left[number % len(left)] for number in numbers]
    _, replies = _in_turns(
        run,
        lambda place, said: run.prompts.rehearse(chosen[place], language, said),
        seeds,
    )
    asked = [one for those in replies for one in those]
    made = iter(_answered(run, asked))
    return [
        [next(made)._replace(topic=topic) for _ in those]
        for topic, those in zip(chosen, replies, strict=True)
    ]


def _from_the_template(run: Run, numbers: Sequence[int], seeds: Sequence[int]) -> list[list[Made]]:
    """The base writes a user's first message in an empty conversation, and answers it."""
    return [[made] for made in _answered(run, _asked(run, [[] for _ in numbers], seeds))]


def _on_fragments(run: Run, numbers: Sequence[int], seeds: Sequence[int]) -> list[list[Made]]:
    """For each task, a conversation that asks several questions about a fragment, and one for each
    question with its answer."""
    there = (id for id, _ in run.ledger.fragments.for_training())
    ids = shuffled(there, run.config.seed, "rehearse")
    fragments = run.ledger.fragments.get([ids[number % len(ids)] for number in numbers])
    turns, replies = _in_turns(
        run, lambda place, said: run.prompts.ask(fragments[place], said), seeds
    )
    prompts = [
        run.prompts.answer(fragment.heading, fragment.askable, question.text, fragment.language)
        for fragment, those in zip(fragments, replies, strict=True)
        for question in those
    ]
    answers = iter(zip(prompts, _answers(run, prompts), strict=True))
    found = []
    for fragment, asked, those in zip(fragments, turns, replies, strict=True):
        mine = [Made([*asked, _assistant(those[-1])], those)]
        for question in those:
            prompt, answer = next(answers)
            mine.append(Made([*prompt, _assistant(answer)], [question, answer], question.text))
        found.append([made._replace(fragment=fragment) for made in mine])
    return found


MAKERS: dict[str, Maker] = {
    "topics": _on_topics,
    "template": _from_the_template,
    "fragments": _on_fragments,
}
"""The origins of conversations. To add one: a function, a line here, a number in `Rehearse`."""


def _in_turns(
    run: Run, prompt: Callable[[int, list[str]], list[Message]], seeds: Sequence[int]
) -> tuple[list[list[Message]], list[list[Reply]]]:
    """Let the base ask several times in `size` conversations; each time it sees its earlier
    questions.

    Returns the last prompt and all replies of each conversation. `prompt(place, said)` asks for a
    question after those in `said`.
    """
    replies: list[list[Reply]] = [[] for _ in seeds]
    prompts: list[list[Message]] = []
    for turn in range(questions_a_task(run)):
        prompts = [prompt(i, [reply.text for reply in those]) for i, those in enumerate(replies)]
        mine = [seed_of(seed, turn) for seed in seeds]
        for those, reply in zip(replies, _asked(run, prompts, mine), strict=True):
            those.append(reply)
    return prompts, replies


def _asked(run: Run, prompts: Sequence[Sequence[Message]], seeds: Sequence[int]) -> list[Reply]:
    settings = run.config.ask
    temperature = run.config.rehearse.temperature
    params = SamplingParams(temperature, settings.top_p, settings.max_tokens)
    return run.engine.generate(prompts, params, seeds, "base")


def _answers(run: Run, prompts: Sequence[Sequence[Message]]) -> list[Reply]:
    """The answers of the base. They are greedy, so the seed does not matter."""
    params = SamplingParams(0.0, 1.0, run.config.answer.max_tokens)
    size = run.config.model.batch_size
    parts = (prompts[i : i + size] for i in range(0, len(prompts), size))
    return [reply for part in parts for reply in run.engine.generate(part, params, 0, "base")]


def _answered(run: Run, asked: Sequence[Reply]) -> list[Made]:
    """A conversation for each question: the question with its closed-book answer."""
    prompts = [run.prompts.closed(one.text, detect(one.text)) for one in asked]
    return [
        Made([*prompt, _assistant(answer)], [question, answer], question.text)
        for prompt, question, answer in zip(prompts, asked, _answers(run, prompts), strict=True)
    ]


def _assistant(reply: Reply) -> Message:
    return {"role": "assistant", "content": reply.text}
