"""Markdown, text, reStructuredText and AsciiDoc: headings, code, wrapped lines, pages."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_evolution.documents.readers.base import Malformed
from self_evolution.documents.readers.plain import asciidoc, markdown, markup, text
from self_evolution.documents.readers.plain.wrapped import mended, unpaged


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
    shown = markup.seen(content).text
    assert all(shown[part.start : part.end] == part.text for part in found.parts)


@given(st.text("#-=`~<!> ab\n|[](){}*&;%", max_size=120))
def test_markdown_and_text_keep_their_offsets(content: str) -> None:
    for part in text.read(content.encode()).parts:
        assert content[part.start : part.end] == part.text
    shown = markup.seen(content)
    for part in markdown.read(content.encode()).parts:
        assert shown.text[part.start : part.end] == part.text
    assert all(0 <= a <= b <= len(shown.text) for a, b in shown.code)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(shown.code))


def _markdown(content: str) -> list[str]:
    return [
        one for part in markdown.read(content.encode()).parts for one in part.text.split("\n\n")
    ]


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        # comments and notes to others
        ("a <!-- no --> b", ["a b"]),
        ("a<!-- no -->b", ["ab"]),
        ("a\n\n<!--\nno\n\nno -->\n\nb", ["a", "b"]),
        ("a\n\n[//]: # (no)\n\nb", ["a", "b"]),
        ('a\n\n[comment]: <> (no)\n[other]: # "no"\n\nb', ["a", "b"]),
        ("a\n\n[m]: https://a.org 'M'\n", ["a", "[m]: https://a.org 'M'"]),
        ("a `<!-- yes -->` b", ["a `<!-- yes -->` b"]),
        ("a <!-- open b", ["a <!-- open b"]),
        ("a\n\n    <!-- yes -->\n\nb", ["a", "    <!-- yes -->", "b"]),
        ("- a\n\n    b <!-- no -->c\n", ["- a", "    b c"]),
        ("<style>p {}</style>a<script>\n\nx\n</script>", ["a"]),
        ("{{< note >}}a{{< /note >}} {% raw %}b{% endraw %}", ["a b"]),
        # entities
        ("5&nbsp;bar &plusmn; 2&thinsp;&deg;C &lt; 10 &#x2264; &#177;", ["5 bar ± 2 °C < 10 ≤ ±"]),
        ("`a&nbsp;b` a&b; a&copy=1 &nosuch;", ["`a&nbsp;b` a&b; a&copy=1 &nosuch;"]),
        ("```\na &lt; b\n```", ["```\na &lt; b\n```"]),
        ("| a | b |\n|---|---|\n| x&#124;y | z |", ["| a | b |\n|---|---|\n| x\\|y | z |"]),
        ("a &#0; b &#xd800; c", ["a \ufffd b \ufffd c"]),
        # struck-out text
        ("Price ~~120~~ **135** EUR", ["Price **135** EUR"]),
        ("<del>a</del>b <s>c</s> d <strike>e\nf</strike>", ["b d"]),
        ("`~~a~~` \\~~b~~ H~2~O ~~ c ~~", ["`~~a~~` \\~~b~~ H~2~O ~~ c ~~"]),
        ("a ~~b", ["a ~~b"]),
        ("~~a\n\nb~~", ["~~a", "b~~"]),
        ("~~~\n~~a~~\n~~~", ["~~~\n~~a~~\n~~~"]),
        # tags
        ("a<br>b <kbd>Ctrl</kbd> <b>c</b> <u>d</u>", ["a b `Ctrl` **c** d"]),
        ("10<sup>-6</sup> H<sub>2</sub>O", ["10^-6 H2O"]),
        ("Vec<String> <PORT> <https://a.org>", ["Vec<String> <PORT> <https://a.org>"]),
        (
            "a\n<table><tr><th>k<th>v<tr><td>1<td>2&nbsp;x</table>\nb",
            ["a", "| k | v |\n| --- | --- |\n| 1 | 2 x |", "b"],
        ),
        (
            "<TABLE><tr><td>k<td><table></table><tr><td>1<td>2</TABLE>a",
            ["| k |  |\n| --- | --- |\n| 1 | 2 |", "a"],
        ),
        ("<ul><li>a<ul><li>b</ul></ul>", ["- a\n  - b"]),
        ("x <math><mfrac><mn>1</mn><mn>2</mn></mfrac></math> y", ["x 1/2 y"]),
        (
            "<details>\n<summary>S</summary>\n\n| a |\n|---|\n\n</details>",
            ["**S**", "| a |\n|---|"],
        ),
        ("a <table> b", ["a <table> b"]),
    ],
)
def test_markdown_is_read_as_it_is_seen(content: str, wanted: list[str]) -> None:
    assert _markdown(content) == wanted


@pytest.mark.parametrize(
    ("content", "count"),
    [("~~a~~ b <s>c</s>", 2), ("`~~a~~`", 0), ("<del>x ~~y~~</del> z", 1), ("a", 0)],
)
def test_struck_out_passages_are_counted(content: str, count: int) -> None:
    note = markdown.read(content.encode()).note
    assert note.startswith(f"{count} struck-out") if count else note == ""


@pytest.mark.parametrize(
    "item",
    [
        "- ```sh\n  # no\n  ```",
        "1. ```\n   # no\n   ```",
        "* a\n* ~~~\n  # no\n\n# no\n  ~~~",
        "- 1) ````\n     ```\n# no\n     ````",
        "> ```\n> # no\n> ```",
        "- a\n\n  ```\n# no\n  ```",
    ],
)
def test_a_fence_on_the_line_of_an_item_is_closed_and_headings_come_after_it(item: str) -> None:
    found = markdown.read(f"# A\n\n{item}\n\n# B\n\nb &amp; c\n".encode()).parts
    assert [part.heading for part in found] == [("A",), ("B",)]
    assert found[0].text == item and found[1].text == "b & c"


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ("---\ntitle: Pump P-1\ntags: [a]\n---\n", "Pump P-1"),
        ("---\ndate: 1\ntitle: 'Pump: one'\n---\n", "Pump: one"),
        ('+++\ntitle = "Pump"\n+++\n', "Pump"),
        ("---\ntags:\n  - a\n...\n", "Head"),
        ("---\n---\n", "Head"),
    ],
)
def test_front_matter_is_no_text(front: str, title: str) -> None:
    content = markdown.read(f"{front}\n# Head\n\nText.\n".encode())
    assert content.title == title
    assert [(part.heading, part.text) for part in content.parts] == [
        *([((), "---\n---")] * (title == "Head" and "tags" not in front)),
        (("Head",), "Text."),
    ]


def test_long_odd_lines_take_no_time() -> None:
    for odd in (
        *("# " + "# " * 50_000, "=" * 100_000, "[" * 100_000, "` " * 50_000, " " * 100_000),
        *("~~a " * 25_000, "<del>" * 20_000, "<!--" * 25_000, "<table>" * 20_000, "&a" * 50_000),
        *("\n\n    a" * 10_000, "\n- ```" * 10_001, "{% " * 30_000, "<a " * 30_000, "~" * 100_000),
        " ".join("`" * n for n in range(1, 400)),
    ):
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


PROSE = (
    "This paragraph is long enough to be wrapped by a printer that\n"
    "leaves a margin at its left, and so it goes on for three lines\n"
    "before it comes to its end."
)


def _indented(text: str, by: str) -> str:
    return "\n".join(by + line for line in text.split("\n"))


@pytest.mark.parametrize("margin", ["    ", "\xa0\xa0\xa0 "])
def test_an_indented_book_is_set_back_to_the_margin(margin: str) -> None:
    blocks = [PROSE, "  * item\n    goes on", " $ command\n   option", "# comment"] * 3
    content = "Title\n\n" + "\n\n".join(_indented(block, margin) for block in blocks) + "\n"
    (part,) = text.read(content.encode()).parts
    assert part.text.startswith(
        f"Title\n\n{PROSE}\n\n  * item\n    goes on\n\n $ command\n   option\n\n    # comment\n\n"
    )


def test_code_keeps_its_indentation() -> None:
    code = "def pump(valve):\n    valve.open()\n    if valve.stuck:\n        return\n\n    go()\n\n"
    (part,) = text.read((code * 5).encode()).parts
    assert part.text == (code * 5).strip()


@pytest.mark.parametrize(
    ("label", "entry"),
    [
        ("Chapter {}. ", "{}. "),
        ("Kapitel\xa0{}.\xa0", "* {}. "),
        ("第{}章", "{}. "),
        ("{}장. ", "{}. "),
    ],
)
def test_chapters_are_known_by_their_form_and_their_contents_are_left_out(
    label: str, entry: str
) -> None:
    names = ["Pumps of all kinds", "Valves", "Pipes 12"]
    table = "\n".join(
        f"{entry.format(n)}{name}\n    {n}.1. What is it good for after all,\n    and why?"
        for n, name in enumerate(names, 1)
    )
    body = "\n\n".join(
        f"{label.format(n)}{name}\n\n{PROSE}\n\n"
        f"{n}.1. What is it good for after all, and\nwhy?\n\n{PROSE}\n\n"
        f"Table {n}. Sizes\n\n{PROSE}\n\n1. Open it\n\n2. Close it\n\n{PROSE}"
        for n, name in enumerate(names, 1)
    )
    content = (
        f"The book\n\nBy us.\n\nContents\n\n{table}\n\n{body}\n\nAppendix A. More\n\n{PROSE}\n"
    )
    found = [(part.heading, part.text) for part in text.read(content.encode()).parts]
    chapters = [" ".join(f"{label.format(n)}{name}".split()) for n, name in enumerate(names, 1)]
    assert found[0] == ((), "The book\n\nBy us.")
    assert [heading for heading, _ in found[1:]] == [
        *(
            path
            for n, name in enumerate(chapters, 1)
            for path in ((name,), (name, f"{n}.1. What is it good for after all, and why?"))
        ),
        ("Appendix A. More",),
    ]


def test_a_list_that_comes_again_is_no_table_of_contents() -> None:
    steps = "\n".join(f"{n}. {what}" for n, what in enumerate(("Open", "Look", "Wait", "Close"), 1))
    content = f"First\n\n{steps}\n\n{PROSE}\n\nAgain\n\n{steps}\n\n" + "\n\n".join(
        steps.split("\n")
    )
    (part,) = text.read(content.encode()).parts
    assert part.text == content


def test_numbers_with_a_line_under_some_are_headings_of_one_kind() -> None:
    titles = ["1. Terms\n--------\n\n1.1. One", "1.2. Two", "2. Use\n------"]
    content = "\n\n".join(f"{title}\n\n{PROSE}" for title in titles)
    assert _headings(content) == [("1. Terms", "1.1. One"), ("1. Terms", "1.2. Two"), ("2. Use",)]


def test_wrapped_japanese_with_foreign_words_is_joined() -> None:
    lines = [
        "この手引きはポンプと弁の取り付け方を説明するもので、特に Debian GNU/",
        "Linux の利用者のために書かれています。配布物にはさまざまな Linux",
        "配布者が用意した道具が含まれており、使い方は別の手引きで説明しま",
        "す。",
    ]
    joined = (
        "この手引きはポンプと弁の取り付け方を説明するもので、特に Debian GNU/Linux の利用者の"
        "ために書かれています。配布物にはさまざまな Linux 配布者が用意した道具が含まれており、"
        "使い方は別の手引きで説明します。"
    )
    item = "  * 項目一\n  * 項目二"
    content = "\n\n".join(["\n".join(lines), item, "題\n****"] * 4)
    assert text.read(content.encode()).parts[0].text == f"{joined}\n\n{item}"


def test_asciidoc_titles_of_two_lines_are_told_from_listings() -> None:
    content = """pump(7)
=======

NAME
----
pump - moves water, see linkgit:valve[1]

Deep[[deep]]
~~~~~~~~~~~~

Run it so
----
== code
----

======= Deepest

term::
\tIts meaning, see <<deep,Deep>>.
"""
    title, parts, _ = asciidoc.read(content.encode())
    assert title == "pump(7)"
    assert [(part.heading, part.text) for part in parts] == [
        (("pump(7)", "NAME"), "pump - moves water, see valve(1)"),
        (("pump(7)", "NAME", "Deep"), "Run it so\n\n```\n== code\n```"),
        (("pump(7)", "NAME", "Deep", "Deepest"), "term:\n\tIts meaning, see Deep."),
    ]
