"""Values compare equal if and only if a reader would call them the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import SHARED
from hypothesis import example, given
from hypothesis import strategies as st

from self_evolution.evaluation.agreement import agreed
from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.evaluation.metrics import METRICS, SHORT_ANSWER
from self_evolution.evaluation.pair_checks import ungrounded_value
from self_evolution.records import Item
from self_evolution.text.figures import shifted
from self_evolution.text.lexer import plain
from self_evolution.text.scanner import _scanned, scan
from self_evolution.text.units import unit
from self_evolution.text.values import agree, extract_values, normal, stands_in

INVERTED = SHARED / "cases" / "metrics" / "inverted.jsonl"
"""Eight pairs: the first four state different values, the others the same."""


def _table() -> list[list[str]]:
    lines = Path(__file__).with_name("values.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")][1:]
    return [[_visible(cell) for cell in row] for row in rows]


def _visible(cell: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), cell)


TABLE = _table()
EN = [row for row in TABLE if row[0] == "en"]


def exact(answer: str, reference: str, **further: Any) -> float | None:
    return METRICS["exact-match"].score(answer, reference, **further)


def test_the_table_has_four_languages_and_both_verdicts() -> None:
    assert len(TABLE) >= 500
    for language in ("en", "de", "fr", "zh"):
        for verdict in ("same", "different"):
            assert sum(row[0] == language and row[3] == verdict for row in TABLE) >= 25
    texts = [tuple(row[1:3]) for row in TABLE]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("reference", "answer", "verdict"), [row[1:4] for row in TABLE], ids=range(len(TABLE))
)
def test_exact_match_judges_as_a_reader(reference: str, answer: str, verdict: str) -> None:
    expected = {"same": 100.0, "different": 0.0}[verdict]
    assert exact(answer, reference) == expected
    # The other way round, a text that states no value by itself cannot be judged.
    assert exact(reference, answer) in (expected, None)


@pytest.mark.skipif(not INVERTED.exists(), reason="shared/cases/metrics is not here")
def test_pairs_that_were_judged_the_wrong_way_round() -> None:
    lines = INVERTED.read_text(encoding="utf-8").splitlines()
    pairs = [json.loads(line) for line in lines]
    scores = [exact(pair["prediction"], pair["reference"]) for pair in pairs]
    assert scores == [0.0] * 4 + [100.0] * 4


@pytest.mark.parametrize(("number", "stands"), [("5", True), ("2024", True), ("3", False)])
def test_a_date_states_the_numbers_of_its_day_and_year(number: str, stands: bool) -> None:
    assert stands_in(number, "Released on 5 March 2024.") is stands


# --- the language of a number, and bounds that the question names ---------------------------


@pytest.mark.parametrize(
    ("question", "reference", "answer", "expected"),
    [
        ("Wie viel wiegt die Pumpe?", "10.000 kg", "10000 kg", 100.0),
        ("Wie viel wiegt die Pumpe?", "10.000 kg", "10 kg", 0.0),
        ("Wie viel wiegt die Pumpe?", "3,5", "3.5", 100.0),
        ("Combien pèse la pompe ?", "3,5", "3.5", 100.0),
        ("What is the weight of the pump?", "10.000 kg", "10 kg", 100.0),
        ("What is the weight of the pump?", "10,000 kg", "10000 kg", 100.0),
        ("泵有多重？", "10,000", "10000", 100.0),
        ("What is the minimum pressure?", "At least 5 bar.", "5 bar", 100.0),
        ("What is the minimum pressure?", "5 bar", "At least 5 bar.", 100.0),
        ("What is the minimum pressure?", "At least 5 bar.", "At most 5 bar.", 0.0),
        ("What is the minimum pressure?", "5 bar", "At most 5 bar.", 0.0),
        ("What is the maximum pressure?", "At least 5 bar.", "5 bar", 0.0),
        ("What is the pressure?", "At least 5 bar.", "The minimum is 5 bar.", 100.0),
        ("What is the pressure?", "At least 5 bar.", "5 bar", 0.0),
        ("Wie hoch ist der Mindestdruck?", "Mindestens 5 bar.", "5 bar", 100.0),
        ("Quelle est la pression minimale ?", "Au moins 5 bar.", "5 bar", 100.0),
        ("最低压力是多少？", "至少5 bar。", "5 bar", 100.0),
        ("压力是多少？", "至少5 bar。", "5 bar", 0.0),
    ],
)
def test_what_the_question_says_need_not_be_said_again(
    question: str, reference: str, answer: str, expected: float
) -> None:
    assert exact(answer, reference, question=question) == expected


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Keep it at at least 5 bar.", ["at least 5 bar"]),
        ("Die Pumpe wiegt 10.000 kg und hat 3,5 bar.", ["10000 kg", "3.5 bar"]),
        ("The pump weighs 10,000 kg.", ["10,000 kg"]),
        ("It costs $29 or €3.5 million.", ["$29", "€3.5 million"]),
        ("The room is 3 x 4 m.", ["3 x 4 m"]),
        ("The room is 3.5 x 4.5 m.", ["3.5 x 4.5 m"]),
        ("Der Raum ist 3,5 × 4,5 m groß.", ["3.5×4.5 m"]),
        ("It costs $1.5–2M.", ["$1.5 million", "2000000 USD"]),
        ("It is 20 ± 2 °C.", ["20 °C", "± 2 °C"]),
        ("压力不超过5 bar，摄氏25度。", ["不超过5 bar", "摄氏25度"]),
        ("It delivers 48 m³/h.", ["48 m³/h"]),
        ("It has **48** ms.", ["48 ms"]),
    ],
)
def test_values_are_given_as_they_are_written(text: str, values: list[str]) -> None:
    assert extract_values(text) == values


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("m³/h", "m^3/h"), ("cubic metres per hour", "m^3/h"), ("Kubikmeter pro Stunde", "m^3/h"),
        ("立方米", "m^3"), ("kg·m/s²", "kg·m/s^2"), ("m s⁻² kg", "kg·m/s^2"), ("N m", "N·m"),
        ("W/(m²·K)", "W/K·m^2"), ("MW", "MW"), ("mW", "mW"), ("Mw", "mW"), ("KHZ", "kHz"),
        ("Mb", "Mbit"), ("MB", "MB"), ("mb", "MB"), ("kΩ", "kΩ"), ("Kiloohm", "kΩ"),
        ("1/min", "rpm"), ("s⁻¹", "Hz"), ("€/kWh", "EUR/kWh"), ("pounds", "GBP|lb"),
        ("US", None), ("MIN", None), ("M2", None), ("F", "farad|°F"), ("ports", None), ("", None),
    ],
)  # fmt: skip
def test_units_have_one_form(text: str, key: str | None) -> None:
    assert unit(text) == key


@pytest.mark.parametrize(
    ("figures", "exponent", "expected"),
    [
        ("1.5", 3, "1500"), ("1.5", -3, "0.0015"), ("010.50", 0, "10.5"), ("0.000", 5, "0"),
        ("1", 0, "1"), ("12", -2, "0.12"), ("9" * 40, 1, "9" * 40 + "0"),
    ],
)  # fmt: skip
def test_numbers_have_one_form(figures: str, exponent: int, expected: str) -> None:
    assert shifted(figures, exponent) == expected


# --- one rule everywhere ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "answer", "verdict"), [row[1:4] for row in EN], ids=range(len(EN))
)
def test_grounding_follows(reference: str, answer: str, verdict: str) -> None:
    """A value that says the same as the fragment's is grounded in it, both ways round."""
    if verdict == "same":
        for text, fragment in ((answer, reference), (reference, answer)):
            pair = SimpleNamespace(answer=text, fragment=fragment, question="")
            case: Any = SimpleNamespace(pair=pair)
            assert ungrounded_value(case) is None


