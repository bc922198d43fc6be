"""Feedback that waits in `feedback.db` enters a run.

It enters in the generation whose `ask` comes first after it was given. A right or a better answer
becomes a trusted pair, and a better one several, in other words too. A wrong answer removes the
pairs that say the same from training, and so does a better one.
"""

from __future__ import annotations

from collections.abc import Iterator

from self_evolution.evaluation.agreement import stated
from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.evaluation.corrections.judging import Contradictions, plain
from self_evolution.evaluation.corrections.rewording import reword
from self_evolution.ledger import Feedback, FeedbackStore, Ledger
from self_evolution.records import (
    Answer,
    Correction,
    CorrectionPair,
    Fragment,
    Question,
    Recheck,
    content_id,
)
from self_evolution.retrieval.terms import terms
from self_evolution.run import Run
from self_evolution.text.counts import many
from self_evolution.text.values import stands_in

SEARCHED = 3
"""Passages that are looked for where none was shown with the answer."""
TAUGHT, HELD = 5, 2
"""TAUGHT: the largest number of further wordings of a correction that are trained on. HELD: the
largest number of wordings that are held out."""


def waiting(ledger: Ledger, store: FeedbackStore) -> list[Feedback]:
    """The feedback that the run has not taken in yet, in the order in which it came."""
    known = ledger.corrections.known()
    return [row for row in store.rows() if _id(row) not in known]


def take_in(run: Run, generation: int) -> None:
    """Add all feedback that waits, each row in one transaction. Raises Stopped if asked to."""
    rows = waiting(run.ledger, FeedbackStore(run.folder))
    begun = run.ledger.count("correction")
    if rows:
        contamination = ContaminationCheck(run.ledger.items.all())
        with run.progress.bar("corrections", "corrections", len(rows), 0) as bar:
            for position, row in enumerate(rows, begun + 1):
                _add(run, generation, position, row, contamination)
                bar.advance(1)
                run.raise_if_stopped()
    _remove(run.ledger, generation)


def _remove(ledger: Ledger, generation: int) -> None:
    """Remove the pairs from training that contradict a correction which entered just now."""
    live = [one for one in ledger.corrections.live() if one.generation == generation]
    if not live:
        return
    contradictions = Contradictions(live)
    ledger.add(
        CorrectionPair(one.id, id, "removed")
        for id, question, answer in ledger.corrections.usable_pairs()
        if (one := contradictions.find(question, answer))
    )


def describe(run: Run, generation: int) -> str:
    """What entered with this generation, for people; empty if nothing did."""
    entered = run.ledger.corrections.entered(generation)
    if not entered:
        return ""
    ids = {one.id for one in entered}
    counts = {
        kind: sum(n for id, n in run.ledger.corrections.counted(kind).items() if id in ids)
        for kind in ("taught", "removed")
    }
    return (
        f"{many(len(entered), 'correction')} taken in: "
        f"{many(counts['taught'], 'pair')} to learn from them, "
        f"{many(counts['removed'], 'pair')} removed"
    )


def _id(row: Feedback) -> str:
    return content_id("correction", row.time, row.verdict, row.question, row.answer, row.better)


def _add(
    run: Run, generation: int, position: int, row: Feedback, contamination: ContaminationCheck
) -> None:
    fragment = _fragment(run, row)
    made = Correction(
        _id(row),
        generation,
        position,
        row.time,
        row.verdict,
        row.question.strip(),
        row.answer.strip(),
        row.better.strip(),
        plain(row.question),
        fragment.id if fragment else None,
        row.generation,
        row.adapter,
        row.reviewer,
    )
    wordings: list[str] = []
    if made.verdict == "better" and fragment and run.ledger.corrections.may_train(fragment.id):
        match = contamination.match(made.question, made.target, fragment.askable)
        if not (match and match.leaks):
            wordings = reword(run, made, fragment)[: TAUGHT + HELD]
    held = wordings[: min(HELD, (len(wordings) + 1) // 3)]
    taught = [made.question, *wordings[len(held) :]] if made.target else []
    with run.ledger.transaction():
        run.ledger.add([made])
        for number, text in enumerate(taught):
            run.ledger.add(_pair(made, generation, number, text))
        run.ledger.add(
            Recheck(content_id("recheck", made.id, text), made.id, text, text != made.question)
            for text in (made.question, *held)
        )


def _pair(
    made: Correction, generation: int, number: int, text: str
) -> Iterator[Question | Answer | CorrectionPair]:
    id = content_id("correction pair", made.id, text)
    yield Question(id, generation, made.fragment_id, number, text, "stop", "trusted")
    answer = content_id("answer", id, made.target)
    yield Answer(answer, id, made.target, "stop")
    yield CorrectionPair(made.id, answer, "taught")


def _fragment(run: Run, row: Feedback) -> Fragment | None:
    """The passage that says what is to be learnt.

    It is chosen from the passages that were shown with the answer. If none of these is there any
    more, the search looks for others. The first one that has every value of the answer is taken.
    If none has them all, it is the one with the most terms that the answer adds to the question,
    or None if no passage has any.
    """
    answer = row.better or row.answer
    ids = run.ledger.corrections.there(row.fragments)
    found = run.ledger.fragments.get(ids) or run.search.find(f"{row.question}\n{answer}", SEARCHED)
    values = stated(row.question, answer)
    for fragment in found:
        if values and all(stands_in(value, fragment.text, row.question) for value in values):
            return fragment
    wanted = set(terms(answer)) - set(terms(row.question))
    shared = [len(wanted & set(terms(fragment.text))) for fragment in found]
    return found[shared.index(max(shared))] if any(shared) else None
