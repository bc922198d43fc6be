"""Slides: titles, lists, tables, groups, charts, notes and sections; and what is broken."""

from __future__ import annotations

import contextlib
import copy
import io
import random
import zipfile
from pathlib import Path

import pytest
from lxml import etree
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from self_evolution.documents.readers import slides
from self_evolution.documents.readers.base import Content, Malformed


def _deck() -> bytes:
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[0])
    slide.shapes.title.text = "Pumps"
    slide.placeholders[1].text = "A manual"
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Parts"
    frame = slide.placeholders[1].text_frame
    frame.text = "Valve"
    for level, text in ((1, "of steel\vor brass"), (0, "Motor")):
        paragraph = frame.add_paragraph()
        paragraph.text, paragraph.level = text, level
    slide.notes_slide.notes_text_frame.text = "Say it slowly."
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    size = (Inches(4), Inches(1))
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(3), *size).table
    for i, text in enumerate("ab1"):
        table.cell(i // 2, i % 2).text = text
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(Inches(1), Inches(1), *size).text_frame.text = "In a group."
    data = CategoryChartData()
    data.categories = ["x", "y"]
    data.add_series("S", (1.5, 2))
    chart = XL_CHART_TYPE.BAR_CLUSTERED
    slide.shapes.add_chart(chart, Inches(1), Inches(5), *size, data)
    out = io.BytesIO()
    deck.save(out)
    return out.getvalue()


def _changed(data: bytes, name: str, old: bytes, new: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        for one in source.namelist():
            content = source.read(one)
            target.writestr(one, content.replace(old, new) if one == name else content)
    return out.getvalue()


def test_slides_are_sections_with_their_number_as_page() -> None:
    title, parts, _ = slides.read(_deck())
    assert title == "Pumps"
    assert [(part.heading, part.pages) for part in parts] == [
        (("Pumps",), ((0, 1),)),
        (("Parts",), ((0, 2),)),
        (("Slide 3",), ((0, 3),)),
    ]
    assert parts[1].text == "- Valve\n   - of steel or brass\n- Motor\n\nNotes: Say it slowly."
    assert parts[2].text.split("\n\n") == [
        "In a group.",
        "| a | b |\n| --- | --- |\n| 1 |  |",
        "|  | S |\n| --- | --- |\n| x | 1.5 |\n| y | 2 |",
    ]


def test_sections_are_the_level_above() -> None:
    section = (
        b'<p:extLst><p:ext uri="{521415D9-36F7-43E2-AB2F-B90AF26B5E84}"><p14:sectionLst xmlns:p14='
        b'"http://schemas.microsoft.com/office/powerpoint/2010/main"><p14:section name="Intro" '
        b'id="{1}"><p14:sldIdLst><p14:sldId id="256"/></p14:sldIdLst></p14:section>'
        b"</p14:sectionLst></p:ext></p:extLst></p:presentation>"
    )
    data = _changed(_deck(), "ppt/presentation.xml", b"</p:presentation>", section)
    assert slides.read(data).parts[1].heading == ("Intro", "Parts")


def test_entities_are_refused_before_they_expand() -> None:
    bomb = b'<!DOCTYPE p [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><p:presentation '
    with pytest.raises(Malformed, match="document type"):
        slides.read(_changed(_deck(), "ppt/presentation.xml", b"<p:presentation ", bomb))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "save it as PPTX"),
        (b"", "broken archive"),
        (b"no archive", "broken archive"),
    ],
)
def test_what_is_no_deck_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        slides.read(data)


def test_broken_decks_are_read_or_refused(tmp_path: Path) -> None:
    whole = _deck()
    rng = random.Random(3)
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 30)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        for broken in (bytes(data), whole[: rng.randrange(len(whole))]):
            with contextlib.suppress(Malformed):
                slides.read(broken)


