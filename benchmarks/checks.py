"""Measures how many right pairs the checks reject, and how many that are spoilt in known ways.

    python -m benchmarks.checks PAIRS.jsonl

PAIRS.jsonl has {"question", "answer", "passage", "item"} in each row; rows with the same `item`
are about the same fact, and all rows are right. They go through the checks of `default` as if a
model had written them. Those that are kept are then spoilt, in each of the ways below. Prints how
many are rejected, with the reasons: of right pairs none should be, of spoilt ones all.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from self_evolution import config
from self_evolution.evaluation.pair_checks import Case, first_objection
from self_evolution.prompts import Prompts
from self_evolution.records import Pair
from self_evolution.text.values import extract_values

Spoil = Callable[[Pair, Pair, random.Random], Pair | None]
"""Makes a wrong pair of a right one; the second is a pair on another fact. None: not possible."""


def wrong_value(pair: Pair, other: Pair, dice: random.Random) -> Pair | None:
    """One number, code or identifier of the answer becomes another one."""
    mine = extract_values(pair.answer, about=pair.fragment)
    theirs = [one for one in extract_values(other.answer) if one not in pair.fragment]
    if not mine or not theirs:
        return None
    changed = pair.answer.replace(dice.choice(mine), dice.choice(theirs))
    return None if changed == pair.answer else replace(pair, answer=changed)


def other_answer(pair: Pair, other: Pair, dice: random.Random) -> Pair | None:
    """The answer to a question on another fact."""
    return replace(pair, answer=other.answer)


def other_question(pair: Pair, other: Pair, dice: random.Random) -> Pair | None:
    """A question on another fact, with this answer."""
    return replace(pair, question=other.question)


def added_claim(pair: Pair, other: Pair, dice: random.Random) -> Pair | None:
    """The answer to another question is added to the answer."""
    return replace(pair, answer=f"{pair.answer} {other.answer}")


def negated(pair: Pair, other: Pair, dice: random.Random) -> Pair | None:
    """The answer says the opposite."""
    for verb in (" is ", " are ", " has ", " can ", " must "):
        if verb in pair.answer:
            return replace(pair, answer=pair.answer.replace(verb, f"{verb}not ", 1))
    return None


def pointing(pair: Pair, other: Pair, dice: random.Random) -> Pair | None:
    """A question that can only be understood beside its passage."""
    return replace(pair, question=dice.choice(POINTING))


def about_the_text(pair: Pair, other: Pair, dice: random.Random) -> Pair | None:
    """An answer that speaks of the passage instead of the matter."""
    return replace(pair, answer=f"According to the passage, {pair.answer}")


def cut_off(pair: Pair, other: Pair, dice: random.Random) -> Pair | None:
    """An answer that reached its length limit."""
    words = pair.answer.split()
    return replace(pair, answer=" ".join(words[: len(words) // 2]), finish="length")


POINTING = (
    "What does this command do?",
    "What is it called?",
    "When must they be replaced?",
    "Why is that needed?",
    "How do you use the option?",
)
WAYS: tuple[Spoil, ...] = (
    wrong_value,
    other_answer,
    other_question,
    added_claim,
    negated,
    pointing,
    about_the_text,
    cut_off,
)


def verdict(pair: Pair, prompts: Prompts, settings: config.Check) -> str:
    """The reason why the pair is rejected; empty if it is kept."""
    case = Case(pair, "stop", prompts.profile("en"), "en", settings)
    return first_objection(case, set(), None)[0] or ""


def measure(pairs: Sequence[Pair], items: Sequence[int]) -> list[str]:
    settings = config.load("default")
    prompts = Prompts(settings.domain)
    dice = random.Random(0)
    rows = []

    def row(name: str, reasons: Counter[str]) -> None:
        total = reasons.total()
        rejected = total - reasons[""]
        told = ", ".join(f"{reason} {n}" for reason, n in reasons.most_common() if reason)
        rows.append(f"| {name} | {total} | {100 * rejected / total:.1f}% | {told} |")

    verdicts = [verdict(pair, prompts, settings.check) for pair in pairs]
    row("right", Counter(verdicts))
    kept = [place for place, reason in enumerate(verdicts) if not reason]
    for way in WAYS:
        found: Counter[str] = Counter()
        for place in kept:
            others = [at for at in range(len(pairs)) if items[at] != items[place]]
            spoilt = way(pairs[place], pairs[dice.choice(others)], dice)
            if spoilt is not None:
                found[verdict(spoilt, prompts, settings.check)] += 1
        row(way.__name__.replace("_", " "), found)
    return ["| pairs | n | rejected | reasons |", "|---|--:|--:|---|", *rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", type=Path)
    given = [json.loads(line) for line in parser.parse_args().pairs.open(encoding="utf-8")]
    pairs = [
        Pair(str(i), 1, "f", row["question"], row["answer"], "stop", row["passage"], "en")
        for i, row in enumerate(given)
    ]
    print("\n".join(measure(pairs, [row["item"] for row in given])))


if __name__ == "__main__":
    main()
