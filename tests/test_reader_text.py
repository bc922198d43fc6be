"""Markdown, text, reStructuredText and AsciiDoc: headings, code, wrapped lines, pages."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_evolution.readers.base import Malformed
from self_evolution.readers.plain import asciidoc, markdown, text
from self_evolution.readers.plain.wrapped import mended, unpaged


def _headings(content: str) -> list[tuple[str, ...]]:
    return [part.heading for part in text.read(content.encode()).parts]


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("# Pumps ##", "Pumps"),
        ("# C#", "C#"),
        ("## The [Echo](http://x/y) {#echo}", "The Echo"),
        ("# ![](a.png) [One][ref] <a name='x'></a>two", "One two"),
        ("# **Bold** `code`", "Bold `code`"),
        ("Under [line](x)\n===", "Under line"),
    ],
)
def test_headings_are_what_a_reader_sees(line: str, heading: str) -> None:
    assert markdown.read(f"{line}\n\nText.".encode()).parts[0].heading == (heading,)


def test_comments_and_fences_have_no_headings() -> None:
    content = (
        "# A\n\n<!--\n# no\n\n## no\n-->\n\nText.\n\n~~~sh\n# no\n```\n# no\n~~~ no\n# no\n~~~~\n\n"
        "# B\n\n   ```\n# no\n   ```\n\n# C\n\n<!-- open\n\n# D\n\nText.\n"
    )
    found = markdown.read(content.encode())
    assert [part.heading for part in found.parts] == [("A",), ("B",), ("C",), ("D",)]
    assert all(content[part.start : part.end] == part.text for part in found.parts)


@given(st.text("#-=`~<!> ab\n|[](){}*", max_size=120))
def test_markdown_and_text_keep_their_offsets(content: str) -> None:
    for read in (markdown.read, text.read):
        for part in read(content.encode()).parts:
            assert content[part.start : part.end] == part.text


def test_long_odd_lines_take_no_time() -> None:
    for odd in ("# " + "# " * 50_000, "=" * 100_000, "[" * 100_000, "` " * 50_000, " " * 100_000):
        lines = f"x\n{odd}\n\n# {odd} y\n"
        markdown.read(lines.encode())
        text.read(lines.encode())
        asciidoc.read(lines.encode())


def test_restructuredtext_levels_come_by_first_appearance() -> None:
    content = (
        "#####\nTitle\n#####\n\nIntro::\n\n    code\n    ====\n\n    more\n\n"
        "First\n*****\n\na\n\nTwo\n^^^\n\nb\n\n.. comment\n\nThird\n*****\n\nc\n"
    )
    assert _headings(content) == [
        ("Title",),
        ("Title", "First"),
        ("Title", "First", "Two"),
        ("Title", "Third"),
    ]
    assert "    code\n    ====\n\n    more" in text.read(content.encode()).parts[0].text


def test_numbers_make_headings_where_they_follow_on() -> None:
    content = (
        "Manual\n\n1. Introduction .... 3\n\n1. Introduction\n\nText.\n\n1.1 Scope\n\nText.\n\n"
        "1.2 Terms\n\nText of\n9.9 kg.\n\n2. Use\n\nText.\n"
    )
    assert _headings(content) == [
        (),
        ("1. Introduction",),
        ("1. Introduction", "1.1 Scope"),
        ("1. Introduction", "1.2 Terms"),
        ("2. Use",),
    ]
    steps = "Do this:\n\n1. Open it\n\n2. Look at it\n\n3. Close it\n\n4. Go\n"
    assert _headings(steps) == [()]
    assert _headings("1 One\n\nText.\n\n7 Seven\n\nText.\n\n3 Three\n\nText.\n") == [()]
    chapters = "序\n\n第一章 总则\n\n甲。\n\n第一节 范围\n\n乙。\n\n第二章 附则\n\n丙。\n"
    assert _headings(chapters)[1:] == [
        ("第一章 总则",),
        ("第一章 总则", "第一节 范围"),
        ("第二章 附则",),
    ]


def test_wrapped_chinese_is_joined_and_latin_stays() -> None:
    sentence = (
        "本手册说明如何安装和配置网络管理系统，并介绍常见告警的处理方法以及日志文件的查看方式"
    )
    wrapped = "\n".join(sentence[i : i + 20] for i in range(0, 40, 20)) + sentence[40:] + "。"
    content = "概述\n====\n\n" + "\n\n".join([wrapped] * 4) + "\n\n短行\n另一行\n"
    (part,) = text.read(content.encode()).parts
    assert part.heading == ("概述",)
    assert part.text == "\n\n".join([sentence + "。"] * 4) + "\n\n短行\n另一行"
    latin = "Größe und Länge\nder Pumpe\n" * 20
    assert mended(latin) == latin
    lyrics = "春眠不觉晓\n处处闻啼鸟\n夜来风雨声\n花落知多少\n" * 3
    assert mended(lyrics) == lyrics


def test_pages_lose_their_headers_and_footers() -> None:
    pages = [
        f"RFC 1          Pumps          May 2020\n\n\n   The text of page {i} goes on and\n"
        f"   on, {'x' * i}\n\n\nJones                    [Page {i}]\n"
        for i in range(1, 6)
    ]
    found = unpaged("\f\n".join(pages))
    assert "RFC 1" not in found and "[Page" not in found and "\f" not in found
    assert all(f"The text of page {i} goes on" in found for i in range(1, 6))
    split = "\f".join(f"Head\n\n   word {i} and\n   goes on\n\nFoot {i}" for i in range(4))
    assert "goes on\n\n   word" not in unpaged(split)
    assert unpaged("a.\fb") == "a.\n\nb\n"
    assert unpaged("N\bNA\bAM\bME\bE \x1b[1mx\x1b[0m") == "NAME x"


def test_asciidoc_becomes_markdown() -> None:
    content = """= The Manual
:name: Echo
// a comment

Intro to {name}.

////
== not this
////

== Use [[use]]

See link:foo[the page] and https://x.y/z[site], <<a,there>>.

.Listing
[source,python]
----
== no heading
----

* a
** b

[cols="1,1"]
|===
|A |B

|1
|2
|===
"""
    title, parts, _ = asciidoc.read(content.encode())
    assert title == "The Manual"
    assert [(part.heading, part.text) for part in parts] == [
        (("The Manual",), "Intro to Echo."),
        (
            ("The Manual", "Use"),
            "See the page and site, there.\n\nListing\n\n```python\n== no heading\n```\n\n"
            "- a\n   - b\n\n| A | B |\n| --- | --- |\n| 1 | 2 |",
        ),
    ]


@given(st.text("=*.-|[]:/ab \n{}", max_size=150))
def test_any_asciidoc_is_read(content: str) -> None:
    parts = asciidoc.read(content.encode()).parts
    assert all(part.end - part.start == len(part.text) for part in parts)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (markdown.read, text.read, asciidoc.read):
        with contextlib.suppress(Malformed):
            read(data)
