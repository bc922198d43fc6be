"""What steps of the model cost on this machine, fitted to those that the probe has measured.

A step costs a fixed part, a part for each token, and a part for each token that one of them looks
back at: cost = a + b * tokens + c * tokens * width, none of them below 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from self_evolution.forecast.work import Sort, Work
from self_evolution.meter import Event

TUNED: dict[Sort, Sort] = {"tuned read": "read", "tuned write": "write"}
"""What is done with an adapter, and the same without it."""


class Price(NamedTuple):
    """CPU seconds for a step, a token, and a token that is looked back at; `pace`: seconds on the
    clock for each CPU second."""

    step: float
    token: float
    back: float
    pace: float


class Rates(NamedTuple):
    """The prices by kind of work. `pace` is the ratio of clock time to CPU time, for all work
    together. The prices of `guessed` kinds were not measured, or at few sizes only."""

    prices: Mapping[Sort, Price]
    pace: float
    guessed: frozenset[Sort] = frozenset()

    def cpu_seconds(self, work: Work) -> float:
        return work.other + sum(self._cpu(work).values())

    def seconds(self, work: Work) -> float:
        """Seconds on the clock, if the machine stays as busy as it was."""
        return work.waiting + work.other * max(1.0, self.pace) + sum(self._model(work).values())

    def guessed_seconds(self, work: Work) -> float:
        """The part of `seconds` that has guessed prices."""
        return sum(one for kind, one in self._model(work).items() if kind in self.guessed)

    def _model(self, work: Work) -> dict[Sort, float]:
        return {kind: cpu * self.prices[kind].pace for kind, cpu in self._cpu(work).items()}

    def _cpu(self, work: Work) -> dict[Sort, float]:
        found = {}
        for kind, (steps, tokens, back) in work.amounts.items():
            if price := self.prices.get(kind):
                found[kind] = price.step * steps + price.token * tokens + price.back * back
        return found


def fit(measured: Mapping[Sort, Sequence[Event]]) -> Rates:
    """The rates of the measured kinds of work.

    Training and scoring have a price for a token alone: they are measured at one size. What an
    adapter adds to reading and writing is one factor, for all parts of their prices: the median of
    its steps, of which the first ones are slower.
    """
    prices: dict[Sort, Price] = {}
    for kind, some in measured.items():
        if some and kind in ("read", "write"):
            prices[kind] = price(some)
        elif some and kind in ("train", "score"):
            tokens = sum(event.tokens for event in some)
            cpu = sum(event.cpu_seconds for event in some)
            prices[kind] = Price(0.0, cpu / tokens, 0.0, _pace(some))
    for kind, plain in TUNED.items():
        if (tuned := measured.get(kind)) and plain in prices:
            factor = max(1.0, median(_times(event, prices[plain]) for event in tuned))
            step, token, back, pace = prices[plain]
            prices[kind] = Price(factor * step, factor * token, factor * back, pace)
    return Rates(prices, _pace([event for some in measured.values() for event in some]))


def _times(event: Event, plain: Price) -> float:
    """The cost of the event, divided by what it would cost at this price."""
    expected = plain.step + event.tokens * (plain.token + plain.back * event.width)
    return event.cpu_seconds / max(1e-9, expected)


def price(events: Sequence[Event]) -> Price:
    """Fit the three parts by least squares, each error taken in proportion to what was measured.

    Steps of the same size are taken together first. Their mean counts, and not their median: what
    other processes cost them, they will cost the run too.
    """
    import numpy
    from scipy.optimize import nnls

    alike: dict[tuple[int, int], list[float]] = defaultdict(list)
    for event in events:
        alike[event.tokens, event.width].append(event.cpu_seconds)
    rows, weights = [], []
    for (tokens, width), times in alike.items():
        cost = max(sum(times) / len(times), 1e-7)
        rows.append([1 / cost, tokens / cost, tokens * width / cost])
        weights.append(len(times) ** 0.5)
    matrix = numpy.array(rows) * numpy.array(weights)[:, None]
    scale = numpy.linalg.norm(matrix, axis=0)
    scale[scale == 0] = 1.0
    found, _ = nnls(matrix / scale, numpy.array(weights))
    step, token, back = (float(one) for one in found / scale)
    return Price(step, token, back, _pace(events))


def _pace(events: Sequence[Event]) -> float:
    cpu = sum(event.cpu_seconds for event in events)
    return sum(event.seconds for event in events) / cpu if cpu > 0 else 1.0
