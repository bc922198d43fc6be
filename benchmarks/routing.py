"""Does a run know what it knows? The routing on questions that did not calibrate it.

Run `python -m benchmarks.routing RUN`, where RUN is a finished run of the recipe `embedded`. A copy
of it is asked. Every fact of the handbook is asked in all wordings of the miniature but the one in
the exam. The unanswerable questions are about things that are not in the handbook: new ones, ones
that the base knows by heart, and facts of another kind of thing.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from scipy.stats import beta

from self_evolution.miniature import EVALUATION
from self_evolution.run.read import RunReader
from self_evolution.serving.answering import Answerer, generation, open_model
from self_evolution.serving.routing import NOTHING, Router
from tools.miniature.measure import contains
from tools.miniature.wordings import TYPES
from tools.miniature.world import domain_entities, known_entities, random_entity

UNANSWERABLE = {"new": 100, "known to the base": 50, "fact of another kind": 50}


class Case(NamedTuple):
    """A question with the value that a right answer has; None where no document answers it."""

    question: str
    value: str | None
    kind: str


def answerable() -> Iterator[Case]:
    exam = {json.loads(line)["input"] for line in EVALUATION.read_text("utf-8").splitlines()}
    for entity in domain_entities():
        for attribute in TYPES[entity.kind]:
            for wording in attribute.questions:
                if (question := entity.say(wording)) not in exam:
                    yield Case(question, entity.values[attribute.key], "answerable")


def unanswerable(dice: random.Random) -> Iterator[Case]:
    for kind, count in UNANSWERABLE.items():
        for _ in range(count):
            entity = dice.choice(domain_entities())
            wanted = entity.kind
            if kind == "new":
                entity = random_entity(dice)
                wanted = entity.kind
            elif kind == "known to the base":
                entity = dice.choice(known_entities())
                wanted = entity.kind
            else:
                wanted = dice.choice([one for one in TYPES if one != entity.kind])
            wording = dice.choice(dice.choice(TYPES[wanted]).questions)
            yield Case(entity.say(wording), None, kind)


def share(hits: int, n: int) -> str:
    """`1.2% [0.5–2.3] (9 of 800)`: with the 95% interval of Clopper and Pearson."""
    low = float(beta.ppf(0.025, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, n - hits)) if hits < n else 1.0
    return f"{100 * hits / max(n, 1):.1f}% [{100 * low:.1f}–{100 * high:.1f}] ({hits} of {n})"


def main(source: Path) -> None:
    cases = [*answerable(), *unanswerable(random.Random(7))]
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        shutil.copytree(source, run)
        (run / "routing.json").unlink(missing_ok=True)
        with closing(RunReader(run)) as reader, closing(open_model(reader)) as engine:
            answerer = Answerer(reader, engine)
            router = Router(reader, answerer, print)
            leader = generation(reader, "leader")
            made = router.calibration(leader)
            with ThreadPoolExecutor(16) as pool:
                routed = list(pool.map(lambda one: router.answer(one.question, (), leader), cases))
            answerer.close()
    print("calibration:", made.before, made.after, f"threshold {made.threshold:.3f}", made.models)
    pairs = list(zip(cases, routed, strict=True))
    given = [(case, one) for case, one in pairs if one.way != NOTHING]
    wrong = [
        (case, one)
        for case, one in given
        if case.value is None or not contains(one.text, [case.value])
    ]
    can = [(case, one) for case, one in pairs if case.value]
    cannot = [(case, one) for case, one in pairs if not case.value]
    print("ways:", Counter((case.kind, one.way) for case, one in pairs))
    print("confident errors of what is answered:", share(len(wrong), len(given)))
    print("wrong:", Counter((case.kind, one.way) for case, one in wrong))
    print("answerable, answered:", share(sum(one.way != NOTHING for _, one in can), len(can)))
    print("others, not found:", share(sum(one.way == NOTHING for _, one in cannot), len(cannot)))
    measured = [
        (one.reliability.share, (case, one) not in wrong) for case, one in given if one.reliability
    ]
    print(
        f"reliability told, mean {sum(one for one, _ in measured) / len(measured):.3f}; "
        f"right {sum(fine for _, fine in measured) / len(measured):.3f}"
    )
    for case, one in wrong[:12]:
        print(" ", case, "→", one.text, one.way)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
