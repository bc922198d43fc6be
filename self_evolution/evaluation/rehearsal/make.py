"""Making conversations: the base sets itself a question, and answers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from self_evolution.config import Config
from self_evolution.evaluation import abilities
from self_evolution.evaluation.holdout import shuffled
from self_evolution.models import Engine, Reply, SamplingParams
from self_evolution.models.jobs import Job
from self_evolution.prompts import Prompts
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


Maker = Callable[[Run, Sequence[int], Sequence[int]], Job[list[list[Made]]]]
"""A function of the run, the numbers of some tasks and a seed for each. It returns the job that
makes the conversations of each task."""


def topics(run: Run) -> list[str]:
    """The topics of the profile that the test of former abilities does not use and never asked
    about."""
    profile = run.prompts.profile(run.ledger.fragments.main_language())
    asked = {row.topic for row in run.ledger.items.candidates(abilities.KIND)}
    rest = abilities.split(run).rehearsal if profile.rehearse and profile.rehearse_another else []
    return [topic for topic in rest if topic not in asked]


def questions_a_task(settings: Config) -> int:
    """The number of questions in a task: as many as the run asks about a fragment, but at least
    one."""
    return max(1, settings.ask.per_fragment)


def obstacle(run: Run, origin: str) -> str:
    """Why no such conversation can be made; empty if nothing is in the way."""
    if origin == "topics" and not topics(run):
        return "the prompt profile has no `rehearse`, or no topics are left for it"
    if origin == "template" and not run.engine.prompt_ids([]):
        return "this chat template does not show where a user's turn begins and ends"
    if origin == "fragments" and not run.ledger.fragments.for_training():
        return "there are no fragments"
    return ""


def _on_topics(run: Run, numbers: Sequence[int], seeds: Sequence[int]) -> Job[list[list[Made]]]:
    """For each task, several questions on one topic, each answered in a conversation of its own."""
    language, left = run.ledger.fragments.main_language(), topics(run)
    chosen = [left[number % len(left)] for number in numbers]
    return partial(_about_topics, _Base(run.prompts, run.config), chosen, language, seeds)


def _about_topics(
    base: _Base, chosen: Sequence[str], language: str, seeds: Sequence[int], engine: Engine
) -> list[list[Made]]:
    _, replies = base.in_turns(
        engine, lambda place, said: base.prompts.rehearse(chosen[place], language, said), seeds
    )
    made = iter(base.answered(engine, [one for those in replies for one in those]))
    return [
        [next(made)._replace(topic=topic) for _ in those]
        for topic, those in zip(chosen, replies, strict=True)
    ]


def _from_the_template(
    run: Run, numbers: Sequence[int], seeds: Sequence[int]
) -> Job[list[list[Made]]]:
    """The base writes a user's first message in an empty conversation, and answers it."""
    return partial(_begun, _Base(run.prompts, run.config), seeds)


def _begun(base: _Base, seeds: Sequence[int], engine: Engine) -> list[list[Made]]:
    asked = base.ask(engine, [[] for _ in seeds], seeds)
    return [[made] for made in base.answered(engine, asked)]


def _on_fragments(run: Run, numbers: Sequence[int], seeds: Sequence[int]) -> Job[list[list[Made]]]:
    """For each task, a conversation that asks several questions about a fragment, and one for each
    question with its answer."""
    there = (id for id, _ in run.ledger.fragments.for_training())
    ids = shuffled(there, run.config.seed, "rehearse")
    fragments = run.ledger.fragments.get([ids[number % len(ids)] for number in numbers])
    return partial(_about_fragments, _Base(run.prompts, run.config), fragments, seeds)


def _about_fragments(
    base: _Base, fragments: Sequence[Fragment], seeds: Sequence[int], engine: Engine
) -> list[list[Made]]:
    turns, replies = base.in_turns(
        engine, lambda place, said: base.prompts.ask(fragments[place], said), seeds
    )
    prompts = [
        base.prompts.answer(fragment.heading, fragment.askable, question.text, fragment.language)
        for fragment, those in zip(fragments, replies, strict=True)
        for question in those
    ]
    answers = iter(zip(prompts, base.answers(engine, prompts), strict=True))
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


class _Base(NamedTuple):
    """How the base asks and answers itself; an engine that it is given to speaks for it."""

    prompts: Prompts
    settings: Config

    def in_turns(
        self,
        engine: Engine,
        prompt: Callable[[int, list[str]], list[Message]],
        seeds: Sequence[int],
    ) -> tuple[list[list[Message]], list[list[Reply]]]:
        """Let the base ask several times in each conversation; each time it sees its earlier
        questions.

        Returns the last prompt and all replies of each conversation. `prompt(place, said)` asks
        for a question after those in `said`.
        """
        replies: list[list[Reply]] = [[] for _ in seeds]
        prompts: list[list[Message]] = []
        for turn in range(questions_a_task(self.settings)):
            said = [[reply.text for reply in those] for those in replies]
            prompts = [prompt(i, texts) for i, texts in enumerate(said)]
            mine = [seed_of(seed, turn) for seed in seeds]
            for those, reply in zip(replies, self.ask(engine, prompts, mine), strict=True):
                those.append(reply)
        return prompts, replies

    def ask(
        self, engine: Engine, prompts: Sequence[Sequence[Message]], seeds: Sequence[int]
    ) -> list[Reply]:
        ask, temperature = self.settings.ask, self.settings.rehearse.temperature
        params = SamplingParams(temperature, ask.top_p, ask.max_tokens)
        return engine.generate(prompts, params, seeds, "base")

    def answers(self, engine: Engine, prompts: Sequence[Sequence[Message]]) -> list[Reply]:
        """The answers of the base. They are greedy, so the seed does not matter."""
        params = SamplingParams(0.0, 1.0, self.settings.answer.max_tokens)
        size = self.settings.model.batch_size
        parts = (prompts[i : i + size] for i in range(0, len(prompts), size))
        return [reply for part in parts for reply in engine.generate(part, params, 0, "base")]

    def answered(self, engine: Engine, asked: Sequence[Reply]) -> list[Made]:
        """A conversation for each question: the question with its closed-book answer."""
        prompts = [self.prompts.closed(one.text, detect(one.text)) for one in asked]
        answers = self.answers(engine, prompts)
        return [
            Made([*prompt, _assistant(answer)], [question, answer], question.text)
            for prompt, question, answer in zip(prompts, asked, answers, strict=True)
        ]


def _assistant(reply: Reply) -> Message:
    return {"role": "assistant", "content": reply.text}
