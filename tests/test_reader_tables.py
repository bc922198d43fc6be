"""JSON records, CSV and XLSX: values as people see them, in parts of a bounded size."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import random
import re
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.styles import Font

from self_evolution.documents.readers import delimited, passages, sheet
from self_evolution.documents.readers.base import Content, Malformed
from self_evolution.documents.readers.passages.overlaps import overlap


def _json(value: object) -> Content:
    return passages.read(json.dumps(value, ensure_ascii=False).encode())


def test_passages_have_their_headings() -> None:
    rows = [
        {"title": "Pumps", "section": ["Pumps", "Echo"], "text": "One."},
        {"page_content": "Two.", "metadata": {"source": "x"}},
        "Three.",
    ]
    parts = _json(rows).parts
    assert [(part.heading, part.text) for part in parts] == [
        (("Pumps", "Echo"), "One."),
        ((), "Two."),
        ((), "Three."),
    ]
    text = "\n".join(part.text for part in parts)
    assert all(text[part.start : part.end] == part.text for part in parts)


def test_records_are_lines_that_people_read() -> None:
    record = {"name": "Echo", "size": 12, "on": True, "of": {"a": ["x", {"b": "l1\nl2"}]}, "no": ""}
    lines = "name: Echo\nsize: 12\non: true\nof:\n- a:\n  - x\n  -\n    - b: l1\n      l2"
    assert [part.text for part in _json(record).parts] == [lines]
    assert [part.text for part in _json([record, record]).parts] == [lines, lines]
    title, parts, _ = _json({"title": "T", "content": "Text.\n\nMore."})
    assert (title, [part.text for part in parts]) == ("T", ["Text.\n\nMore."])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"[1, 2]", "row 1: expected"),
        (b'["a", null]', "row 2: expected"),
        (b'[{"text": 3}]', "row 1: expected"),
        (b'{"text": null}', "^expected"),
        (b"12", "row 1: expected"),
        (b'{"a": 1', "line 1: not JSON"),
        (b'[{"a": 1}', "JSON cut off"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000, "nested too deep"),
        (b"[" + b"9" * 5000 + b"]", "thousands of digits"),
    ],
)
def test_json_that_cannot_be_read_says_why(data: bytes, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        passages.read(data)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ('{"text": "cut', "line 2: not JSON"),
        ('{"text": "a",}', "line 2: a comma too many"),
        ("12", "row 2: expected"),
        ('{"text": 5}', "row 2: expected"),
        ("[" * 100_000, "nested too deep"),
        ("9" * 5000, "thousands of digits"),
        ("no JSON at all", "line 2: not JSON"),
    ],
)
def test_a_broken_line_costs_that_line_alone(broken: str, why: str) -> None:
    content = passages.read(f'{{"text": "one"}}\n{broken}\n\n{{"text": "three"}}\n'.encode())
    assert [part.text for part in content.parts] == ["one", "three"]
    assert content.note.startswith("1 of 3 lines left out: ") and why in content.note
    with pytest.raises(Malformed, match=why):
        passages.read(f'{{"text": "one"}}\n{broken}\n{broken}\n'.encode())


def test_deep_values_do_not_grow() -> None:
    value: object = "x"
    for _ in range(300):
        value = [value, 1]
    assert len(_json([value]).parts[0].text) < 5000


def test_an_overlap_is_what_repeats_the_end_of_the_passage_before() -> None:
    shared = "the pump is twelve metres long."
    rows = [f"A text; {shared}", f"{shared} And more.", "And more.", "短文本", "短文本"]
    assert [part.overlap for part in _json(rows).parts] == [0, len(shared), 0, 0, 0]
    assert overlap("前文。本参数用于设置链路数量。", "本参数用于设置链路数量。后文") == 12
    assert overlap("ab" * 30, "ab" * 29 + "c") == 58
    assert overlap("x" + "ab" * 20, "ab" * 20) == 0  # the whole passage


@given(st.text("ab", max_size=60), st.text("ab", max_size=60))
def test_the_overlap_is_the_longest_one(before: str, text: str) -> None:
    lengths = [n for n in range(1, len(text) + 1) if before.endswith(text[:n])]
    longest = max(lengths, default=0)
    assert overlap(before, text) == (longest if 20 <= longest < len(text) else 0)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    rows = [["Name", "Size, mm", "Note"], ["Echo", "1,5", 'a "b"'], ["Fox", "8", "x;y|z"]]
    quoted = [['"' + one.replace('"', '""') + '"' for one in row] for row in rows]
    data = "\r\n".join(delimiter.join(row) for row in quoted).encode("utf-8-sig")
    (part,) = delimited.read(data).parts
    assert part.text.split("\n") == [
        "| Name | Size, mm | Note |",
        "| --- | --- | --- |",
        '| Echo | 1,5 | a "b" |',
        "| Fox | 8 | x;y\\|z |",
    ]


def test_long_tables_are_parts_with_the_header_over_each() -> None:
    data = "a,b\n" + "".join(f"{i},x{i}\n" for i in range(1000))
    parts = delimited.read(data.encode()).parts
    assert len(parts) == 5
    assert all(part.text.startswith("| a | b |\n| --- | --- |\n| ") for part in parts)
    assert all(part.end - part.start == len(part.text) for part in parts)
    assert sum(part.text.count("\n") - 1 for part in parts) == 1000


def test_long_cells_make_records() -> None:
    answer = "The pump is as long as the building that it stands in, which is twelve metres. " * 3
    data = f'id,question,answer\n1,How long?,"{answer}"\n2,And now?,"{answer}"\n'
    parts = delimited.read(data.encode()).parts
    assert [part.text for part in parts] == [
        f"id: 1\nquestion: How long?\nanswer: {answer.strip()}",
        f"id: 2\nquestion: And now?\nanswer: {answer.strip()}",
    ]


def test_titles_above_and_ragged_rows_and_no_header() -> None:
    (part,) = delimited.read(b"Report of 2020\n\na,b,c\n1,2\n3,4,5,6\n7,8,9\n").parts
    assert part.text == (
        "Report of 2020\n\n| a | b | c |\n| --- | --- | --- |\n| 1 | 2 |  |\n| 3 | 4 | 5,6 |\n"
        "| 7 | 8 | 9 |"
    )
    assert delimited.read(b"1,2\n3,4\n").parts[0].text.startswith("| column 1 | column 2 |")
    assert delimited.read(b"\n\n").parts == []


def test_broken_quotes_name_the_line() -> None:
    with pytest.raises(Malformed, match="line 3: broken quotes"):
        delimited.read(b'a,b\n1,2\n3,"4\n5,6\n')
    with pytest.raises(Malformed, match="line 2: broken quotes"):
        delimited.read(b'a,b\n1,"2"x\n')
    assert '| 1 | "2 |' in delimited.read(b'a\tb\n1\t"2\n3\t4\n').parts[0].text


def _workbook() -> Workbook:
    book = Workbook()
    page = book.active
    page.title = "Pumps"
    page.append(["Report of 2020"])
    page.append(["Name", "Size", "Share", "Day", "On", "Sum"])
    page.append(["Echo", 8.0, 0.1, datetime.datetime(2020, 1, 2), True, "=B3*2"])
    page.append(["Fox", 0.1 + 0.2, 0.125, datetime.datetime(2020, 1, 2, 3, 4), False, 2])
    page.append([None, 5])
    page["C3"].number_format = "0%"
    page["C4"].number_format = "0.0%"
    page.merge_cells("A4:A5")
    for row in range(6, 30):
        page.cell(row, 40).font = Font(bold=True)  # cells that hold nothing
    hidden = book.create_sheet("Secret")
    hidden.append(["x"])
    hidden.sheet_state = "hidden"
    return book


def _saved(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _changed(data: bytes, name: str, old: str, new: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        for one in source.namelist():
            content = source.read(one)
            if one == name:
                content = re.sub(old.encode(), new.encode(), content)
            target.writestr(one, content)
    return out.getvalue()


def test_values_are_as_the_sheet_shows_them() -> None:
    found = sheet.read(_saved(_workbook()))
    assert found.note == "hidden sheets left out: Secret"
    above, table = found.parts
    assert above.text == "Report of 2020" and table.heading == ("Pumps",)
    assert table.text.split("\n") == [
        "| Name | Size | Share | Day | On | Sum |",
        "| --- | --- | --- | --- | --- | --- |",
        "| Echo | 8 | 10% | 2020-01-02 | TRUE | =B3*2 |",
        "| Fox | 0.3 | 12.5% | 2020-01-02 03:04:00 | FALSE | 2 |",
        "| Fox | 5 |  |  |  |  |",
    ]


def test_stored_values_of_formulas_are_taken() -> None:
    data = _changed(
        _saved(_workbook()), "xl/worksheets/sheet1.xml", "</f><v ?/>|</f><v></v>", "</f><v>16</v>"
    )
    assert "| TRUE | 16 |" in sheet.read(data).parts[1].text


def test_a_sheet_that_claims_to_be_huge_is_read_at_once() -> None:
    book = _workbook()
    book["Pumps"]["A1048576"] = "last"
    book["Pumps"]["XFD3"] = "far"
    name = "xl/worksheets/sheet1.xml"
    data = _changed(_saved(book), name, '<dimension ref="[^"]*"', '<dimension ref="A1:XFD1048576"')
    found = sheet.read(data)
    assert "| last | " in found.parts[-1].text
    assert "columns after 1000 left out: Pumps" in found.note


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "save it as XLSX"),
        (b"", "broken archive"),
        (b"PK\x03\x04" + bytes(100), "broken archive"),
    ],
)
def test_what_is_no_workbook_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        sheet.read(data)


def test_bombs_are_refused_before_they_unpack() -> None:
    data = _saved(_workbook())
    entity = '<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet '
    with pytest.raises(Malformed, match="document type"):
        sheet.read(_changed(data, "xl/worksheets/sheet1.xml", "<worksheet ", entity))
    with pytest.raises(Malformed, match="more than 512 MB"):
        sheet.read(_claiming(600_000_000))


def test_an_archive_that_lies_about_sizes_is_refused() -> None:
    with pytest.raises(Malformed, match="larger than it says"):
        sheet.read(_claiming(50))


def _claiming(size: int) -> bytes:
    """A workbook with a member of 5 MB that is said to be of another size."""
    out = io.BytesIO(_saved(_workbook()))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/a.bin", bytes(5_000_000))
    return out.getvalue().replace((5_000_000).to_bytes(4, "little"), size.to_bytes(4, "little"))


def test_broken_tables_are_read_or_refused() -> None:
    rng = random.Random(2)
    whole = _saved(_workbook())
    csv = b'a;b\n1;"x\ny"\n' * 20
    for _ in range(60):
        for read, source in ((sheet.read, whole), (delimited.read, csv)):
            data = bytearray(source[: rng.choice([len(source), rng.randrange(1, len(source))])])
            for _ in range(rng.randrange(1, 10)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            with contextlib.suppress(Malformed):
                read(bytes(data))


@pytest.mark.parametrize(
    ("rows", "columns", "kept", "note"),
    [
        ([], [], {"a1", "b2", "c3"}, ""),
        ([2], [], {"a1", "c1", "a3", "b3"}, "hidden rows or columns left out: Sheet"),
        ([], ["B"], {"a1", "c1", "a3", "c3"}, "hidden rows or columns left out: Sheet"),
        ([3], ["A", "C"], {"b1", "b2"}, "hidden rows or columns left out: Sheet"),
        ([1, 2, 3], [], set(), "hidden rows or columns left out: Sheet"),
    ],
)
def test_hidden_rows_and_columns_are_left_out(
    rows: list[int], columns: list[str], kept: set[str], note: str
) -> None:
    book = Workbook()
    for number in (1, 2, 3):
        book.active.append([f"{letter}{number}" for letter in "abc"])
    for row in rows:
        book.active.row_dimensions[row].hidden = True
    for column in columns:
        book.active.column_dimensions[column].hidden = True
    file = io.BytesIO()
    book.save(file)
    content = sheet.read(file.getvalue())
    text = " ".join(part.text for part in content.parts)
    gone = {f"{letter}{row}" for letter in "abc" for row in rows}
    gone |= {f"{letter.lower()}{row}" for letter in columns for row in (1, 2, 3)}
    assert all(one in text for one in kept) and not any(one in text for one in gone)
    assert content.note == note
