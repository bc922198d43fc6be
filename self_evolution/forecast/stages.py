"""The work of each stage: how many items it has, and what one of them takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from self_evolution.config import Config
from self_evolution.evaluation import abilities
from self_evolution.evaluation.building import builds
from self_evolution.evaluation.holdout import held_out
from self_evolution.evaluation.rehearsal.make import obstacle
from self_evolution.forecast.batches import Batches
from self_evolution.forecast.counts import Counts, Given, Shares, counts, examples
from self_evolution.forecast.kinds import kinds
from self_evolution.forecast.lessons import Lesson, Lessons
from self_evolution.forecast.replies import Expected
from self_evolution.forecast.rewriting import tokens
from self_evolution.forecast.sample import Sample, Text
from self_evolution.forecast.sketch import Call, Reader, Sketch
from self_evolution.forecast.training import Sizes, amounts
from self_evolution.forecast.work import Amount, Work, total
from self_evolution.models.base.memory import Shape
from self_evolution.models.decoding.beginnings import at_once
from self_evolution.records import Item
from self_evolution.run import Run
from self_evolution.strategies import STRATEGIES


class Variant(NamedTuple):
    """What is taken to be so: the shares that are valid, and the lengths of replies by kind."""

    shares: Shares
    replies: Mapping[str, Expected]


class Stages:
    """Counts the work of the stages of `run`, by what `sample` has shown so far."""

    def __init__(self, run: Run, sample: Sample, shape: Shape | None, device: str) -> None:
        self.run, self.sample, self.device = run, sample, device
        self._reader = Reader(run.engine, shape, at_once(device))
        self._batches = Batches(run, sample)
        self._sketches: dict[object, Sketch] = {}
        ledger = run.ledger
        held = set(held_out(run)) if builds(run.config) else set()
        places = [place for place in ledger.fragments.places() if place.document_id in held]
        training = {id for id, _ in ledger.fragments.for_training()}
        self._unseen = len(places)
        self._fragments = len(training - {place.fragment_id for place in places})
        self._items = ledger.items.of_suite("domain")
        self._former = ledger.items.of_suite("retention")
        self._lessons = Lessons(run, sample)
        profile = run.prompts.profile(ledger.fragments.main_language())
        self._skills = bool(profile.skill and abilities.split(run).tests)
        self._origins = [
            origin for origin in run.config.rehearse.counts() if not obstacle(run, origin)
        ]

    @property
    def own_pairs(self) -> list[Text]:
        """The user's own pairs."""
        return self._lessons.trusted

    def forget(self) -> None:
        """Look at the batches anew: the sample has grown."""
        self._sketches = {}

    def variant(self, sign: int = 0, of: str = "") -> Variant:
        """The most likely variant. With `of`, the lengths of replies (`replies`) or the valid
        `shares` are at one end of their interval."""
        sample, shift = self.sample, sign if of == "shares" else 0
        replies = sample.expected(kinds(self.run.config).most)
        if of == "replies":
            replies = {kind: one.shifted(sign) for kind, one in replies.items()}
        return Variant(
            Shares(
                sample.share(sample.pairs, shift),
                sample.share(sample.candidates, shift),
                sample.share(sample.abilities, shift),
                sample.conversations(shift),
            ),
            replies,
        )

    def given(self, settings: Config, share: float = 1.0) -> Given:
        """What is there; `share` of the fragments if the plan takes no more of them."""
        asked = max(1, settings.ask.per_fragment)
        per_task = {"topics": asked, "template": 1, "fragments": asked + 1}
        return Given(
            fragments=max(1, round(share * self._fragments)),
            unseen=round(share * self._unseen),
            domain=len(self._items),
            retention=len(self._former),
            trusted=len(self._lessons.trusted),
            abilities=self._skills,
            builds=builds(settings),
            per_task={origin: per_task[origin] for origin in self._origins},
        )

    def counts(self, settings: Config, variant: Variant, share: float = 1.0) -> Counts:
        """How many questions, pairs and conversations there will be."""
        return counts(settings, self.given(settings, share), variant.shares)

    def work(
        self, settings: Config, variant: Variant, share: float = 1.0
    ) -> dict[tuple[int, str], Work]:
        """{(generation, stage): its work} of the stages whose work can be counted."""
        given = self.given(settings, share)
        found = self.counts(settings, variant, share)
        other, asked = self.sample.other, settings.ask.per_fragment
        works = {
            (0, "build"): self._build(found, variant),
            (0, "rehearse"): self._rehearse(settings, found, variant),
            (0, "evaluate"): self._evaluate(settings, given, found, variant, tuned=False),
        }
        for generation in range(1, settings.generations + 1):
            pairs = found.kept + (given.trusted if generation == 1 else 0)
            checked = found.asked + (given.trusted if generation == 1 else 0)
            works |= {
                (generation, "ask"): self._ask(settings, given, variant),
                (generation, "answer"): self._answer(settings, found, variant),
                (generation, "rewrite"): self._rewrite(settings, given, variant, generation),
                (generation, "check"): Work(other=checked * other.check),
                (generation, "score"): self._score(
                    pairs, self._lessons.pair(found.kept, pairs - found.kept, variant.replies)
                ),
                (generation, "recite"): self._recite(settings, given, found, variant, generation),
                (generation, "train"): self._train(settings, given, found, variant, generation),
                (generation, "evaluate"): self._evaluate(
                    settings, given, found, variant, tuned=True
                ),
                (generation, "promote"): Work(other=6 * other.bootstrap),
            }
        if not asked:
            works = {step: work for step, work in works.items() if step[1] not in ("ask", "answer")}
        return works

    def answers(self, settings: Config, variant: Variant, share: float, generation: int) -> float:
        """The tokens of all answers in the pairs of a training set."""
        given = self.given(settings, share)
        found = self.counts(settings, variant, share)
        pairs = examples(settings, given, found, generation).pairs
        lesson = self._lessons.pair(found.kept * generation, given.trusted, variant.replies)
        return pairs * lesson.answer

    # -- asking and answering ----------------------------------------------------------------

    def _sketch(self, key: object, make: Callable[[], tuple[list[list[Call]], int]]) -> Sketch:
        if key not in self._sketches:
            self._sketches[key] = self._reader.sketch(*make())
        return self._sketches[key]

    def _asked(self, sketch: Sketch, variant: Variant, items: float, tuned: bool = False) -> Work:
        """The work for so many items; the teacher's, where it is the author, is only waited for."""
        return sketch.work(variant.replies, items, tuned, self.sample.other.row)

    def _authored(self, sketch: Sketch, variant: Variant, items: float, replies: float) -> Work:
        if self.run.config.ask.teacher:
            return Work(waiting=self.sample.teacher * replies)
        return self._asked(sketch, variant, items)

    def _ask(self, settings: Config, given: Given, variant: Variant) -> Work:
        size = settings.ask.per_fragment
        if not size:
            return Work()
        sketch = self._sketch(("ask", size), lambda: self._batches.ask(size))
        return self._authored(sketch, variant, given.fragments, size * given.fragments)

    def _answer(self, settings: Config, found: Counts, variant: Variant) -> Work:
        size = settings.ask.per_fragment
        if not size:
            return Work()
        sketch = self._sketch(("answer", size), lambda: self._batches.answer(size))
        return self._authored(sketch, variant, found.asked, found.asked)

    def _rewrite(self, settings: Config, given: Given, variant: Variant, generation: int) -> Work:
        number = settings.ask.rewrites
        if not number or generation > 1:
            return Work()
        sketch = self._sketch(("rewrite", number), lambda: self._batches.rewrite(number))
        texts = number * given.fragments
        checking = Work(other=texts * self.sample.other.check)
        return self._authored(sketch, variant, given.fragments, texts) + checking

    def _build(self, found: Counts, variant: Variant) -> Work:
        check, samples = self.sample.other.check, self.run.config.evaluate.samples
        work = Work()
        for asked in (*found.seen.asked, *found.unseen.asked):
            sketch = self._sketch("exam", self._batches.exam)
            work += self._authored(sketch, variant, asked, asked * (1 + samples))
            work += Work(other=asked * check)
        for asked in found.abilities.asked:
            sketch = self._sketch("skill", self._batches.skill)
            work += self._asked(sketch, variant, asked) + Work(other=asked * check)
        return work

    def _rehearse(self, settings: Config, found: Counts, variant: Variant) -> Work:
        size = max(1, settings.ask.per_fragment)
        works = [Work(other=found.made * self.sample.other.check)]
        for origin, rounds in found.tasks.items():
            sketch = self._sketch(
                (origin, size),
                lambda origin=origin: self._batches.rehearsal(origin, size),  # type: ignore[misc]
            )
            works += [self._asked(sketch, variant, tasks) for tasks in rounds]
        return total(works)

    # -- evaluating --------------------------------------------------------------------------

    def _evaluate(
        self, settings: Config, given: Given, found: Counts, variant: Variant, tuned: bool
    ) -> Work:
        """All tasks of one generation. With the book closed a tuned model answers as it was
        trained to: as long as the answers of its pairs."""
        if tuned:
            learnt = self._lessons.learnt(found.kept, given.trusted, variant.replies)
            variant = variant._replace(replies={**variant.replies, "closed": learnt})
        tests = given.domain + found.seen.taken + found.unseen.taken
        items = self._items or self._batches.items(3 * settings.model.batch_size)
        works, tasks = [], 0
        for mode in ("closed", "retrieved", "open"):
            if (mode == "retrieved" and not settings.evaluate.top_k) or not tests:
                continue
            sketch = self._test(mode, items, mode)
            works.append(self._asked(sketch, variant, tests, tuned))
            if mode == "retrieved":
                works.append(Work(other=tests * self._batches.search_seconds))
            tasks += 1 + (found.unseen.taken > 0)
        if self._former:
            for mode in ("closed", "open"):
                mine = [
                    one for one in self._former if bool(one.passage.strip()) == (mode == "open")
                ]
                if mine:
                    sketch = self._test(mode, mine, "former")
                    works.append(self._asked(sketch, variant, len(mine), tuned))
                    tasks += 1
        if skills := found.abilities.taken:
            closed = self._sketch("ability", self._batches.ability)
            answers = variant.replies.get("skill answer", variant.replies["former"])
            asked = variant._replace(replies={**variant.replies, "former": answers})
            works.append(self._asked(closed, asked, skills, tuned))
            tasks += 1
        other = self.sample.other
        predictions = 3 * tests + given.retention + found.abilities.taken
        return total([*works, Work(other=predictions * other.score + tasks * other.bootstrap)])

    def _test(self, mode: str, items: Sequence[Item], reply: str) -> Sketch:
        key = ("test", mode, reply)
        return self._sketch(key, lambda: self._batches.tests(mode, items, reply))

    # -- scoring and training ----------------------------------------------------------------

    def _score(self, pairs: float, lesson: Lesson) -> Work:
        """A pair is read with its question and without it."""
        opening = len(self.run.engine.opening_ids())
        tokens = pairs * (lesson.tokens + opening + lesson.answer)
        return Work({"score": Amount(tokens / self.run.config.score.batch_tokens, tokens, 0.0)})

    def _recite(
        self, settings: Config, given: Given, found: Counts, variant: Variant, generation: int
    ) -> Work:
        if not STRATEGIES[settings.select.strategy].asks:
            return Work()
        before = (generation - 1) * found.kept + (given.trusted if generation > 1 else 0)
        closed = self._sketch("recite", self._batches.ability)
        learnt = self._lessons.learnt(found.kept, given.trusted, variant.replies)
        mine = variant._replace(replies={**variant.replies, "former": learnt})
        return self._asked(closed, mine, min(settings.select.recite, before), tuned=generation > 1)

    def _train(
        self, settings: Config, given: Given, found: Counts, variant: Variant, generation: int
    ) -> Work:
        made, size = examples(settings, given, found, generation), max(1, settings.ask.per_fragment)
        if not sum(made):
            return Work()
        conversation = rewrite = opened = 0.0
        if made.conversations:
            asking = self._sketch(("ask", size), lambda: self._batches.ask(size))
            conversation = self._lessons.conversation(
                {origin: sum(rounds) for origin, rounds in found.tasks.items()},
                size,
                asking,
                variant.replies,
            )
        if made.rewrites:
            rewrite = tokens(self.run, settings.ask.rewrites, variant.replies)
        if settings.train.objective == "distill":  # the base reads each answer with its passage
            opened = self._sketch(("answer", size), lambda: self._batches.answer(size)).mean
        lesson = self._lessons.pair(found.kept * generation, given.trusted, variant.replies)
        sizes = Sizes(lesson, rewrite, conversation, opened)
        counted = amounts(settings.train.of(generation), made, sizes)
        return Work(counted, self.sample.other.training)
