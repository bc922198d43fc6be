"""The measuring of `benchmarks/corpus`: it must see what it is there to see, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.corpus import gold, measure, pieces, tally, words
from benchmarks.corpus.product import Reading

PAGE = b"""<html><head><title>T</title><style>p {}</style></head><body>
<div class="navheader">Next</div><div class="toc"><h2>Contents</h2><a>1. First</a></div>
<h1>The <i>Book</i></h1><h3 class="author">A. Uthor</h3>
<p>One sen<b>tence</b>. Another one<sup>[1]</sup>.<br>A new line</p>
<h2>1. First</h2><ul><li>an item<ul><li>a deeper one</li></ul></li></ul>
<pre>line one
  line two</pre>
<div class="tip"><h3 class="title">Tip</h3>Mind it.</div>
<table><tr><th>Name</th><td>Value</td></tr></table>
<h2>2. Empty</h2><h2>3. Last</h2><p>Done.</p>
<div class="footnotes"><p>[1] A note.</p></div><footer>Copyright</footer></body></html>"""


def _blocks(page: bytes) -> list[gold.Block]:
    return gold.blocks(gold.parse(page))


def test_the_source_without_its_navigation() -> None:
    assert _blocks(PAGE) == [
        ("heading", 1, "The Book"),
        ("text", 0, "A. Uthor"),
        ("text", 0, "One sentence. Another one[1]."),
        ("text", 0, "A new line"),
        ("heading", 2, "1. First"),
        ("text", 0, "an item"),
        ("text", 0, "a deeper one"),
        ("code", 0, "line one"),
        ("code", 0, "line two"),
        ("text", 0, "Tip"),
        ("text", 0, "Mind it."),
        ("cell", 0, "Name"),
        ("cell", 0, "Value"),
        ("heading", 2, "2. Empty"),
        ("heading", 2, "3. Last"),
        ("text", 0, "Done."),
        ("note", 0, "[1] A note."),
    ]


def test_headings_that_head_nothing_are_not_asked_for() -> None:
    assert gold.headings(_blocks(PAGE)) == [(1, "The Book"), (2, "1. First"), (2, "3. Last")]
    # One above another heads what that one heads.
    above = _blocks(b"<body><h1>A</h1><h2>B</h2><p>text</p><h1>C</h1><h2>D</h2></body>")
    assert gold.headings(above) == [(1, "A"), (2, "B")]


def test_declared_encodings_of_the_source() -> None:
    page = '<meta charset="gb18030"><p>中文</p>'.encode("gb18030")
    assert [block.text for block in _blocks(page)] == ["中文"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Read-only, e.g. 8.0!", ["read", "only", "e", "g", "8", "0"]),
        ("在 Debian 系统", ["在", "debian", "系", "统"]),
        ("e\u0301te\u0301", ["été"]),
        ("a_b | c", ["a", "b", "c"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words.words(text) == expected


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Chapter 3. The Archive", "the archive"),
        ("3.1.2 The archive", "the archive"),
        ("A.2. Build", "build"),
        ("第 3 章 安装", "安 装"),
        ("第3章", "章"),
        ("Chapter 4", "4"),
        ("CHAPTER ONE", "one"),
        ("Глава 5. Программы", "программы"),
    ],
)
def test_headings_without_their_numbers(heading: str, expected: str) -> None:
    assert words.bare(heading) == tuple(expected.split())
    assert words.is_numbering(heading) is (heading in ("第3章", "Chapter 4", "CHAPTER ONE"))


@given(
    st.lists(st.sampled_from("abcdefg"), max_size=8),
    st.lists(st.sampled_from("abcdefg"), max_size=8),
)
def test_common_words_in_order(first: list[str], second: list[str]) -> None:
    shorter, longer = sorted((first, second), key=len)
    subsets = (
        [one for at, one in enumerate(shorter) if kept >> at & 1]
        for kept in range(2 ** len(shorter))
    )
    best = max(len(subset) for subset in subsets if _within(subset, longer))
    assert words.common(first, second) == best
    matched = words.pairs(first, second)
    assert len(matched) == best
    assert all(first[i] == second[j] for i, j in matched)
    for side in zip(*matched, strict=True):
        assert list(side) == sorted(set(side))


def _within(subset: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(one in rest for one in subset)


def test_long_texts_are_compared_whole() -> None:
    many = [str(number) for number in range(30_000)]
    assert words.common(many, [*many[20_000:], *many[:20_000]]) == 20_000


def _fragment(text: str, *heading: str) -> dict[str, Any]:
    return {"text": text, "heading": list(heading), "tokens": 1, "document": "a.md"}


def test_words_in_order_and_anywhere() -> None:
    content = _blocks(b"<body><h1>1. Top</h1><p>one two three four</p></body>")
    found = tally.Measured("a", "html")
    fragments = [_fragment("three four one extra", "Top"), _fragment("two", "Top")]
    measure.compare_words(found, content, fragments)
    assert (found.words, found.in_order, found.anywhere, found.extra_words) == (5, 3, 5, 1)


def test_footnotes_may_stand_elsewhere() -> None:
    content = _blocks(b'<body><p>one two</p><p>three</p><div class="footnotes">note</div></body>')
    found = tally.Measured("a", "pdf")
    measure.compare_words(found, content, [_fragment("one two note three")])
    assert (found.words, found.in_order) == (4, 4)


def test_headings_found_and_where_they_stand() -> None:
    content = _blocks(
        b"<body><h1>Book</h1><p>x</p><h2>1. One</h2><p>x</p><h3>1.1. Deep</h3><p>x</p>"
        b"<h2>2. Two</h2><p>x</p></body>"
    )
    found = tally.Measured("a", "html")
    fragments = [
        _fragment("x", "Chapter 1. One"),
        _fragment("x", "Chapter 1. One", "False"),
        _fragment("x", "Deep"),  # on a level too high
        _fragment("x", "Deep"),
        _fragment("x", "Two"),
    ]
    measure.compare_headings(found, content, Reading("Book", fragments))
    assert (found.headings, found.found, found.nested, found.extra_headings) == (4, 4, 3, 1)
    found = tally.Measured("a", "html")
    measure.compare_headings(
        found, content, Reading("", [_fragment("x", "Two"), _fragment("x", "Deep")])
    )
    assert found.found == 1  # only one of them is in order


def test_headings_of_joined_sections_stand_in_the_text() -> None:
    joined = _fragment("## B\n\nx\n\n### C\n\nx\n\n```\n# no heading\n```\n\n## D\n\nx", "A")
    expected = [("a", ""), ("b", "a"), ("c", "b"), ("d", "a")]
    found = measure.outline([joined, _fragment("x", "A", "E")])
    names = [(" ".join(name), " ".join(above)) for name, above in found]
    assert names == [*expected, ("e", "a")]


TEXT = (
    "The archive has three parts. Dr. Smith wrote the first one in 1996, and it grew. "
    "Everything else came later, e.g. the second part. Nobody remembers the third."
)


def _cuts(*texts: str, page: str = f"<body><p>{TEXT}</p></body>", language: str = "en") -> int:
    source = pieces.Source(_blocks(page.encode()), language)
    return len(pieces.cuts([_fragment(text, "A") for text in texts], source, language))


@pytest.mark.parametrize(
    ("at", "cut"),
    [
        ("Dr. Smith", 0),
        ("Everything", 0),
        ("Nobody", 0),
        ("Smith wrote", 2),  # the first ends and the second begins inside a sentence
        ("it grew", 2),
        ("the second part", 2),
    ],
)
def test_cuts_inside_sentences(at: str, cut: int) -> None:
    place = TEXT.index(at)
    assert _cuts(TEXT[:place].strip(), TEXT[place:]) == cut


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("系统启动之后需要登录。然后输入密码，再按回车键。", "zh"),
        ("システムを起動します。その後、ログインしてください。", "ja"),
    ],
)
def test_cuts_without_spaces(text: str, language: str) -> None:
    page = f"<meta charset='utf-8'><body><p>{text}</p></body>"
    place = text.index("。") + 1
    assert _cuts(text[:place], text[place:], page=page, language=language) == 0
    assert _cuts(text[: place + 5], text[place + 5 :], page=page, language=language) == 2


def test_blocks_may_part_anywhere() -> None:
    page = (
        "<body><ul><li>first item without a stop</li><li>second item is like it</li></ul>"
        "<table><tr><td>a cell of many words</td><td>another cell of many words</td></tr></table>"
        "<pre>first line of this code here\nsecond line of this code here</pre></body>"
    )
    found = _cuts(
        "- first item without a stop", "- second item is like it\n\n| a cell of many words |",
        "| another cell of many words |\n\n```\nfirst line of this code here\n```",
        "```\nsecond line of this code here\n```", page=page,
    )  # fmt: skip
    assert found == 0


def test_a_paragraph_that_a_reader_broke_is_cut_too() -> None:
    # As at the end of a page: to the reader both pieces are whole, the source knows better.
    page = f"<body><p>{TEXT}</p></body>"
    source = pieces.Source(_blocks(page.encode()), "en")
    place = TEXT.index("it grew")
    broken = [_fragment(TEXT[:place], "A"), _fragment(TEXT[place:], "B")]
    assert len(pieces.cuts(broken, source, "en")) == 2


def test_without_a_source_both_sides_of_the_cut_decide() -> None:
    def found(first: str, second: str, *heading: str) -> int:
        fragments = [_fragment(first, "A"), _fragment(second, *(heading or ("A",)))]
        return len(pieces.cuts(fragments, None, "en"))

    assert found("It ends here.", "And begins anew.") == 0
    assert found("It ends in the", "middle of it.") == 2
    assert found("It ends in the", "middle of it.", "B") == 0
    assert found("As follows", "- an item") == 0


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("```\ncode\n```", False),
        ("text\n\n```python\ncode", True),
        ("code\n```\n\ntext", True),
        ("````\n```\n````", False),
        ("~~~\n```\n~~~", False),
        ("no fence", False),
    ],
)
def test_fences(text: str, broken: bool) -> None:
    assert pieces.broken_fences(text) is broken


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("| a | b |\n| --- | --- |\n| 1 | 2 |", 0),
        ("| 1 | 2 |\n| 3 | 4 |", 1),
        ("| 1 | 2 |", 1),
        ("```\n| 1 | 2 |\n```", 0),
        ("text with a | bar\n\n||\n\n|", 0),
        ("| a |\n|:---:|\n\n| 1 |\n", 1),
    ],
)
def test_tables(text: str, count: int) -> None:
    assert pieces.headless_tables(text) == count


@pytest.mark.parametrize(
    ("refused", "reading", "good"),
    [
        (None, Reading("", [_fragment("x")]), True),
        (None, Reading("", [], "broken"), False),
        ("password", Reading("", [], "needs a Password"), True),
        ("password", Reading("", [], "broken"), False),
        ("password", Reading("", [_fragment("x")]), False),
        ("", Reading("", [], "anything"), True),
        ("", Reading("", [_fragment("x")]), True),
        ("", None, False),
    ],
)
def test_every_file_is_read_or_refused_for_what_is_wrong(
    refused: str | None, reading: Reading | None, good: bool
) -> None:
    assert (measure.verdict({"refused": refused}, reading) == "") is good


def test_misses_are_named_and_the_table_has_a_row_for_each_format_and_all(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(f"<body><h1>One</h1><p>{TEXT}</p></body>")
    entry = {"file": "a.html", "gold": ["a.html"], "language": "en", "refused": None}
    good = measure.measure(tmp_path, entry, Reading("", [_fragment(TEXT, "One")]), limit=1)
    assert tally.misses(good) == []
    half = _fragment(TEXT[: TEXT.index("wrote")], "Two") | {"tokens": 2}
    bad = measure.measure(tmp_path, entry, Reading("", [half]), limit=1)
    bad.format = "pdf"
    assert tally.misses(bad) == [
        "missed in pdf: headings, 0.0%",
        "missed in pdf: words in order, 23.3%",
        "missed in pdf: 1 fragments over the limit",
        "missed in pdf: fragments that cut a sentence, 100.00%",
    ]
    rows = tally.table([good, bad, tally.total([good, bad], "all")]).splitlines()
    assert len({row.count("|") for row in rows}) == 1
    assert rows[-1].startswith("| all | 2 | 2 | 0 | 50.0% |")
