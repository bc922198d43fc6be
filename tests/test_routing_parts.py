"""The parts of routing: support for an answer, marks in a passage, and the chance to be right."""

# ruff: noqa: F811 - fixtures are imported
from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import pytest
from routing import run  # noqa: F401

from self_evolution.records import Fragment
from self_evolution.run.read import RunReader
from self_evolution.serving.routing.asking import Told
from self_evolution.serving.routing.evidence import Coverage, Question, support
from self_evolution.serving.routing.invented import unanswerable
from self_evolution.serving.routing.logistic import cross_fitted, fit, reliability
from self_evolution.serving.routing.marks import mark


def test_made_questions_are_about_nothing_that_is_there(run: Path) -> None:
    with closing(RunReader(run)) as reader:
        coverage = Coverage(reader.ledger)
        for question in ("Tell me the port of node Coral?", "Is 4101 the port of node Alpha?"):
            made = unanswerable(question, coverage)
            assert made != question and made == unanswerable(question, coverage)
            odd = set(made.split()) - set(question.split())
            assert len(odd) == 1 and len(made) == len(question)
            assert not coverage.frequency(odd.pop().strip("?").casefold())
        assert unanswerable("Xylophone?", coverage) == ""
        shown = reader.search.find("port of node Coral", 1)
        assert coverage.of("Tell me the port of node Coral?", shown)[:2] == (1.0, 1.0)
        names, terms, unknown = coverage.of("Tell me the zoom of node Zulu?", shown)
        assert names == 0.0 and 0.3 < unknown < 0.8 and terms == 1.0


def passage(text: str) -> Fragment:
    return Fragment("f", "d", "s", 0, (), text, 0, len(text), None, 9, "en", 1)


def test_support_is_what_the_passage_says_of_the_answer() -> None:
    shown = [passage("Node Coral sits in rack R-17. It draws 752 watts.")]
    assert support("Where is node Coral?", "It sits in rack R-17.", shown) == 1.0
    assert support("Where is node Coral?", "It sits in rack R-18.", shown) == 0.0
    assert support("Where is node Coral?", "It sits in rack R-17.", []) == 0.0
    told = Question("Where?", Told("R-17", -0.1), Told("R-17", None), shown, 0.9)
    assert told.closed.certainty == -0.1


@pytest.mark.parametrize(
    ("closed", "open_", "same"),
    [
        ("The colour of alarm Temun is red.", "The colour of alarm Temun is green.", False),
        ("The colour of alarm Temun is red.", "It is red.", True),
        ("It draws 752 watts.", "Node Coral draws 752 W.", True),
        ("It draws 752 watts.", "It draws 751 watts.", False),
        ("告警的颜色是红色。", "告警的颜色是绿色。", False),
        ("Alarm Temun.", "The alarm Temun.", True),
    ],
)
def test_answers_agree_in_what_they_add_to_the_question(
    closed: str, open_: str, same: bool
) -> None:
    question = "告警是什么颜色？" if "告警" in closed else "What colour is alarm Temun?"
    assert Question(question, Told(closed, None), Told(open_, None), [], 0.5).agree is same


def test_the_sentence_with_the_value_is_marked() -> None:
    text = "Node Coral draws 752 watts. It sits in rack R-17.\nIts backup is node 752."
    found = mark("How much power does node Coral draw?", "It draws 752 watts.", text)
    assert found and text[found.start : found.end] == found.sentence == text[:27]
    assert [found.sentence[start:end] for start, end in found.spans] == ["752", "watts"]
    assert mark("Which?", "It is red.", text) is None
    chinese = "告警由甲组处理。端口是4711。"
    found = mark("端口是多少？", "端口是4711。", chinese)
    assert found and found.sentence == "端口是4711。"


def test_the_regression_finds_known_weights() -> None:
    """The chance of a right answer is 1 / (1 + exp(-(2 a - 1))), whatever b is."""
    import math

    dice = random.Random(1)
    rows = [[dice.gauss(0, 1), dice.gauss(5, 3)] for _ in range(4000)]
    right = [dice.random() < 1 / (1 + math.exp(1 - 2 * a)) for a, _ in rows]
    model = fit(rows, right)
    for a, expected in ((0.0, 0.269), (0.5, 0.5), (1.0, 0.731), (2.0, 0.953)):
        assert model.chances([[a, 5.0]])[0] == pytest.approx(expected, abs=0.03)
    assert abs(model.weights[1]) < 0.1
    clusters = [i // 40 for i in range(4000)]
    apart = cross_fitted(rows, right, clusters)
    whole = model.chances(rows)
    assert max(abs(one - other) for one, other in zip(apart, whole, strict=True)) < 0.05


def test_a_chance_by_luck_is_not_told_as_known() -> None:
    """Numbers that say nothing: cross-fitted, no answer gets a chance far from the share."""
    dice = random.Random(2)
    rows = [[dice.random() for _ in range(5)] for _ in range(200)]
    right = [dice.random() < 0.5 for _ in range(200)]
    chances = cross_fitted(rows, right, list(range(200)))
    sure = [fine for chance, fine in zip(chances, right, strict=True) if chance > 0.6]
    assert not sure or sum(sure) / len(sure) < 0.75


def test_reliability_counts_the_nearest() -> None:
    known = [(i / 100, i >= 50) for i in range(100)]
    found = reliability(known, 0.99)
    assert found == (1.0, 50)
    middle = reliability(known, 0.5)
    assert middle and middle.n == 50 and middle.share == pytest.approx(0.5, abs=0.05)
    assert reliability(known[:3], 0.5) == (0.0, 3)
    assert reliability([], 0.5) is None
