"""Files of the user's own pairs, in every format they may come in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from self_evolution.documents.readers.pairs import GivenPair, read_pairs
from self_evolution.errors import UserError

ONE = GivenPair(1, 1, (), "Which port?", "4711.", "", "")
SYSTEM = {"role": "system", "content": "Be brief."}
FIRST = ({"role": "user", "content": "Which rack?"}, {"role": "assistant", "content": "R-17."})


def lines(path: Path, *values: object) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


def say(who: str, what: str, *texts: str) -> list[dict[str, str]]:
    names = {"from": ("human", "gpt"), "role": ("user", "assistant")}[who]
    return [{who: names[i % 2], what: text} for i, text in enumerate(texts)]


FOUR = ("Which rack?", "R-17.", "Which port?", "4711.")
BOTH = [
    GivenPair(1, 1, (), "Which rack?", "R-17.", "", ""),
    GivenPair(1, 2, FIRST, "Which port?", "4711.", "", ""),
]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"question": "Which port?", "answer": " 4711. "}, [ONE]),
        (
            {"question": "Which port?", "answer": "4711.", "passage": "P", "document": "a.md"},
            [ONE._replace(passage="P", document="a.md")],
        ),
        ({"instruction": "Which port?", "output": "4711."}, [ONE]),
        (
            {"instruction": "Translate.", "input": "Port", "output": "Hafen"},
            [GivenPair(1, 1, (), "Translate.\n\nPort", "Hafen", "", "")],
        ),
        (
            {
                "system": "Be brief.",
                "history": [["Which rack?", "R-17."]],
                "instruction": "Which port?",
                "output": "4711.",
            },
            [GivenPair(1, 2, (SYSTEM, *FIRST), "Which port?", "4711.", "", "")],
        ),
        ({"messages": say("role", "content", *FOUR)}, BOTH),
        ({"conversations": say("from", "value", *FOUR)}, BOTH),
        (
            {"messages": [SYSTEM, *say("role", "content", "Which port?", "4711.")]},
            [ONE._replace(turns=(SYSTEM,))],
        ),
        (
            {
                "messages": [
                    FIRST[0],
                    {**FIRST[1], "weight": 0},
                    *say("role", "content", "Which port?", "4711."),
                ]
            },
            BOTH[1:],
        ),
    ],
)
def test_every_format_is_read(row: object, expected: list[GivenPair], tmp_path: Path) -> None:
    assert read_pairs(lines(tmp_path / "a.jsonl", row)) == expected


def test_tables_are_read(tmp_path: Path) -> None:
    import openpyxl

    (tmp_path / "a.csv").write_text("Question;Answer;Document\nWhich port?;4711.;a.md\n")
    book = openpyxl.Workbook()
    for cells in (("question", "answer", "document"), ("Which port?", "4711.", "a.md")):
        book.active.append(cells)
    book.save(tmp_path / "a.xlsx")
    for name in ("a.csv", "a.xlsx"):
        assert read_pairs(tmp_path / name) == [ONE._replace(row=1, document="a.md")]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", '{"question": "Which?", "answer": ""}', "row 1: answer is empty"),
        ("a.jsonl", '{"question": "Which?", "answer": 16}', "row 1: answer must be a text, got 16"),
        ("a.jsonl", '{"question": "Which?", "answer": ["a"]}', r'must be a text, got \["a"\]'),
        ("a.jsonl", '\n{"prompt": "Which?"}', "row 2: expected .* got keys prompt"),
        ("a.jsonl", "[1]", "row 1: expected .* got 1"),
        ("a.jsonl", '{"question": "Which?",}', "broken JSON: line 1"),
        ("a.jsonl", "", "no pair in it"),
        ("a.jsonl", '{"messages": [{"role": "tool", "content": "x"}]}', 'role "tool": expected'),
        ("a.jsonl", '{"messages": [{"role": "user", "content": "x"}]}', "end with an answer"),
        ("a.jsonl", '{"messages": "x"}', "expected a list"),
        ("a.jsonl", '{"instruction": "P.", "input": "Q?", "output": "A"}', "an evaluation set"),
        ("a.csv", "question,answer\nWhich, then?,16,A\n", "row 1: it has 4 cells.* header's 2"),
        ("a.csv", "id,question,answer,question\n1,A?,2,B?\n", "two columns question"),
        ("a.csv", "question,answer\nWhich?,\n", "row 1: answer is empty"),
        ("a.xlsx", "no workbook", "--pairs .*a.xlsx: "),
    ],
)
def test_a_bad_row_is_refused_with_its_reason(
    name: str, text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        read_pairs(path)
