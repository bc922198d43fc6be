"""Answers that begin with what several wordings of a question have in common."""

from __future__ import annotations

import pytest

from self_evolution.text.shared import leading, shared_phrases

WATCH = [
    ("Which command shows the log of a running job?", "The log is shown by gnt-job watch."),
    ("Name the command that tails a job.", "For tailing there is gnt-job watch with its id."),
    ("How do I look on live as it works?", "Look on live by calling gnt-job watch."),
    ("What is gnt-job watch used for?", "It follows the output of a running job."),
]


def others(pairs: list[tuple[str, str]], place: int) -> list[str]:
    return [answer for i, (_, answer) in enumerate(pairs) if i != place]


@pytest.mark.parametrize("place", range(3))
def test_an_answer_begins_with_the_thing_asked_for(place: int) -> None:
    question, answer = WATCH[place]
    assert leading(answer, others(WATCH, place), question) == f"gnt-job watch. {answer}"


def test_what_the_question_names_is_not_asked_for() -> None:
    question, answer = WATCH[3]
    assert leading(answer, others(WATCH, 3), question) == answer


@pytest.mark.parametrize(
    ("answers", "question", "phrases"),
    [
        (  # several things, in the order of the answer
            ["Use -p for primary disks and -s for the others.", "It is -p and -s.", "-s after -p."],
            "Which options choose the disks?",
            ["-p", "-s"],
        ),
        (  # the longest phrase; case and punctuation do not count
            ["It is the Master Candidate.", "A master candidate, no other.", "(master candidate)"],
            "Which role may be promoted?",
            ["Master Candidate"],
        ),
        (["Port 8080.", "It is 8080."], "Which port?", []),  # a single other answer
        (["It is of the kind.", "of the kind", "of the kind"], "Which kind?", []),
        (["所需版本是3.2。", "需要3.2", "版本为3.2。"], "需要哪个版本？", ["3.2"]),
        (["The port is 80.", "No, 90.", "Well, 70."], "Which port?", []),
    ],
)
def test_phrases(answers: list[str], question: str, phrases: list[str]) -> None:
    assert shared_phrases(answers[0], answers[1:], question) == phrases


def test_in_chinese_it_has_the_punctuation_of_chinese() -> None:
    answer = "主盘用选项p，副盘用选项s，两者都要写在命令的最后。"
    texts = ["先写p，再写s。", "选择磁盘的是p，还有s。"]
    assert leading(answer, texts, "怎么选择磁盘？") == f"p、s。{answer}"


@pytest.mark.parametrize(
    "answer",
    ["gnt-job watch shows it to whoever asks.", "By gnt-job watch."],
    ids=["begins with it", "is little else"],
)
def test_an_answer_that_says_it_anyway_stays(answer: str) -> None:
    texts = ["there is gnt-job watch", "call gnt-job watch"]
    assert leading(answer, texts, "What shows the log?") == answer
