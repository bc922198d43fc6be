"""Web pages: what is read of them, in which form, and what is left out."""

from __future__ import annotations

import itertools
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_evolution.documents.readers import html
from self_evolution.documents.readers.base import Part


def parts(body: str) -> list[Part]:
    return html.read(body.encode()).parts


def text(body: str) -> str:
    return "\n\n".join(part.text for part in parts(body))


def test_headings_are_a_path_wherever_they_stand() -> None:
    page = """<title>Pumps &amp;
      valves</title><main><h1 id=a>Pumps<a class=x href="#a">¶</a></h1><p>One.
      <section><div><h2>Echo <code>e_1</code></h2></div><p>Two.</section>
      <div role=heading aria-level=3>Deep</div>Three.<div class=note><h3>Note</h3><p>Four.</div>
      <table><tr><td><h2>Fox</h2><p>Five.</table>
      <div role=heading aria-level=2><p>Golf</p></div>Six."""
    content = html.read(page.encode())
    assert content.title == "Pumps & valves"
    assert [(part.heading, part.text) for part in content.parts] == [
        (("Pumps",), "One."),
        (("Pumps", "Echo e_1"), "Two."),
        (("Pumps", "Echo e_1", "Deep"), "Three.\n\n**Note**\n\nFour."),
        (("Pumps", "Fox"), "Five."),
        (("Pumps", "Golf"), "Six."),
    ]
    assert html.read(b"<h1>Only</h1><p>x").title == "Only"


def test_a_heading_that_was_not_closed_takes_no_text_with_it() -> None:
    assert parts("<h1>Setup<ul><li>one</ul>") == [Part(("Setup",), "- one", 0, 5)]
    long = "word " * 100
    assert parts(f"<h1>{long}</h1>")[0].text == long.strip()


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("The size of pump_a* is <b>12</b>.", "The size of pump_a* is **12**."),
        ("<b>H</b>yper<b>T</b>ext, <b> a</b><b>b </b>c", "HyperText, **ab** c"),
        ("<strong><code>x</code></strong> <i>y</i>", "**`x`** y"),
        ("run <code>ls <span>-l</span></code>, <kbd>a`b</kbd>", "run `ls -l`, `` a`b ``"),
        ("10<sup>6</sup> x<sup>-n+1</sup> 1<sup>st</sup>", "10^6 x^(-n+1) 1st"),
        ("H<sub>2</sub>O, x<sub>i</sub>", "H2O, x_i"),
        ("as said<sup><a href='#n'>3</a></sup>", "as said[3]"),
        ("<math alttext='a^2'></math>", "a^2"),
        ("<ruby>字<rp>(</rp><rt>じ</rt><rp>)</rp></ruby>", "字(じ)"),
        ("one<br>two<br><br>three", "one\ntwo\n\nthree"),
        ("w<span>or</span>d<wbr>s<img alt=no src=x>", "words"),
        ("a&nbsp;b <q>c</q> &lt;d&gt;", "a b “c” <d>"),
        ("<blockquote><p>a<br>b<p>c</blockquote>d", "> a\n> b\n\n> c\n\nd"),
        ("<figure><img alt=no><figcaption>Cap</figcaption></figure>x", "Cap\n\nx"),
        ("<details><summary>S</summary>T</details>", "T"),
    ],
)
def test_text_within_a_paragraph(body: str, wanted: str) -> None:
    assert text(body) == wanted


def test_lists_keep_numbers_and_depth_and_code_stays_whole() -> None:
    body = """<ul><li>one<ul><li><p>two</p><p>more</p></li></ul><li>three</ul>
    <ol start=3><li>first:<pre class="language-python">
def f():
\tif a_b:   # x
        return `1`</pre><li value=9>ninth</ol>"""
    assert text(body) == (
        "- one\n  - two\n\n    more\n- three\n\n"
        "3. first:\n\n```python\ndef f():\n\tif a_b:   # x\n        return `1`\n```\n\n9. ninth"
    )


def test_definitions_stay_with_their_terms() -> None:
    body = "<dl><dt>A</dt><dt><b>B</b></dt><dd>means<p>more</dd><dt>C<dd><pre>x\ny</pre></dl>"
    assert text(body) == "A\nB\n: means\n\nmore\n\nC\n\n```\nx\ny\n```"


