"""Candidates: test questions that the base asks about fragments, and the choice among them.

The base asks with a prompt that training never uses, and answers several times independently. If
the answers agree and stand in the fragment, the most typical one is the reference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from self_evolution.config import Check, Config
from self_evolution.errors import UserError
from self_evolution.evaluation.agreement import agreed
from self_evolution.evaluation.building import TEMPERATURE, Written, build, limited, samples, taken
from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.evaluation.holdout import shuffled
from self_evolution.evaluation.pair_checks import Case, first_objection, key
from self_evolution.models import Reply, SamplingParams
from self_evolution.prompts import Prompts
from self_evolution.records import Candidate, Fragment, Pair, content_id
from self_evolution.run import Run
from self_evolution.run.author import Author, Task, Write
from self_evolution.schedule import STAGES

ROUNDS = 2
"""The number of tries for a fragment whose first question was not taken."""

KINDS = ("seen", "unseen")


def build_questions(run: Run, kind: str) -> None:
    """Make candidates until there are enough, or every fragment has had its tries."""
    wanted = limited(run, run.config.evaluate.questions)
    author = Author(run, 0, "base")
    label = f"{STAGES['build'].seed_key} {kind}"
    prepare, judge = partial(_prepare, run), partial(_judge, run, kind)
    build(run, author, kind, [_order(run, kind)] * ROUNDS, wanted, label, prepare, judge)


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


def _prepare(run: Run, ids: Sequence[str], seeds: Sequence[int]) -> Task[Written]:
    fragments = run.ledger.fragments.get(ids)
    if not all(run.prompts.exam(fragment) for fragment in fragments):
        raise UserError(
            f"--domain.prompts {run.config.domain.prompts}: this profile has no `exam`, the "
            "prompt for test questions; add it, or start with --evaluate.build never"
        )
    return partial(_write, run.prompts, run.config, fragments, seeds)


def _judge(
    run: Run, kind: str, ids: Sequence[str], written: Written, places: Mapping[str, int]
) -> Iterator[Candidate]:
    return judged(run, kind, run.ledger.fragments.get(ids), *written, places)


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


def _write(
    prompts: Prompts,
    settings: Config,
    fragments: Sequence[Fragment],
    seeds: Sequence[int],
    write: Write,
) -> Written:
    """Ask a question about each fragment, and have it answered several times, with the fragment
    open."""
    ask, answer = settings.ask, settings.answer
    params = SamplingParams(ask.temperature, ask.top_p, ask.max_tokens)
    questions = write([prompts.exam(fragment) for fragment in fragments], params, seeds)
    opened = [
        prompts.answer(fragment.heading, fragment.askable, question.text, fragment.language)
        for fragment, question in zip(fragments, questions, strict=True)
    ]
    params = SamplingParams(TEMPERATURE, answer.top_p, answer.max_tokens)
    return Written(questions, samples(write, opened, params, seeds, settings.evaluate.samples))
