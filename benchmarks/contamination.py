"""The leak contamination: time to compare many pairs with many evaluation questions.

    python benchmarks/contamination.py QUESTIONS.json [--pairs 100000] [--items 1000]

QUESTIONS is an evaluation set (JSON: instruction, input, output); its questions are numbered and
repeated until there are enough. The pairs quote sentences of its passages, as pairs about the same
documents do. Prints JSON: wall-clock seconds of building the index and of comparing, and how many
pairs leaked or were near.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from pathlib import Path

from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.records import Item

ASKING = ("{}时需要注意什么？", "关于“{}”是怎么规定的？", "{}的含义是什么？", "如何{}？")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("questions", type=Path)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=1_000)
    options = parser.parse_args()
    rows = json.loads(options.questions.read_text(encoding="utf-8"))
    items = [
        Item(str(i), "domain", i, "", f"{row['input']} {i // len(rows)}", row["output"], None)
        for i in range(options.items)
        for row in [rows[i % len(rows)]]
    ]
    pairs = quoting([row["instruction"] for row in rows], 2_000)
    start = time.perf_counter()
    contamination = ContaminationCheck(items)
    built = time.perf_counter()
    leaked = near = 0
    for place in range(options.pairs):
        match = contamination.match(*pairs[place % len(pairs)])
        leaked += bool(match and match.leaks)
        near += bool(match and not match.leaks)
    found = {
        "items": options.items,
        "pairs": options.pairs,
        "index_seconds": round(built - start, 2),
        "seconds": round(time.perf_counter() - built, 1),
        "leaked": leaked,
        "near": near,
    }
    print(json.dumps(found, indent=1))


def quoting(passages: list[str], count: int) -> list[tuple[str, str, str]]:
    """(question, answer, passage): the beginning of a sentence in the question, all as answer."""
    rng = random.Random(5)
    found: list[tuple[str, str, str]] = []
    while len(found) < count:
        passage = rng.choice(passages)
        sentences = [s.strip() for s in re.split(r"[。\n；]", passage) if len(s.strip()) >= 12]
        if sentences:
            sentence = rng.choice(sentences)
            question = rng.choice(ASKING).format(sentence[: rng.randint(8, 24)])
            found.append((question, f"{sentence}。", passage))
    return found


if __name__ == "__main__":
    main()
