"""Former abilities: questions that the base asks and answers itself, without any document.

The base gets a topic and asks for one short answer: a number, a word or a name. It then answers
several times independently, in the way of every evaluation. A question is taken if all answers
agree, and if the documents are not about it, because a change there is what training is for. So
this measures how far a model still answers as the base did, right or wrong. The base itself may
score below 100, because it does not always give the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from self_evolution.config import Check, Config
from self_evolution.evaluation import building
from self_evolution.evaluation.agreement import stated
from self_evolution.evaluation.building import TEMPERATURE, Written, samples, taken
from self_evolution.evaluation.candidates import KINDS
from self_evolution.evaluation.contamination import ContaminationCheck, names
from self_evolution.evaluation.holdout import shuffled
from self_evolution.evaluation.metrics import SHORT_ANSWER
from self_evolution.evaluation.metrics.token_f1 import tokens
from self_evolution.evaluation.pair_checks import Case, first_objection, key
from self_evolution.models import Reply, SamplingParams
from self_evolution.prompts import Profile, Prompts
from self_evolution.records import Candidate, Item, Pair, content_id
from self_evolution.retrieval import asked
from self_evolution.run import Run
from self_evolution.run.author import Author, Task, Write
from self_evolution.text.function_words import FUNCTION_WORDS
from self_evolution.text.language import detect
from self_evolution.text.script import is_cjk
from self_evolution.text.values import stands_in
from self_evolution.text.words import cut as chinese_words

ABILITIES, KIND = "abilities", "ability"

VARIETY = 1.0
"""The temperature of asking. It is high, so that each round over the topics brings other
questions."""

REHEARSED = 4
"""One topic in REHEARSED is used for rehearsal, the others for the test. More topics for rehearsal
would leave fewer test questions."""

TRIES = 3
"""The largest number of questions that are asked for each question that is wanted."""

SHORT = 3
"""The most values of a short answer, or the most words that its question does not have."""

NEAREST = 20
"""The number of fragments, best in a search, that are compared with a question."""

SAID = 0.75
"""If one fragment has at least this share of a question's words, the documents are about it."""


class Topics(NamedTuple):
    """The profile's topics, each of them for one purpose."""

    tests: list[str]
    rehearsal: list[str]


def split(run: Run) -> Topics:
    """Split the topics: a quarter is for rehearsal if the run has both rehearsal and this test."""
    profile = run.prompts.profile(run.ledger.fragments.main_language())
    every = shuffled(profile.topics, run.config.seed, KIND)
    if not run.config.evaluate.abilities or not profile.skill:
        return Topics([], every)
    apart = len(every) // REHEARSED if run.config.train.rehearsal else 0
    return Topics(every[apart:], every[:apart])


def build(run: Run) -> None:
    """Make candidates until there are enough, or the tries are spent. A profile without topics or
    the prompt `skill` gives none."""
    wanted = building.limited(run, run.config.evaluate.abilities)
    language = run.ledger.fragments.main_language()
    profile = run.prompts.profile(language)
    if not (wanted and profile.topics and profile.skill):
        return
    topics = split(run).tests
    tries = TRIES * wanted
    rounds = [topics[: tries - first] for first in range(0, tries, len(topics))]
    author = Author(run, 0, "base", own=True)

    def prepare(topics: Sequence[str], seeds: Sequence[int]) -> Task[Written]:
        return partial(_write, run.prompts, run.config, topics, language, seeds)

    def judge(
        topics: Sequence[str], written: Written, places: Mapping[str, int]
    ) -> Iterator[Candidate]:
        return judged(run, language, topics, *written, places)

    building.build(run, author, KIND, rounds, wanted, ABILITIES, prepare, judge, True)


def items(run: Run) -> Iterator[Item]:
    """The questions that were taken. Questions on one topic are one cluster."""
    common = run.prompts.profile(run.ledger.fragments.main_language()).common
    for position, row in enumerate(taken(run.ledger, KIND)):
        yield Item(
            content_id("item", ABILITIES, position, row.id),
            ABILITIES,
            position,
            "",
            row.question,
            row.reference,
            definite(row.question, row.reference, common),
            None,
            row.topic,
        )


