"""From rows of predictions to one table of scores: the filter `self-evolution metrics`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from self_evolution.metrics.intervals import bootstrap
from self_evolution.metrics.metric import Metric, Pair


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def read_pair(row: object, line: int) -> Pair:
    """The pair that a row describes; `line` (from 1) is named in the ValueError of a bad one.

    Expected: {"prediction": str, "reference": str[, "question": str, "values": [str, ...]]};
    the optional two may be null, further keys are let be.
    """
    if not isinstance(row, Mapping):
        raise ValueError(f"line {line}: given {_shown(row)}, expected an object")
    for key in ("prediction", "reference"):
        if key not in row:
            keys = ", ".join(map(str, row)) or "none"
            raise ValueError(f'line {line}: given the keys {_shown(keys)}, expected "{key}" too')
        if not isinstance(row[key], str):
            raise ValueError(f'line {line}: "{key}": given {_shown(row[key])}, expected a string')
    question, values = row.get("question"), row.get("values")
    if question is not None and not isinstance(question, str):
        raise ValueError(f'line {line}: "question": given {_shown(question)}, expected a string')
    if values is not None and not (
        isinstance(values, list | tuple) and all(isinstance(value, str) for value in values)
    ):
        raise ValueError(
            f'line {line}: "values": given {_shown(values)}, expected a list of strings'
        )
    return Pair(row["prediction"], row["reference"], question or "", values)


def _entry(metric: Metric, scores: list[float], settings: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"mean": None, "low": None, "high": None, "n": 0}
    if scores:
        entry = bootstrap(scores, **settings)._asdict()
    return entry | {"signature": metric.signature()}


def summarise(
    rows: Iterable[Mapping[str, Any]],
    *,
    metrics: Mapping[str, Metric] | None = None,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Any]:
    """Mean, interval, count and signature of each metric (all of METRICS by default) over rows.

    Gives {"n": rows, "metrics": {name: {"mean", "low", "high", "n", "signature"}}}, in percent;
    a metric's own n leaves out the rows it does not apply to, and where it is 0 the three
    numbers are None. Rows are read once, as they come. Raises ValueError for a bad row, with
    its number from 1, what was given and what was expected, and for no rows at all.
    """
    if metrics is None:
        from self_evolution.metrics import METRICS

        metrics = METRICS
    scores: dict[str, list[float]] = {name: [] for name in metrics}
    line = 0
    for line, row in enumerate(rows, start=1):
        pair = read_pair(row, line)
        for name, metric in metrics.items():
            score = metric.compute(pair)
            if score is not None:
                scores[name].append(score)
    if not line:
        raise ValueError("given no rows, expected one or more with a prediction and a reference")
    settings = {"resamples": resamples, "seed": seed, "level": level}
    entries = {name: _entry(metrics[name], scores[name], settings) for name in metrics}
    return {"n": line, "metrics": entries}
