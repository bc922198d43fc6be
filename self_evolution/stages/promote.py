"""Promote: is this generation better than the leader, and what did it cost? If not: rolled back.

Better means: on the same evaluation questions, book closed, paired and by whole documents. The
leader is served, never just the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from self_evolution.evaluation.scores import scored_predictions
from self_evolution.evaluation.statistics import NO_DIFFERENCE, Change, paired, unseen
from self_evolution.evaluation.tasks import EXAMS, FORMER, MODES, marks
from self_evolution.records import Difference, Item, Promotion, seed_of
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome

PROOF = {"exact-match"}
"""Metrics that no copy of question or passage can raise; with others it has to be beaten too."""

PASSAGE_START = 100
"""Characters of the passage in the copy that is to be beaten."""

MOST_REHEARSAL = 0.5


class Changes(NamedTuple):
    """By what a generation's learning rate and share of rehearsal are multiplied."""

    rate: float
    rehearsal: float


def promote(run: Run, generation: int) -> Outcome:
    there = [row for row in run.ledger.evaluations.promotions() if row.generation == generation]
    if not there:
        leader = run.ledger.evaluations.leader()
        differences = list(_differences(run, generation, {0, leader} - {generation}))
        promoted, reason = _verdict(run, generation, leader, differences)
        if not promoted and run.config.promote.rollback:
            reason += f"; rolled back to generation {leader}{_next(run, generation, leader)}"
        there = [Promotion(generation, promoted, reason)]
        run.ledger.add([*differences, *there])
    promoted, reason = there[0].promoted, there[0].reason
    return Outcome(1, f"{'takes the lead' if promoted else 'not promoted'}: {reason}")


def changes(on_failure: str, setbacks: int) -> Changes:
    """What is different after so many generations in a row that were rolled back."""
    slower = on_failure in ("lower-rate", "both")
    rehearsed = on_failure in ("more-rehearsal", "both")
    return Changes(0.5**setbacks if slower else 1.0, 2.0**setbacks if rehearsed else 1.0)


def more_rehearsal(share: float, changed: Changes) -> float:
    """The share of rehearsal with the change, MOST_REHEARSAL at most (or as it was, if above)."""
    return min(share * changed.rehearsal, max(share, MOST_REHEARSAL))


def _next(run: Run, generation: int, leader: int) -> str:
    """What will be different in the next generation, for people."""
    changed = changes(run.config.promote.on_failure, generation - leader)
    told = []
    if changed.rate != 1:
        told.append(f"{changed.rate:g} of the learning rate")
    share = run.config.train.rehearsal
    if (more := more_rehearsal(share, changed)) != share:
        told.append(f"{more:.0%} rehearsal instead of {share:.0%}")
    return f", from where the next one starts with {' and '.join(told)}" if told else ""


def _differences(run: Run, generation: int, others: set[int]) -> Iterator[Difference]:
    """To the base and to the leader, in every exam, in the metric that decides."""
    for suite, mode in EXAMS:
        metric = run.ledger.evaluations.deciding_metric(run.config.promote.metric, suite, mode)
        for other in sorted(others):
            before = _scores(run, other, suite, mode, metric)
            after = _scores(run, generation, suite, mode, metric)
            if before.keys() & after.keys():
                clusters = {item.id: item.cluster for item in run.ledger.items.of_suite(suite)}
                change = _paired(run, before, after, clusters, suite, mode)
                yield Difference(generation, other, suite, mode, metric, *change)


def _scores(run: Run, generation: int, suite: str, mode: str, metric: str) -> dict[str, float]:
    """{item id: score} of the items that the metric applies to, in their order."""
    rows = scored_predictions(run.ledger, generation, suite, mode)
    return {row.item.id: score for row in rows if (score := row.score(metric)) is not None}


def _paired(
    run: Run,
    before: dict[str, float],
    after: dict[str, float],
    clusters: dict[str, str],
    *exam: str,
) -> Change:
    common = [id for id in before if id in after]
    return paired(
        [before[id] for id in common],
        [after[id] for id in common],
        [clusters[id] for id in common],
        resamples=run.config.evaluate.resamples,
        seed=seed_of(run.config.seed, "paired", *exam),
    )


def _verdict(
    run: Run, generation: int, leader: int, differences: list[Difference]
) -> tuple[bool, str]:
    if generation == 0:
        return True, "the base, which every generation is measured against"
    if run.config.promote.rule == "always":
        return True, "rule: always"
    found = {(row.against, row.suite, row.mode): row for row in differences}
    gain = found.get((leader, "domain", "closed"))
    judged = [(True, "taken on trust: there is no evaluation set")]
    if gain is not None:
        judged = [_gain(run, gain), _beyond_copying(run, generation, gain.metric)]
    judged += [
        _kept(run, row)
        for (against, suite, _), row in found.items()
        if against == 0 and suite in FORMER
    ]
    told = [text for _, text in judged if text]
    return all(good for good, _ in judged), "; ".join(told)


def _gain(run: Run, row: Difference) -> tuple[bool, str]:
    enough = row.low > 0 if run.config.promote.rule == "significant" else row.mean > 0
    return enough, f"closed-book {row.metric} {_said(row)} against generation {row.against}"


def _beyond_copying(run: Run, generation: int, metric: str) -> tuple[bool, str]:
    """Whether it beats copying: the question, it with the start of its passage, all of that.

    Each item counts with the best of these copies.

    Overlap with the reference is no proof: on public telecom questions such a copy reaches a
    higher BLEU than any published model.
    """
    if metric in PROOF:
        return True, ""
    mine = _scores(run, generation, "domain", "closed", metric)
    items = run.ledger.items.of_suite("domain")
    clusters = {item.id: item.cluster for item in items}
    copied = {
        item.id: max(marks(metric, item, text) or 0.0 for text in _copies(item))
        for item in items
        if item.id in mine
    }
    change = _paired(run, copied, mine, clusters, "copies")
    enough = change.low > 0 if run.config.promote.rule == "significant" else change.mean > 0
    return enough, f"{_said(change)} against mere copies of question and passage"


def _copies(item: Item) -> tuple[str, ...]:
    start = item.question + item.passage[:PASSAGE_START]
    return item.question, start, item.passage, item.question + item.passage


def _kept(run: Run, row: Difference) -> tuple[bool, str]:
    """Whether former abilities are shown to be within the bound: the interval's lower end is.

    The base's own questions may be too few to show that of any model, were it unchanged. Such a
    set stops a generation only if the loss is shown to be beyond the bound.
    """
    bound = run.config.promote.retention_bound
    what = "own questions" if row.suite == "abilities" else MODES[row.mode]
    if row.metric != run.config.promote.metric:
        what += f", {row.metric}"
    told = f"former abilities ({what}) {_said(row)} since the base"
    clusters = len({item.cluster for item in run.ledger.items.of_suite(row.suite)})
    if row.suite == "abilities" and row.high >= -bound and unseen(clusters) > bound:
        return True, f"{told} (on {clusters} subjects, which is too few to decide)"
    good = row.low >= -bound
    return good, told if good else f"{told}, where at most -{bound:g} may be"


def _said(row: Difference | Change) -> str:
    text = f"{row.mean:+.1f} [{row.low:+.1f} to {row.high:+.1f}]"
    return text if row.shown else f"{text}, {NO_DIFFERENCE},"
