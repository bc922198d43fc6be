"""Abilities: what the base can do besides, as questions that it sets and answers itself.

It is given a subject, no document, and asks for one short answer: a number, a word, a name. It then
answers several times, each time afresh, as it will be asked in every evaluation. A question is
taken if all answers say the same, and if it is none that the documents are about: what training is
to change is no loss. So this measures how far a model still answers as the base did, right or
wrong. Where the base itself, asked once more, answers otherwise, that is its own noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from self_evolution.config import Check
from self_evolution.evaluation.agreement import stated
from self_evolution.evaluation.candidates import KINDS, TEMPERATURE, filled, samples
from self_evolution.evaluation.contamination import Firewall, names
from self_evolution.evaluation.holdout import shuffled
from self_evolution.evaluation.metrics import SHORT_ANSWER
from self_evolution.evaluation.metrics.token_f1 import tokens
from self_evolution.evaluation.pair_checks import Case, judge, key
from self_evolution.models import Reply, Sampling
from self_evolution.prompts import Profile
from self_evolution.records import Candidate, Item, Pair, content_id
from self_evolution.retrieval import asked
from self_evolution.run import Run
from self_evolution.text.function_words import FUNCTION_WORDS
from self_evolution.text.language import detect
from self_evolution.text.script import is_cjk
from self_evolution.text.values import stands_in
from self_evolution.text.words import cut as chinese_words

SUITE, KIND = "abilities", "ability"

VARIETY = 1.0
"""Temperature of asking: every round over the subjects is to bring other questions."""

TRIES = 3
"""So many questions are asked for each that is wanted, at most."""

SHORT = 3
"""Values, or new words, that a short answer has at most."""

NEAREST = 20
"""So many fragments, those that a search finds first, may be what a question is about."""

SAID = 0.75
"""Of a question's words: if one fragment has so many, the documents are about it."""


def build(run: Run) -> None:
    """Candidates until there are enough, or the tries are spent. None if the profile has no way."""
    wanted = run.config.evaluate.abilities
    wanted = min(wanted, run.config.evaluate.limit or wanted)
    language = run.ledger.main_language()
    profile = run.prompts.profile(language)
    if not (wanted and profile.topics and profile.skill):
        return
    run.search.refresh()
    topics = shuffled(profile.topics, run.config.seed, KIND)
    tries = TRIES * wanted
    rounds = math.ceil(tries / len(topics))
    for turn in range(rounds):
        there = run.ledger.candidates(KIND)
        first = len(topics) * turn
        kept = sum(row.reason is None for row in there)
        if kept >= wanted:
            return
        places = {topic: first + i for i, topic in enumerate(topics[: tries - first])}
        batches = run.batches(
            "examine",
            0,
            "questions",
            list(places.items()),
            {str(row.topic) for row in there if row.position >= first},
            run.config.model.batch_size,
            f"abilities {turn + 1} of {rounds}",
        )
        for ids, seed in batches:
            rows = list(filled(_candidates(run, language, ids, places, seed), wanted - kept))
            run.ledger.add(rows)
            kept += sum(row.reason is None for row in rows)
            if kept >= wanted:
                return


def items(run: Run) -> Iterator[Item]:
    """The questions taken; those on one subject stand or fall together."""
    taken = [row for row in run.ledger.candidates(KIND) if row.reason is None]
    common = run.prompts.profile(run.ledger.main_language()).common
    for position, row in enumerate(taken):
        yield Item(
            content_id("item", SUITE, position, row.id),
            SUITE,
            position,
            "",
            row.question,
            row.reference,
            definite(row.question, row.reference, common),
            None,
            row.topic,
        )


def definite(question: str, answer: str, common: Sequence[str] = ()) -> tuple[str, ...]:
    """What a short answer says beyond its question: its values, or else its words.

    Empty if that is nothing, or more than a short answer says. `common` words say nothing.
    """
    values = stated(question, answer)
    if not values:
        known = set(_words(question))
        values = tuple(w for w in _words(answer) if w not in known and w not in common)
    return values if len(values) <= SHORT else ()


def _words(text: str) -> list[str]:
    """Its words but for function words, in lower case, each once; Chinese ones are segmented."""
    parts = chinese_words(text) if is_cjk(text) else tokens(text)
    words = dict.fromkeys("".join(tokens(part)) for part in parts)
    return [word for word in words if word and word not in FUNCTION_WORDS]


def _candidates(
    run: Run, language: str, topics: Sequence[str], places: Mapping[str, int], seed: int
) -> Iterator[Candidate]:
    """A question each, with answers that say the same, or the reason why it is none."""
    settings = run.config.evaluate
    run.use(0)
    asking = Sampling(VARIETY, run.config.ask.top_p, run.config.ask.max_tokens)
    prompts = [run.prompts.skill(topic, language) for topic in topics]
    questions = run.engine.generate(prompts, asking, seed, "base")
    closed = [run.prompts.closed(question, detect(question)) for question, _ in questions]
    sampling = Sampling(TEMPERATURE, settings.top_p, settings.max_tokens)
    answers = samples(run, closed, sampling, seed)
    before = [
        row for kind in (*KINDS, KIND) for row in run.ledger.candidates(kind) if row.reason is None
    ]
    firewall = Firewall([*run.ledger.all_items(), *map(_as_item, before)])
    seen = {key(row.question, "") for row in before}
    profile, wanted = run.prompts.profile(language), run.prompts.wanted(language)
    for topic, question, replies in zip(topics, questions, answers, strict=True):
        reference = min((text for text, _ in replies), key=lambda text: len(tokens(text)))
        values = definite(question.text, reference, profile.common)
        reason, detail = _judged(question, replies, reference, profile, wanted)
        if reason is None:
            match = firewall.match(question.text, "")
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
    """The checks of any pair, but for those that look into a fragment: there is none."""
    reference = reference if all(text for text, _ in replies) else ""
    finish = "length" if any(end == "length" for _, end in replies) else "stop"
    pair = Pair("", 0, "", question.text, reference, finish, "", language)
    settings = Check(grounding=0.0, values=False, duplicates=False)
    return judge(Case(pair, question.finish, profile, language, settings), set(), None)


def _unlike(
    question: str, reference: str, values: tuple[str, ...], replies: Sequence[Reply]
) -> str:
    """The first answer that is not right by the measure that later ones are held to, or none."""
    for text, _ in replies:
        if SHORT_ANSWER.score(text, reference, question=question, values=values) != 100:
            return text
    return ""


def _about_documents(run: Run, question: str, profile: Profile) -> str:
    """Whether one fragment has nearly all of the question's words, and all its names, for people.

    Numbers say nothing of a subject, and what follows the question mark only how to answer. The
    fragments that a search finds first are looked through: one with nearly all words is among them.
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


def told(run: Run) -> str:
    """How many were taken of how many, and why not the others, or not any; empty if none wanted."""
    if not run.config.evaluate.abilities:
        return ""
    profile = run.prompts.profile(run.ledger.main_language())
    if not (profile.topics and profile.skill):
        return f"{SUITE}: no questions, because the prompt profile has no `topics` and `skill`"
    reasons = {reason: n for kind, reason, n in run.ledger.candidate_reasons() if kind == KIND}
    out = [f"{n:,} {name.replace('_', ' ')}" for name, n in reasons.items() if name]
    return (
        f"{SUITE}: {reasons.get(None, 0):,} of {sum(reasons.values()):,} questions taken "
        f"({', '.join(out) or 'none out'})"
    )
