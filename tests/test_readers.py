"""Files into sections: which files, headings, offsets, passages, and what cannot be read."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import rows
from hypothesis import given
from hypothesis import strategies as st

from self_evolution import cli
from self_evolution import miniature as embedded
from self_evolution.documents.readers import READERS, Content, Malformed, Part, Reader, ending
from self_evolution.documents.readers.items import read_conversations, read_items
from self_evolution.documents.readers.plain import markdown, markup, text


def read(name: str, data: bytes) -> Content:
    return READERS[ending(name)](data)


BOOK = """Preface without a heading.

# Book

Intro.

## One

Text of one.

```
# no heading in code
```

### Deep

Deep text.

Two
---

Text of two.
"""


def test_markdown_sections_follow_the_headings() -> None:
    title, parts, _ = markdown.read(BOOK.encode())
    assert title == "Book"
    assert [(part.heading, part.text.split("\n")[0]) for part in parts] == [
        ((), "Preface without a heading."),
        (("Book",), "Intro."),
        (("Book", "One"), "Text of one."),
        (("Book", "One", "Deep"), "Deep text."),
        (("Book", "Two"), "Text of two."),
    ]
    assert "# no heading in code" in parts[2].text
    assert all(BOOK[part.start : part.end] == part.text for part in parts)


@pytest.mark.parametrize("read", [markdown.read, text.read])
@given(content=st.text(alphabet="#-=`~ab \n", max_size=200))
def test_no_text_is_lost_and_its_order_is_kept(read: Reader, content: str) -> None:
    _, parts, _ = read(content.encode())
    if read is markdown.read:
        content = markup.seen(content).text
    assert all(content[part.start : part.end] == part.text for part in parts)
    assert all(a.end <= b.start for a, b in itertools.pairwise(parts))
    kept = "".join(part.text for part in parts)
    headings = sum(len(name) for part in parts for name in part.heading)
    letters = sum(char in "ab" for char in content)
    assert sum(char in "ab" for char in kept) + headings >= letters - _in_empty(content, parts)


def _in_empty(content: str, parts: list[Part]) -> int:
    """Letters in headings under which there is no text, which give no section."""
    covered = set()
    for part in parts:
        covered |= set(range(part.start, part.end))
    return sum(char in "ab" for i, char in enumerate(content) if i not in covered)


def test_html_keeps_headings_and_hides_what_is_hidden() -> None:
    page = """<html><head><title>Pumps</title><style>p{}</style></head><body><nav>menu</nav>
    <h1>Pumps</h1><h2>Echo &amp; Fox</h2><p>The size of pump_a is <b>12</b>.</p>
    <table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
    <script>alert(1)</script></body></html>"""
    title, parts, _ = read("x.html", page.encode())
    assert title == "Pumps"
    assert parts[0].heading == ("Pumps", "Echo & Fox")
    assert parts[0].text.startswith("The size of pump_a is **12**.")
    assert "| 1 | 2 |" in parts[0].text
    assert not any(word in parts[0].text for word in ("menu", "alert", "p{}"))


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_passages_stay_whole(name: str) -> None:
    rows = [{"instruction": "# one\n\ntwo"}, {"instruction": "three", "output": "x"}, "four"]
    data = json.dumps(rows) if name == "a.json" else "\n".join(map(json.dumps, rows))
    found = read(name, data.encode())
    assert [part.text for part in found.parts] == ["# one\n\ntwo", "three", "four"]


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.json", b"3", "expected"),
        ("a.json", b'[{"instruction": 3}]', "row 1: expected"),
        ("a.json", b'[{"instruction": "x"}', "JSON cut off"),
        ("a.json", b"[}]", "JSON broken"),
        ("a.jsonl", b'{"text": "x"}\n{"tex\n{"te', "line 2: not JSON"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, data: bytes, problem: str) -> None:
    with pytest.raises(Malformed, match=re.escape(problem)):
        read(name, data)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    found = read("a.md", b"\xef\xbb\xbf# A\r\n\r\nText.\r\n")
    assert found.title == "A" and found.parts[0].text == "Text."


def test_the_side_files_that_ship_are_read() -> None:
    assert len(read_items(embedded.EVALUATION)) == 200
    assert len(read_items(embedded.RETENTION)) > 50
    assert len(read_conversations(embedded.REHEARSAL)) > 100


def test_plain_text_has_underlined_headings_only() -> None:
    content = """========
 Manual
========

Intro.

Setup
=====

# a comment, no heading
~~~~
Ports
-----

Port 80.

Pins
----

Too long a title
-----
| table |
---------

Use
===