def test_tables_of_data_have_a_header_and_every_cell() -> None:
    body = """<table><caption>Sizes</caption><thead><tr><th rowspan=2>Name<th colspan=2>Size</tr>
    <tr><th>min<th>max</tr></thead><tr><td rowspan=2>a|b<td>1<td>2<br>3</tr><tr><td colspan=2>
    <ul><li>x<li>y</ul></table>"""
    assert text(body) == (
        "Sizes\n\n| Name | Size min | Size max |\n| --- | --- | --- |\n"
        "| a\\|b | 1 | 2 3 |\n| a\\|b | - x - y | - x - y |"
    )
    assert text("<table><tr><td>k<td>v<tr><td>1<td>2</table>").startswith("| k | v |\n| --- |")


def test_tables_for_layout_are_none() -> None:
    body = """<table><tr><td><pre>1
2</pre></td><td><pre>a
b</pre></td></tr></table><table><tr><td>Left.<td><p>Right.<table><tr><th>k<th>v<tr><td>1<td>2
</table></table>"""
    assert text(body) == (
        "```\na\nb\n```\n\nLeft.\n\nRight.\n\n| k | v |\n| --- | --- |\n| 1 | 2 |"
    )
    huge = f"<table><tr>{'<td>x' * 3000}{'<tr><td>y' * 3000}</table>"
    assert text(huge).count("y") == 3000


def test_what_is_hidden_is_no_text() -> None:
    body = """<p>se<script>x</script>en<style>x</style><p hidden>x
    <p style="color:red;display:none">x
    <template>x</template><noscript>x</noscript><svg><text>x</text></svg><span aria-hidden=true>x
    </span><select><option>x</select><button>x</button><iframe>x</iframe><!-- x -->"""
    assert text(body) == "seen"


ANSWER = "<p>Hold the red key until the lamp blinks.</p>"
BUTTON = "<button aria-expanded=false aria-controls={}>{}</button>"


@pytest.mark.parametrize(
    "body",
    [
        f"<h3>{BUTTON.format('r', 'How?')}</h3><div id=r hidden>{ANSWER}</div>",
        f"<h3><span>{BUTTON.format('r', 'How?')}</span></h3><div id=r style='display:none'>{ANSWER}"
        "</div>",
        f"<h3>How? <button class=copy>Link</button></h3>{ANSWER}",
        f"<div>{BUTTON.format('r', '<span>How?</span>')}</div><div id=r hidden>{ANSWER}</div>",
        f"<button aria-expanded=false>How?</button><div>{ANSWER}</div>",
        f"<details><summary>How?</summary>{ANSWER}</details>",
        f"<details><summary><h3>How?</h3></summary>{ANSWER}</details>",
        f"<ul><li>{BUTTON.format('r', 'How?')}<div id=r hidden>{ANSWER}</div></ul>",
        f"<div role=button aria-expanded=false aria-controls=r>How?</div><div id=r hidden>{ANSWER}"
        "</div>",
        f"<h3><button data-bs-target='#r'>How?</button></h3><div id=r hidden>{ANSWER}</div>",
        f"<h3>How?</h3><div hidden=until-found>{ANSWER}</div>",
        f"<h3>How?</h3><div role=tabpanel hidden>{ANSWER}</div>",
    ],
)
def test_what_opens_a_part_of_the_page_heads_it(body: str) -> None:
    page = f"<h1>Dryer</h1><p>Begin.</p><section>{body}</section>"
    assert [(part.heading, part.text) for part in parts(page)] == [
        (("Dryer",), "Begin."),
        (("Dryer", "How?"), "Hold the red key until the lamp blinks."),
    ]