def definite(question: str, answer: str, common: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the values that a short answer adds to its question, or else the words.

    Empty if it adds nothing, or more than a short answer does. `common` words are not counted.
    """
    values = stated(question, answer)
    if not values:
        known = set(_words(question))
        values = tuple(w for w in _words(answer) if w not in known and w not in common)
    return values if len(values) <= SHORT else ()


def _words(text: str) -> list[str]:
    """The words of a text in lower case, each once, without function words; Chinese is
    segmented."""
    parts = chinese_words(text) if is_cjk(text) else tokens(text)
    words = dict.fromkeys("".join(tokens(part)) for part in parts)
    return [word for word in words if word and word not in FUNCTION_WORDS]


def _write(
    prompts: Prompts,
    settings: Config,
    topics: Sequence[str],
    language: str,
    seeds: Sequence[int],
    write: Write,
) -> Written:
    """Ask a question on each topic, and have it answered several times."""
    ask, answer = settings.ask, settings.evaluate
    params = SamplingParams(VARIETY, ask.top_p, ask.max_tokens)
    questions = write([prompts.skill(topic, language) for topic in topics], params, seeds)
    closed = [prompts.closed(question.text, detect(question.text)) for question in questions]
    params = SamplingParams(TEMPERATURE, answer.top_p, answer.max_tokens)
    return Written(questions, samples(write, closed, params, seeds, answer.samples))


def judged(
    run: Run,
    language: str,
    topics: Sequence[str],
    questions: Sequence[Reply],
    answers: Sequence[Sequence[Reply]],
    places: Mapping[str, int],
) -> Iterator[Candidate]:
    """Yield one candidate for each question: taken if its answers agree, or with the reason against
    it."""
    before = [row for kind in (*KINDS, KIND) for row in taken(run.ledger, kind)]
    contamination = ContaminationCheck([*run.ledger.items.all(), *map(_as_item, before)])
    seen = {key(row.question, "") for row in before}
    profile, wanted = run.prompts.profile(language), run.prompts.wanted(language)
    for topic, question, replies in zip(topics, questions, answers, strict=True):
        reference = min((reply.text for reply in replies), key=lambda text: len(tokens(text)))
        values = definite(question.text, reference, profile.common)
        reason, detail = _judged(question, replies, reference, profile, wanted)
        if reason is None:
            match = contamination.match(question.text, "")
            if key(question.text, "") in seen or (match and match.leaks):
                reason, detail = "duplicate", "asked before, or nearly so"
            elif not values:
                reason, detail = "no_short_answer", f"“{reference[:80]}”"
            elif odd := _unlike(question.text, reference, values, replies):
                reason, detail = "disagreement", f"answers differ: “{reference[:80]}”, “{odd[:80]}”"
            elif about := _about_documents(run, question.text, profile):
                reason, detail = "about_documents", about
        if reason is None:
            seen.add(key(question.text, ""))
        place = places[topic]
        id = content_id("candidate", KIND, place, topic, question.text, reference)
        yield Candidate(id, KIND, place, None, question.text, reference, reason, detail, topic)


def _as_item(row: Candidate) -> Item:
    return Item(row.id, row.kind, row.position, "", row.question, row.reference, None)


def _judged(
    question: Reply, replies: Sequence[Reply], reference: str, profile: Profile, language: str
) -> tuple[str | None, str]:
    """Apply the checks of pairs, except those that need a fragment, because there is none."""
    reference = reference if all(reply.text for reply in replies) else ""
    finish = "length" if any(reply.finish_reason == "length" for reply in replies) else "stop"
    pair = Pair("", 0, "", question.text, reference, finish, "", language)
    settings = Check(grounding=0.0, values=False, duplicates=False)
    return first_objection(
        Case(pair, question.finish_reason, profile, language, settings), set(), None
    )


def _unlike(
    question: str, reference: str, values: tuple[str, ...], replies: Sequence[Reply]
) -> str:
    """The first answer that the metric of later answers does not accept, or none."""
    for reply in replies:
        if SHORT_ANSWER.score(reply.text, reference, question=question, values=values) != 100:
            return reply.text
    return ""


def _about_documents(run: Run, question: str, profile: Profile) -> str:
    """Describe a fragment that has nearly all of a question's words and all its names; else empty.

    Numbers do not show a subject, and the text after the question mark only describes the form of
    the answer. Only the best fragments of a search are compared, because a fragment with nearly all
    words is among them.
    """
    question = question[: max(question.rfind(mark) for mark in profile.question_marks)]
    words = [word for word in _words(question) if not word.isdecimal()]
    least = math.ceil(SAID * len(words))
    if least < 2:
        return ""
    wanted = [term for term in asked(question) if not term.isdecimal()]
    for fragment in run.search.matching(wanted, NEAREST):
        text = " ".join([*fragment.heading, fragment.text])
        own, folded = set(tokens(text)), text.casefold()
        found = [w for w in words if w in own or (is_cjk(w) and w in text)]
        named = (name in folded or stands_in(name, text) for name in names(question))
        if len(found) >= least and all(named):
            return f"in one fragment: {', '.join(found[:5])}"
    return ""


def describe_abilities(run: Run) -> str:
    """Describe how many questions were taken and why others were not; empty if the run wants
    none."""
    if not run.config.evaluate.abilities:
        return ""
    profile = run.prompts.profile(run.ledger.fragments.main_language())
    if not (profile.topics and profile.skill):
        return f"{ABILITIES}: no questions, because the prompt profile has no `topics` and `skill`"
    return building.describe(run.ledger, KIND, ABILITIES)
