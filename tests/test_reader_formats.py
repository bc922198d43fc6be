"""Notebooks, subtitles and XML: what is kept, what is left out, and what is refused."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_evolution.documents.readers import READERS
from self_evolution.documents.readers.base import Malformed


def texts(ending: str, data: str | bytes) -> list[tuple[tuple[str, ...], str]]:
    """(heading path, text) of the parts of a file with that ending."""
    raw = data.encode() if isinstance(data, str) else data
    return [(part.heading, part.text) for part in READERS[ending](raw).parts]


def notebook(*cells: dict[str, Any], **about: Any) -> str:
    return json.dumps({"cells": cells, "nbformat": 4, "metadata": about})


def test_a_notebook_has_its_text_code_and_output() -> None:
    printed = {"output_type": "stream", "name": "stdout", "text": ["a\n", "\x1b[31mb\x1b[0m\n"]}
    shown = {
        "output_type": "execute_result",
        "data": {"text/plain": "  x\n0 1", "text/html": "<p>"},
    }
    failed = {"output_type": "error", "traceback": ["boom"], "ename": "E", "evalue": "boom"}
    picture = {"output_type": "display_data", "data": {"image/png": "iVBOR"}}
    rich = {"output_type": "display_data", "data": {"text/markdown": ["**6** bar"]}}
    data = notebook(
        {"cell_type": "markdown", "source": ["# Pumps\n", "The port is *4711*.<!-- not this -->"]},
        {
            "cell_type": "code",
            "source": "# no heading\nprint(1)",
            "outputs": [printed, shown, failed, picture, rich],
        },
        {"cell_type": "raw", "source": "raw text"},
        {"cell_type": "markdown", "source": "## Limits\nNo more than 6 bar."},
        language_info={"name": "python"},
    )
    assert texts(".ipynb", data) == [
        (
            ("Pumps",),
            "The port is *4711*.\n\n```python\n# no heading\nprint(1)\n```\n\n```\na\nb\n```\n\n"
            "```\n  x\n0 1\n```\n\n**6** bar\n\n```\nraw text\n```",
        ),
        (("Pumps", "Limits"), "No more than 6 bar."),
    ]
    assert READERS[".ipynb"](data.encode()).title == "Pumps"


@pytest.mark.parametrize("mark", ["```", "~~~", "````"])
def test_code_that_a_cell_leaves_open_ends_with_it(mark: str) -> None:
    data = notebook(
        {"cell_type": "markdown", "source": f"Words.\n\n{mark}\ncode"},
        {"cell_type": "markdown", "source": "# Limits\nNo more than 6 bar."},
    )
    assert texts(".ipynb", data)[-1] == (("Limits",), "No more than 6 bar.")


def test_a_notebook_of_version_3_is_read() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Limits"]},
        {"cell_type": "code", "input": ["x = 6"], "language": "julia", "outputs": [{"text": "6"}]},
    ]
    data = json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3})
    assert texts(".ipynb", data) == [(("Limits",), "```julia\nx = 6\n```\n\n```\n6\n```")]


@pytest.mark.parametrize("data", ["", "{", "[]", "{}", '{"cells": []}', '{"cells": null}', "text"])
def test_what_is_no_notebook_is_refused(data: str) -> None:
    with pytest.raises(Malformed, match="no notebook"):
        READERS[".ipynb"](data.encode())


SRT = """1
00:00:01,000 --> 00:00:02,500
The limit of the <i>pump</i>
is {\\an8}6 bar.

2
00:00:02,500 --> 00:00:04,000
It stops above.

3
00:00:10,000 --> 00:00:12,000
Next comes the valve.
"""
VTT = """WEBVTT - Training

NOTE
not this --> nor this

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.500 align:start position:0%
<v Ann>The limit &amp; the port</v>

00:02.500 --> 00:04.000
<v Ann>are <c.yellow>6 bar</c> <00:03.000>and 4711.

