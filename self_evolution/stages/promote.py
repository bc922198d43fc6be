"""Promote: decide whether a generation is better than the leader; if not, it is rolled back.

The generation and the leader answer the same test questions with the book closed. Their scores are
compared question by question, and whole documents are resampled for the interval. The leader is the
generation to use, not simply the last one.
"""

from __future__ import annotations

from collections.abc import Iterator

from self_evolution import rollback
from self_evolution.evaluation.corrections.recheck import Learnt, format_learnt, learnt
from self_evolution.evaluation.differences import ScoredAnswer, both, difference, scored
from self_evolution.evaluation.scores import score_answer
from self_evolution.evaluation.statistics import (
    NO_DIFFERENCE,
    PairedDifference,
    format_difference,
    unseen,
)
from self_evolution.evaluation.tasks import FORMER, MODES, Task, choosing, deciding
from self_evolution.progress import interruptible
from self_evolution.records import Difference, Item, Promotion
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome

PROOF = {"exact-match"}
"""Metrics that copying the question or passage cannot raise. With others, copying must be beaten
too."""

PASSAGE_START = 100
"""The number of characters of the passage in the copy that must be beaten."""


def promote(run: Run, generation: int) -> Outcome:
    """Decide whether the generation becomes the leader, unless this is decided already."""
    there = [row for row in run.ledger.evaluations.promotions() if row.generation == generation]
    if not there:
        leader = run.ledger.evaluations.leader()
        with interruptible():  # resampling takes long where there are many test questions
            differences = list(_differences(run, generation, {0, leader} - {generation}))
            promoted, reason = _verdict(run, generation, leader, differences)
        if not promoted and run.config.promote.rollback:
            reason += f"; rolled back to generation {leader}"
            if changed := rollback.describe_start(run.config, generation + 1, leader):
                reason += f", from where a further generation starts with {changed}"
        there = [Promotion(generation, promoted, reason)]
        run.ledger.add([*differences, *there])
    promoted, reason = there[0].promoted, there[0].reason
    return Outcome(1, f"{'takes the lead' if promoted else 'not promoted'}: {reason}")


def _differences(run: Run, generation: int, others: set[int]) -> Iterator[Difference]:
    """Yield the differences to the base and to the leader, in every task, in the deciding
    metric."""
    for task, metric in deciding(run.ledger, run.config.promote.metric).items():
        after = scored(run.ledger, generation, task, metric)
        for other in sorted(others):
            if pairs := both(scored(run.ledger, other, task, metric), after):
                mean, low, high, n, p, _ = difference(run.config, pairs, *task)
                yield Difference(generation, other, *task, metric, mean, low, high, n, p)


def _verdict(
    run: Run, generation: int, leader: int, differences: list[Difference]
) -> tuple[bool, str]:
    if generation == 0:
        return True, "the base, which every generation is measured against"
    if run.config.promote.rule == "always":
        return True, "rule: always"
    found = {(row.against, row.suite, row.mode): row for row in differences}
    task = choosing(run.ledger)
    gain = found.get((leader, *task))
    judged = [(True, "taken on trust: there is no evaluation set")]
    if gain is not None:
        judged = [_gain(run, gain), _beyond_copying(run, generation, task, gain.metric)]
        if not all(good for good, _ in judged):
            judged = _corrected(run, generation, leader, gain) or judged
    judged += [
        _kept(run, row)
        for (against, suite, _), row in found.items()
        if against == 0 and suite in FORMER
    ]
    reasons = [text for _, text in judged if text]
    return all(good for good, _ in judged), "; ".join(reasons)


def _gain(run: Run, row: Difference) -> tuple[bool, str]:
    enough = row.low > 0 if run.config.promote.rule == "significant" else row.mean > 0
    above = _format(PairedDifference.of(row))
    return enough, f"closed-book {row.metric} {above} against generation {row.against}"


def _corrected(run: Run, generation: int, leader: int, row: Difference) -> list[tuple[bool, str]]:
    """Whether more of what people corrected is right, and no loss is shown on the test questions.

    The test questions are only a few of all possible questions, so what was learnt from corrections
    may not show there. Only those corrected questions count that both generations were asked. The
    list is empty if the generation does not answer more of them right than the leader.
    """
    after = learnt(run.ledger, generation, beside=leader)
    before = learnt(run.ledger, leader, beside=generation)
    if _right(after) <= _right(before):
        return []
    above = _format(PairedDifference.of(row))
    text = f"corrected questions right: {format_learnt(after)}, before {format_learnt(before)}; "
    return [(row.high >= 0, f"{text}closed-book {row.metric} {above} against generation {leader}")]


def _right(found: Learnt) -> int:
    return found.right + found.held_right


def _beyond_copying(run: Run, generation: int, task: Task, metric: str) -> tuple[bool, str]:
    """Whether the generation beats copies: of the question, of the question with the start of the
    passage, and of both as a whole.

    Each item is compared with the best of these copies. High overlap with the reference is not
    enough: on public telecom questions such a copy reaches a higher BLEU than any published model.
    """
    if metric in PROOF:
        return True, ""
    mine = scored(run.ledger, generation, task, metric)
    copied = {
        id: ScoredAnswer(
            item, "", max(score_answer(metric, item, text) or 0.0 for text in _copies(item))
        )
        for id, (item, _, _) in mine.items()
    }
    found = difference(run.config, both(copied, mine), "copies")
    enough = found.low > 0 if run.config.promote.rule == "significant" else found.mean > 0
    return enough, f"{_format(found)} against mere copies of question and passage"


def _copies(item: Item) -> tuple[str, ...]:
    start = item.question + item.passage[:PASSAGE_START]
    return item.question, start, item.passage, item.question + item.passage


def _kept(run: Run, row: Difference) -> tuple[bool, str]:
    """Whether the interval shows that the loss of former abilities is within the bound.

    The base's own questions may be too few to show that, even of an unchanged model. Such a set
    stops a generation only if the loss is shown to be beyond the bound.
    """
    bound = run.config.promote.retention_bound
    what = "own questions" if row.suite == "abilities" else MODES[row.mode]
    if row.metric != run.config.promote.metric:
        what += f", {row.metric}"
    loss = f"former abilities ({what}) {_format(PairedDifference.of(row))} since the base"
    clusters = len({item.cluster for item in run.ledger.items.of_suite(row.suite)})
    if row.suite == "abilities" and row.high >= -bound and unseen(clusters) > bound:
        return True, f"{loss} (on {clusters} topics, which is too few to decide)"
    good = row.low >= -bound
    return good, loss if good else f"{loss}, where at most -{bound:g} may be"


def _format(found: PairedDifference) -> str:
    text = format_difference(found)
    return text if found.shown else f"{text}, {NO_DIFFERENCE},"
