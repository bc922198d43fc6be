"""Ten wrong answers of the miniature are corrected: does the next generation answer them right?

Run `python -m benchmarks.corrections [FOLDER]`. The exam of the run has every other fact of the
handbook. Generation 1 is asked about the other facts, and ten of its wrong answers are corrected
through the store of feedback, in one wording of the miniature's. Generation 2 is then asked in the
other wording, which nothing has seen. A copy of the run is trained further without corrections, to
see what else they change.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from self_evolution import cli
from self_evolution.ledger import Feedback, FeedbackStore
from self_evolution.miniature import EVALUATION
from self_evolution.run.read import RunReader
from self_evolution.serving.answering import Answerer, open_model
from tools.miniature.measure import contains
from tools.miniature.wordings import TYPES
from tools.miniature.world import domain_entities

CORRECTED = 10


class Fact(NamedTuple):
    """A fact of the handbook: both wordings kept for evaluation, the answer, and its value."""

    questions: tuple[str, ...]
    answer: str
    value: str


def facts() -> list[Fact]:
    """Every fact, in the order of the exam that ships."""
    return [
        Fact(
            tuple(entity.say(wording) for wording in attribute.evaluation),
            entity.answer(attribute),
            entity.values[attribute.key],
        )
        for entity in domain_entities()
        for attribute in TYPES[entity.kind]
    ]


def first(run: Path) -> list[Fact]:
    """Make generation 1 of a run whose exam has every other fact; returns the other facts."""
    lines = EVALUATION.read_text(encoding="utf-8").splitlines()
    exam = run.with_name("exam.jsonl")
    exam.write_text("\n".join(lines[::2]) + "\n", encoding="utf-8")
    words = ["run", "--recipe", "embedded", "--run", str(run), "--evaluate.file", str(exam)]
    assert cli.main([*words, "--generations", "1"]) == 0
    return facts()[1::2]


def ask(run: Path, generation: int, questions: list[str]) -> list[str]:
    """The answers of a generation with the book closed."""
    with closing(RunReader(run)) as reader, closing(open_model(reader)) as engine:
        answerer = Answerer(reader, engine)
        return [answerer.answer(one, (), generation, 0).text for one in questions]


def right(some: list[Fact], answers: list[str]) -> list[bool]:
    return [contains(text, [one.value]) for one, text in zip(some, answers, strict=True)]


def correct(run: Path, outside: list[Fact]) -> list[Fact]:
    """Correct the first wrong answers of generation 1, each in the first wording."""
    answers = ask(run, 1, [one.questions[0] for one in outside])
    good = right(outside, answers)
    wrong = [i for i, fine in enumerate(good) if not fine][
        :: max(1, good.count(False) // CORRECTED)
    ]
    store = FeedbackStore(run)
    for i in wrong[:CORRECTED]:
        store.add(
            Feedback("better", outside[i].questions[0], answers[i], outside[i].answer, generation=1)
        )
    return [outside[i] for i in wrong[:CORRECTED]]


def scores(run: Path) -> dict[str, float]:
    """{suite and mode: exact match of generation 2, in percent}."""
    with closing(RunReader(run)) as reader:
        return {
            f"{row.suite} {row.mode}": row.mean
            for row in reader.ledger.evaluations.of_generations()
            if row.generation == 2 and row.metric == "exact-match"
        }


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    run, plain = folder / "run", folder / "plain"
    outside = first(run)
    shutil.copytree(run, plain)
    corrected = correct(run, outside)
    for one in (run, plain):
        assert cli.main(["run", "--run", str(one), "--generations", "+1"]) == 0
    others = [one for one in outside if one not in corrected]
    table: dict[str, dict[str, str]] = {"corrections": {}, "without": {}}
    for name, one in (("corrections", run), ("without", plain)):
        for words, some in (("corrected", corrected), ("not corrected", others)):
            for number, which in ((0, "in the person's words"), (1, "in other words")):
                good = right(some, ask(one, 2, [fact.questions[number] for fact in some]))
                table[name][f"{words} facts right, {which}"] = f"{sum(good)} of {len(good)}"
        table[name] |= {key: f"{value:.1f}" for key, value in scores(one).items()}
    print(json.dumps(table, indent=1))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