@pytest.mark.parametrize(
    ("fragment", "answer", "grounded"),
    [
        ("The valve is R-17.", "R\u201117", True),
        ("The valve is R-17.", "R-71", False),
        ("It delivers 48 m³/h.", "48 m^3/h", True),
        ("It delivers 48 m³/h.", "48 m²/h", False),
        ("It costs $29.", "29 €", False),
        ("It needs at least 5 bar.", "5 bar or more", True),
        ("It needs at least 5 bar.", "5 bar", True),
        ("It needs at least 5 bar.", "at most 5 bar", False),
        ("It needs 5 bar.", "at least 5 bar", False),
        ("The minimum is 5 bar.", "at least 5 bar", True),
        ("Die Pumpe wiegt 10.000 kg.", "10000 kg", True),
        ("Die Pumpe wiegt 10.000 kg.", "10 kg", False),
    ],
)
def test_an_answer_is_grounded_in_its_fragment(fragment: str, answer: str, grounded: bool) -> None:
    pair = SimpleNamespace(answer=answer, fragment=fragment, question="What is it?")
    case: Any = SimpleNamespace(pair=pair)
    assert (ungrounded_value(case) is None) == grounded


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("It is 48 m³/h.", "48 m^3/h", True),
        ("It is 48 m³/h.", "48 m²/h", False),
        ("It is KX-48.", "KX\u201148", True),
        ("It is $29.", "29 €", False),
        ("It is at least 5 bar.", "≥ 5 bar", True),
        ("It is at least 5 bar.", "at most 5 bar", False),
        ("It is at least 5 bar.", "5 bar", False),
        ("It is 10⁻⁶ Pa.", "1e-6 Pa", True),
        ("It is 10⁻⁶ Pa.", "10⁻³ Pa", False),
    ],
)
def test_agreement_and_nuggets_follow(one: str, other: str, same: bool) -> None:
    question = "How much is it?"
    assert (agreed(question, [one, other]).objection == "") == same
    assert exact(other, one, question=question) == 100.0 * same
    assert SHORT_ANSWER.score(other, one, question=question) in (100.0 * same, 100.0)
    recall = METRICS["nugget-recall"].score(other, one, question=question)
    assert recall == 100.0 * same


