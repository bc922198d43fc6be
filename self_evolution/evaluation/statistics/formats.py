"""The format of numbers and their intervals in lines of text."""

from __future__ import annotations

from self_evolution.evaluation.statistics.comparisons import PairedDifference
from self_evolution.evaluation.statistics.intervals import Interval
from self_evolution.records import Evaluation


def format_mean(row: Evaluation | Interval, unit: str = "", apart: str = " ") -> str:
    """`83.0 [78–88]`, with `unit` after the mean, and `apart` before the interval."""
    return f"{row.mean:.1f}{unit}{apart}[{row.low:.0f}–{row.high:.0f}]"


def format_difference(row: PairedDifference, unit: str = "") -> str:
    """`+1.2 [-0.3 to +2.7]`, with `unit` after the mean."""
    return f"{row.mean:+.1f}{unit} [{row.low:+.1f} to {row.high:+.1f}]"


def format_p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
