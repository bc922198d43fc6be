"""Small sheets and evaluation files that were read or judged wrongly once."""

from __future__ import annotations

from pathlib import Path

import pytest

from self_evolution.documents.readers import READERS
from self_evolution.documents.readers.items import read_items
from self_evolution.documents.readers.sheet import first_table
from self_evolution.errors import UserError

CASES = Path(__file__).parents[2] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases (../shared/cases) are absent")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ragged.csv", "row 1: it has 3 cells, more than the header's 2"),
        ("extra.csv", "row 3: it has 5 cells, more than the header's 3"),
        ("duphdr.csv", "the header has two columns question"),
        ("dupq.jsonl", "row 2: the question of row 1 again with another answer"),
        ("dup.jsonl", "line 1: an object has the key output twice"),
        ("wrongvals.jsonl", "row 1: answer does not contain '17 A'"),
        ("num.jsonl", "row 1: output is a number: write it as text"),
        ("list.jsonl", "row 1: output is a list: write it as text"),
        ("nan.jsonl", "row 1: instruction is NaN: write it as text"),
        ("alpaca_swapped.jsonl", "row 1: input is empty; is the question in instruction?"),
        ("trailing.json", "a comma too many at line 2, column 31"),
        ("trailing.jsonl", "line 1: a comma too many at column 81"),
        ("q.xlsx", "row 1: input is missing"),
    ],
)
def test_an_evaluation_file_is_refused_for_what_is_wrong(name: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        read_items(CASES / "eval" / name)
    assert name in str(caught.value) and said in str(caught.value)


def test_values_are_read_as_the_sheet_shows_them() -> None:
    assert first_table((CASES / "xlsx" / "parts.xlsx").read_bytes())[1:] == [
        ["00042", "01069", "12.50 kg", "6.2 bar", "1,250.00 €", "36:05", "06:30 AM", "±0.50 mm"],
        ["00007", "04109", "0.25 kg", "5.5 bar", "9.90 €", "1:30", "10:00 PM", "±0.05 mm"],
    ]


def test_hidden_rows_are_left_out_as_hidden_sheets_are() -> None:
    content = READERS[".xlsx"]((CASES / "xlsx" / "rates.xlsx").read_bytes())
    text = "\n".join(part.text for part in content.parts)
    assert "rowhidden" not in text and "secret" not in text and "see tab" in text
    assert content.note == (
        "hidden sheets left out: hidden; hidden rows or columns left out: HiddenRows"
    )
