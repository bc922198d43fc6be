"""Scores of rows of predictions in one table: the filter `self-evolution metrics`."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import compress
from typing import Any

from self_evolution.errors import excerpt
from self_evolution.evaluation.metrics import METRICS, Graded, Metric
from self_evolution.evaluation.statistics import PERCENT, RESAMPLES, Interval, distributions


def read_pair(row: object, line: int) -> Graded:
    """The pair that a row describes; `line` (from 1) is named in the ValueError of a bad one.

    Expected: {"prediction": str, "reference": str[, "question": str, "document": str, "values":
    [str, ...]]}; the optional three may be null, and other keys are ignored.
    """
    if not isinstance(row, Mapping):
        raise ValueError(f"line {line}: given {excerpt(row)}, expected an object")
    for key in ("prediction", "reference"):
        if key not in row:
            keys = ", ".join(map(str, row)) or "none"
            raise ValueError(f'line {line}: given the keys {keys[:80]}, expected "{key}" too')
        if not isinstance(row[key], str):
            raise ValueError(f'line {line}: "{key}": given {excerpt(row[key])}, expected a string')
    question, values = row.get("question"), row.get("values")
    for key in ("question", "document"):
        if not isinstance(row.get(key), str | None):
            raise ValueError(f'line {line}: "{key}": given {excerpt(row[key])}, expected a string')
    if values is not None and not (
        isinstance(values, list | tuple) and all(isinstance(value, str) for value in values)
    ):
        raise ValueError(
            f'line {line}: "values": given {excerpt(values)}, expected a list of strings'
        )
    return Graded(row["prediction"], row["reference"], question or "", values)


def intervals(
    scores: Mapping[str, Sequence[float | None]],
    clusters: Sequence[Hashable],
    metrics: Mapping[str, Metric],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Interval]:
    """The mean of each metric that applies to any item, with its interval.

    `scores[metric]` are in the order of the items, and None where the metric does not apply;
    `clusters` are the clusters of the items. Metrics that apply to the same items share their
    resamples.
    """
    alike: dict[tuple[tuple[bool, ...], bool], list[str]] = {}
    for name, column in scores.items():
        applies = tuple(score is not None for score in column)
        if any(applies):
            alike.setdefault((applies, metrics[name].aim == "even"), []).append(name)
    found: dict[str, Interval] = {}
    for (applies, open_ended), names in alike.items():
        columns = [[score for score in scores[name] if score is not None] for name in names]
        drawn = distributions(
            columns,
            list(compress(clusters, applies)),
            resamples=resamples,
            seed=seed,
            bounds=None if open_ended else PERCENT,
        )
        found |= {name: one.interval(level) for name, one in zip(names, drawn, strict=True)}
    return {name: found[name] for name in scores if name in found}


def summarise(
    rows: Iterable[Mapping[str, Any]],
    *,
    metrics: Mapping[str, Metric] = METRICS,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Any]:
    """Mean, interval, count and signature of each metric (all of METRICS by default) over rows.

    Gives {"n": rows, "metrics": {name: {"mean", "low", "high", "n", "signature"}}}, in percent;
    a metric's own n leaves out the rows it does not apply to, and where it is 0 the three
    numbers are None. Rows of one "document" are resampled together, a row without one by itself.
    Rows are read once, as they come. Raises ValueError for a bad row, with its number from 1,
    what was given and what was expected, and for no rows at all.
    """
    scores: dict[str, list[float | None]] = {name: [] for name in metrics}
    documents: list[Hashable] = []
    for line, row in enumerate(rows, start=1):
        pair = read_pair(row, line)
        documents.append(row.get("document") or line)
        for name, metric in metrics.items():
            scores[name].append(metric.compute(pair))
    if not documents:
        raise ValueError("given no rows, expected one or more with a prediction and a reference")
    found = intervals(scores, documents, metrics, resamples=resamples, seed=seed, level=level)
    nothing = {"mean": None, "low": None, "high": None, "n": 0}
    return {
        "n": len(documents),
        "metrics": {
            name: (found[name]._asdict() if name in found else nothing)
            | {"signature": metric.signature()}
            for name, metric in metrics.items()
        },
    }
