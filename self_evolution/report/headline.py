"""What the report says first: what was won, what was lost, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

from self_evolution.config import Config
from self_evolution.ledger import Ledger
from self_evolution.records import Difference, Evaluation
from self_evolution.report.outdated import caveat
from self_evolution.report.words import Trend, is_share, score, trend
from self_evolution.stages.evaluate import FORMER
from self_evolution.stages.examine import to_come
from self_evolution.statistics import NO_DIFFERENCE, holm

EXAMS = {
    ("domain", "closed"): "Domain questions, book closed",
    ("domain", "retrieved"): "Domain questions, with search",
    ("domain", "open"): "Domain questions, passage at hand",
    ("seen", "closed"): "Built questions, book closed",
    ("seen", "retrieved"): "Built questions, with search",
    ("seen", "open"): "Built questions, passage at hand",
    ("unseen", "closed"): "Unseen documents, book closed",
    ("unseen", "retrieved"): "Unseen documents, with search",
    ("unseen", "open"): "Unseen documents, passage at hand",
    ("abilities", "closed"): "Former abilities, the base's own questions",
    ("retention", "closed"): "Former abilities, from memory",
    ("retention", "open"): "Former abilities, with a passage",
}
FEW = 30


@dataclass(frozen=True, slots=True)
class Change:
    """A generation's paired difference to the base; `p` is adjusted for all its generations."""

    row: Difference
    p: float

    @property
    def different(self) -> bool:
        return self.row.shown and self.p < 0.05


@dataclass(frozen=True, slots=True)
class Comparison:
    """An exam's deciding metric for the base and for the generation that is compared with it."""

    suite: str
    mode: str
    base: Evaluation
    now: Evaluation
    change: Change | None = None

    @property
    def title(self) -> str:
        return EXAMS[self.suite, self.mode]

    @property
    def trend(self) -> Trend:
        if self.change is None:
            return trend(self.base, self.now)
        if not self.change.different:
            return "same"
        return "rose" if self.change.row.mean > 0 else "fell"


@dataclass(frozen=True, slots=True)
class Headline:
    """`candidate`: the leader, or the last evaluated generation as long as the base leads."""

    sentence: str
    losses: str
    status: str
    caveats: tuple[str, ...]
    metric: str
    leader: int
    candidate: int
    comparisons: tuple[Comparison, ...]
    changes: dict[tuple[int, str, str], Change]


def since_base(ledger: Ledger, metric: str) -> dict[tuple[int, str, str], Change]:
    """{(generation, suite, mode): change since the base}, p after Holm over the generations."""
    found: dict[tuple[int, str, str], Change] = {}
    for exam in EXAMS:
        rows = [row for row in ledger.differences(against=0) if (row.suite, row.mode) == exam]
        rows = [row for row in rows if row.metric == metric]
        for row, p in zip(rows, holm([row.p for row in rows]), strict=True):
            found[row.generation, row.suite, row.mode] = Change(row, p)
    return found


def headline(config: Config, ledger: Ledger) -> Headline:
    rows = ledger.evaluations()
    metric = ledger.deciding_metric(config.promote.metric)
    leader = max((row.generation for row in ledger.promotions() if row.promoted), default=0)
    evaluated = {row.generation for row in rows}
    candidate = leader if leader else max(evaluated, default=0)
    found = {(r.generation, r.suite, r.mode): r for r in rows if r.metric == metric}
    changes = since_base(ledger, metric)
    comparisons = tuple(
        Comparison(*exam, found[0, *exam], found[candidate, *exam], changes.get((candidate, *exam)))
        for exam in EXAMS
        if (0, *exam) in found and (candidate, *exam) in found
    )
    domain = {c.mode: c for c in comparisons if c.suite == "domain"}
    return Headline(
        sentence=_sentence(config, ledger, metric, leader, candidate, domain.get("closed")),
        losses=_losses(comparisons, candidate),
        status=_status(config, ledger, leader),
        caveats=tuple(_caveats(config, ledger, metric, leader, candidate, comparisons)),
        metric=metric,
        leader=leader,
        candidate=candidate,
        comparisons=comparisons,
        changes=changes,
    )


def _sentence(
    config: Config,
    ledger: Ledger,
    metric: str,
    leader: int,
    candidate: int,
    closed: Comparison | None,
) -> str:
    if not ledger.items("domain"):
        if not ledger.stage_done(0, "read"):
            return "The documents are not read yet: there is nothing to say so far."
        if to_come(config, ledger) and not ledger.promotions():
            return "The test questions are not built yet: there is nothing to say so far."
        return (
            "Nothing shows whether this helped: the run has no evaluation set. "
            "Start a new run with --eval FILE to see."
        )
    if closed is None:
        return "Nothing to compare yet: the evaluation has not been made for base and leader."
    says, said = _says(closed.now, metric), _said(closed.base, metric)
    if not candidate:
        return f"The base model {says}. No other generation has been evaluated yet."
    if not leader:
        tail = {"same": f": {NO_DIFFERENCE}", "rose": "", "fell": ": it got worse"}[closed.trend]
        return (
            f"The base model still leads: no generation was promoted. Generation {candidate}, "
            f"the last, {says}; the base {said}{tail}."
        )
    if closed.trend == "rose":
        return f"The model now {says}; the base {said}."
    if closed.trend == "fell":
        return f"The model got worse: it now {says}; the base {said}."
    return f"No difference shown: the model now {says}; the base {said}."


