"""Measures checks that ask the model again: do its further answers say what the pair says?

    python -m benchmarks.asked_again embedded
    python -m benchmarks.asked_again MODEL PAIRS.jsonl --most 40

PAIRS.jsonl is as for `benchmarks.checks`. With `embedded` alone, the pairs are those facts of the
handbook that its test questions ask for with a question mark. The model answers each question with
the passage SAMPLES times at temperature 0.7. `one` rejects a pair if the first of these answers has
other values, `most` if no majority of them has the same ones. Both judge right pairs, pairs that
are spoilt in known ways, and the greedy answers that the model itself gives. These are right if
they have all values of the right answer, or most of its words where it has none. Prints how many
each check rejects, and how many the checks of `default`, which ask no model.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.checks import (
    added_claim,
    negated,
    other_answer,
    other_question,
    verdict,
    wrong_value,
)
from self_evolution import config
from self_evolution.config import Model
from self_evolution.evaluation.agreement import agreed
from self_evolution.evaluation.metrics import METRICS
from self_evolution.miniature import EVALUATION
from self_evolution.models.protocols import SamplingParams
from self_evolution.models.transformers_engine import TransformersEngine
from self_evolution.prompts import Prompts
from self_evolution.records import Pair

SAMPLES = 3
WAYS = (wrong_value, other_answer, other_question, added_claim, negated)


def read(path: Path, most: int) -> tuple[list[Pair], list[int]]:
    """Pairs about different facts first, at most so many, with the numbers of their facts."""
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    if path == EVALUATION:
        rows = [
            {"question": row["input"], "answer": row["output"], "passage": row["instruction"]}
            | {"item": number}
            for number, row in enumerate(rows)
            if row["input"].endswith("?")  # the checks take nothing else for a question
        ]
    seen: Counter[int] = Counter()
    turns = []
    for row in rows:
        turns.append(seen[row["item"]])
        seen[row["item"]] += 1
    order = sorted(range(len(rows)), key=lambda place: (turns[place], place))[:most]
    chosen = [rows[place] for place in order]
    return [
        Pair(str(i), 1, "f", row["question"], row["answer"], "stop", row["passage"], "en")
        for i, row in enumerate(chosen)
    ], [row["item"] for row in chosen]


def is_right(answer: str, pair: Pair) -> bool:
    """Whether an answer says what the right answer of the pair says."""
    for name, least in (("exact-match", 100.0), ("token-f1", 60.0)):
        found = METRICS[name].score(answer, pair.answer, question=pair.question, values=None)
        if found is not None:
            return found >= least
    return False


def measure(model: str, pairs: Sequence[Pair], items: Sequence[int]) -> list[str]:
    embedded = model == "embedded"
    settings = config.load("embedded" if embedded else "default")
    prompts = Prompts(settings.domain)
    engine = TransformersEngine(Model(name=model, threads=1))
    dice = random.Random(0)
    spoilt: dict[str, list[Pair]] = {"right": list(pairs)}
    for way in WAYS:
        found = []
        for place, pair in enumerate(pairs):
            other = pairs[dice.choice([n for n, item in enumerate(items) if item != items[place]])]
            if (made := way(pair, other, dice)) is not None:
                found.append(made)
        spoilt[way.__name__.replace("_", " ")] = found

    asked = list(dict.fromkeys((p.question, p.fragment) for ps in spoilt.values() for p in ps))
    size = settings.model.batch_size
    answers: dict[tuple[str, str], list[str]] = {key: [] for key in asked}
    for temperature, times in ((0.0, 1), (0.7, SAMPLES)):
        params = SamplingParams(temperature, 0.95, 48)
        for turn in range(times):
            for first in range(0, len(asked), size):
                some = asked[first : first + size]
                put = [prompts.answer((), passage, question, "en") for question, passage in some]
                replies = engine.generate(put, params, turn, "base")
                for key, reply in zip(some, replies, strict=True):
                    answers[key].append(reply.text)

    def one(pair: Pair, samples: Sequence[str]) -> bool:
        return bool(agreed(pair.question, [pair.answer, samples[0]]).objection)

    def most(pair: Pair, samples: Sequence[str]) -> bool:
        same = sum(not agreed(pair.question, [pair.answer, text]).objection for text in samples)
        return 2 * same <= len(samples)

    def default(pair: Pair, samples: Sequence[str]) -> bool:
        return bool(verdict(pair, prompts, settings.check))

    checks: tuple[Callable[[Pair, Sequence[str]], bool], ...] = (default, one, most)
    own = [(pair, answers[pair.question, pair.fragment][0]) for pair in pairs]
    for name, wanted in (("own, right", True), ("own, wrong", False)):
        mine = [replace(pair, answer=text) for pair, text in own if is_right(text, pair) == wanted]
        spoilt[name] = mine
    lines = ["| pairs | n | default | one | most | default and most |", "|---|--:|--:|--:|--:|--:|"]
    for name, those in spoilt.items():
        marks = [
            [check(pair, answers[pair.question, pair.fragment][1:]) for check in checks]
            for pair in those
        ]
        columns = [sum(row[n] for row in marks) for n in range(3)]
        columns.append(sum(row[0] or row[2] for row in marks))
        shown = (f"{n} ({100 * n / len(those):.0f}%)" if those else "–" for n in columns)
        lines.append(f"| {name} | {len(those)} | {' | '.join(shown)} |")
    lines.append(f"CPU seconds: {time.process_time():.0f}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("pairs", type=Path, nargs="?", default=EVALUATION)
    parser.add_argument("--most", type=int, default=1000)
    options = parser.parse_args()
    print("\n".join(measure(options.model, *read(options.pairs, options.most))))


if __name__ == "__main__":
    main()