def test_agreement_takes_a_bound_that_the_question_names() -> None:
    answers = ["It is at least 5 bar.", "5 bar"]
    assert agreed("What is the minimum pressure?", answers).objection == ""
    assert agreed("What is the pressure?", answers).objection != ""


@pytest.mark.parametrize(
    ("one", "other", "leaks"),
    [
        ("Which pump delivers 48 m³/h at 5 bar?", "Which pump delivers 48 m^3/h at 5 bar?", True),
        ("Which pump delivers 48 m³/h at 5 bar?", "Which pump delivers 48 m²/h at 5 bar?", False),
        ("Which pump holds 10,000 litres here?", "Which pump holds 10 000 litres here?", True),
        ("Which valve stays at ≥ 5 bar there?", "Which valve stays at ≤ 5 bar there?", False),
        ("Which kit costs $29 today?", "Which kit costs €29 today?", False),
        ("Where is valve R-17 mounted?", "Where is valve R\u201117 mounted?", True),
        ("Which gas is H2O here?", "Which gas is H₂O here?", True),
        ("Which sensor has ±5 mm of error?", "Which sensor has +5 mm of error?", False),
        ("Which fridge holds −5 °C?", "Which fridge holds 5 °C?", False),
    ],
)
def test_the_contamination_check_follows(one: str, other: str, leaks: bool) -> None:
    wall = ContaminationCheck([Item("a", "domain", 0, "", one, "Yes.", None)])
    found = wall.match(other, "No.", "")
    assert bool(found and found.leaks) == leaks


# --- properties -------------------------------------------------------------------------------

PIECES = (
    "0|1|2|3|5|10|000|,|.|-|–|−|+|±|×|x|^|³|⁻⁶|½|/|'|°|°C|%|m|h|bar|ms|kΩ|€|$|≥|<|at least |"
    "or more|up to|max.|und|mindestens|bis|至少|以上|万|元|秒|每|摄氏|百分之|KX-48|H₂O|a.b|**|"
    'k|M|to|between|and|tcp|(|)|To|"|\u202f|\u00ad|\n|March|2024|5.|年|月|日|点|下午|:30|am|Uhr'
)
texts = st.lists(st.sampled_from(PIECES.split("|")) | st.just(" "), max_size=14).map("".join)


@example("½-5")
@pytest.mark.parametrize("about", ["Der Druck ist nicht höher als die Grenze.", "压力不超过"])
@given(text=st.text("0159 .,/-:'¥€aphrmsUhMäz年月日元", max_size=24) | texts)
@example(text="10.000")
@example(text="3,5 bar")
@example(text="05/03/2024")
@example(text="¥ 5")
def test_another_text_is_looked_at_wherever_its_language_counts(about: str, text: str) -> None:
    """A text that can be read in one way only is scanned without it."""
    assert scan(plain(text), about) == _scanned(plain(text), about)


@given(text=texts)
@example(text="3.5×4.5 m")
@example(text="0-3月")
@example(text="01–12月")
@example(text="1-3月")
def test_every_value_stands_in_its_text(text: str) -> None:
    for value in extract_values(text):
        assert stands_in(value, text), value


@given(text=texts)
def test_a_text_is_an_exact_match_of_itself(text: str) -> None:
    assert exact(text, text) in (100.0, None)


@given(one=texts, other=texts)
def test_agreement_is_mutual(one: str, other: str) -> None:
    for first in extract_values(one):
        for second in extract_values(other):
            assert agree(first, second) == agree(second, first)


@given(text=texts)
def test_plain_text_is_plain_already(text: str) -> None:
    once = plain(f"The value is {text}")
    assert plain(once) == once


@given(number=st.integers(-999, 999), name=st.sampled_from(["bar", "m^3/h", "°C", "USD", "kΩ"]))
def test_the_normal_form_is_its_own(number: int, name: str) -> None:
    text = f"{number} {name}"
    assert normal(text) == text
    assert normal(normal(f"at least {text}")) == normal(f"at least {text}")


@given(number=st.integers(1, 10**9))
def test_groups_of_figures_change_nothing(number: int) -> None:
    for group in (",", "\u202f", "'", "\u00a0"):
        written = f"It has {number:,} rows.".replace(",", group)
        assert exact(written, f"It has {number} rows.") == 100.0
