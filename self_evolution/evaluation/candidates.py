"""Candidates: test questions that the base asks about fragments, and the choice among them.

It asks with a prompt that training never uses, and answers several times independently. If the
answers agree and stand in the fragment, the most typical one is the reference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from self_evolution.config import Check, Config
from self_evolution.errors import UserError
from self_evolution.evaluation.agreement import agreed
from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.evaluation.holdout import shuffled
from self_evolution.evaluation.pair_checks import Case, judge, key
from self_evolution.ledger import Ledger
from self_evolution.models import Reply, SamplingParams
from self_evolution.records import Candidate, Fragment, Message, Pair, content_id, seed_of
from self_evolution.run import Run
from self_evolution.schedule import STAGES

TEMPERATURE = 0.7
"""The temperature of the answers that must agree. At 0 they would always agree."""

ROUNDS = 2
"""The number of tries for a fragment whose first question was not taken."""

KINDS = ("seen", "unseen")


def builds(settings: Config) -> bool:
    """Whether this run builds test questions."""
    choice = settings.evaluate.build
    return choice == "always" or (choice == "auto" and not settings.evaluate.file)


def to_come(settings: Config, ledger: Ledger) -> bool:
    """Whether test questions are still to be built."""
    return builds(settings) and not ledger.stage_done(0, "build")


def build_questions(run: Run, kind: str) -> None:
    """Ask until there are enough questions, or every fragment has had its tries."""
    order = _order(run, kind)
    wanted = _wanted(run)
    for turn in range(ROUNDS):
        there = run.ledger.items.candidates(kind)
        first = len(order) * turn
        taken = {row.fragment_id for row in there if row.position < first and row.reason is None}
        tasks = [(id, first + i) for i, id in enumerate(order) if id not in taken]
        done = {str(row.fragment_id) for row in there if row.position >= first}
        kept = sum(row.reason is None for row in there)
        if kept >= wanted:
            return
        places = dict(tasks)
        batches = run.batches(
            "build",
            0,
            "questions",
            tasks,
            done,
            run.config.model.batch_size,
            f"{STAGES['build'].seed_key} {kind} {turn + 1} of {ROUNDS}",
            f"build {kind} {turn + 1} of {ROUNDS}",
        )
        for ids, seed in batches:
            rows = list(filled(_candidates(run, kind, ids, places, seed), wanted - kept))
            run.ledger.add(rows)
            kept += sum(row.reason is None for row in rows)
            if kept >= wanted:
                return


def _wanted(run: Run) -> int:
    settings = run.config.evaluate
    return min(settings.questions, settings.limit) if settings.limit else settings.questions


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
    run: Run, kind: str, ids: Sequence[str], places: dict[str, int], seed: int
) -> Iterator[Candidate]:
    """Return one candidate a question: with answers that agree, or with the reason against it."""
    fragments = run.ledger.fragments.get(ids)
    asked = _asked(run, fragments, seed)
    answers = _answered(run, fragments, [question.text for question in asked], seed)
    contamination = ContaminationCheck(run.ledger.items.all())
    seen = {
        key(row.question, row.reference)
        for one in KINDS
        for row in run.ledger.items.candidates(one)
        if row.reason is None
    }
    for fragment, asking, samples in zip(fragments, asked, answers, strict=True):
        question = asking.text
        position = places[fragment.id]
        reference, _, objection = agreed(question, [sample.text for sample in samples])
        cut = any(sample.finish_reason == "length" for sample in samples)
        id = content_id("candidate", kind, position, fragment.id, question, reference)
        pair = Pair(
            id,
            0,
            fragment.id,
            question,
            reference,
            "length" if cut else "stop",
            passage(fragment),
            fragment.language,
        )
        case = Case(
            pair,
            asking.finish_reason,
            run.prompts.profile(fragment.language),
            run.prompts.wanted(fragment.language),
            _strict(run.config.check),
        )
        reason, detail = judge(case, seen, contamination.match(question, reference, fragment.text))
        if reason is None and objection:
            reason, detail = "disagreement", objection
        if reason is None:
            seen.add(key(question, reference))
        yield Candidate(id, kind, position, fragment.id, question, reference, reason, detail)


def _strict(settings: Check) -> Check:
    """Settings in which references are checked, even if the run trains without checks."""
    return settings if settings.enabled else Check()


def _asked(run: Run, fragments: Sequence[Fragment], seed: int) -> list[Reply]:
    settings = run.config.ask
    prompts = [run.prompts.exam(fragment) for fragment in fragments]
    if not all(prompts):
        raise UserError(
            f"--domain.prompts {run.config.domain.prompts}: this profile has no `exam`, the "
            "prompt for test questions; add it, or start with --evaluate.build never"
        )
    params = SamplingParams(settings.temperature, settings.top_p, settings.max_tokens)
    run.use(0)
    return run.engine.generate(prompts, params, seed, "base")


def _answered(
    run: Run, fragments: Sequence[Fragment], questions: Sequence[str], seed: int
) -> list[list[Reply]]:
    """Sample answers to each question, with its fragment open."""
    settings = run.config.answer
    prompts = [
        run.prompts.answer(fragment.heading, fragment.text, question, fragment.language)
        for fragment, question in zip(fragments, questions, strict=True)
    ]
    return samples(
        run, prompts, SamplingParams(TEMPERATURE, settings.top_p, settings.max_tokens), seed
    )


def samples(
    run: Run, prompts: Sequence[Sequence[Message]], params: SamplingParams, seed: int
) -> list[list[Reply]]:
    """Return `evaluate.samples` independent replies of the base to each prompt."""
    columns = [
        run.engine.generate(prompts, params, seed_of(seed, "sample", sample), "base")
        for sample in range(run.config.evaluate.samples)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def filled(rows: Iterable[Candidate], room: int) -> Iterator[Candidate]:
    """Reject the questions of the last batch that are more than wanted, as surplus."""
    for row in rows:
        if row.reason is None and room <= 0:
            yield replace(row, reason="surplus", detail="the set was full")
        else:
            room -= row.reason is None
            yield row


def passage(fragment: Fragment) -> str:
    """Return the text of a fragment with its heading, which may be the only place that names the
    thing."""
    return "\n".join(filter(None, (" > ".join(fragment.heading), fragment.text)))