def _says(row: Evaluation, metric: str) -> str:
    verb = f"answers {score(row)} of the questions" if is_share(metric) else f"scores {score(row)}"
    return f"{verb}{'' if is_share(metric) else f' in {metric}'} with the book closed"


def _said(row: Evaluation, metric: str) -> str:
    return f"{'answered' if is_share(metric) else 'scored'} {score(row)}"


def _losses(comparisons: tuple[Comparison, ...], candidate: int) -> str:
    if not candidate:
        return ""
    parts = []
    for one in comparisons:
        if one.suite not in FORMER:
            continue
        where = "asked from memory" if one.mode == "closed" else "asked with a passage"
        if one.suite == "abilities":
            where = f"by {one.base.n:,} questions of the base's own"
        if one.trend == "same":
            parts.append(f"{where}, {score(one.base)} → {score(one.now)}: {NO_DIFFERENCE}")
        else:
            parts.append(f"{where}, {one.trend} from {score(one.base)} to {score(one.now)}")
    if parts:
        return f"Former abilities, {'; '.join(parts)}."
    return (
        "Former abilities were not measured, so nothing shows what was lost "
        "(--evaluate.abilities, --evaluate.retention-file)."
    )


def _status(config: Config, ledger: Ledger, leader: int) -> str:
    from self_evolution.stages import left as todo
    from self_evolution.stages import out_of_patience, plan

    steps = plan(config.generations, config.evaluate)
    left = todo(config, ledger)
    last = f"generation {leader}" if leader else "the base (generation 0)"
    leads = f"{last[0].upper()}{last[1:]} leads and is the one to use."
    if not ledger.promotions():
        leads = "No generation leads yet."
    if not left and out_of_patience(config, ledger):
        return (
            f"{leads} The run stopped before generation {config.generations}: "
            f"{config.promote.patience} generations in a row were not promoted."
        )
    if not left:
        return f"{leads} The run is complete: {config.generations} generations."
    generation, name = left[0]
    return (
        f"{leads} The run is unfinished: next is {name} of generation {generation}; "
        f"{len(left)} of {len(steps)} stages are to go."
    )


def _built(ledger: Ledger) -> list[str]:
    """Who made the questions, where it was not the user."""
    seals = ledger.seals()
    if not seals or not any(item.fragment_id for item in ledger.tests()):
        return []
    seen = (
        "A person has looked through them."
        if seals[-1].origin == "reviewed"
        else ("No person has looked through them (`self-evolution review`).")
    )
    notes = [
        "The base model itself built test questions from the documents; independent answers with "
        f"the fragment open agree on each reference. {seen}"
    ]
    if ledger.items("unseen"):
        notes.append(
            "Of the unseen documents no model here was ever told: with the book closed they show "
            "what is made up, with the passage at hand how well the model still reads."
        )
    return notes


def _caveats(
    config: Config,
    ledger: Ledger,
    metric: str,
    leader: int,
    candidate: int,
    comparisons: tuple[Comparison, ...],
) -> list[str]:
    """What a careful reader would object, said here first."""
    if not comparisons:
        return []
    notes = [
        "In brackets: 95% intervals, from resampling the documents (questions of one passage "
        "together). "
        + (
            "Whether a score differs from the base's is judged question by question, and after "
            "Holm's correction for the number of generations."
            if all(one.change for one in comparisons if one.base is not one.now)
            else "Two scores count as different only where their intervals do not overlap, which "
            "is a cautious rule."
        )
    ]
    if metric != config.promote.metric:
        notes.append(
            f"{config.promote.metric} decides which generation leads, but applies to none of the "
            f"questions; shown here is {metric}."
        )
    closed = next((c.now for c in comparisons if (c.suite, c.mode) == ("domain", "closed")), None)
    total = len(ledger.items("domain"))
    if closed and is_share(metric) and closed.n < total:
        notes.append(
            f"{metric} applies to {closed.n:,} of the {total:,} domain questions: those whose "
            "reference has a value (a number, code or name)."
        )
    elif closed:
        notes.append(f"Measured on {closed.n:,} domain questions.")
    if closed and closed.n < FEW:
        notes.append(
            f"Only {closed.n} questions: too few for a firm statement, and intervals of so small "
            "a set come out too narrow."
        )
    notes += _built(ledger)
    notes += filter(None, [caveat(ledger, metric, candidate)])
    if any(c.suite == "abilities" for c in comparisons):
        notes.append(
            "The questions on former abilities are the base's own, and so are the answers they are "
            "held against, right or wrong: they show what has changed. Where the base itself is "
            "below 100, it does not always answer alike."
        )
    flat = [c.title.lower() for c in comparisons if c.base.low == c.base.high]
    if flat:
        notes.append(
            f"Where all of the base's answers score alike ({'; '.join(flat)}), its interval has "
            "no width, and says nothing of questions beyond the set."
        )
    curve = [
        row
        for row in ledger.evaluations()
        if (row.suite, row.mode, row.metric) == ("domain", "closed", metric)
    ]
    best = max(curve, key=lambda row: row.mean, default=None)
    if best and closed and leader and best.mean > closed.mean:
        notes.append(
            f"Generation {best.generation} scored higher than the leader: {score(best)}. The rule "
            f"of promotion here is “{config.promote.rule}”."
        )
    trained = [row for row in ledger.promotions() if row.generation]
    if config.promote.rule != "always" and leader and len(trained) > 1:
        notes.append(
            "The leader was chosen among several generations by this same set, which flatters it "
            "a little."
        )
    return notes