def test_an_opened_part_ends_with_its_heading_and_may_hold_others() -> None:
    inner = "<details><summary>Two</summary><p>b</details>"
    body = f"<h2>S</h2><details><summary>One</summary><p>a</p>{inner}<p>c</details><p>d"
    assert [(part.heading, part.text) for part in parts(body)] == [
        (("S",), "d") if text == "d" else (("S", *above), text)
        for above, text in ((("One",), "a"), (("One", "Two"), "b"), (("One",), "c"), ((), "d"))
    ]


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("<p>Press <button>Print</button> twice.", "Press Print twice."),
        ("<p>Press <button>Print</button>", "Press Print"),
        ("<ul><li>Press <b><button>Print</button></b> now</ul>", "- Press **Print** now"),
        ("<div>Press <kbd><button>Print</button></kbd>.</div>", "Press `Print`."),
        ("<dl><dt><button aria-expanded=false>Key</button><dd>What</dl>", "Key\n: What"),
        ("<p>a</p><button>Copy</button><pre>x = 1</pre>", "a\n\n```\nx = 1\n```"),
        ("<p>a</p><pre><button>Copy</button>x = 1</pre>", "a\n\n```\nx = 1\n```"),
        ("<p>a</p><div><button>Share</button> <button>Print</button></div>", "a"),
        (
            "<button aria-haspopup=dialog aria-controls=d>Chat</button><p>a</p>"
            "<div id=d role=dialog hidden>Talk</div>",
            "a",
        ),
        (
            "<button aria-expanded=false aria-controls=m>Menu</button><ul id=m hidden>"
            "<li><a href=a>A</a><li><a href=b>B</a><li><a href=c>C</a></ul><p>a</p>",
            "a",
        ),
    ],
)
def test_a_button_in_a_sentence_is_a_word_and_others_are_not(body: str, kept: str) -> None:
    assert [part.text for part in parts(body)] == [kept]
    assert not parts(body)[0].heading


@pytest.mark.parametrize(
    ("body", "kept", "count"),
    [
        ("<p>Old <s>5 bar</s> new 6 bar", "Old new 6 bar", 1),
        ("<p><strike>7 A</strike> 8 A", "8 A", 1),
        ("<p><del>9 W</del><ins>10 W</ins>", "10 W", 1),
        ("<del><p>gone<p>gone <s>too</s></del><p>here", "here", 1),
        ("<p><span style='color:red; TEXT-DECORATION: underline line-through'>a</span>b", "b", 1),
        ("<ul><li style='text-decoration-line:line-through'>a<li>b</ul>", "- b", 1),
        ("<p><span style='text-decoration:underline'>a</span>", "a", 0),
        ("<table><tr><th>a<th>b<tr><td><s>1</s>2<td><s>3</s>4</table>", "| 2 | 4 |", 2),
    ],
)
def test_what_is_struck_out_is_left_out_and_counted(body: str, kept: str, count: int) -> None:
    content = html.read(body.encode())
    assert content.parts[0].text.endswith(kept) and "gone" not in content.parts[0].text
    passages = "passage" if count == 1 else "passages"
    assert content.note == (f"{count} struck-out {passages} left out" if count else "")


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("5<sup>1</sup>/<sub>2</sub> inch", "5 1/2 inch"),
        ("<sup>3</sup>&frasl;<sub>4</sub> inch", "3/4 inch"),
        ("a <sup>1</sup>/<sub>2</sub>", "a 1/2"),
        ("x<sup>2</sup>/y<sub>2</sub>", "x^2/y2"),
        ("x<sup>2</sup>/<sub>n</sub>", "x^2/_n"),
        ("10<sup>&minus;6</sup>", "10^−6"),
    ],
)
def test_a_raised_and_a_lowered_number_are_a_fraction(body: str, wanted: str) -> None:
    assert text(body) == wanted


def test_many_controls_take_little_time() -> None:
    start = time.process_time()
    many = "<button aria-expanded=false aria-controls=x>a</button>" * 50_000
    for body in (many, f"<h2>{many}</h2>", "<span>" * 1000 + many, f"<p>Press {many}</p>"):
        text(f"<p>before</p>{body}<p>after</p>")
    assert time.process_time() - start < 20


PROSE = "<p>The pump has a size of twelve and is round.</p>"


