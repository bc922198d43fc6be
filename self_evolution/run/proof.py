"""Tests that a server that generates has the run's base and adapter, before its replies are used.

It is asked a few prompts whose likeliest answers by the model in this process are known. A server
that passes over the adapter, or has another model, gives fluent answers and no error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from self_evolution.config import Config
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.models import Engine
from self_evolution.progress import Progress
from self_evolution.prompts import Prompts
from self_evolution.records import Message
from self_evolution.run.adapters import known_adapter

if TYPE_CHECKING:
    from self_evolution.models.served_engine import ServedEngine

PROMPTS, TOKENS = 8, 16
"""The prompts of a kind at most, and the tokens of an answer that are compared."""

ENOUGH = 0.75
"""The share of prompts whose answer must begin as known: a server computes in other last digits."""

_KEY = "probes"

ENGINES = "engines"
"""The key of {GENERATION STAGE: engines in their order} in the ledger."""


Row = TypeVar("Row")


class Probe(NamedTuple):
    """Token ids of a prompt, and of its likeliest answer by the base and by the generation."""

    prompt: list[int]
    base: list[int]
    tuned: list[int]


class Proof:
    """Proves the server of `model.generator` at its first use in each stage."""

    def __init__(
        self, folder: Path, config: Config, ledger: Ledger, prompts: Prompts, progress: Progress
    ) -> None:
        self._folder, self._config, self._ledger = folder, config, ledger
        self._prompts, self._progress = prompts, progress
        self._proven: set[int] = set()

    def begin(self, generation: int, stage: str) -> None:
        """Note which engine writes the rows of a stage; several if it was changed."""
        self._proven = set()
        own = self._config.model.engine
        if server := self._config.model.generator:
            own = f"{own}, replies by {server}"
        known = self._ledger.meta(ENGINES) or {}
        key = f"{generation} {stage}"
        if known.get(key, [])[-1:] != [own]:
            self._ledger.set_meta(ENGINES, known | {key: [*known.get(key, []), own]})

    def prove(self, engine: Engine, generation: int) -> None:
        """Raises UserError, with the cause, if the server does not answer as the model here does.

        The generation is the engine's current one.
        """
        if not self._config.model.generator or generation in self._proven:
            return
        # Only an engine on transformers takes `model.generator`.
        self._check(cast("ServedEngine", engine), generation)
        self._proven.add(generation)

    def _check(self, engine: ServedEngine, generation: int) -> None:
        probes = self._probes(engine, generation)
        if not probes:
            raise self._refused(
                "there is nothing yet to ask it, so it cannot be seen whether it has the same "
                "model; give documents or test questions"
            )
        found = engine.greedy_there([one.prompt for one in probes], TOKENS, "base")
        alike = sum(_same(known.base, ids) for known, ids in zip(probes, found, strict=True))
        if alike < ENOUGH * len(probes):
            raise self._refused(
                f"only {alike} of {len(probes)} answers of its base model begin as those of "
                f"{self._config.model.name} do; serve this model, in the same number format "
                f"(--dtype {self._config.model.dtype})"
            )
        different = [one for one in probes if one.base != one.tuned]
        if not different:
            if generation:
                self._progress.print_once(
                    f"generation {generation} answers all {len(probes)} probes as the base does, "
                    "so it cannot be seen whether the server uses its adapter"
                )
            return
        found = engine.greedy_there([one.prompt for one in different], TOKENS, "current")
        votes = [_nearer(known, ids) for known, ids in zip(different, found, strict=True)]
        if votes.count("tuned") < ENOUGH * len(different):
            cause = "it answers neither as the base nor with the adapter, so it has another adapter"
            if votes.count("base") > len(different) / 2:
                cause = "it passes over the adapter and gives the base's answers"
            raise self._refused(
                f"{votes.count('tuned')} of {len(different)} answers are those of generation "
                f"{generation}: {cause}; start the server anew"
            )

    def _refused(self, reason: str) -> UserError:
        return UserError(f"--model.generator {self._config.model.generator}: {reason}")

    def _probes(self, engine: ServedEngine, generation: int) -> list[Probe]:
        """The probes of a generation: from the ledger, or made now and kept there."""
        known = self._ledger.meta(_KEY) or {}
        key = f"{generation} {known_adapter(self._folder, self._ledger, generation)[1][:16]}"
        if not known.get(key):  # where there was nothing to ask, there may be something now
            rows = [engine.prompt_ids(messages) for messages in self._conversations(generation)]
            fitting = [row for row in rows if len(row) + TOKENS <= engine.window]
            base = engine.greedy_here(fitting, TOKENS, "base")
            tuned = engine.greedy_here(fitting, TOKENS, "current") if generation else base
            known[key] = list(zip(fitting, base, tuned, strict=True))
            self._ledger.set_meta(_KEY, known)
        return [Probe(*row) for row in known[key]]

    def _conversations(self, generation: int) -> list[list[Message]]:
        """About fragments, from the shortest to the longest; test questions; what was learnt."""
        ledger, prompts = self._ledger, self._prompts
        tasks = sorted(ledger.fragments.for_training(), key=lambda task: task[1])
        fragments = ledger.fragments.get(_spread([id for id, _ in tasks], PROMPTS))
        items = _spread(ledger.items.of_suite("domain"), PROMPTS)
        learnt = ledger.training.selected_pairs(generation) if generation else []
        pairs = ledger.pairs.get(_spread(learnt, PROMPTS))
        return [
            *(prompts.ask(fragment, []) for fragment in fragments),
            *(prompts.chat([{"role": "user", "content": item.question}]) for item in items),
            *(prompts.chat(pair.prompt) for pair in pairs),
        ]


def _spread(rows: Sequence[Row], size: int) -> list[Row]:
    """At most `size` of the rows, evenly spread, with the first and the last."""
    if len(rows) <= size:
        return list(rows)
    return [rows[round(i * (len(rows) - 1) / (size - 1))] for i in range(size)]


def _same(known: list[int], found: list[int]) -> bool:
    """Whether the first half of an answer is as known."""
    size = (len(known) + 1) // 2
    return found[:size] == known[:size]


def _nearer(known: Probe, found: list[int]) -> str:
    """Which known answer a found one agrees with for longer: `base`, `tuned`, or neither."""
    base, tuned = _common(known.base, found), _common(known.tuned, found)
    return "" if base == tuned else "base" if base > tuned else "tuned"


def _common(one: list[int], other: list[int]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
