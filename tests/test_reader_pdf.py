"""PDF files that the tests draw: structure, repetition, joins, tables, scans, dangers."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from self_evolution.documents.readers import ocr, pdf
from self_evolution.documents.readers.base import Content, Malformed

canvas = pytest.importorskip("reportlab.pdfgen.canvas", reason="reportlab draws the PDFs")

Draw = Callable[[Any, int], None]
WIDTH, HEIGHT = 595, 842
SENTENCE = "The pump Echo number {} moves water from the lower tank into the upper one every day."


def made(draw: Draw, pages: int = 1, **options: Any) -> bytes:
    """A PDF of pages that `draw(canvas, index)` fills."""
    out = io.BytesIO()
    paper = canvas.Canvas(out, pagesize=(WIDTH, HEIGHT), invariant=1, **options)
    for index in range(pages):
        draw(paper, index)
        paper.showPage()
    paper.save()
    return out.getvalue()


def write(
    paper: Any, lines: list[str], y: float, font: str = "Times-Roman", size: float = 10,
    x: float = 72, lead: float = 12,
) -> float:  # fmt: skip
    """Draws lines from `y` down, and gives the height below them."""
    paper.setFont(font, size)
    for line in lines:
        paper.drawString(x, y, line)
        y -= lead
    return y


def read(draw: Draw, pages: int = 1, **options: Any) -> Content:
    return pdf.read(made(draw, pages, **options))


def text_of(content: Content) -> str:
    return "\n\n".join(part.text for part in content.parts)


def full(number: int) -> list[str]:
    """A paragraph of three lines, the last one short, and nothing like it elsewhere."""
    chance = random.Random(number)
    words = ["".join(chance.choices("abcdefghij", k=6)) for _ in range(25)]
    return [f"Item {' '.join(words[:12])}", " ".join(words[12:24]), f"{words[24]} {number}."]


def book(paper: Any, index: int) -> None:
    """A page with a running head, a number, a heading by its size, and two paragraphs."""
    write(paper, ["The Book of Pumps"], 800, size=8)
    write(paper, [str(index + 1)], 40, size=8, x=300)
    y = write(
        paper, [f"{index + 1} Chapter about subject {'ABCDEF'[index]}"], 750, "Times-Bold", 18
    )
    y = write(paper, full(2 * index), y - 14)
    write(paper, full(2 * index + 1), y - 8)


def test_headings_by_size_paragraphs_whole_and_running_lines_gone() -> None:
    content = read(book, 4)
    assert [part.heading for part in content.parts] == [
        (f"{n + 1} Chapter about subject {'ABCDEF'[n]}",) for n in range(4)
    ]
    assert content.parts[1].text == " ".join(full(2)) + "\n\n" + " ".join(full(3))
    assert [part.pages for part in content.parts] == [((0, n),) for n in (1, 2, 3, 4)]
    assert "Book of Pumps" not in text_of(content)
    assert content.note == ""
    starts = [part.start for part in content.parts]
    assert starts == sorted(starts) and starts[0] == 0


def test_texts_that_are_alike_on_all_pages_stay() -> None:
    def draw(paper: Any, index: int) -> None:
        code = 7000 + 13 * index * index
        write(paper, [f"Alarm {code}", "Severity: major", *full(code), "See the manual."], 780)

    text = text_of(read(draw, 5))
    assert text.count("Severity: major") == text.count("See the manual.") == 5
    assert all(f"Alarm {7000 + 13 * n * n}" in text for n in range(5))


def test_the_outline_says_levels_and_heads_with_a_section_of_one_page_go() -> None:
    titles = ["Setup", "Power supply", "Water inlet", "Use", "First start"]
    levels = [0, 1, 1, 0, 1]

    def draw(paper: Any, index: int) -> None:
        write(paper, ["PUMP MANUAL"], 800, size=8)
        write(paper, [titles[index].upper()], 800, size=8, x=400)
        paper.bookmarkHorizontal(f"k{index}", 0, 760)
        paper.addOutlineEntry(titles[index], f"k{index}", levels[index])
        y = write(paper, [f"{index}.{index} {titles[index]}"], 750, "Times-Bold", 10)
        y = write(paper, full(index), y - 12)
        y = write(paper, ["Important"], y - 14, "Times-Bold", 10)
        write(paper, full(index + 10), y - 12)

    content = read(draw, 5)
    assert [part.heading for part in content.parts] == [
        ("Setup",),
        ("Setup", "Power supply"),
        ("Setup", "Water inlet"),
        ("Use",),
        ("Use", "First start"),
    ]
    assert "PUMP MANUAL" not in text_of(content) and "WATER INLET" not in text_of(content)
    assert text_of(content).count("Important") == 5  # no heading, and not lost


def test_numbers_tell_the_depth_of_headings_of_one_style() -> None:
    names = ["1 Pumps", "1.1 Large ones", "1.1.1 Echo", "1.2 Small ones", "2 Valves"]

    def draw(paper: Any, index: int) -> None:
        y = 780.0
        for n, name in enumerate(names):
            y = write(paper, [name], y - 20, "Helvetica-Bold", 14)
            y = write(paper, full(n), y - 10)

    assert [part.heading[-2:] for part in read(draw).parts] == [
        ("1 Pumps",), ("1 Pumps", "1.1 Large ones"), ("1.1 Large ones", "1.1.1 Echo"),
        ("1 Pumps", "1.2 Small ones"), ("2 Valves",),
    ]  # fmt: skip


def test_paragraphs_and_code_go_on_over_a_page_and_a_note_does_not_part_them() -> None:
    code = [
        "def pump(level):",
        "    if level > 3:",
        "        return stop()",
        "    return level + 1",
    ]

    def draw(paper: Any, index: int) -> None:
        if index == 0:
            write(paper, full(0)[:2], 120)
            write(paper, ["1 A note at the foot."], 60, size=7)
        elif index == 1:
            y = write(paper, full(0)[2:], 780)
            y = write(paper, full(1), y - 8)
            write(paper, code[:2], y - 20, "Courier", 9)
        else:
            y = write(paper, code[2:], 780, "Courier", 9)
            write(paper, full(2), y - 20)

    def spaced(paper: Any, index: int) -> None:
        # Indentation by places alone, as most programs write it.
        kept = paper.drawString
        paper.drawString = lambda x, y, text: kept(
            x + 5.4 * (len(text) - len(text.lstrip())), y, text.lstrip()
        )
        draw(paper, index)
        paper.drawString = kept

    content = read(spaced, 3)
    blocks = text_of(content).split("\n\n")
    assert blocks[0] == " ".join(full(0))
    assert blocks[1] == "1 A note at the foot."
    assert blocks[3] == "```\n" + "\n".join(code) + "\n```"
    assert content.parts[0].pages[0] == (0, 1)


def test_hyphens_are_kept_or_mended_as_the_document_writes_the_word() -> None:
    def draw(paper: Any, index: int) -> None:
        y = write(paper, ["A well-known pump has a regulator with a temperature alarm."], 780)
        write(
            paper,
            [
                "This line is as wide as the page and ends here in half of a word, the temper-",
                "ature, and this one goes on until it ends too with half of one, which is well-",
                "known, while the third one has a part of a name that is no word, and it is --vex-",
                "iropt-level, which must keep its hyphen.",
            ],
            y - 10,
        )  # fmt: skip

    text = text_of(read(draw))
    assert "the temperature, and" in text
    assert "which is well-known, while" in text
    assert "--vex-iropt-level" in text


def test_two_columns_are_read_one_after_the_other() -> None:
    left = [f"Left line {n} of the first column goes" for n in range(20)]
    right = [f"right line {n} of the second column" for n in range(20)]

    def draw(paper: Any, index: int) -> None:
        write(paper, left, 780, x=60)
        write(paper, right, 780, x=320)

    text = text_of(read(draw))
    assert text == " ".join([*left, *right])


def test_lists_with_marks_numbers_and_depth() -> None:
    def draw(paper: Any, index: int) -> None:
        y = write(paper, ["These are the parts:"], 780)
        y = write(
            paper,
            ["\u2022 a pump whose description is as long as the page is wide, so that it"],
            y,
        )
        y = write(paper, ["needs a second one"], y, x=80)
        y = write(paper, ["\u2022 a valve"], y)
        y = write(paper, ["- of steel"], y, x=95)
        y = write(paper, ["\u2022 a tank"], y)
        y = write(paper, full(1), y - 10)
        write(paper, ["1. open", "2. wait", "3. close"], y - 10)

    assert text_of(read(draw)).split("\n\n") == [
        "These are the parts:",
        "- a pump whose description is as long as the page is wide, so that it needs a second "
        "one\n- a valve\n  - of steel\n- a tank",
        " ".join(full(1)),
        "1. open\n2. wait\n3. close",
    ]


def grid(
    paper: Any, rows: list[list[str]], top: float, skip: tuple[int, int] | None = None
) -> None:
    """Draws a table with lines; `skip` is a cell that has no line at its right."""
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            x, y = 72 + 120 * column, top - 20 * row
            paper.line(x, y, x + 120, y)
            paper.line(x, y - 20, x + 120, y - 20)
            paper.line(x, y, x, y - 20)
            if skip != (row, column):
                paper.line(x + 120, y, x + 120, y - 20)
            write(paper, [cell], y - 13, x=x + 5)


def test_tables_with_lines_over_pages_and_joined_cells() -> None:
    def draw(paper: Any, index: int) -> None:
        if index == 0:
            write(paper, full(0), 200)
            grid(paper, [["Pump", "Size", "Unit"], ["Echo", "12", "bar | psi"]], 120)
        else:
            grid(paper, [["Pump", "Size", "Unit"], ["Fox", "", "mm"]], 800, skip=None)
            write(paper, full(1), 700)

    blocks = text_of(read(draw, 2)).split("\n\n")
    assert blocks == [
        " ".join(full(0)),
        "| Pump | Size | Unit |\n| --- | --- | --- |\n| Echo | 12 | bar \\| psi |\n| Fox |  | mm |",
        " ".join(full(1)),
    ]


def test_a_table_may_be_open_at_its_sides() -> None:
    def draw(paper: Any, index: int) -> None:
        for n, row in enumerate([["Pump", "Size"], ["Echo", "12"], ["Fox", "7"]]):
            paper.line(72, 700 - 20 * n, 400, 700 - 20 * n)
            for column, cell in enumerate(row):
                write(paper, [cell], 687 - 20 * n, x=80 + 200 * column)
        paper.line(72, 640, 400, 640)
        paper.line(240, 640, 240, 700)

    assert text_of(read(draw)) == "| Pump | Size |\n| --- | --- |\n| Echo | 12 |\n| Fox | 7 |"


def test_rows_without_lines_are_a_table_if_they_stand_under_one_another() -> None:
    rows = [("Pump", "Size", "Made of"), ("Echo", "12", "steel and"), ("Fox", "7", "copper")]

    def draw(paper: Any, index: int) -> None:
        y = write(paper, full(0), 780)
        for n, row in enumerate(rows):
            for column, cell in enumerate(row):
                write(paper, [cell], y - 20 - 24 * n, x=72 + 110 * column)
            if n == 1:
                write(paper, ["glass"], y - 56, x=292)
        write(paper, full(1), y - 100)

    assert text_of(read(draw)).split("\n\n")[1] == (
        "| Pump | Size | Made of |\n| --- | --- | --- |\n"
        "| Echo | 12 | steel and glass |\n| Fox | 7 | copper |"
    )


def test_a_framed_box_is_no_table_and_its_code_stays_code() -> None:
    def draw(paper: Any, index: int) -> None:
        write(paper, full(0), 780)
        paper.rect(70, 650, 400, 60)
        write(paper, ["$ pump --start", "started"], 690, "Courier", 9)

    assert text_of(read(draw)).split("\n\n")[1] == "```\n$ pump --start\nstarted\n```"


def test_a_table_of_contents_is_left_out_and_an_index_stays() -> None:
    names = [f"Subject {word}" for word in ("alpha", "beta", "gamma", "delta", "epsilon")]

    def draw(paper: Any, index: int) -> None:
        if index == 0:
            for n, name in enumerate(names):
                write(paper, [f"{name} {'. ' * 40} {n + 2}"], 700 - 14 * n)
        elif index <= len(names):
            y = write(paper, [names[index - 1]], 750, "Times-Bold", 16)
            write(paper, full(index), y - 10)
        else:
            write(paper, ["tank 4", "valve 3", "water 2, 4", "zero 5", "zone 3"], 750)

    content = read(draw, 7)
    text = text_of(content)
    assert ". . ." not in text and len(content.parts) == 5
    assert all(word in text for word in ("valve 3", "zone 3", "water 2, 4"))


def table_at(paper: Any, rows: list[list[str]], top: float, caption: str) -> float:
    """Draws a table with lines and its caption below, and gives the height under both."""
    grid(paper, rows, top)
    return write(paper, [caption], top - 20 * len(rows) - 14) - 14


def test_captions_below_tables_stand_above_them() -> None:
    rows = [["Pump", "Size"], ["Echo", "12"]]

    def draw(paper: Any, index: int) -> None:
        y = 780.0
        for n in range(1, 4):
            y = write(paper, full(n), y) - 10
            y = table_at(paper, rows, y, f"Table {n}: Pumps of hall {n}")
        write(paper, full(4), y)

    blocks = text_of(read(draw)).split("\n\n")
    table = "| Pump | Size |\n| --- | --- |\n| Echo | 12 |"
    assert blocks == [
        block
        for n in range(1, 4)
        for block in (" ".join(full(n)), f"Table {n}: Pumps of hall {n}", table)
    ] + [" ".join(full(4))]


def test_a_table_that_had_no_room_goes_back_to_the_paragraph_that_its_caption_is_about() -> None:
    rows = [["Part", "Size"], *[[f"part{n}", str(n)] for n in range(9)]]
    about = ["The filters are cleaned", "The gaskets are replaced", "The cables are measured"]

    def draw(paper: Any, index: int) -> None:
        y = 780.0
        if index:
            y = table_at(paper, rows, y, f"Table {index}: Sizes of {about[index - 1].split()[1]}")
        y = write(paper, full(index), y) - 10
        if index < 3:
            write(paper, full(10 + index), 164)
            write(paper, [f"{about[index]} every summer."], 114)
            write(paper, ["and this is a paragraph that goes on over the end of the page"], 84)

    parts = read(draw, 4).parts
    blocks = "\n\n".join(part.text for part in parts).split("\n\n")
    for n, name in enumerate(about):
        at = blocks.index(f"{name} every summer.")
        assert blocks[at + 1] == f"Table {n + 1}: Sizes of {name.split()[1]}"
        assert blocks[at + 2].startswith("| Part | Size |\n| --- | --- |\n| part0 | 0 |")


def test_a_table_above_a_heading_of_the_outline_is_kept() -> None:
    def draw(paper: Any, index: int) -> None:
        grid(paper, [["Pump", "Size"], ["Echo", "12"]], 780)
        paper.bookmarkHorizontal("valves", 0, 790)
        paper.addOutlineEntry("Valves", "valves", 0)
        write(paper, ["Valves"], 720, "Times-Bold", 14)
        write(paper, full(1), 700)

    parts = read(draw).parts
    assert [part.heading for part in parts] == [(), ("Valves",)]
    assert parts[0].text == "| Pump | Size |\n| --- | --- |\n| Echo | 12 |"


def test_running_heads_with_three_dots_or_without_a_gap_go() -> None:
    titles = [
        "How is the large pump of the upper tank started",
        "What must be done before the winter",
        "Where are the spare parts that are needed kept",
        "Who may open the lower valve",
        "When is the water of the tanks changed",
    ]

    def draw(paper: Any, index: int) -> None:
        name = titles[index].upper()
        cut = f"{name[:24]}\u2026" if index % 2 == 0 else name
        apart = 300 if index < 3 else 0
        write(paper, ["CHAPTER 1. USE" + ("" if apart else f" 1.{index + 1}. {cut}")], 800)
        if apart:
            write(paper, [f"1.{index + 1}. {cut}"], 800, x=72 + apart)
        y = write(paper, [f"1.{index + 1} {titles[index]}"], 750, "Times-Bold", 14)
        write(paper, full(index), y - 10)

    content = read(draw, 5, pageCompression=0)
    assert [part.heading for part in content.parts] == [
        (f"1.{n + 1} {title}",) for n, title in enumerate(titles)
    ]
    assert [part.text for part in content.parts] == [" ".join(full(n)) for n in range(5)]


def test_an_index_is_a_list_and_its_letters_and_repeated_notes_are_no_headings() -> None:
    words = {"P": ["pipe", "pump"], "T": ["tank", "tube"], "V": ["valve", "vent"]}

    def draw(paper: Any, index: int) -> None:
        y = 780.0
        if index < 3:
            y = write(paper, [f"{index + 1} Part {'ABC'[index]}"], y, "Times-Bold", 16) - 8
            y = write(paper, full(index), y) - 20
            y = write(paper, ["Warning"], y, "Times-Bold", 14) - 4
            y = write(paper, full(20 + index), y) - 20
            y = write(paper, [f"{index + 1}.1 Section"], y, "Times-Bold", 16) - 8
            write(paper, full(10 + index), y)
            return
        y = write(paper, ["4 Index"], y, "Times-Bold", 16) - 8
        for letter, names in words.items():
            y = write(paper, [letter], y - 8, "Times-Bold", 14)
            y = write(paper, [f"{name} {'. ' * 30} {n + 2}, 9" for n, name in enumerate(names)], y)

    content = read(draw, 4)
    assert [part.heading[-1] for part in content.parts] == [
        "1 Part A", "1.1 Section", "2 Part B", "2.1 Section", "3 Part C", "3.1 Section", "4 Index",
    ]  # fmt: skip
    assert content.parts[-1].text.split("\n\n") == [
        "P", "- pipe 2, 9\n- pump 3, 9", "T", "- tank 2, 9\n- tube 3, 9",
        "V", "- valve 2, 9\n- vent 3, 9",
    ]  # fmt: skip
    assert text_of(content).count("Warning\n\n") == 3


def test_explained_terms_and_lines_below_one_that_hangs_over_stay_whole() -> None:
    name = ["Each name is the name of a tank, see section six (Tanks, page", "100)."]
    wide = ["The tanks are filled with water which is made of", "Hydrogen and oxygen."]

    def draw(paper: Any, index: int) -> None:
        y = 780.0
        for n in range(4):
            if index:
                y = write(paper, wide, y) - 10
            else:
                write(paper, [f"-{n}"], y)
                y = write(paper, name, y, x=120) - 6
        write(paper, ["A line that is by far too long for the measure of this page."], y)

    blocks = text_of(read(draw, 2)).split("\n\n")
    assert blocks[:4] == [f"-{n} {' '.join(name)}" for n in range(4)]
    assert blocks[5:9] == [" ".join(wide)] * 4


def test_notes_are_whole_and_those_before_an_empty_page_are_kept() -> None:
    def draw(paper: Any, index: int) -> None:
        if index == 0:
            write(paper, full(0), 700)
            notes = [
                "1 The pump was made by the works in Upper Town, and not before July",
                "3, 2015.",
            ]
            write(paper, notes, 60, size=7, lead=8)
        elif index == 2:
            write(paper, full(1), 700)

    assert text_of(read(draw, 3)).split("\n\n") == [
        " ".join(full(0)),
        "1 The pump was made by the works in Upper Town, and not before July 3, 2015.",
        " ".join(full(1)),
    ]


def test_chinese_lines_join_without_a_space() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    lines = [
        "水泵每天把水从下面的水箱送到上面的水箱里去并且不停地检查水位和压力以及温度是否正常，",
        "如果不正常就报警。",
    ]

    def draw(paper: Any, index: int) -> None:
        write(paper, lines, 700, "STSong-Light", 10)

    assert text_of(read(draw)) == "".join(lines)


def test_turned_pages_are_read_and_raised_numbers_stay_apart() -> None:
    def draw(paper: Any, index: int) -> None:
        if index:
            write(paper, ["The valve"], 700)
            paper.setFont("Times-Roman", 6)
            paper.drawString(72 + 37.5, 704, "3")
            write(paper, ["opens at 10"], 680)
            paper.setFont("Times-Roman", 6)
            paper.drawString(72 + 46, 684, "6")
        else:
            paper.rotate(90)
            write(paper, full(7), -200)

    content = read(draw, 2)
    assert content.parts[0].text.startswith(" ".join(full(7)))
    assert "The valve 3" in text_of(content) and "10^6" in text_of(content)


def test_the_title_is_what_the_page_says_and_no_file_name() -> None:
    def draw(paper: Any, index: int) -> None:
        if index == 0:
            paper.setTitle("Microsoft Word - final_v3.docx")
        y = write(paper, ["Pump Echo: The Manual"], 780, "Times-Bold", 24)
        write(paper, full(index), y - 20)

    assert read(draw).title == "Pump Echo: The Manual"


def picture(paper: Any) -> None:
    from PIL import Image
    from reportlab.lib.utils import ImageReader

    paper.drawImage(ImageReader(Image.new("RGB", (60, 80), "gray")), 0, 0, WIDTH, HEIGHT)


def test_scans_are_counted_and_a_document_of_scans_alone_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ocr, "available", lambda: False)

    def draw(paper: Any, index: int) -> None:
        if index == 1:
            write(paper, full(0), 700)
        else:
            picture(paper)

    words = "of 3 pages are scanned images; to read them: pip install 'self-evolution[ocr]'"
    assert read(draw, 3).note == f"2 {words}"
    with pytest.raises(Malformed, match=r"3 of 3 pages are scanned images; .*\[ocr\]"):
        read(lambda paper, _: picture(paper), 3)
    with pytest.raises(Malformed, match="an image; to read the text in it"):
        ocr.read_image(b"")


@pytest.mark.skipif(not ocr.available(), reason="needs the extra `ocr`")
def test_scans_and_images_are_read() -> None:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (1000, 1400), "white")
    pen = ImageDraw.Draw(image)
    pen.text((50, 60), "Pump Echo has a size of 12 bar", "black", ImageFont.load_default(48))
    out = io.BytesIO()
    image.save(out, "PNG")
    assert "size of 12 bar" in text_of(ocr.read_image(out.getvalue()))

    def draw(paper: Any, _: int) -> None:
        from reportlab.lib.utils import ImageReader

        paper.drawImage(ImageReader(image), 0, 0, WIDTH, HEIGHT)

    assert "size of 12 bar" in text_of(read(draw))


def test_a_password_and_broken_files_say_why() -> None:
    from reportlab.lib.pdfencrypt import StandardEncryption

    locked = made(book, encrypt=StandardEncryption("user", ownerPassword="owner"))
    with pytest.raises(Malformed, match="needs a password"):
        pdf.read(locked)
    for data in (b"", b"%PDF-1.4\n", b"PK\x03\x04", made(book)[:300]):
        with pytest.raises(Malformed, match=r"not a PDF|without pages"):
            pdf.read(data)
    assert read(lambda *_: None).parts == []


def test_page_trees_that_lead_to_themselves_or_lie_come_to_an_end() -> None:
    def document(pages: str) -> bytes:
        return (
            "%PDF-1.4\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
            f"2 0 obj {pages} endobj\ntrailer <</Root 1 0 R/Size 3>>\n%%EOF"
        ).encode()

    for pages in (
        "<</Type/Pages/Kids[2 0 R]/Count 1>>",
        "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 1000000000>>",
        "<</Type/Pages/Kids[]/Count 2000000000>>",
        "<</Type/Pages/Kids[2 0 R]/Count -5>>",
    ):
        try:
            content = pdf.read(document(pages))
        except Malformed:
            continue
        assert not text_of(content)


WORDS = st.text(alphabet=st.sampled_from("abcdefghijklmnop"), min_size=2, max_size=9)


@settings(max_examples=40, deadline=None)
@given(
    paragraphs=st.lists(st.lists(WORDS, min_size=1, max_size=60), min_size=1, max_size=12),
    width=st.integers(5, 14),
    size=st.sampled_from([8.0, 10.0, 12.5]),
)
def test_no_word_is_lost_and_the_order_is_kept(
    paragraphs: list[list[str]], width: int, size: float
) -> None:
    lines: list[str] = []
    for words in paragraphs:
        lines += [" ".join(words[i : i + width]) for i in range(0, len(words), width)]

    def draw(paper: Any, index: int) -> None:
        write(paper, lines[index * 40 : index * 40 + 40], 780, size=size, lead=size * 1.2)

    found = text_of(read(draw, 1 + (len(lines) - 1) // 40))
    assert found.split() == " ".join(lines).split()


def test_broken_bytes_never_crash() -> None:
    whole = made(book, 3, pageCompression=0)
    chance = random.Random(7)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 40)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            content = pdf.read(bytes(data[: chance.randint(len(data) // 2, len(data))]))
        except Malformed:
            continue
        assert not re.search("[\x00-\x08\ud800-\udfff]", text_of(content))
