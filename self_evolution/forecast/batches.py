"""A few batches of each stage, made of the run's own fragments and the texts of the probe."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from self_evolution.coverage.requests import additions
from self_evolution.evaluation import abilities
from self_evolution.evaluation.prompts import as_task, task_prompts
from self_evolution.evaluation.rehearsal.make import topics
from self_evolution.forecast import rewriting
from self_evolution.forecast.asking import item
from self_evolution.forecast.kinds import kinds
from self_evolution.forecast.sample import Sample, Text
from self_evolution.forecast.sketch import Call, evenly
from self_evolution.records import Fragment, Item, Message
from self_evolution.run import Run
from self_evolution.text.language import detect

BATCHES = 3
"""Batches of a kind that are looked at; fewer where the run has fewer."""

NONE = Text("What is it?", "It is not said.")
"""Stands for texts before any were asked for."""


class Batches:
    """Makes batches of calls. All of them have the size that the run has."""

    def __init__(self, run: Run, sample: Sample) -> None:
        self._run, self._sample = run, sample
        self._rows = run.config.model.batch_size
        self._most = kinds(run.config).most
        self._language = run.ledger.fragments.main_language()
        self.search_seconds = 0.0

    def ask(self, per_fragment: int) -> tuple[list[list[Call]], int]:
        """Questions about fragments of like length, each question after those before it."""
        chosen = self._fragments(self._rows)
        ask, prompts = self._run.config.ask, self._run.prompts
        found = [
            self._asked(
                "ask",
                some,
                per_fragment,
                [additions(prompts, ask, one, 1, per_fragment) for one in some],
            )
            for some in chosen
        ]
        return found, sum(map(len, chosen))

    def answer(self, per_fragment: int) -> tuple[list[list[Call]], int]:
        """Answers; the questions about a fragment stand next to each other."""
        chosen = self._fragments(max(1, self._rows // max(1, per_fragment)))
        once = self._run.config.answer.temperature == 0
        found = [[self._answers("answer", some, per_fragment, once)] for some in chosen]
        return found, per_fragment * sum(map(len, chosen))

    def rewrite(self, number: int) -> tuple[list[list[Call]], int]:
        """Rewrites of fragments, `number` of each."""
        chosen = self._fragments(self._rows)
        return rewriting.batches(self._run, chosen, number, self._most.get("rewrite", 0))

    def exam(self) -> tuple[list[list[Call]], int]:
        """Test questions about fragments, each answered several times."""
        chosen = self._fragments(self._rows)
        prompts = self._run.prompts
        found = []
        for some in chosen:
            asked = [prompts.exam(one) for one in some]
            if not all(asked):
                return [], 0
            times = self._run.config.evaluate.samples
            call = Call("exam", asked, self._most.get("exam", 0))
            found.append([call, self._answers("exam answer", some, times, False, alike=True)])
        return found, sum(map(len, chosen))

    def skill(self) -> tuple[list[list[Call]], int]:
        """Questions on topics, each answered several times with the book closed."""
        there = abilities.split(self._run).tests[: self._rows]
        prompts = [self._run.prompts.skill(topic, self._language) for topic in there]
        times = self._run.config.evaluate.samples
        asked = [prompt for prompt in self._closed("skill", len(there)) for _ in range(times)]
        calls = [
            Call("skill", prompts, self._most["skill"]),
            Call("skill answer", asked, self._most["skill answer"]),
        ]
        return [calls], len(there)

    def ability(self) -> tuple[list[list[Call]], int]:
        """The questions of `skill` as they are asked in every evaluation."""
        asked, greedy = self._closed("skill", self._rows), self._greedy
        return [[Call("former", asked, self._most["former"], once=greedy)]], len(asked)

    def rehearsal(self, origin: str, per_fragment: int) -> tuple[list[list[Call]], int]:
        """Tasks of rehearsal: what is asked, and then answered a batch at a time."""
        if origin == "fragments":
            some = evenly(self._fragments(self._rows), 1)[0]
            size = max(1, self._rows // per_fragment)
            calls = self._asked("topic", some, per_fragment)
            for first in range(0, len(some), size):
                part = some[first : first + size]
                calls.append(self._answers("topic answer", part, per_fragment, True))
            return [calls], len(some)
        if origin == "template":
            closed = self._closed("template", self._rows)
            asked: list[list[Message]] = [[] for _ in closed]
            calls = [
                Call("template", asked, self._most["template"]),
                Call("template answer", closed, self._most["template answer"], once=True),
            ]
            return [calls], self._rows
        there = topics(self._run)
        mine = [there[i % len(there)] for i in range(self._rows)]
        calls = self._in_turns(
            "topic",
            per_fragment,
            lambda i, said: self._run.prompts.rehearse(mine[i], self._language, said),
            len(mine),
        )
        closed = self._closed("topic", per_fragment * len(mine))
        for first in range(0, len(closed), self._rows):
            some_of_them = closed[first : first + self._rows]
            room = self._most["topic answer"]
            calls.append(Call("topic answer", some_of_them, room, once=True))
        return [calls], len(mine)

    def tests(self, mode: str, items: Sequence[Item], reply: str) -> tuple[list[list[Call]], int]:
        """Test questions in one mode. With the book open, what was asked with search is not asked
        again."""
        run, greedy = self._run, self._greedy
        ordered = sorted(items, key=lambda one: (*as_task(mode, one)[1:], one.id))
        cut = [ordered[i : i + self._rows] for i in range(0, len(ordered), self._rows)]
        found, asked = [], 0
        for some in evenly(cut, BATCHES):
            start = time.process_time()
            put = task_prompts(run, run.engine, mode, some)
            if mode == "retrieved":
                self.search_seconds = (time.process_time() - start) / len(some)
            prompts = [prompt.messages for prompt in put.values()]
            if mode == reply == "open" and greedy and run.config.evaluate.top_k:
                searched = task_prompts(run, run.engine, "retrieved", some)
                before = [prompt.messages for prompt in searched.values()]
                prompts = [prompt for prompt in prompts if prompt not in before]
            found.append([Call(reply, prompts, self._most[reply], once=greedy)])
            asked += len(some)
        return found, asked

    def items(self, number: int) -> list[Item]:
        """`number` test questions, as they would be built about the fragments."""
        texts = self._texts("exam") or self._texts("ask") or [NONE]
        ordered = self._ordered()
        return [
            item(i, one, f"{i} {texts[i % len(texts)].question}")
            for i, one in enumerate(evenly(ordered, number))
        ]

    def _asked(
        self,
        kind: str,
        fragments: Sequence[Fragment],
        times: int,
        added: Sequence[Sequence[str]] = (),
    ) -> list[Call]:
        return self._in_turns(
            kind,
            times,
            lambda i, said: self._run.prompts.ask(fragments[i], said, added[i] if added else ()),
            len(fragments),
        )

    def _in_turns(
        self, kind: str, times: int, prompt: Callable[[int, list[str]], list[Message]], size: int
    ) -> list[Call]:
        texts = self._texts(kind) or self._texts("ask") or [NONE]
        said: list[list[str]] = [[] for _ in range(size)]
        calls = []
        for turn in range(times):
            prompts = [prompt(i, those) for i, those in enumerate(said)]
            new = [texts[(i + turn) % len(texts)].question for i in range(size)]
            calls.append(Call(kind, prompts, self._most[kind], new))
            said = [[*those, text] for those, text in zip(said, new, strict=True)]
        return calls

    def _answers(
        self,
        kind: str,
        fragments: Sequence[Fragment],
        times: int,
        once: bool,
        alike: bool = False,
    ) -> Call:
        """Questions with their fragment; `alike` ones are the same question several times."""
        texts = self._texts("exam" if alike else "ask") or [NONE]
        prompts = []
        for i, one in enumerate(fragments):
            for turn in range(times):
                text = texts[i % len(texts)].question
                text = text if alike else f"{turn} {text}"
                prompts.append(
                    self._run.prompts.answer(one.heading, one.askable, text, one.language)
                )
        return Call(kind, prompts, self._most[kind], once=once)

    def _closed(self, kind: str, number: int) -> list[list[Message]]:
        """`number` different questions without a passage."""
        texts = self._texts(kind) or self._texts("ask") or [NONE]
        asked = [f"{i} {texts[i % len(texts)].question}" for i in range(number)]
        return [self._run.prompts.closed(text, detect(text)) for text in asked]

    def _fragments(self, size: int) -> list[list[Fragment]]:
        """Batches of `size` fragments of similar length, spread over all lengths."""
        tasks = sorted(self._run.ledger.fragments.for_training(), key=lambda one: (one[1], one[0]))
        cut = [tasks[i : i + size] for i in range(0, len(tasks), size)]
        return [
            self._run.ledger.fragments.get([id for id, _ in some]) for some in evenly(cut, BATCHES)
        ]

    @property
    def _greedy(self) -> bool:
        return self._run.config.evaluate.temperature == 0

    def _ordered(self) -> list[Fragment]:
        return [one for some in self._fragments(self._rows) for one in some]

    def _texts(self, kind: str) -> list[Text]:
        return [text for text in self._sample.texts.get(kind, ()) if text.question]
