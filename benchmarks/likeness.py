"""Near-duplicates among many texts: time, peak memory and how both grow.

    python benchmarks/likeness.py [--sizes 1000 10000 100000]

Texts of about 1,500 characters, made of their numbers, two thirds of English and one third of
Chinese words with the frequencies of Zipf: six of ten are texts of their own, three are entries of
fifty templates that differ in a code and a value, one is a copy of an earlier one in another
setting, half of these without their last sentence. Each size is a process of its own; the time
is the processor's within `first_like`, the texts fetched anew included. The exponent is that of
time over size from one size to the next: 1 is growth in proportion.
"""

from __future__ import annotations

import argparse
import bisect
import functools
import itertools
import json
import math
import random
import resource
import subprocess
import sys
import time

SIZES = (1_000, 10_000, 100_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child)))
        return
    print("   texts  seconds extra MB  copies   found  wrong  exponent")
    before: tuple[int, float] | None = None
    for size in options.sizes:
        command = [sys.executable, __file__, "--child", str(size)]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        growth = ""
        if before:
            growth = f"{math.log(found['seconds'] / before[1]) / math.log(size / before[0]):8.2f}"
        print(f"{size:>8,} {found['seconds']:>8.1f} {found['extra'] / 1e6:>8.0f}", end=" ")
        print(f"{found['copies']:>7} {found['found']:>7} {found['wrong']:>6} {growth}", flush=True)
        before = size, found["seconds"]


def measure(size: int) -> dict[str, float]:
    from self_evolution.documents.chunking.likeness import NearDuplicates

    text(0), text(2), text(9)
    likeness = NearDuplicates(fetch=lambda id: text(int(id)))
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = 0.0
    copies = found = wrong = 0
    for number in range(size):
        content = text(number)
        begin = time.process_time()
        like = likeness.first_like(str(number), content)
        seconds += time.process_time() - begin
        of = original(number)
        copies += of != number
        found += of != number and like == str(of)
        wrong += like is not None and like != str(of)
    extra = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) * 1024
    return {"seconds": seconds, "extra": extra, "copies": copies, "found": found, "wrong": wrong}


def original(number: int) -> int:
    """The text of which this one is a copy, or its own number."""
    if number % 10 != 9:
        return number
    of = random.Random(number).randrange(number)
    return of - 1 if of % 10 == 9 else of


def text(number: int) -> str:
    of = original(number)
    if of != number:
        lines = text(of).splitlines()
        if number % 20 == 9:
            lines.pop()
        return "\n\n".join("- " + line.replace(", ", " ,").upper() for line in lines)
    draw = random.Random(of)
    chinese = of % 3 == 0
    if of % 10 < 6:
        return "\n".join(sentence(draw, chinese) for _ in range(20 if chinese else 12))
    template = random.Random(-1 - of % 50)
    lines = [sentence(template, chinese) for _ in range(18 if chinese else 10)]
    value, code = draw.randrange(1, 100), f"A{of:07d}"
    lines[1] = f"告警 {code} 的门限是 {value} 秒。" if chinese else f"Alarm {code} lasts {value} s."
    return "\n".join(lines)


def sentence(draw: random.Random, chinese: bool) -> str:
    words = [word(draw, chinese) for _ in range(35 if chinese else 20)]
    if chinese:
        return "".join(words[:15]) + "，" + "".join(words[15:]) + "。"
    return " ".join(words[:10]).capitalize() + ", " + " ".join(words[10:]) + "."


def word(draw: random.Random, chinese: bool) -> str:
    """A word by Zipf's law: 50,000 of them, common ones short."""
    sums = zipf()
    rank = bisect.bisect_left(sums, draw.random() * sums[-1])
    made = random.Random(rank) if rank not in _MADE[chinese] else None
    if made:
        letters = "etaoinshrdlucmfwypvbgkqjxz"
        size = 2 + int(math.log2(rank + 2) / 2) + made.randrange(3)
        if chinese:
            common = [min(int(made.expovariate(1 / 400)), 6000) for _ in range(1 + (rank > 60))]
            _MADE[chinese][rank] = "".join(chr(0x4E00 + 3 * at) for at in common)
        else:
            _MADE[chinese][rank] = "".join(made.choice(letters) for _ in range(size))
    return _MADE[chinese][rank]


_MADE: dict[bool, dict[int, str]] = {False: {}, True: {}}


@functools.cache
def zipf() -> list[float]:
    return list(itertools.accumulate(1 / (rank + 3) for rank in range(50_000)))


if __name__ == "__main__":
    main()
