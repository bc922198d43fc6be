"""Candidates: test questions that the base asks about fragments, and the choice among them.

The base asks with a prompt that training never uses, and answers several times independently. If
the answers agree and stand in the fragment, the most typical one is the reference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from self_evolution.config import Check
from self_evolution.errors import UserError
from self_evolution.evaluation.agreement import agreed
from self_evolution.evaluation.building import TEMPERATURE, build, limited, samples, taken
from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.evaluation.holdout import shuffled
from self_evolution.evaluation.pair_checks import Case, first_objection, key
from self_evolution.models import Reply, SamplingParams
from self_evolution.records import Candidate, Fragment, Pair, content_id
from self_evolution.run import Run
from self_evolution.run.author import Author
from self_evolution.schedule import STAGES

ROUNDS = 2
"""The number of tries for a fragment whose first question was not taken."""

KINDS = ("seen", "unseen")


def build_questions(run: Run, kind: str) -> None:
    """Make candidates until there are enough, or every fragment has had its tries."""
    wanted = limited(run, run.config.evaluate.questions)
    author = Author(run, 0, "base")
    make = partial(_candidates, run, author, kind)
    rounds = [_order(run, kind)] * ROUNDS
    build(run, author, kind, rounds, wanted, f"{STAGES['build'].seed_key} {kind}", make)


def _order(run: Run, kind: str) -> list[str]:
    """Fragments in the order of asking: one of each document, then a second one of each, …"""
    held, training = (
        run.ledger.documents.held_out(),
        {id for id, _ in run.ledger.fragments.for_training()},
    )
    queues: dict[str, list[str]] = defaultdict(list)
    for place in run.ledger.fragments.places():
        if (place.document_id in held) if kind == "unseen" else (place.fragment_id in training):
            queues[place.document_id].append(place.fragment_id)
    seed = run.config.seed
    documents = shuffled(queues, seed, STAGES["build"].seed_key)
    mixed = {id: shuffled(queues[id], seed, STAGES["build"].seed_key) for id in documents}
    longest = max(map(len, mixed.values()), default=0)
    return [mixed[id][i] for i in range(longest) for id in documents if i < len(mixed[id])]


def _candidates(
    run: Run,
    author: Author,
    kind: str,
    ids: Sequence[str],
    places: Mapping[str, int],
    seeds: Sequence[int],
) -> Iterator[Candidate]:
    """Ask a question about each fragment, and have it answered several times."""
    fragments = run.ledger.fragments.get(ids)
    asked = _asked(run, author, fragments, seeds)
    answers = _answered(run, author, fragments, [question.text for question in asked], seeds)
    return judged(run, kind, fragments, asked, answers, places)


def judged(
    run: Run,
    kind: str,
    fragments: Sequence[Fragment],
    asked: Sequence[Reply],
    answers: Sequence[Sequence[Reply]],
    places: Mapping[str, int],
) -> Iterator[Candidate]:
    """Yield one candidate for each question: taken if its answers agree, or with the reason against
    it."""
    contamination = ContaminationCheck(run.ledger.items.all())
    seen = {key(row.question, row.reference) for one in KINDS for row in taken(run.ledger, one)}
    for fragment, asking, replies in zip(fragments, asked, answers, strict=True):
        question = asking.text
        position = places[fragment.id]
        reference, _, objection = agreed(question, [reply.text for reply in replies])
        cut = any(reply.finish_reason == "length" for reply in replies)
        id = content_id("candidate", kind, position, fragment.id, question, reference)
        pair = Pair(
            id,
            0,
            fragment.id,
            question,
            reference,
            "length" if cut else "stop",
            fragment.titled(fragment.askable),
            fragment.language,
        )
        case = Case(
            pair,
            asking.finish_reason,
            run.prompts.profile(fragment.language),
            run.prompts.wanted(fragment.language),
            _strict(run.config.check),
        )
        reason, detail = first_objection(
            case, seen, contamination.match(question, reference, fragment.askable)
        )
        if reason is None and objection:
            reason, detail = "disagreement", objection
        if reason is None:
            seen.add(key(question, reference))
        yield Candidate(id, kind, position, fragment.id, question, reference, reason, detail)


def _strict(settings: Check) -> Check:
    """Settings in which references are checked, even if the run trains without checks."""
    return settings if settings.enabled else Check()


def _asked(
    run: Run, author: Author, fragments: Sequence[Fragment], seeds: Sequence[int]
) -> list[Reply]:
    settings = run.config.ask
    prompts = [run.prompts.exam(fragment) for fragment in fragments]
    if not all(prompts):
        raise UserError(
            f"--domain.prompts {run.config.domain.prompts}: this profile has no `exam`, the "
            "prompt for test questions; add it, or start with --evaluate.build never"
        )
    params = SamplingParams(settings.temperature, settings.top_p, settings.max_tokens)
    return author.generate(prompts, params, seeds)


def _answered(
    run: Run,
    author: Author,
    fragments: Sequence[Fragment],
    questions: Sequence[str],
    seeds: Sequence[int],
) -> list[list[Reply]]:
    """Sample answers to each question, with its fragment open."""
    settings = run.config.answer
    prompts = [
        run.prompts.answer(fragment.heading, fragment.askable, question, fragment.language)
        for fragment, question in zip(fragments, questions, strict=True)
    ]
    params = SamplingParams(TEMPERATURE, settings.top_p, settings.max_tokens)
    return samples(author, prompts, params, seeds, run.config.evaluate.samples)
