"""The probe: the model asks, answers and is trained a little, to see what a run would be like.

It goes in rounds, each with twice the fragments of the one before and longer replies. It ends when
another round would take more than a tenth of what is forecast, or five minutes in all. What is at
work when this time is over is given up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice

from self_evolution.errors import UserError
from self_evolution.forecast.asking import SHORT, Asking
from self_evolution.forecast.calibration import calibrate, calibrate_training
from self_evolution.forecast.forecast import Forecast, forecast
from self_evolution.forecast.judging import judge
from self_evolution.forecast.limit import Limit, TimeOver
from self_evolution.forecast.sample import Part, Sample
from self_evolution.forecast.sketch import evenly
from self_evolution.forecast.stages import Stages
from self_evolution.forecast.storage import shape_of
from self_evolution.forecast.verdict import JUDGED
from self_evolution.models.base.loading import choose_device
from self_evolution.records import Fragment
from self_evolution.run import Run

SHARE, MOST = 0.1, 300.0
"""The probe takes at most the share SHARE of the time that it forecasts, and at most MOST
seconds."""

ENDS: dict[Part, float] = {"steps": 0.3, "replies": 0.65, "training": 0.95}
"""Each part of the probe ends at this share of its time, so that those after it have some too. The
rest is for the forecast itself."""

FIRST, CAP = 3, 64
"""Fragments and tokens of a reply in the first round."""

GROWTH = 2.5
"""A round takes at most this many times as long as the round before it."""

WHOLE = 1 << 20
"""Tokens of a reply that no setting allows: nothing is cut off."""

FRAGMENTS = 64
"""The largest number of fragments. More of them would hardly make the forecast better."""

FREE = 5.0
"""Seconds that a forecast may take if the user asked for it, even if the run is shorter."""

LEAST = 60.0
"""Seconds. At the beginning of a run that takes less than this, nothing is forecast."""

SPREAD = 64
"""The probe takes its fragments from this many, which are evenly spread over all lengths."""


class Probe:
    """A probe of `run`, which is read and split. The run itself stays as it is."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.sample = Sample()
        ledger = run.ledger
        ids = spread(ledger.fragments.for_training(), SPREAD)
        self._fragments = ledger.fragments.get(ids)
        shape = shape_of(run.config.model)
        device = choose_device(run.config.model.device) if shape else "cpu"
        self.stages = Stages(run, self.sample, shape, device)
        self._waiting = iter(_mixed(self._fragments))
        self._items = iter(evenly(ledger.items.of_suite("domain"), SHORT * FRAGMENTS))
        self._former = iter(evenly(ledger.items.of_suite("retention"), SHORT * FRAGMENTS))
        self._limit = Limit()

    def asked_for(self) -> Forecast:
        """The forecast that somebody asked for, even if it is small."""
        with self._run.models.loading_in(self._limit.pause):  # a run loads each model only once
            self._calibrate()
            return self._rounds(FREE, JUDGED if self._run.config.ask.per_fragment else 0)

    def beside(self) -> Forecast | None:
        """The forecast at the beginning of a run; None if it would take too long for its use, or
        would load two models in turn."""
        if self._run.config.ask.teacher:
            return None
        with self._run.models.loading_in(self._limit.pause):
            self._calibrate()
            if not self.sample.events:  # a model that takes no time
                return None
            found = self._forecast()
            if found.seconds < LEAST or 3 * self._limit.spent > SHARE * found.seconds:
                return None
            return self._rounds(0.0, 0)

    def _calibrate(self) -> None:
        self._upto(MOST, "steps", lambda: calibrate(self._run, self._fragments, self.sample))
        if "steps" in self.sample.given_up and not {"read", "write"} <= self.sample.events.keys():
            raise UserError(
                f"after {self._limit.spent:.0f} s, the model had not read and continued its first "
                "prompts; give a smaller model, or a faster machine"
            )

    def _rounds(self, free: float, judged: int) -> Forecast:
        """Rounds until the time is up; at least `free` seconds of it, and until so many pairs have
        been judged."""
        asking = Asking(self._run, self.sample)
        taught = bool(self._run.config.ask.teacher)  # it is loaded in place of the run's own model
        size, cap = (JUDGED, WHOLE) if taught else (FIRST, CAP)
        first, time_there = True, self._time(self._forecast(), free, judged)
        while True:
            start = self._limit.spent
            part: Part | None = "replies" if first else None
            self._upto(time_there, part, partial(self._round, asking, size, cap))
            took = self._limit.spent - start
            if first:
                own = self.stages.own_pairs
                self._upto(
                    time_there,
                    "training",
                    partial(calibrate_training, self._run, self._fragments, own, self.sample),
                )
                self._require_teacher()
            found = self._forecast()
            time_there = self._time(found, free, judged)
            whole = self.sample.fragments >= min(FRAGMENTS, len(self._fragments))
            left = ENDS["training"] * time_there - self._limit.spent
            if whole or taught or GROWTH * took > left:
                return found
            size, cap, first = 2 * size, 2 * cap, False

    def _require_teacher(self) -> None:
        """Raises UserError if the teacher was given up before it had replied."""
        author = self._run.config.ask.teacher
        if author and "replies" in self.sample.given_up and not self.sample.teacher:
            raise UserError(
                f"the teacher {author} had not replied to {JUDGED} fragments' first questions when "
                "the time of the probe was over; give a faster one"
            )

    def _round(self, asking: Asking, size: int, cap: int) -> None:
        if some := list(islice(self._waiting, size)):
            items = list(islice(self._items, SHORT * size))
            former = list(islice(self._former, SHORT * size))
            subjects = asking.subjects(some, items, former)
            self._run.raise_if_stopped()
            judge(self._run, asking.ask(subjects, cap), self.sample)
            self.sample.fragments += len(some)

    def _time(self, found: Forecast, free: float, judged: int) -> float:
        """The seconds that the probe may take, by this forecast."""
        enough = self.sample.pairs.of >= judged
        return min(MOST, max(free, SHARE * found.seconds)) if enough else MOST

    def _upto(self, seconds: float, part: Part | None, work: Callable[[], None]) -> None:
        """Give the work up at the end of its part of these seconds, and do not begin it if this end
        is over. What cost or length it has found out until then is kept."""
        end = ENDS[part or "training"] * seconds
        try:
            if self._limit.spent >= end:
                raise TimeOver
            with self._limit.upto(end):
                work()
        except TimeOver:
            self._run.raise_if_stopped()  # whoever asked meanwhile does not wait for a forecast
            if part:
                self.sample.given_up.add(part)

    def _forecast(self) -> Forecast:
        self.sample.seconds = self._limit.spent
        self.sample.cpu_seconds = self._limit.cpu_spent
        self.stages.forget()
        return forecast(self._run.config, self.stages)


def spread(tasks: Sequence[tuple[str, int]], size: int) -> list[str]:
    """`size` of these ids, evenly spread over all lengths; all ids if there are no more."""
    ordered = [id for id, _ in sorted(tasks, key=lambda task: (task[1], task[0]))]
    return evenly(ordered, size)


def _mixed(fragments: Sequence[Fragment]) -> Iterator[Fragment]:
    """The fragments in an order in which the first few are already spread over all lengths."""
    places = sorted(range(len(fragments)), key=lambda i: int(f"{i:010b}"[::-1], 2))
    return (fragments[i] for i in places)