Ask.
"""
    title, parts, _ = text.read(content.encode())
    assert title == "Manual"
    assert [(part.heading, part.text.split("\n")[0]) for part in parts] == [
        (("Manual",), "Intro."),
        (("Manual", "Setup"), "# a comment, no heading"),
        (("Manual", "Setup", "Ports"), "Port 80."),
        (("Manual", "Setup", "Pins"), "Too long a title"),
        (("Manual", "Use"), "Ask."),
    ]
    assert all(content[part.start : part.end] == part.text for part in parts)
    assert text.read(b"One\n---\n\na\n\nTwo\n---\n\nb").title == ""


def test_backticks_within_a_line_open_no_fence() -> None:
    _, parts, _ = markdown.read(b"# A\n\n```code``` in a sentence.\n\n# B\n\n``` text\n# c\n```\n")
    assert [part.heading for part in parts] == [("A",), ("B",)]


def test_front_matter_gives_the_title_and_no_text() -> None:
    content = '---\ntitle: "Pump Echo"\ntags: [a]\n---\n# Intro\n\nText.\n'
    title, parts, _ = markdown.read(content.encode())
    assert title == "Pump Echo"
    assert [(part.heading, part.text) for part in parts] == [(("Intro",), "Text.")]
    assert content[parts[0].start : parts[0].end] == "Text."
    _, parts, _ = markdown.read(b"---\nA rule and prose.\n\n---\n\nMore.")
    assert "A rule and prose." in parts[0].text


def test_equal_files_are_one_document_and_the_rest_is_counted(
    arguments: Callable[..., list[str]],
    documents: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copy(documents / "a.md", documents / "copy of a.md")
    for name in ("1.doc", "2.DOC", "3.xyz", ".hidden", "Makefile"):
        (documents / name).write_text("x")
    assert cli.main(["read", *arguments("run")[1:]]) == 0
    assert len(rows(tmp_path / "run", "document")) == 3
    said = capsys.readouterr().err
    assert "equal to others, read once: 1" in said
    assert "left out: 2 .doc, 1 without ending, 1 .xyz: no reader for these yet" in said
    assert cli.main(["report", str(tmp_path / "run")]) == 0
    page = (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")
    assert "2 <code>.doc</code>" in page


@pytest.mark.slow
def test_documents_in_another_spelling_are_not_read_twice(
    arguments: Callable[..., list[str]],
    documents: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = arguments("run", "--generations", "1")
    assert cli.main(words) == 0
    (documents / "d.md").write_text("# Valve\n\nThe size of valve Golf is 12. It is round.\n")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    more = [words[0], "./docs", *words[2:], "--generations", "2", "--accept-change"]
    assert cli.main(more) == 0
    paths = [str(row["path"]) for row in rows(tmp_path / "run", "document")]
    assert sorted(Path(path).name for path in paths) == ["a.md", "b.txt", "c.html", "d.md"]
    assert "equal to others" not in capsys.readouterr().err


def test_names_that_are_not_utf8_are_shown_with_replacements(
    arguments: Callable[..., list[str]], documents: Path, tmp_path: Path
) -> None:
    (documents / os.fsdecode(b"caf\xe9.md")).write_text("A text.")
    (documents / os.fsdecode(b"caf\xe8.md")).write_text("Another text.")
    (documents / os.fsdecode(b"caf\xe7.json")).write_text("[")
    (documents / os.fsdecode(b"x.p\xe7f")).write_text("x")
    assert cli.main(["read", *arguments("run")[1:]]) == 0
    found = rows(tmp_path / "run", "document")
    names = sorted(Path(str(row["path"])).name for row in found if "caf" in str(row["path"]))
    assert names == ["caf\ufffd.json", "caf\ufffd.md", "caf\ufffd.md (2)"]
    assert "caf\ufffd" in {row["title"] for row in found}
    words = arguments("other")
    words[1] = os.fsdecode(bytes(documents) + b"/caf\xe9.md")  # a setting, and kept as it is
    assert cli.main(["read", *words[1:]]) == 0
    assert cli.main(["read", *words[1:]]) == 0
    assert str(rows(tmp_path / "other", "document")[0]["path"]).endswith("docs/caf\ufffd.md")


def test_lone_surrogates_in_json_are_replaced(tmp_path: Path) -> None:
    found = read("a.json", b'["bad \\ud800, good \\ud83d\\ude00"]')
    assert found.parts[0].text == "bad \ufffd, good \U0001f600"
    path = tmp_path / "a.jsonl"
    path.write_text('{"input": "\\ud800?", "output": "x \\udfff", "values": ["x"]}')
    assert read_items(path)[0][1:] == ("\ufffd?", "x \ufffd", ("x",), "")
    turns = [{"role": "user", "content": "\ud800"}, {"role": "assistant", "content": "x"}]
    path.write_text(json.dumps({"messages": turns}))
    assert read_conversations(path)[0][0]["content"] == "\ufffd"