00:04.000 --> 00:05.000
<v Bob>Why?
"""


@pytest.mark.parametrize("change", [str, lambda text: text.replace("\n", "\r\n")])
def test_subtitles_are_paragraphs_without_times(change: Any) -> None:
    assert texts(".srt", change(SRT)) == [
        ((), "The limit of the pump is 6 bar. It stops above.\n\nNext comes the valve.")
    ]
    assert texts(".vtt", change(VTT)) == [
        ((), "Ann: The limit & the port are 6 bar and 4711.\n\nBob: Why?")
    ]
    assert READERS[".vtt"](VTT.encode()).title == "Training"


def test_lines_that_roll_upwards_are_read_once() -> None:
    lines = ["the limit", "of the pump", "is 6 bar"]
    shown = [[lines[0]], lines[:2], lines[1:]]
    cues = (
        f"00:00:0{i}.000 --> 00:00:0{i + 1}.000\n" + "\n".join(some) for i, some in enumerate(shown)
    )
    assert texts(".vtt", "WEBVTT\n\n" + "\n\n".join(cues)) == [
        ((), "the limit of the pump is 6 bar")
    ]


def test_chinese_subtitles_have_no_spaces_between_lines() -> None:
    data = "00:00:01,000 --> 00:00:02,000\n阀门的上限\n是6巴。\n\n"
    data += "00:00:02,000 --> 00:00:03,000\n超过即停。\n"
    assert texts(".srt", data.encode("gb18030")) == [((), "阀门的上限是6巴。超过即停。")]


def test_a_long_speech_is_cut_after_a_sentence() -> None:
    cues = [
        f"{i + 1}\n00:{i // 60:02}:{i % 60:02},000 --> 00:{i // 60:02}:{i % 60:02},900\n"
        f"Valve {i} closes after\n{i} seconds."
        for i in range(100)
    ]
    ((_, text),) = texts(".srt", "\n\n".join(cues))
    paragraphs = text.split("\n\n")
    assert len(paragraphs) > 3 and all(one.endswith("seconds.") for one in paragraphs)
    assert " ".join(paragraphs).count("closes after") == 100


@pytest.mark.parametrize("data", ["", "WEBVTT\n\n", "Just text.", "1\n0:1 --> 0:2\nx"])
def test_what_are_no_subtitles_is_refused(data: str) -> None:
    with pytest.raises(Malformed, match="no subtitles"):
        READERS[".vtt"](data.encode())


DITA = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE task PUBLIC "-//OASIS//DTD DITA Task//EN" "task.dtd" [<!ENTITY pump "pump P-12">]>
<task id="x" xml:lang="en"><title>Changing the seal of &pump;</title>
<shortdesc>The seal of &pump;&nbsp;lasts <b>two</b> years.</shortdesc>
<prolog><author>Nobody</author></prolog>
<taskbody><context>Close valve <uicontrol>V-1</uicontrol> first.</context>
<steps><step><cmd>Open the lid.</cmd><info>It has four screws.</info></step>
<step><cmd>Press <uicontrol>Stop</uicontrol>.</cmd></step></steps></taskbody>
<related-links><link href="x.dita"/></related-links>
<topic id="y"><title>Limits</title><body><p>No more than 10<sup>-6</sup> bar.</p>
<table><title>Parts</title><tgroup cols="3"><colspec colname="a"/><colspec colname="b"/>
<colspec colname="c"/><thead><row><entry>Part</entry><entry>Limit</entry><entry>Unit</entry></row>
</thead><tbody><row><entry morerows="1">Seal</entry><entry>6</entry><entry>bar</entry></row>
<row><entry namest="b" nameend="c">none</entry></row></tbody></tgroup></table>
<section><title>Code</title><codeblock>set port
  4711</codeblock><dl><dlentry><dt>A</dt><dd>Alpha</dd></dlentry></dl></section></body></topic></task>
"""


def test_dita_has_headings_steps_and_tables() -> None:
    top = "Changing the seal of pump P-12"
    steps = "1. Open the lid.\n\n   It has four screws.\n2. Press Stop."
    assert texts(".dita", DITA) == [
        (
            (top,),
            f"The seal of pump P-12 lasts **two** years.\n\nClose valve V-1 first.\n\n{steps}",
        ),
        (
            (top, "Limits"),
            "No more than 10^-6 bar.\n\nParts\n\n| Part | Limit | Unit |\n| --- | --- | --- |\n"
            "| Seal | 6 | bar |\n| Seal | none | none |",
        ),
        ((top, "Limits", "Code"), "```\nset port\n  4711\n```\n\nA\n: Alpha"),
    ]
    assert READERS[".dita"](DITA.encode()).title == top


