"""Short answers: the wording is free, an echo or a list of numbers is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_evolution.evaluation.metrics import METRICS, SHORT_ANSWER
from self_evolution.text.spelt import in_digits

BOILS = "At how many degrees Celsius does water boil? Give the number alone."
WEEK, ZH_WEEK = "How many days has a week? Give the number alone.", "一周有几天？只写数字。"
SIDES = "How many sides has a hexagon? Give the number alone."


@pytest.mark.parametrize(
    ("question", "reference", "answer"),
    [
        (WEEK, "7", "7 days"),
        (WEEK, "7", "A week has 7 days."),
        (WEEK, "7", "A week has seven days."),
        (WEEK, "7", "One week has 7 days."),
        (WEEK, "7 days", "7"),
        (WEEK, "Seven", "7"),
        (BOILS, "100", "Water boils at 100 degrees Celsius."),
        (BOILS, "100 °C", "100 degrees"),
        ("How many months has a year?", "12", "There are 12 months in a year."),
        (SIDES, "6", "A hexagon has six sides."),
        ("How many metres are 6 kilometres?", "6000", "6 km are six thousand metres."),
        ("What is 12 + 30?", "42", "12 plus 30 is forty-two."),
        (ZH_WEEK, "7", "一周有7天。"),
        (ZH_WEEK, "7", "一周有七天。"),
        (ZH_WEEK, "七天", "7"),
        ("水的沸点是多少摄氏度？", "100", "水的沸点是100摄氏度。"),
        ("一年有几个月？", "12", "一年有十二个月。"),
        ("三袋米，每袋2千克，共重多少千克？", "6", "三袋米共重6千克。"),
    ],
)
def test_the_same_number_in_other_words(question: str, reference: str, answer: str) -> None:
    assert SHORT_ANSWER.score(answer, reference, question=question, values=(reference,)) == 100


@pytest.mark.parametrize(
    ("question", "reference", "answer"),
    [
        (WEEK, "7", "8 days"),
        (WEEK, "7", "7 or 8 days"),
        (WEEK, "7", "six or 7"),
        (WEEK, "7", "7, or six hundred"),
        (WEEK, "7", "5 days, 6 days, 7 days"),
        (WEEK, "7", "1. 6\n2. 7"),
        (WEEK, "7", "6-7"),
        (WEEK, "7", "seven hundred"),
        (WEEK, "7", WEEK),
        (WEEK, "7 days", "7 weeks"),
        (BOILS, "100 °C", "100 °F"),
        (SIDES, "6", "four, five, six"),
        ("What is 2 - 1?", "1", "No one knows."),
        # What the question says is no answer when it comes back, nor is a part of it.
        ("How many sides has a six-sided figure?", "6", "A six-sided figure."),
        ("How many days remain of 7 weeks?", "7 days", "7"),
        (ZH_WEEK, "7", "8天"),
        (ZH_WEEK, "7", "六天或七天"),
        (ZH_WEEK, "7", "7天，一年有365天。"),
        (ZH_WEEK, "7", ZH_WEEK),
        ("有多少？", "3", "三万"),
    ],
)
def test_another_number_an_echo_and_a_list(question: str, reference: str, answer: str) -> None:
    assert SHORT_ANSWER.score(answer, reference, question=question, values=(reference,)) == 0


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("six hundred and five", "605"),
        ("two million, five hundred", "2000500"),
        ("a thousand", "1000"),
        ("sixty-five point two", "65.2"),
        ("six seven", "6 7"),
        ("one of the sixteen", "one of the 16"),
        ("三万五千", "35000"),
        ("十二点五", "12.5"),
        ("二零二四年", "2024年"),
        ("3千克和一个", "3千克和一个"),
        ("百分之五十", "百分之50"),
    ],
)
def test_numbers_in_words(text: str, digits: str) -> None:
    assert in_digits(text) == digits


@pytest.mark.parametrize(
    ("word", "digits"),
    [("thirteen", "13"), ("thirty", "30"), ("forty", "40"), ("fifty", "50"), ("eighty", "80")],
)
def test_a_number_in_one_word_is_found_by_itself(word: str, digits: str) -> None:
    assert in_digits(word) == digits


def test_without_a_number_it_is_exact_match() -> None:
    question, values = "What is the capital of France?", ("paris",)
    for answer, expected in (("It is Paris.", 100), ("Paris, of 2 million", 0), ("Rome", 0)):
        for metric in (SHORT_ANSWER, METRICS["exact-match"]):
            assert metric.score(answer, "Paris", question=question, values=values) == expected


@given(st.text("0123456789.,- 一二十百千万亿点两sixtenhudrd\n7天克°C%", max_size=40))
def test_the_reference_itself_is_right(reference: str) -> None:
    assert SHORT_ANSWER.score(reference, reference) in (None, 100)


def test_a_model_that_runs_on_is_read_to_its_end() -> None:
    assert SHORT_ANSWER.score("一二三" * 9000 + "万", "7") == 0
    assert SHORT_ANSWER.score("six hundred " * 9000, "7") == 0
