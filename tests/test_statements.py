"""Statements of a text, which of them a pair states, and how many questions follow from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_evolution.config import Ask, Domain
from self_evolution.coverage.requests import additions
from self_evolution.coverage.shares import MOST, share_out
from self_evolution.coverage.stated import Coverable
from self_evolution.coverage.statements import statements
from self_evolution.prompts import Prompts
from self_evolution.records import Fragment

TABLE = "| node | rack | power |\n|---|---|---|\n| Coral | R-17 | 361 W |\n| Delta | R-18 | 9 W |"


def fragment(text: str, language: str = "en") -> Fragment:
    return Fragment("f", "d", "s", 0, (), text, 0, len(text), None, 9, language, 0)


@pytest.mark.parametrize(
    ("text", "kinds", "found"),
    [
        ("", (), []),
        ("The port is 4711. It is checked every morning.", (), ["The port is 4711."]),
        (
            "The port is 4711. It must be open.",
            ("must",),
            ["The port is 4711.", "It must be open."],
        ),
        ("# Alarm AX-4\n\nNo value here.", (), []),
        (TABLE, (), ["| Coral | R-17 | 361 W |", "| Delta | R-18 | 9 W |"]),
        (
            "- Open port 80.\n- Wait.\n- Stop after 5 s.",
            (),
            ["- Open port 80.", "- Stop after 5 s."],
        ),
        ("```\nset port 80\nset rack R-17\n```", (), ["```\nset port 80\nset rack R-17\n```"]),
        ("端口号为4711。每天检查。默认关闭。", ("默认",), ["端口号为4711。", "默认关闭。"]),
    ],
)
def test_statements_are_sentences_items_and_rows_with_a_value(
    text: str, kinds: tuple[str, ...], found: list[str]
) -> None:
    language = "zh" if "端" in text else "en"
    assert [one.text for one in statements(text, language, kinds)] == found


ALARM = (
    "Alarm AX-4 clears after 20 seconds. The colour of alarm AX-4 is coral. "
    "Alarm AX-4 has severity 3. The timeout of alarm AX-4 is 20 seconds."
)


@pytest.mark.parametrize(
    ("question", "answer", "stated"),
    [
        ("When does alarm AX-4 clear?", "Alarm AX-4 clears after 20 s.", {0}),
        ("What is the timeout of alarm AX-4?", "It is 20 seconds.", {3}),
        ("Which colour has alarm AX-4?", "Coral.", {1}),
        ("What is the severity of alarm AX-4?", "Its severity is 3, its colour coral.", {2}),
        ("Severity and colour?", "Alarm AX-4 has severity 3.", {2}),
        ("Who is on duty?", "Nobody.", set()),
    ],
)
def test_a_pair_states_the_statement_that_it_is_about(
    question: str, answer: str, stated: set[int]
) -> None:
    """Values that several statements have do not decide alone."""
    assert Coverable(fragment(ALARM)).stated(question, answer) == stated


def test_a_row_is_stated_by_any_of_its_values_and_a_fragment_without_statements_by_nothing() -> (
    None
):
    rows = Coverable(fragment(TABLE))
    assert rows.covered([("Which rack has Coral?", "Rack R-17.")]) == {0}
    assert rows.covered([("Power of Delta?", "9 W"), ("Power of Coral?", "361 W")]) == {0, 1}
    assert Coverable(fragment("Nothing here.")).covered([("What?", "Nothing here.")]) == set()


weights = st.dictionaries(
    st.text("abcdef", min_size=1), st.integers(0, 50), min_size=1, max_size=30
)


@given(weights, st.integers(1, 6))
def test_questions_are_shared_out_within_their_bounds(weights: dict[str, int], each: int) -> None:
    numbers = share_out(weights, each)
    assert numbers.keys() == weights.keys()
    assert sum(numbers.values()) == each * len(weights)
    assert all(1 <= number <= MOST * each for number in numbers.values())
    assert numbers == share_out(dict(reversed(weights.items())), each)
    for one, weight in weights.items():
        for other, more in weights.items():
            assert weight >= more or numbers[one] <= numbers[other] + (numbers[one] == 1)


@pytest.mark.parametrize(
    ("weights", "each", "numbers"),
    [
        ({"table": 12, "heading": 1}, 4, {"table": 7, "heading": 1}),
        ({"a": 2, "b": 2, "c": 2}, 4, {"a": 4, "b": 4, "c": 4}),
        ({"a": 0, "b": 0}, 3, {"a": 3, "b": 3}),
        ({"a": 99, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1}, 1, dict.fromkeys("abcdef", 1)),
        ({"a": 99, "b": 0, "c": 0, "d": 0, "e": 0}, 2, {"a": 6, "b": 1, "c": 1, "d": 1, "e": 1}),
        (
            {"a": 99, **dict.fromkeys("bcdefghi", 0)},
            2,
            {"a": 8, "b": 2, "c": 2, **dict.fromkeys("defghi", 1)},
        ),
    ],
)
def test_examples_of_shares(weights: dict[str, int], each: int, numbers: dict[str, int]) -> None:
    assert share_out(weights, each) == numbers


def test_requests_name_first_what_is_not_covered_and_the_ways_take_turns() -> None:
    prompts, one = (
        Prompts(Domain()),
        fragment("The port is 80. The rack is R-17. The limit is 512."),
    )
    settings = Ask(spread="uncovered", ways=True)
    covered = [("Which port?", "80"), ("Which limit?", "512")]
    first = additions(prompts, settings, one, 2, 4, covered)
    named = [next(s for s in ("port", "rack", "limit") if f"The {s} is" in text) for text in first]
    assert named == ["rack", "port", "limit", "rack"]
    ways = prompts.profile("en").ask_ways
    assert [ways.index(text.split("\n\n")[-1]) for text in first] == [1, 2, 3, 4]
    later = additions(prompts, Ask(spread="statements"), one, 2, 2)
    assert ["limit" in later[0], "port" in later[1]] == [True, True]
    assert additions(prompts, Ask(), one, 2, 3) == ["", "", ""]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_statement_stands_behind_each_request_of_a_conversation(language: str) -> None:
    prompts, one = Prompts(Domain()), fragment("Port {80} is open. 端口为80。", language)
    plain, named = prompts.ask(one, ["Q1"]), prompts.ask(one, ["Q1"], ["first", ""])
    assert [turn["role"] for turn in named] == [turn["role"] for turn in plain]
    requests = [turn["content"] for turn in named if turn["role"] == "user"]
    before = [turn["content"] for turn in plain if turn["role"] == "user"]
    assert requests == [before[0] + "\n\nfirst", before[1]]
    assert "{80}" in additions(prompts, Ask(spread="statements"), one, 1, 1)[0]
