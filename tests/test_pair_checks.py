"""What the checks say of a pair: the word of the question, its matter, and its negations."""

from __future__ import annotations

import pytest

from self_evolution import config
from self_evolution.evaluation.pair_checks import Case, first_objection
from self_evolution.prompts import load
from self_evolution.records import Pair
from self_evolution.text.language import detect

DISKS = (
    "A disk of an instance can be grown while it runs. Shrinking is not supported. "
    "Currently the maximum length of a tag is 128 characters."
)
FANS = "风扇的转速为5000转。设备运行时不得打开机盖。"


def reason(question: str, answer: str, fragment: str, heading: str = "", wanted: str = "") -> str:
    language = detect(fragment)
    profile = load("zh" if language == "zh" else "en")
    pair = Pair("a", 1, "f", question, answer, "stop", fragment, language)
    settings = config.Check(grounding=0.0, values=False)
    case = Case(pair, "stop", profile, wanted or language, settings, heading=heading)
    return first_objection(case, set(), None)[0] or ""


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("Can a disk be grown?", "A disk can be grown while the instance runs.", ""),
        (
            "Can a disk be grown?",
            "A disk of an instance cannot be grown.",
            "negation",
        ),
        ("Can a disk be grown?", "A disk of an instance can't be grown.", "negation"),
        ("Is shrinking supported?", "Shrinking is not supported.", ""),
        ("How long may a tag be?", "A tag is never longer than 128 characters.", ""),
        ("What is not supported for a disk?", "Growing an instance is not supported.", ""),
        ("How is a disk grown?", "No. The manual has nothing on other vendors.", ""),
        ("Who won the football match?", "A disk can be grown.", "off_topic"),
        ("Which disks can be grown?", "A disk can be grown.", ""),
        ("What is it called?", "It is called a tag.", "pointing"),
        ("How long can they be?", "They can be 128 characters long.", "pointing"),
        ("How often does it happen that a disk is grown?", "A disk can be grown.", "pointing"),
        ("Does it matter to a disk that an instance runs?", "A disk can be grown.", ""),
    ],
)
def test_english_pairs(question: str, answer: str, expected: str) -> None:
    assert reason(question, answer, DISKS) == expected


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("风扇的转速是多少？", "风扇的转速为5000转。", ""),
        ("设备运行时能否打开机盖？", "设备运行时不得打开机盖。", ""),
        ("风扇的转速是多少？", "风扇的转速不为5000转。", "negation"),
        ("风扇的转速有何不同？", "风扇的转速为5000转。", ""),
        ("足球比赛谁赢？", "风扇的转速为5000转。", "off_topic"),
        ("它的转速是多少？", "转速为5000转。", "pointing"),
    ],
)
def test_chinese_pairs(question: str, answer: str, expected: str) -> None:
    assert reason(question, answer, FANS) == expected


def test_the_heading_may_name_the_matter() -> None:
    question, answer = "Which port has Alpha?", "It is 4711."
    assert reason(question, answer, "It is 4711.") == "off_topic"
    assert reason(question, answer, "It is 4711.", heading="Servers > Alpha") == ""


def test_a_fragment_in_another_language_says_nothing_about_either() -> None:
    assert reason("Who turns the fan?", "Nobody turns it.", FANS, wanted="en") == ""
