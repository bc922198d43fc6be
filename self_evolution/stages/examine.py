"""Examine: test questions are built from the documents where the user gives none, and locked.

Two kinds: `seen`, an unseen question on a document that is trained on, and `unseen`, one on a
document that is kept out of training. The base asks by a template that training never uses, and
answers several times, each time afresh; where the answers agree and stand in the fragment, the most
typical one is the reference. Nothing here changes once generation 0 has been evaluated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from self_evolution import config
from self_evolution.engines import Reply, Sampling
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger, Place, digest
from self_evolution.records import (
    Candidate,
    Fragment,
    Holdout,
    Item,
    Pair,
    Seal,
    content_id,
    seed_of,
)
from self_evolution.run import Run
from self_evolution.stages.agreement import agreed, stated
from self_evolution.stages.check import Case, judge, key
from self_evolution.stages.evaluate import TESTS
from self_evolution.stages.firewall import Firewall
from self_evolution.stages.outcome import Outcome
from self_evolution.statistics import FEW
from self_evolution.statistics.power import told

TEMPERATURE = 0.7
"""Of the answers that must agree: at 0 they would agree in any case."""

ROUNDS = 2
"""A fragment whose first question was not taken gets so many tries in all."""

FEWEST_DOCUMENTS = 5
"""With fewer of them none is held out."""

LARGEST_SHARE = 0.2
"""Of documents, and of fragments, that may be held out."""

KINDS = ("seen", "unseen")


def examine(run: Run, generation: int) -> Outcome:
    """Hold out, build, lock: each step goes on where it was."""
    wanted = builds(run.config)
    if not run.ledger.seals():
        if wanted:
            if not run.ledger.holdouts():
                run.ledger.add(Holdout(id) for id in held_out(run))
            for kind in KINDS:
                _build(run, kind)
        _lock(run, wanted)
    items = run.ledger.tests()
    notes = list(_notes(run)) if wanted else []
    notes += [f"{suite}: {sentence}" for suite, sentence in power(run.config, run.ledger).items()]
    return Outcome(len(items), "; ".join(notes))


def builds(settings: config.Config) -> bool:
    """Whether this run builds test questions."""
    choice = settings.evaluate.build
    return choice == "always" or (choice == "auto" and not settings.evaluate.file)


def to_come(settings: config.Config, ledger: Ledger) -> bool:
    """Whether test questions will be built, which are not there yet."""
    return builds(settings) and not ledger.stage_done(0, "examine")


def held_out(run: Run) -> list[str]:
    """Documents to keep out of training, drawn by the run's seed.

    Only such that share no text with another; never more than a fifth of documents or fragments.
    """
    fragments: dict[str, list[Place]] = defaultdict(list)
    for place in run.ledger.places():
        fragments[place.document_id].append(place)
    share, documents = run.config.evaluate.held_out, len(fragments)
    if documents < FEWEST_DOCUMENTS or not share:
        return []
    most = min(int(LARGEST_SHARE * documents), max(1, round(share * documents)))
    room = int(LARGEST_SHARE * sum(map(len, fragments.values())))
    chosen: list[str] = []
    for id in _shuffled(fragments, run.config.seed, "holdout"):
        size = len(fragments[id])
        if len(chosen) < most and size <= room and all(place.alone for place in fragments[id]):
            chosen.append(id)
            room -= size
    return sorted(chosen)


def power(settings: config.Config, ledger: Ledger) -> dict[str, str]:
    """{suite: sentence}: which difference its questions can show in the metric that decides.

    Of the questions that the metric applies to; where that are none, of all.
    """
    found = {}
    exact = settings.promote.metric == "exact-match"
    for suite in TESTS:
        items = ledger.items(suite)
        counted = [item for item in items if exact and item.reference_values != ()] or items
        if counted:
            clusters = {item.cluster for item in counted}
            found[suite] = told(len(counted), len(clusters), _unit(ledger, counted))
    return found


def _unit(ledger: Ledger, items: Sequence[Item]) -> str:
    documents = {row[0] for row in ledger.item_sources(items).values()}
    if documents and {item.cluster for item in items} <= documents:
        return "documents"
    return "passages" if all(item.passage.strip() for item in items) else ""


# --- building -----------------------------------------------------------------------------


def _build(run: Run, kind: str) -> None:
    """Candidates until there are enough, or every fragment has had its tries."""
    order = _order(run, kind)
    wanted = _wanted(run)
    for turn in range(ROUNDS):
        there = run.ledger.candidates(kind)
        first = len(order) * turn
        taken = {row.fragment_id for row in there if row.position < first and row.reason is None}
        tasks = [(id, first + i) for i, id in enumerate(order) if id not in taken]
        done = {row.fragment_id for row in there if row.position >= first}
        kept = sum(row.reason is None for row in there)
        if kept >= wanted:
            return
        places = dict(tasks)
        batches = run.batches(
            "examine",
            0,
            "questions",
            tasks,
            done,
            run.config.model.batch_size,
            f"examine {kind} {turn + 1} of {ROUNDS}",
        )
        for ids, seed in batches:
            rows = list(_cut(_candidates(run, kind, ids, places, seed), wanted - kept))
            run.ledger.add(rows)
            kept += sum(row.reason is None for row in rows)
            if kept >= wanted:
                return


def _wanted(run: Run) -> int:
    settings = run.config.evaluate
    return min(settings.questions, settings.limit) if settings.limit else settings.questions


def _order(run: Run, kind: str) -> list[str]:
    """Fragments in the order of asking: one of each document, then a second one of each, …"""
    held, training = run.ledger.held_out(), {id for id, _ in run.ledger.training_fragments()}
    queues: dict[str, list[str]] = defaultdict(list)
    for place in run.ledger.places():
        if (place.document_id in held) if kind == "unseen" else (place.fragment_id in training):
            queues[place.document_id].append(place.fragment_id)
    seed = run.config.seed
    documents = _shuffled(queues, seed, "examine")
    mixed = {id: _shuffled(queues[id], seed, "examine") for id in documents}
    longest = max(map(len, mixed.values()), default=0)
    return [mixed[id][i] for i in range(longest) for id in documents if i < len(mixed[id])]


def _shuffled(ids: Iterable[str], *seed: object) -> list[str]:
    return sorted(ids, key=lambda id: content_id(*seed, id))


def _candidates(
    run: Run, kind: str, ids: Sequence[str], places: dict[str, int], seed: int
) -> Iterator[Candidate]:
    """A question each, with answers that agree, or the reason why it is none."""
    fragments = run.ledger.fragments(ids)
    asked = _asked(run, fragments, seed)
    answers = _answered(run, fragments, [question for question, _ in asked], seed)
    firewall = Firewall(run.ledger.all_items())
    seen = {
        key(row.question, row.reference)
        for one in KINDS
        for row in run.ledger.candidates(one)
        if row.reason is None
    }
    for fragment, (question, finish), samples in zip(fragments, asked, answers, strict=True):
        position = places[fragment.id]
        reference, _, objection = agreed(question, [text for text, _ in samples])
        cut = any(end == "length" for _, end in samples)
        id = content_id("candidate", kind, position, fragment.id, question, reference)
        pair = Pair(
            id,
            0,
            fragment.id,
            question,
            reference,
            "length" if cut else "stop",
            _passage(fragment),
            fragment.language,
        )
        case = Case(
            pair,
            finish,
            run.prompts.profile(fragment.language),
            run.prompts.wanted(fragment.language),
            _strict(run.config.check),
        )
        reason, detail = judge(case, seen, firewall.match(question, reference, fragment.text))
        if reason is None and objection:
            reason, detail = "disagreement", objection
        if reason is None:
            seen.add(key(question, reference))
        yield Candidate(id, kind, position, fragment.id, question, reference, reason, detail)


def _strict(settings: config.Check) -> config.Check:
    """A run may train without checks; a reference is checked in any case."""
    return settings if settings.enabled else config.Check()


def _asked(run: Run, fragments: Sequence[Fragment], seed: int) -> list[Reply]:
    settings = run.config.ask
    prompts = [run.prompts.exam(fragment) for fragment in fragments]
    if not all(prompts):
        raise UserError(
            f"--domain.prompts {run.config.domain.prompts}: no `exam` in this profile, by which "
            "test questions are asked for; add it, or start with --evaluate.build never"
        )
    sampling = Sampling(settings.temperature, settings.top_p, settings.max_tokens)
    run.use(0)
    return run.engine.generate(prompts, sampling, seed, "base")


def _answered(
    run: Run, fragments: Sequence[Fragment], questions: Sequence[str], seed: int
) -> list[list[Reply]]:
    """`evaluate.samples` answers to each question, with its fragment open."""
    settings = run.config.answer
    sampling = Sampling(TEMPERATURE, settings.top_p, settings.max_tokens)
    prompts = [
        run.prompts.answer(fragment.heading, fragment.text, question, fragment.language)
        for fragment, question in zip(fragments, questions, strict=True)
    ]
    columns = [
        run.engine.generate(prompts, sampling, seed_of(seed, "sample", sample), "base")
        for sample in range(run.config.evaluate.samples)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def _cut(rows: Iterable[Candidate], room: int) -> Iterator[Candidate]:
    """The last batch may have more than are wanted: those are set aside as surplus."""
    for row in rows:
        if row.reason is None and room <= 0:
            yield Candidate(
                row.id,
                row.kind,
                row.position,
                row.fragment_id,
                row.question,
                row.reference,
                "surplus",
                "the set was full",
            )
        else:
            room -= row.reason is None
            yield row


# --- locking ------------------------------------------------------------------------------


def _lock(run: Run, built: bool) -> None:
    """Items and seal in one transaction: the set is there as a whole, or not at all."""
    items: list[Item] = []
    if built:
        own = bool(run.ledger.items("domain"))
        for kind in KINDS:
            items += _items(run, kind, "domain" if kind == "seen" and not own else kind)
    every = sorted([*run.ledger.tests(), *items], key=lambda item: (item.suite, item.position))
    if every:
        origin = "built" if items else "given"
        run.ledger.add([*items, Seal(1, origin, len(every), digest(every))])


def _items(run: Run, kind: str, suite: str) -> Iterator[Item]:
    taken = [row for row in run.ledger.candidates(kind) if row.reason is None]
    fragments = run.ledger.fragments([row.fragment_id for row in taken])
    few = len({fragment.document_id for fragment in fragments}) < FEW
    for position, (row, fragment) in enumerate(zip(taken, fragments, strict=True)):
        yield Item(
            content_id("item", suite, position, row.id),
            suite,
            position,
            _passage(fragment),
            row.question,
            row.reference,
            stated(row.question, row.reference),
            fragment.id,
            fragment.id if few else fragment.document_id,
        )


def _passage(fragment: Fragment) -> str:
    """With its heading, which may be what names the thing."""
    return "\n".join(filter(None, (" > ".join(fragment.heading), fragment.text)))


def _notes(run: Run) -> Iterator[str]:
    held = run.ledger.holdouts()
    if held:
        yield f"{len(held):,} documents held out"
    reasons = run.ledger.candidate_reasons()
    for kind in KINDS:
        mine = {reason: n for one, reason, n in reasons if one == kind}
        if mine:
            out = [f"{n:,} {name.replace('_', ' ')}" for name, n in mine.items() if name]
            yield (
                f"{kind}: {mine.get(None, 0):,} of {sum(mine.values()):,} questions taken "
                f"({', '.join(out) or 'none out'})"
            )