@pytest.mark.parametrize(
    "menu",
    [
        "<nav>x</nav>",
        "<div role=navigation><p>A long text that is for finding other pages only.</div>",
        "<ul><li><a href=a>A</a><li><a href=#b>B</a><li><a href=/c>C</a></ul>",
        "<div><p><b>Contents</b><dl><dt>1. <a href=#a>A</a><dd><dl><dt>1.1. <a href=#b>Bee</a>"
        "<dt><a href=#c>Sea</a></dl></dl></div>",
        "<p><a href=a>Zurück</a> | <a href=b>Hoch</a> | <a href=c>Weiter</a>",
        "<div><a href=a>首页</a> &gt; <a href=b>文档</a> &gt; 泵</div>",
        "<table><tr><td><a accesskey=p href=a>Prev</a><th>Chapter 3. The pumps and all that they "
        "can do<td><a accesskey=n href=b>Next</a></table>",
        "<footer><a href=a>About</a> <a href=b>Legal</a> © 2024 Fox</footer>",
    ],
)
def test_navigation_is_left_out(menu: str) -> None:
    wanted = "The pump has a size of twelve and is round."
    assert text(menu + PROSE) == wanted
    assert text(PROSE + menu) == wanted


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (
            "<ul><li><a href=https://a.org>A</a><li><a href=//b.org>B</a>"
            "<li><a href=http://c.org>C</a></ul>",
            "B",
        ),
        ("<ul><li><a href=a>Echo</a>: a pump for heavy, old oil<li><a href=b>F</a></ul>", "F"),
        (
            "<p>The following kinds of pumps are known:<ul><li><a href=#a>A</a>"
            "<li><a href=#b>B</a><li><a href=#c>C</a></ul>",
            "C",
        ),
        ("<h2>See</h2><p><a href=a>one</a>, <a href=b>two</a>, <a href=c>three</a>", "two"),
        ("<p>See <a href=a>one</a>.", "See one."),
        (
            "<table><tr><th>X<th>Y<tr><td><a href=a>a</a> <a href=b>b</a><td>c</table>",
            "| a b | c |",
        ),
        ("<pre><a href=#a>int</a> <a href=#b>f</a>(<a href=#c>char</a>)</pre>", "int f(char)"),
    ],
)
def test_links_within_content_stay(body: str, kept: str) -> None:
    assert kept in text(body)


def test_a_page_of_links_says_so() -> None:
    content = html.read(b"<body><ul><li><a href=a>A</a><li><a href=b>B</a><li><a href=c>C</a></ul>")
    assert not content.parts and content.note == "nothing but links in it"
    assert html.read(b"").parts == html.read(b" \n").parts == []


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ('<meta charset="windows-1251"><p>Насос'.encode("cp1251"), "Насос"),
        ("<meta http-equiv=x content='text/html; charset=gb2312'><p>水泵".encode("gbk"), "水泵"),
        ("<?xml version='1.0' encoding='ISO-8859-1'?><p>é “".encode("cp1252"), "é “"),
        ('<meta charset="utf-16"><p>é'.encode(), "é"),
        ("\ufeff<p>ж".encode("utf-16-le"), "ж"),
    ],
)
def test_the_declared_encoding_counts(data: bytes, wanted: str) -> None:
    assert html.read(data).parts[0].text == wanted


@pytest.mark.parametrize("tags", ["div", "b", "ul><li", "table><tr><td", "dl><dt", "a", "pre"])
def test_deep_nesting_costs_no_text_and_little_time(tags: str) -> None:
    body = f"<p>before</p>{f'<{tags}>' * 100_000}deep"
    start = time.process_time()
    found = text(body)
    assert "before" in found and "deep" in found
    assert time.process_time() - start < 20  # seconds, where quadratic time would be hours


TAGS = [
    *(
        "div",
        "p",
        "b",
        "code",
        "sup",
        "sub",
        "a",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "table",
        "tr",
    ),
    *("td", "th", "thead", "caption", "h1", "h3", "pre", "blockquote", "section", "ruby", "rt"),
    *("tr", "q", "math", "details"),
]
PIECES = st.one_of(
    st.integers(0, 999).map(lambda number: f" w{number}w "),
    st.sampled_from([f"<{tag}>" for tag in TAGS] + [f"</{tag}>" for tag in TAGS]),
    st.sampled_from(["<br>", "<hr>", "\n", "<a href='http://x.org'>", "<td colspan=2>"]),
)


@given(pieces=st.lists(PIECES, max_size=60))
def test_any_tags_keep_all_words_in_order(pieces: list[str]) -> None:
    body = "".join(pieces)
    found = parts(body)
    kept = " ".join(" ".join((*part.heading, part.text)) for part in found)
    words = re.findall(r"w\d+w", kept)
    for word in set(re.findall(r"w\d+w", body)) - set(words):
        # Only a heading under which nothing stands may be missing, or a formula's parts be joined.
        assert re.search(r"<h\d|<math", body), word
    for before, after in itertools.pairwise(found):
        assert before.end + 2 == after.start
    assert all(part.end - part.start == len(part.text) for part in found)
    if not re.search("<(h1|h3|table|tr|td|th|thead|math|dt|caption)>|<td colspan", body):
        assert words == re.findall(r"w\d+w", body)
