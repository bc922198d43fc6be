"""A round of the probe: questions and answers of every kind that a run needs, a few of each.

They are the run's own prompts. Those whose tokens are chosen in the same way are put together,
because many short replies together cost little more than one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from self_evolution.coverage.requests import additions
from self_evolution.evaluation import abilities
from self_evolution.evaluation.building import builds
from self_evolution.evaluation.prompts import task_prompts
from self_evolution.evaluation.rehearsal.make import obstacle, topics
from self_evolution.forecast.kinds import BY_AUTHOR, kinds
from self_evolution.forecast.replies import measured
from self_evolution.forecast.rewriting import rounds
from self_evolution.forecast.sample import Sample, Text
from self_evolution.forecast.sketch import evenly
from self_evolution.meter import listening
from self_evolution.models import Reply, SamplingParams
from self_evolution.records import Fragment, Item, Message, seed_of
from self_evolution.run import Run
from self_evolution.run.author import Author
from self_evolution.text.language import detect

SHORT = 3
"""Questions about each fragment of the probe, and for each as many without any passage: they cost
little, because a fragment is read once."""

LEAST = 5
"""If fewer rows than this are asked together, the time that they take apart from the model is not
counted."""


class Request(NamedTuple):
    """A prompt that is asked `times`, for a reply of that kind."""

    kind: str
    prompt: Sequence[Message]
    times: int = 1


class Subjects(NamedTuple):
    """What a round asks about."""

    fragments: list[Fragment]
    topics: list[str]
    rehearsed: list[str]
    items: list[Item]
    former: list[Item]


class Round(NamedTuple):
    """The replies of a round. `wanted` are the fragments of the pairs, `tested` those of the test
    questions, `topics` those of the questions on former abilities."""

    wanted: list[Fragment]
    tested: list[Fragment]
    topics: list[str]
    asked: list[Reply]
    answered: list[Reply]
    exams: list[Reply]
    exam_answers: list[list[Reply]]
    skills: list[Reply]
    skill_answers: list[list[Reply]]
    free: list[tuple[Reply, Reply]]


class Asking:
    """Asks in rounds, and keeps in `sample` how long the replies are."""

    def __init__(self, run: Run, sample: Sample) -> None:
        self._run, self._sample = run, sample
        self._params = kinds(run.config).params
        self._language = run.ledger.fragments.main_language()
        self._cap = 0
        self._round = 0

    def subjects(
        self, fragments: list[Fragment], items: list[Item], former: list[Item]
    ) -> Subjects:
        """These, and SHORT topics for each fragment."""
        run, size, first = self._run, SHORT * len(fragments), SHORT * self._sample.fragments
        profile = run.prompts.profile(self._language)
        skills = abilities.split(run).tests if "skill" in self._params and profile.skill else []
        rehearse = run.config.rehearse if "topic" in self._params else None
        there = topics(run) if rehearse and rehearse.topics else []
        return Subjects(
            fragments,
            [skills[i % len(skills)] for i in range(first, first + size)] if skills else [],
            [there[i % len(there)] for i in range(first, first + size)] if there else [],
            items,
            former,
        )

    def ask(self, subjects: Subjects, cap: int) -> Round:
        """Questions first, then the answers to them; no reply has more than `cap` tokens."""
        self._cap, self._round = cap, self._round + 1
        run, fragments = self._run, subjects.fragments
        prompts = run.prompts
        wanted = [one for one in fragments for _ in range(SHORT)]
        wanted = wanted if run.config.ask.per_fragment else []
        wanted_tests = builds(run.config) and all(prompts.exam(one) for one in fragments)
        tested = [one for one in fragments for _ in range(SHORT)] if wanted_tests else []
        free = [
            Request("topic", prompts.rehearse(one, self._language, []))
            for one in subjects.rehearsed
        ]
        if (
            "template" in self._params
            and run.config.rehearse.template
            and not obstacle(run, "template")
        ):
            free += [Request("template", []) for _ in range(SHORT * len(fragments))]
        asked = self._replies(
            [
                *(Request("ask", prompts.ask(one, [], self._additions(one))) for one in wanted),
                *(Request("exam", prompts.exam(one)) for one in tested),
                *(Request("skill", prompts.skill(one, self._language)) for one in subjects.topics),
                *free,
                *(Request("rewrite", prompt) for prompt in self._rewrites(fragments)),
            ]
        )
        first = iter(replies[0] for replies in asked)
        questions = [next(first) for _ in wanted]
        exams = [next(first) for _ in tested]
        skills = [next(first) for _ in subjects.topics]
        freely = [next(first) for _ in free]
        if wanted and self._round > 1 and run.config.ask.per_fragment > 1:
            others = [
                Request("ask", prompts.ask(one, [question.text], self._additions(one)))
                for one, question in zip(wanted, questions, strict=True)
            ]
            questions += [replies[0] for replies in self._replies(others)]
            wanted = [*wanted, *wanted]
        samples = run.config.evaluate.samples
        items = subjects.items or _items(tested, exams)
        answers = self._replies(
            [
                *_open(run, "answer", wanted, questions, 1),
                *_open(run, "exam answer", tested, exams, samples),
                *(self._closed("skill answer", one, samples) for one in skills),
                *(
                    self._closed(f"{request.kind} answer", one)
                    for request, one in zip(free, freely, strict=True)
                ),
                *self._tests(items, ("closed",)),
                *self._tests(evenly(items, len(fragments)), ("retrieved", "open")),
                *self._tests(subjects.former, ("former",)),
            ]
        )
        rest = iter(answers)
        found = Round(
            wanted,
            tested,
            subjects.topics,
            questions,
            [next(rest)[0] for _ in questions],
            exams,
            [next(rest) for _ in exams],
            skills,
            [next(rest) for _ in skills],
            [(one, next(rest)[0]) for one in freely],
        )
        self._keep_texts(found, [request.kind for request in free])
        return found

    def _rewrites(self, fragments: list[Fragment]) -> list[list[Message]]:
        number = min(SHORT, self._run.config.ask.rewrites)
        return [prompt for prompts in rounds(self._run, fragments, number) for prompt in prompts]

    def _additions(self, fragment: Fragment) -> list[str]:
        return additions(self._run.prompts, self._run.config.ask, fragment, 1, 2)

    def _ended(self, kind: str, reply: Reply) -> Reply:
        """A reply that the probe cut off, and not the settings, is judged as if it had ended."""
        if reply.finish_reason == "length" and self._cap < self._params[kind].max_tokens:
            return reply._replace(finish_reason="stop")
        return reply

    def _tests(self, items: Sequence[Item], modes: Sequence[str]) -> Iterator[Request]:
        for mode in modes:
            if mode == "retrieved" and not self._run.config.evaluate.top_k:
                continue
            put = "closed" if mode == "former" else mode
            for prompt in task_prompts(self._run, self._run.engine, put, items).values():
                yield Request(mode, prompt.messages)

    def _closed(self, kind: str, question: Reply, times: int = 1) -> Request:
        text = question.text
        return Request(kind, self._run.prompts.closed(text, detect(text)), times)

    def _replies(self, requests: Sequence[Request]) -> list[list[Reply]]:
        """The replies to each request; those of a kind of choice of tokens are made together."""
        groups: dict[tuple[bool, SamplingParams], list[tuple[int, Request]]] = {}
        for place, request in enumerate(requests):
            group = (request.kind in BY_AUTHOR, self._params[request.kind])
            if not self._run.config.ask.teacher:
                group = (False, group[1])
            groups.setdefault(group, []).append((place, request))
        found: list[list[Reply]] = [[] for _ in requests]
        for (taught, params), those in sorted(groups.items(), reverse=True):
            rows = [(place, request) for place, request in those for _ in range(request.times)]
            replies = self._generate(taught, params, [request for _, request in rows])
            for (place, request), reply in zip(rows, replies, strict=True):
                found[place].append(self._ended(request.kind, reply))
        return found

    def _generate(
        self, taught: bool, params: SamplingParams, requests: Sequence[Request]
    ) -> list[Reply]:
        run, most = self._run, params.max_tokens
        params = params._replace(max_tokens=min(self._cap, most))
        author = Author(run, 0, "base", own=not taught)
        seeds = [seed_of(run.config.seed, "probe", self._round, i) for i in range(len(requests))]
        author.load()  # which is no time of a reply
        start, cpu = time.perf_counter(), time.process_time()
        sample = self._sample
        with listening() as events:
            try:
                replies = author.generate([one.prompt for one in requests], params, seeds)
            finally:  # these steps were done, even if the others are given up
                for event in () if taught else events:
                    sample.events.setdefault(event.kind, []).append(event)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        if taught:
            sample.teacher = max(sample.teacher, seconds / len(requests))
        elif len(requests) >= LEAST:
            row = (cpu - sum(event.cpu_seconds for event in events)) / len(requests)
            sample.other.row = min(sample.other.row or row, row)
        lengths: dict[str, list[int]] = {}
        for request, reply in zip(requests, replies, strict=True):
            ids = reply.ids
            size = len(ids) if ids is not None else run.models.count([reply.text])[0] + 1
            lengths.setdefault(request.kind, []).append(size)
        for kind, some in lengths.items():
            new = measured(some, params.max_tokens, most)
            known = sample.replies.get(kind)
            sample.replies[kind] = known.and_also(new) if known else new
        return replies

    def _keep_texts(self, found: Round, free: Sequence[str]) -> None:
        def keep(kind: str, text: Text) -> None:
            self._sample.texts.setdefault(kind, []).append(text)

        for one, asked, answer in zip(found.wanted, found.asked, found.answered, strict=True):
            keep("ask", Text(asked.text, answer.text, one))
        for one, asked, answers in zip(found.tested, found.exams, found.exam_answers, strict=True):
            keep("exam", Text(asked.text, answers[0].text, one))
        for asked, answers in zip(found.skills, found.skill_answers, strict=True):
            keep("skill", Text(asked.text, answers[0].text))
        for kind, (asked, answer) in zip(free, found.free, strict=True):
            keep(kind, Text(asked.text, answer.text))


def _open(
    run: Run, kind: str, fragments: Sequence[Fragment], questions: Sequence[Reply], times: int
) -> Iterator[Request]:
    for one, question in zip(fragments, questions, strict=True):
        prompt = run.prompts.answer(one.heading, one.askable, question.text, one.language)
        yield Request(kind, prompt, times)


def _items(fragments: Sequence[Fragment], questions: Sequence[Reply]) -> list[Item]:
    """Test questions as they would be built of these."""
    return [
        item(i, one, question.text)
        for i, (one, question) in enumerate(zip(fragments, questions, strict=True))
    ]


def item(position: int, fragment: Fragment, question: str) -> Item:
    """A test question about a fragment."""
    passage = fragment.titled(fragment.askable)
    return Item(f"probe {position}", "domain", position, passage, question, "", None, fragment.id)
