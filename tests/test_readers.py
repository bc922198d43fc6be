"""Files into sections and fragments: headings, offsets, passages, duplicates, limits."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SHARED, rows
from hypothesis import given
from hypothesis import strategies as st

from self_evolution import cli, embedded, readers
from self_evolution.readers import markdown
from self_evolution.readers.items import read_conversations, read_items
from self_evolution.stages.split import language

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
    title, parts = markdown.read(BOOK)
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


@given(st.text(alphabet="#-=`~ab \n", max_size=200))
def test_markdown_loses_no_text_and_keeps_its_order(content: str) -> None:
    _, parts = markdown.read(content)
    assert all(content[part.start : part.end] == part.text for part in parts)
    assert all(a.end <= b.start for a, b in itertools.pairwise(parts))
    kept = "".join(part.text for part in parts)
    headings = sum(len(name) for part in parts for name in part.heading)
    letters = sum(char in "ab" for char in content)
    assert sum(char in "ab" for char in kept) + headings >= letters - _in_empty(content, parts)


def _in_empty(content: str, parts: list[readers.Part]) -> int:
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
    found = readers.read(Path("x.html"), page.encode())
    assert isinstance(found, tuple)
    title, parts = found
    assert title == "Pumps"
    assert parts[0].heading == ("Pumps", "Echo & Fox")
    assert parts[0].text.startswith("The size of pump_a is **12**.")
    assert "| 1 | 2 |" in parts[0].text
    assert not any(word in parts[0].text for word in ("menu", "alert", "p{}"))


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_passages_stay_whole(name: str) -> None:
    rows = [{"instruction": "# one\n\ntwo"}, {"instruction": "three", "output": "x"}, "four"]
    text = json.dumps(rows) if name == "a.json" else "\n".join(map(json.dumps, rows))
    found = readers.read(Path(name), text.encode())
    assert isinstance(found, tuple)
    assert [part.text for part in found[1]] == ["# one\n\ntwo", "three", "four"]
    assert all(part.whole for part in found[1])


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.txt", b"\xff", "not UTF-8 (byte 0)"),
        ("a.txt", b" \n ", "no text in it"),
        ("a.json", b'{"instruction": "x"}', "expected a JSON list"),
        ("a.json", b'[{"instruction": 3}]', "item 1: expected"),
        ("a.json", b'[{"instruction": "x"}', "JSON cut off"),
        ("a.json", b"[}]", "JSON broken"),
        ("a.jsonl", b'{"text": "x"}\n{"tex', "line 2 is not JSON"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, data: bytes, problem: str) -> None:
    found = readers.read(Path(name), data)
    assert isinstance(found, readers.Unreadable)
    assert problem in found.problem


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    found = readers.read(Path("a.md"), b"\xef\xbb\xbf# A\r\n\r\nText.\r\n")
    assert isinstance(found, tuple)
    assert found[0] == "A" and found[1][0].text == "Text."


def test_long_sections_are_split_to_the_limit(
    arguments: Callable[..., list[str]], documents: Path, tmp_path: Path
) -> None:
    sentences = [f"Valve {i} of the plant closes after {i} seconds." for i in range(200)]
    (documents / "long.md").write_text("# Valves\n\n" + " ".join(sentences))
    cli.main(["read", *arguments("run", "--split.max-tokens", "60")[1:]])
    assert cli.main(["split", str(tmp_path / "run")]) == 0
    long = [row for row in rows(tmp_path / "run", "fragment") if "Valve " in str(row["text"])]
    long.sort(key=lambda row: int(str(row["position"])))
    assert len(long) > 20 and all(int(str(row["tokens"])) <= 60 for row in long)
    content = (documents / "long.md").read_text()
    for row in long:
        assert content[int(str(row["start"])) : int(str(row["end"]))] == row["text"]
    assert " ".join(str(row["text"]).strip() for row in long) == " ".join(sentences)


def test_language() -> None:
    assert language("在申请License时，合同号如何填写？") == "zh"
    assert language("The port of server Alpha") == "en"
    assert language("") == "en"


def test_the_side_files_that_ship_are_read() -> None:
    assert len(read_items(embedded.EVALUATION)) == 200
    assert len(read_items(embedded.RETENTION)) > 50
    assert len(read_conversations(embedded.REHEARSAL)) > 100


@pytest.mark.skipif(not SHARED.is_dir(), reason="the telecom passages (../shared) are not here")
def test_the_telecom_passages_have_their_duplicates_found(
    arguments: Callable[..., list[str]], tmp_path: Path
) -> None:
    words = arguments("run", "--split.max-tokens", "100000", "--split.min-chars", "0")
    words[1] = str(SHARED / "data" / "aiops_fragments.json")
    cli.main(["read", *words[1:]])
    cli.main(["split", str(tmp_path / "run")])
    fragments = rows(tmp_path / "run", "fragment")
    assert len(fragments) == 4000
    assert sum(row["duplicate_of"] is not None for row in fragments) == 1121
    assert {row["language"] for row in fragments} >= {"zh"}