def _words(*runs: tuple[str, dict[str, str]]) -> Content:
    """The content of a slide with these runs, each a text with its settings."""
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    box = slide.shapes.add_textbox(Inches(1), Inches(1), Inches(4), Inches(1))
    for text, settings in runs:
        run = box.text_frame.paragraphs[0].add_run()
        run.text = text
        for name, value in settings.items():
            run._r.get_or_add_rPr().set(name, value)
    file = io.BytesIO()
    deck.save(file)
    return slides.read(file.getvalue())


UP, DOWN = {"baseline": "30000"}, {"baseline": "-25000"}


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ([("10", {}), ("-6", UP), (" Pa", {})], "10^-6 Pa"),
        ([("10", {}), ("-", UP), ("6", UP), (" Pa", {})], "10^-6 Pa"),
        ([("s", {}), ("-1", UP)], "s^-1"),
        ([("cm", {}), ("\u22123", UP)], "cm^\u22123"),
        ([("y", {}), ("n+1", UP)], "y^(n+1)"),
        ([("m", {}), ("3", UP), ("/h", {})], "m^3/h"),
        ([("Ca", {}), ("2+", UP)], "Ca2+"),
        ([("Na", {}), ("+", UP)], "Na+"),
        ([("4", {}), ("th", UP), (" step", {})], "4th step"),
        ([("H", {}), ("2", DOWN), ("O", {})], "H2O"),
        ([("x", {}), ("i+1", DOWN)], "x_(i+1)"),
        ([("10", {}), ("-6", {"baseline": "0"})], "10-6"),
    ],
)
def test_exponents_are_marked(runs: list[tuple[str, dict[str, str]]], text: str) -> None:
    content = _words(*runs)
    assert [part.text for part in content.parts] == [text] and not content.note


STRUCK = {"strike": "sngStrike"}


@pytest.mark.parametrize(
    ("runs", "text", "struck"),
    [
        ([("5 bar", STRUCK), (" 6 bar", {})], "6 bar", 1),
        ([("5 bar", {"strike": "dblStrike"}), (" 6 bar", {})], "6 bar", 1),
        ([("5", STRUCK), (" bar", STRUCK | {"b": "1"}), (" 6 bar", {})], "6 bar", 1),
        ([("5", STRUCK), ("6 bar", {}), ("7", STRUCK)], "6 bar", 2),
        ([("6 bar", {"strike": "noStrike"})], "6 bar", 0),
    ],
)
def test_struck_out_text_is_left_out(
    runs: list[tuple[str, dict[str, str]]], text: str, struck: int
) -> None:
    content = _words(*runs)
    assert [part.text for part in content.parts] == [text]
    assert content.note.partition(" ")[0] == (str(struck) if struck else "")


def test_a_shape_with_a_formula_is_read_and_its_picture_is_not() -> None:
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    box = slide.shapes.add_textbox(Inches(1), Inches(1), Inches(4), Inches(1))
    box.text_frame.text = "Ratio "
    mc = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    m = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    a14 = "http://schemas.microsoft.com/office/drawing/2010/main"
    half = "<m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>"
    formula = f'<a14:m xmlns:a14="{a14}" xmlns:m="{m}"><m:oMath>{half}</m:oMath></a14:m>'
    box.text_frame.paragraphs[0]._p.append(etree.fromstring(formula))
    shape = box._element
    both = etree.fromstring(
        f'<mc:AlternateContent xmlns:mc="{mc}"><mc:Choice Requires="a14"/><mc:Fallback/>'
        "</mc:AlternateContent>"
    )
    shape.addprevious(both)
    both[1].append(copy.deepcopy(shape))
    both[0].append(shape)
    file = io.BytesIO()
    deck.save(file)
    assert [part.text for part in slides.read(file.getvalue()).parts] == ["Ratio 1/2"]


CASES = Path(__file__).parents[2] / "shared" / "cases" / "pptx"


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases (../shared/cases) are absent")
def test_a_case_is_read_rightly() -> None:
    content = slides.read((CASES / "deck.pptx").read_bytes())
    assert "- 10^-6 Pa vacuum, old new 6 bar" in content.parts[0].text
    assert content.note == "1 struck-out passage left out"
