"""Evaluation sets in every format they may come in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from self_evolution import cli
from self_evolution.documents.readers.items import ItemRow, read_items
from self_evolution.documents.readers.pairs import read_pairs
from self_evolution.errors import UserError
from self_evolution.run.read import read_run

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
        ("a,b\n1,2\n", "row 1: input is missing"),
        ("question,answer\n,x\n", "row 1: question is empty"),
        ("question,answer\nA?,1\nB?\n", "row 2: answer is empty: write the answer"),
        ("question,answer\n", "no test question"),
        ('question,answer\n"x,y\n', "broken quotes"),
        ("question,input,answer\nx,y,z\n", "question and input mean the same"),
        ("question,answer\nA?,1\nWhich, B or C?,C\n", "row 2: it has 3 cells"),
        ("question,answer\nA?,1,2,3\n", "row 1: it has 4 cells"),
        ("question;answer\nA?;1\nB?;2;3\n", "row 2: it has 3 cells"),
        ("question,answer,answer\nA?,1,2\n", "two columns answer"),
        ("id,question,answer,Question \n1,A?,2,B?\n", "two columns question"),
        ("question,answer\nA?,1\nB?,2\nA?,3\n", "row 3: the question of row 1 again"),
        ("question,answer,values\nFuse?,16 A,17 A\n", "row 1: answer does not contain '17 A'"),
        ("question,answer,values\nA?,1;2,1;3\n", "row 1: answer does not contain '3'"),
    ],
)
def test_a_table_without_questions_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        read_items(path)


def test_questions_on_one_document_are_drawn_together(
    arguments: Callable[..., list[str]], tmp_path: Path
) -> None:
    path = tmp_path / "grouped.csv"
    lines = [f"Tell me the port of server S{i}?,Port {i}.,doc {i % 3}" for i in range(9)]
    path.write_text("\n".join(["question,answer,document", *lines, "Why?,42,"]), encoding="utf-8")
    words = arguments("run", "--generations", "1", "--eval", str(path))
    assert cli.main(words) == 0
    with read_run(tmp_path / "run") as reader:
        clusters = [item.cluster for item in reader.ledger.items.of_suite("domain")]
    assert clusters[:9] == ["doc 0", "doc 1", "doc 2"] * 3
    assert clusters[9] not in clusters[:9]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"input": "A?", "output": 16}', "output is a number: write it as text"),
        ('{"input": "A?", "output": 1.5}', "output is a number"),
        ('{"question": "A?", "answer": ["1", "2"]}', "answer is a list: write it as text"),
        ('{"input": "A?", "output": {"text": "1"}}', "output is an object"),
        ('{"input": "A?", "output": null}', "output is null"),
        ('{"input": "A?", "output": " "}', "output is empty: write the answer, or leave the row"),
        ('{"input": "A?", "output": true}', "output is true or false"),
        ('{"instruction": NaN, "input": "A?", "output": "1"}', "instruction is NaN"),
        ('{"passage": 5, "input": "A?", "output": "1"}', "passage is a number"),
        ('{"instruction": "A?", "input": "", "output": "1"}', "is the question in instruction?"),
        ('{"passage": "A?", "question": " ", "answer": "1"}', "is the question in passage?"),
        ('{"input": " ", "output": "1"}', "input is empty"),
        ('{"question": "A?", "input": "B?", "output": "1"}', "question and input mean the same"),
        ('{"input": "A?", "output": "1", "document": 7}', "document is a number"),
        ('{"input": "A?", "output": "1", "values": ["2"]}', "output does not contain '2'"),
        ('{"input": "A?", "output": "1", "output": "2"}', "line 2: an object has the key output"),
        ('{"input": "A?", "output": "1",}', "line 2: a comma too many"),
        ('{"input": "A?", "output": "1"},', "line 2: a comma too many"),
        ('{"input": "A?", "values": ["1",], "output": "1"}', "line 2: a comma too many"),
        ('{"input": "Zero?", "output": "other"}', "the question of row 1 again"),
        ('"A?"', "it is a text"),
        ("null", "it is null"),
    ],
)
def test_a_broken_row_is_named_with_what_is_wrong(tmp_path: Path, row: str, said: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"input": "Zero?", "output": "0"}\n' + row + "\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_items(path)
    assert said in str(caught.value)
    assert "row 2: " in str(caught.value) or "line 2: " in str(caught.value)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[{"a": 1},]', "line 1, column 10;"),
        ('[{"a": 1,}]', "line 1, column 9;"),
        ('[{"a": [1,]}]', "line 1, column 10;"),
        ('[\n{"a": 1},\n\n]', "line 2, column 9;"),
        ('[{"a": {"b": 1 , }}]', "line 1, column 16;"),
    ],
)
def test_a_comma_too_many_is_called_that(tmp_path: Path, text: str, place: str) -> None:
    """At its own place, whatever the version of Python."""
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=f"a comma too many at {place}"):
        read_items(path)


def test_the_same_row_twice_is_two_questions(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"input": "A?", "output": "1"}\n' * 2, encoding="utf-8")
    assert len(read_items(path)) == 2


def test_a_sheet_is_read_with_its_values_as_shown(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["Question", "Answer", "Values", "Passage"])
    book.active.append(["Which part?", 42, None, None])
    book.active["B2"].number_format = "00000"
    book.active.append(["Which team?", "Team Fox; rack R-17", "Fox; R-17", "Fox has R-17."])
    book.save(tmp_path / "a.xlsx")
    assert read_items(tmp_path / "a.xlsx") == [
        ItemRow("", "Which part?", "00042", None),
        ItemRow("Fox has R-17.", "Which team?", "Team Fox; rack R-17", ("Fox", "R-17")),
    ]
    (tmp_path / "b.xlsx").write_bytes(b"no sheet")
    with pytest.raises(UserError, match=r"b\.xlsx: "):
        read_items(tmp_path / "b.xlsx")


def test_rows_are_numbered_alike_for_test_questions_and_for_pairs(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("question,answer\nA?,1\n,2\n", encoding="utf-8")
    for read in (read_items, read_pairs):
        with pytest.raises(UserError, match="row 2: question is empty"):
            read(path)
