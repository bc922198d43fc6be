"""Evaluation sets in every format they may come in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from self_evolution.documents.readers.items import ItemRow, read_items
from self_evolution.errors import UserError

EXPECTED = [
    ItemRow("The port, it says, is 4711.", "Which port?", "4711.", None),
    ItemRow("", "Which “team” and rack?", "Team Fox; rack R-17", ("Fox", "R-17")),
]


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        (
            "a.csv",
            "instruction,input,output,values\n"
            '"The port, it says, is 4711.",Which port?,4711.,\n'
            ",Which “team” and rack?,Team Fox; rack R-17,Fox; R-17\n",
            "utf-8-sig",
        ),
        (
            "b.csv",
            "Passage;Question;Answer;Values\r\n"
            "The port, it says, is 4711.;Which port?;4711.\r\n"
            ';Which “team” and rack?;"Team Fox; rack R-17";"Fox;R-17"\r\n',
            "cp1252",
        ),
        (
            "c.tsv",
            "question\treference\tpassage\tvalues\n"
            "Which port?\t4711.\tThe port, it says, is 4711.\n"
            "Which “team” and rack?\tTeam Fox; rack R-17\t\tFox; R-17\n",
            "utf-16",
        ),
    ],
)
def test_tables_are_read_as_the_published_format(
    tmp_path: Path, name: str, text: str, encoding: str
) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    assert read_items(path) == EXPECTED


def test_json_may_use_the_names_of_a_review(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [
        {"passage": row.passage, "question": row.question, "reference": row.reference}
        | ({"values": list(row.values)} if row.values else {})
        for row in EXPECTED
    ]
    rows.append({"question": "Struck?", "reference": "Yes.", "keep": False})
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert read_items(path) == EXPECTED


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "item 1: expected"),
        ("question,answer\n,x\n", "item 1: expected"),
        ("question,answer\n", "no evaluation question"),
        ('question,answer\n"x,y\n', "broken quotes"),
        ("question,input,answer\nx,y,z\n", "item 1: expected"),
    ],
)
def test_a_table_without_questions_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        read_items(path)
