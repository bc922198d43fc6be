"""Results of an ablation: lines over the generations, bars, and differences with p-values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from self_evolution.evaluation.metrics import CHARTED
from self_evolution.evaluation.statistics import NO_DIFFERENCE, Interval, bootstrap
from self_evolution.evaluation.tasks import MAIN, MODES, Task
from self_evolution.experiments.ablation.making import Match, place_of
from self_evolution.experiments.ablation.variants import Variant
from self_evolution.experiments.comparison import (
    NOTHING_COMMON,
    Row,
    Side,
    asked_alike,
    common_scores,
    rows,
    side,
)
from self_evolution.records import Evaluation
from self_evolution.text.counts import many

MATCHED = {
    "steps": "Step-matched: each generation of every variant was trained for as many steps as "
    "that of {first} with the same seed.",
    "samples": "Sample-matched: each generation of every variant was trained on as many examples "
    "as that of {first} with the same seed; a larger set is cut at random, a smaller one repeats.",
    "nothing": "Not matched: variants were trained for different numbers of steps, which may be "
    "what their differences come from.",
}

Curve = dict[int, Evaluation]
"""The mean over the seeds by generation, with the lowest and the highest seed as its interval."""


@dataclass(frozen=True, slots=True)
class Results:
    """`curves[task][variant]`, `bars[metric][variant]` (domain questions, book closed).

    Bars and rows show one `generation`: the last one, or the leader of each run.
    `steps[variant][seed]` has the training steps of each generation.
    """

    names: tuple[str, ...]
    seeds: tuple[int, ...]
    matching: str
    generation: str
    rows: tuple[Row, ...]
    curves: dict[Task, dict[str, Curve]]
    bars: dict[str, dict[str, Interval]]
    steps: dict[str, dict[int, tuple[int, ...]]]
    sentence: str
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The schema of ablation.json:

        {"matching", "generation", "sentence", "notes": [text], "seeds": [n],
         "variants": [{"variant", "steps": {seed: [of each generation]},
            "scores": [{suite, mode, metric, mean, low, high, n}],
            "differences": [{suite, mode, metric, mean, low, high, n, p, p_holm, verdict}],
            "curves": [{suite, mode, metric, generation, mean, lowest_seed, highest_seed}],
            "bars": [{metric, mean, low, high, n}]}]}

        Scores, differences and bars are for all seeds together; n is the number of questions times
        the number of seeds. Differences are to the first variant, paired by question and seed.
        """
        return {
            "matching": self.matching,
            "generation": self.generation,
            "sentence": self.sentence,
            "notes": list(self.notes),
            "seeds": list(self.seeds),
            "variants": [self._variant(row) for row in self.rows],
        }

    def _variant(self, row: Row) -> dict[str, Any]:
        return {
            "variant": row.name,
            "steps": {str(seed): list(n) for seed, n in self.steps[row.name].items()},
            **row.as_json(),
            "curves": [
                {
                    "suite": one.suite,
                    "mode": one.mode,
                    "metric": one.metric,
                    "generation": generation,
                    "mean": one.mean,
                    "lowest_seed": one.low,
                    "highest_seed": one.high,
                }
                for curves in self.curves.values()
                for generation, one in curves[row.name].items()
            ],
            "bars": [
                {"metric": metric, **mine[row.name]._asdict()} for metric, mine in self.bars.items()
            ],
        }


def gather(folder: Path, chosen: Sequence[Variant], seeds: Sequence[int], match: Match) -> Results:
    """Gather the results. Raises UserError if runs were not asked the same questions, or are not
    evaluated."""
    promotes = any(key.startswith("promote.") for one in chosen for key in one.values)
    generation = "leader" if promotes else "last"
    names = [one.name for one in chosen]
    sides = {
        (one.name, seed): side(place_of(folder, one, seed), generation, f"{one.name}, seed {seed}")
        for one in chosen
        for seed in seeds
    }
    alike, left_out = asked_alike(list(sides.values()))
    sides = dict(zip(sides, alike, strict=True))
    first = sides[names[0], seeds[0]]
    models = [[sides[name, seed] for seed in seeds] for name in names]
    found = {task: common_scores(models, task, metric)[0] for task, metric in first.metrics.items()}
    table = rows(names, found, first.settings.seed)
    return Results(
        tuple(names),
        tuple(seeds),
        MATCHED[match].format(first=names[0]),
        generation,
        tuple(table),
        {
            task: {
                name: _curve([one.evaluations for one in some], task, first.metrics[task])
                for name, some in zip(names, models, strict=True)
            }
            for task in table[0].scores
        },
        _bars(names, models, first.metrics[MAIN]),
        {name: {seed: sides[name, seed].steps for seed in seeds} for name in names},
        _sentence(table, len(seeds), generation),
        (*left_out, *_notes(first, len(seeds), generation)),
    )


def _curve(runs: Sequence[Sequence[Evaluation]], task: Task, metric: str) -> Curve:
    """Return the mean over the seeds for each generation that all seeds have."""
    means = [
        {row.generation: row for row in rows if (Task.of(row), row.metric) == (task, metric)}
        for rows in runs
    ]
    curve = {}
    for generation in sorted(set.intersection(*(set(one) for one in means))):
        of_seeds = [one[generation].mean for one in means]
        row = means[0][generation]
        curve[generation] = Evaluation(
            generation,
            *task,
            metric,
            sum(of_seeds) / len(of_seeds),
            min(of_seeds),
            max(of_seeds),
            row.n,
            row.signature,
        )
    return curve


def _bars(
    names: Sequence[str], models: Sequence[Sequence[Side]], deciding: str
) -> dict[str, dict[str, Interval]]:
    found = {
        metric: common_scores(models, MAIN, metric)[0]
        for metric in dict.fromkeys((deciding, *CHARTED))
    }
    return {
        metric: {
            name: bootstrap(one.scores, one.documents)
            for name, one in zip(names, some, strict=True)
        }
        for metric, some in found.items()
        if some[0].scores
    }


def _sentence(found: Sequence[Row], seeds: int, generation: str) -> str:
    task = next(iter(found[0].scores), None)
    if task is None:
        return NOTHING_COMMON
    groups: dict[str, list[str]] = {"higher": [], "lower": [], NO_DIFFERENCE: []}
    for row in found[1:]:
        above = row.above[task]
        groups[above.direction].append(f"{row.name} ({above.mean:+.1f})")
    parts = [f"{verdict}: {', '.join(some)}" for verdict, some in groups.items() if some]
    which = "leader" if generation == "leader" else "last generation"
    return (
        f"Against {found[0].name}, {found[0].metrics[task]} of {task.suite} questions, "
        f"{MODES[task.mode]}, {which}, {many(seeds, 'seed')}: {'; '.join(parts)}."
    )


def _notes(first: Side, seeds: int, generation: str) -> list[str]:
    notes = [
        "Differences are paired by question and seed; p is adjusted (Holm) for all comparisons of "
        "the table.",
    ]
    if seeds == 1:
        notes.append("One seed: nothing is shown of other seeds; --seeds 5 would.")
    else:
        notes.append(
            "A difference counts only if it is shown over documents and over seeds: the interval "
            "has the outer ends of both."
        )
    policy = first.settings.promote
    if policy.rollback and policy.rule != "always":
        notes.append(
            "Each run promotes and rolls back for itself, and goes on from its own leader; "
            "--promote.rule always has all go straight on."
        )
    if generation == "leader":
        notes.append("Each run is represented by its leader, because rules of promotion differ.")
    return notes
