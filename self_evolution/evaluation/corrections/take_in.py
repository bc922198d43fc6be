"""Feedback that waits in `feedback.db` enters a run.

It enters in the generation whose `ask` comes first after it was given. A right or a better answer
becomes a trusted pair, and a better one several, in other words too. A wrong answer removes the
pairs that say the same from training, and so does a better one.
"""

from __future__ import annotations

from collections.abc import Iterator

from self_evolution.evaluation.agreement import stated
from self_evolution.evaluation.contamination import ContaminationCheck, names
from self_evolution.evaluation.corrections.judging import is_right
from self_evolution.evaluation.corrections.rewording import reword
from self_evolution.evaluation.metrics.token_f1 import tokens
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
from self_evolution.text.values import stands_in

SEARCHED = 3
"""Passages that are looked for where none was shown with the answer."""
TAUGHT, HELD = 5, 2
"""The most wordings of a correction that are trained on, besides its own, and that are held out."""


def waiting(ledger: Ledger, store: FeedbackStore) -> list[Feedback]:
    """The feedback that the run has not taken in yet, in the order in which it came."""
    known = ledger.corrections.known()
    return [row for row in store.rows() if _id(row) not in known]


def take_in(run: Run, generation: int) -> None:
    """Add all feedback that waits, each row in one transaction. Raises Stopped if asked to."""
    rows = waiting(run.ledger, FeedbackStore(run.folder))
    if not rows:
        return
    contamination = ContaminationCheck(run.ledger.items.all())
    begun = run.ledger.count("correction")
    with run.progress.bar("corrections", "corrections", len(rows), 0) as bar:
        for position, row in enumerate(rows, begun + 1):
            _add(run, generation, position, row, contamination)
            bar.advance(1)
            run.raise_if_stopped()


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
        f"{len(entered):,} corrections taken in: {counts['taught']:,} pairs to learn from them, "
        f"{counts['removed']:,} pairs removed"
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
        " ".join(tokens(row.question)) or row.question.strip(),
        fragment.id if fragment else None,
        row.generation,
        row.adapter,
        row.reviewer,
    )
    wordings: list[str] = []
    if made.verdict == "better" and fragment and run.ledger.corrections.may_train(fragment.id):
        match = contamination.match(made.question, made.target, fragment.text)
        if not (match and match.leaks):
            wordings = reword(run, made, fragment)[: TAUGHT + HELD]
    held = wordings[: min(HELD, (len(wordings) + 1) // 3)]
    taught = [made.question, *wordings[len(held) :]] if made.target else []
    removed = list(_contrary(run.ledger, made))
    with run.ledger.transaction():
        run.ledger.add([made])
        for number, text in enumerate(taught):
            run.ledger.add(_pair(made, generation, number, text))
        run.ledger.add(CorrectionPair(made.id, id, "removed") for id in removed)
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
    """The passage that says what is to be learnt: of those that were shown, else of those found.

    Of several the first that has every value of the answer, else the one with most of its terms;
    None if none has a term of it that the question does not have.
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


def _contrary(ledger: Ledger, made: Correction) -> Iterator[str]:
    """The pairs that say what the person called wrong, or that answer the question otherwise.

    A pair counts if it has the same question, but not the answer to learn; or the answer that is
    wrong, to a question on the same numbers, codes and names.
    """
    wrong, about = tokens(made.answer), names(made.question)
    for id, question, answer in ledger.corrections.usable_pairs():
        same = " ".join(tokens(question)) == made.asked
        repeated = bool(about) and tokens(answer) == wrong and names(question) == about
        if made.verdict == "right":
            repeated = False
        if (same or repeated) and not is_right(made, answer):
            yield id