def test_an_example_of_dita_is_a_section_and_a_figure_is_none() -> None:
    example = "<example><title>Example</title><p>Press <b>Stop</b>.</p></example>"
    figure = "<fig><title>The lid</title><image href='lid.png'/></fig>"
    data = f"<topic><title>Pumps</title><body>{figure}<p>Words.</p>{example}</body></topic>"
    assert texts(".dita", data) == [
        (("Pumps",), "The lid\n\nWords."),
        (("Pumps", "Example"), "Press **Stop**."),
    ]


def test_xml_of_unknown_kind_is_text_under_its_title_or_the_name_of_its_root() -> None:
    data = "<letter xmlns='urn:x'><head>Pumps</head><par>The <em>port</em> is 4711.</par></letter>"
    assert texts(".xml", data) == [(("Pumps",), "The port is 4711.")]
    data = "<letter><par>The <em>port</em> is 4711.</par><par>So <b>it</b> is.</par></letter>"
    assert texts(".xml", data) == [(("letter",), "The port is 4711.\n\nSo **it** is.")]


def test_xml_of_data_is_read_as_records() -> None:
    data = '<pumps><pump id="P-12"><limit unit="bar">6.2</limit></pump><note>two</note></pumps>'
    assert texts(".xml", data) == [
        (("pumps",), "pump:\n- id: P-12\n- limit:\n  - unit: bar\n  - text: 6.2\nnote: two")
    ]


def test_a_web_page_in_xml_is_read_as_one() -> None:
    data = '<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>A</h1><p>Words.</p></body></html>'
    assert texts(".xml", data) == [(("A",), "Words.")]


@pytest.mark.parametrize(
    ("inner", "shown"),
    [
        ('<!ENTITY x "6 bar">', "Limit 6 bar."),
        ("<!ENTITY x '6 \"bar\"'>", 'Limit 6 "bar".'),
        ('<!ENTITY y "6"><!ENTITY x "&y; bar">', "Limit 6 bar."),
        ('<!ENTITY x "<b>6</b> bar">', "Limit **6** bar."),
        ('<!-- <!ENTITY x "5"> --><!ENTITY x "6">', "Limit 6."),
        ('<!ENTITY x SYSTEM "file:///etc/passwd">', "Limit ."),
        ('<!ENTITY % p SYSTEM "http://127.0.0.1/x"> %p;', "Limit x."),
        ("", "Limit x."),
    ],
)
def test_entities_are_put_in_their_place(inner: str, shown: str) -> None:
    kind = f"<!DOCTYPE a [{inner}]>" if inner else ""
    data = (
        f"<?xml version='1.0'?>{kind}<a><p>Limit &x;.</p><p>5 &lt; 6 &ge;&#160;4 <i>x</i></p></a>"
    )
    assert texts(".xml", data) == [(("a",), f"{shown}\n\n5 < 6 ≥ 4 x")]
    outside = "SYSTEM" in inner and "%" not in inner
    assert ("other files (1)" in READERS[".xml"](data.encode()).note) == outside


def test_entities_cannot_grow() -> None:
    names = [f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 30)]
    data = f'<!DOCTYPE a [<!ENTITY a0 "boom">{"".join(names)}]><a><p>&a29;</p><p>x <b>y</b></p></a>'
    ((_, text),) = texts(".xml", data)
    assert len(text) < 2_000


@pytest.mark.parametrize("data", ["", "text", "<a>", "<a><b></a></b>", "<a/><b/>", "<" * 1000])
def test_what_is_no_xml_is_refused(data: str) -> None:
    with pytest.raises(Malformed, match="broken XML"):
        READERS[".xml"](data.encode())


WORDS = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)
TREES = st.recursive(
    WORDS,
    lambda inner: st.lists(inner, min_size=1, max_size=4).map(
        lambda some: "".join(
            f"<p>{one}</p>" if i % 2 else f"<x>{one}</x>" for i, one in enumerate(some)
        )
    ),
    max_leaves=12,
)


@given(TREES)
def test_no_word_of_any_tree_is_lost(tree: str) -> None:
    found = " ".join(text for _, text in texts(".xml", f"<root>{tree}<p>end</p></root>"))
    for word in re.sub(r"<[^>]*>", " ", tree).split():
        assert unicodedata.normalize("NFC", word) in found
