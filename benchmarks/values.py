"""Exact match of short answers: comparisons a second of one process, on one core.

    python benchmarks/values.py [--comparisons 4000] [--repeats 20]

One comparison is the exact match of a short answer with its reference and its values, in English,
German, French or Chinese, a quarter each: numbers with units, bounds, currencies and codes, the
same ones written otherwise or others. All texts differ, so nothing is compared from memory; what
stays in memory are the units, of which a language has few. Prints JSON: comparisons a second of
CPU time, the best of the repeats, for all and for each language.
"""

from __future__ import annotations

import argparse
import json
import random
import time

from self_evolution.evaluation.metrics import METRICS
from self_evolution.evaluation.metrics.metric import Graded

# Reference, value, an answer that says the same, and one that does not. {a} and {b} are numbers
# that stand nowhere else, {x} is a group of three figures.
SHAPES = {
    "en": (
        ("It delivers {a} m³/h.", "{a} m³/h", ("It delivers {a} m^3/h.", "{b} m³/h")),
        ("Keep it at at least {a} bar.", "≥ {a} bar", ("At least {a} bar", "≤ {a} bar")),
        ("The kit costs ${a}.", "${a}", ("It costs {a} dollars.", "It costs {a} €.")),
        ("The code is KX-{a}.", "KX-{a}", ("Its code is KX‑{a}.", "The code is KX-{b}.")),
        ("It turns at {x},{y} rpm.", "{x},{y} rpm", ("It turns at {x} {y} rpm.", "At {b} rpm")),
        ("Store it at {a} °C.", "{a} °C", ("At {a} degrees Celsius", "Store it at {a} °F.")),
    ),
    "de": (
        ("Sie fördert {a} m³/h.", "{a} m³/h", ("{a} Kubikmeter pro Stunde", "{b} m³/h")),
        ("Der Druck beträgt {a},5 bar.", "{a},5 bar", ("Es sind {a}.5 bar.", "{b},5 bar")),
        ("Das Set kostet {a} €.", "{a} €", ("Es kostet {a} Euro.", "Es kostet {a} Dollar.")),
        ("Mindestens {a} V sind nötig.", "≥ {a} V", ("Nötig sind mindestens {a} Volt.", "{a} V")),
    ),
    "fr": (
        ("Elle débite {a} m³/h.", "{a} m³/h", ("{a} mètres cubes par heure", "{b} m³/h")),
        ("La masse est de {a},5 kg.", "{a},5 kg", ("Elle pèse {a},5 kilogrammes.", "{b},5 kg")),
        ("Il faut au moins {a} V.", "≥ {a} V", ("Au moins {a} volts", "Au plus {a} V")),
        ("Le kit coûte {a} €.", "{a} €", ("Il coûte {a} euros.", "Il coûte {a} dollars.")),
    ),
    "zh": (
        ("流量为{a}立方米/小时。", "{a}立方米/小时", ("流量为{a} m³/h。", "{b}立方米/小时")),
        ("压力至少{a} bar。", "至少{a} bar", ("不低于{a} bar", "压力至多{a} bar。")),
        ("价格为{a}元。", "{a}元", ("价格为¥{a}。", "价格为{a}美元。")),
        ("型号为KX-{a}。", "KX-{a}", ("型号是KX‑{a}。", "型号为KX-{b}。")),
        ("等待{a}秒。", "{a}秒", ("需要等待{a} s。", "等待{b}秒")),
    ),
}  # fmt: skip


def pairs(language: str, count: int, rng: random.Random) -> list[Graded]:
    """Pairs of a language, half of which state the same."""
    numbers = rng.sample(range(1_000, 1_000_000), 2 * count)
    found = []
    for place, (a, b) in enumerate(zip(numbers[:count], numbers[count:], strict=True)):
        reference, value, answers = SHAPES[language][place % len(SHAPES[language])]
        texts = (rng.choice(answers), reference, value)
        filled = {"a": a, "b": b, "x": a // 1_000 or 1, "y": f"{a % 1_000:03}"}
        answer, reference, value = (text.format(**filled) for text in texts)
        found.append(Graded(answer, reference, "", (value,)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--comparisons", type=int, default=4_000)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    compare = METRICS["exact-match"].compute
    rates: dict[str, float] = {}
    same = 0
    for repeat in range(options.repeats):
        seconds = 0.0
        for language in SHAPES:
            rng = random.Random(f"{language} {repeat}")
            made = pairs(language, options.comparisons // len(SHAPES), rng)
            start = time.process_time()
            same += sum(compare(pair) == 100 for pair in made)
            took = time.process_time() - start
            rates[language] = max(rates.get(language, 0.0), len(made) / took)
            seconds += took
        rates["all"] = max(rates.get("all", 0.0), options.comparisons / seconds)
    report = {
        "comparisons": options.comparisons,
        "same": round(same / options.comparisons / options.repeats, 2),
        "a second": {name: round(rate) for name, rate in rates.items()},
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
