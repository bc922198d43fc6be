"""PDF files that the tests draw: exponents, hidden text, stamps, forms, text that runs left."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from self_evolution.documents.readers import pdf
from self_evolution.documents.readers.base import Content

canvas = pytest.importorskip("reportlab.pdfgen.canvas", reason="reportlab draws the PDFs")

TEXT = "This line says how large the letters of the text are here."


def read(draw: Callable[[Any], None]) -> Content:
    """A PDF of one page that `draw(canvas)` fills below a line of text, as it is read."""
    out = io.BytesIO()
    paper = canvas.Canvas(out, pagesize=(595, 842), invariant=1)
    paper.setFont("Times-Roman", 10)
    paper.drawString(72, 780, TEXT)
    draw(paper)
    paper.showPage()
    paper.save()
    return pdf.read(out.getvalue())


def blocks(content: Content) -> list[str]:
    """The paragraphs below the first line."""
    return "\n\n".join(part.text for part in content.parts).split("\n\n")[1:]


@pytest.mark.parametrize(
    ("pieces", "wanted"),
    [
        (("10", "-6", " Pa"), "10^-6 Pa"),
        (("10", "\u20136", " Pa"), "10^\u20136 Pa"),
        (("s", "-1", ""), "s^-1"),
        (("7 g/cm", "-3", "."), "7 g/cm^-3."),
        (("y", "n+1", ""), "y^(n+1)"),
        (("x", "2n-1", " = 0"), "x^(2n-1) = 0"),
        (("x", "n", ""), "x^n"),
        (("x", "2", "+y"), "x^2+y"),
        (("10", "6", " bytes"), "10^6 bytes"),
        (("3", "1/2", " turns"), "3 1/2 turns"),
        (("Ca", "2+", " ions"), "Ca2+ ions"),
        (("the 4", "th", " one"), "the 4th one"),
        (("Mr", "1-3", " said"), "Mr 1-3 said"),
        (("le X", "e", " mois"), "le Xe mois"),
    ],
)
def test_exponents_are_marked_and_other_raised_letters_are_not(
    pieces: tuple[str, str, str], wanted: str
) -> None:
    def draw(paper: Any) -> None:
        x, sizes = 72.0, (10, 6, 10)
        for piece, size in zip(pieces, sizes, strict=True):
            paper.setFont("Times-Roman", size)
            paper.drawString(x, 740 + (4 if size == 6 else 0), piece)
            x += paper.stringWidth(piece, "Times-Roman", size)

    assert blocks(read(draw)) == [wanted]


def _stamp(paper: Any, angle: float, size: float = 60) -> None:
    paper.saveState()
    paper.translate(150, 300)
    paper.rotate(angle)
    paper.setFont("Times-Bold", size)
    paper.drawString(0, 0, "DRAFT COPY")
    paper.restoreState()


@pytest.mark.parametrize("angle", [20, 30, 45, 60, -45, 135])
def test_a_slanted_stamp_is_neither_text_nor_heading(angle: float) -> None:
    content = read(lambda paper: _stamp(paper, angle))
    assert [(part.heading, part.text) for part in content.parts] == [((), TEXT)]
    assert content.title == ""


def test_small_slanted_text_and_a_scan_that_is_askew_stay() -> None:
    assert blocks(read(lambda paper: _stamp(paper, 45, 10))) == ["DRAFT", "COPY"]
    assert read(lambda paper: _stamp(paper, 3)).title == "DRAFT COPY"


def _invisible(paper: Any) -> None:
    paper.drawString(72, 740, "Hidden 9.9 bar.", mode=3)


def _white(paper: Any) -> None:
    paper.setFillColorRGB(1, 1, 1)
    paper.drawString(72, 740, "Hidden 9.9 bar.")


def _nearly_white(paper: Any) -> None:
    paper.setFillColorRGB(0.99, 1, 0.99)
    paper.drawString(72, 740, "Hidden 9.9 bar.")


def _white_on_white(paper: Any) -> None:
    paper.setFillColorRGB(1, 1, 1)
    paper.rect(60, 730, 200, 40, stroke=0, fill=1)
    paper.drawString(72, 740, "Hidden 9.9 bar.")


def _transparent(paper: Any) -> None:
    paper.setFillColorRGB(0, 0, 0, alpha=0)
    paper.drawString(72, 740, "Hidden 9.9 bar.")


def _white_on_blue(paper: Any) -> None:
    paper.setFillColorRGB(0, 0, 0.6)
    paper.rect(60, 730, 200, 40, stroke=0, fill=1)
    paper.setFillColorRGB(1, 1, 1)
    paper.drawString(72, 740, "Hidden 9.9 bar.")


def _recognised(paper: Any) -> None:
    """A scan with the text that was recognised in it, as programs for that write it."""
    image = pytest.importorskip("PIL.Image", reason="Pillow draws the scan")
    paper.drawInlineImage(image.new("RGB", (200, 200), "white"), 0, 0, 500, 750)
    paper.drawString(72, 740, "Hidden 9.9 bar.", mode=3)


@pytest.mark.parametrize(
    ("draw", "seen"),
    [
        (_invisible, False),
        (_white, False),
        (_nearly_white, False),
        (_white_on_white, False),
        (_transparent, False),
        (_white_on_blue, True),
        (_recognised, True),
    ],
)
def test_what_nobody_sees_is_no_text(draw: Callable[[Any], None], seen: bool) -> None:
    assert blocks(read(draw)) == ["Hidden 9.9 bar."] * seen


def _label(paper: Any, text: str, y: float = 740) -> None:
    paper.drawString(72, y, text)


def _fields(paper: Any, kind: str) -> None:
    form = paper.acroForm
    place = {"x": 160, "y": 735, "borderWidth": 0}
    box = {**place, "width": 120, "height": 16}
    _label(paper, "Value:")
    match kind:
        case "text":
            form.textfield(name="a", value="SN-4711", **box)
        case "lines":
            form.textfield(name="a", value="one\ntwo", fieldFlags="multiline", **box)
        case "empty":
            form.textfield(name="a", value="", **box)
        case "password":
            form.textfield(name="a", value="secret", fieldFlags="password", **box)
        case "hidden":
            form.textfield(name="a", value="secret", annotationFlags="hidden", **box)
        case "ticked":
            form.checkbox(name="a", checked=True, size=12, **place)
        case "open":
            form.checkbox(name="a", checked=False, size=12, **place)
        case "choice":
            form.choice(name="a", value="B", options=[("Class A", "A"), ("Class B", "B")], **box)
        case "list":
            form.listbox(name="a", value="B", options=[("Class A", "A"), ("Class B", "B")], **box)
        case "radio":
            form.radio(name="a", value="x", selected=True, size=12, **place)
            _label(paper, "Other:", 700)
            form.radio(name="a", value="y", selected=False, size=12, **place | {"y": 695})
    _label(paper, "The end of the form.", 600)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("text", ["Value: SN-4711"]),
        ("lines", ["Value: one two"]),
        ("empty", ["Value:"]),
        ("password", ["Value:"]),
        ("hidden", ["Value:"]),
        ("ticked", ["Value: ☑"]),
        ("open", ["Value: ☐"]),
        ("choice", ["Value: Class B"]),
        ("list", ["Value: Class B"]),
        ("radio", ["Value: ☑", "Other: ☐"]),
    ],
)
def test_what_was_filled_in_stands_beside_its_label(kind: str, wanted: list[str]) -> None:
    content = read(lambda paper: _fields(paper, kind))
    assert blocks(content) == [*wanted, "The end of the form."]
    assert content.note == ""


_LETTERS = {"h": range(0x5D0, 0x5EB), "a": range(0x627, 0x64B)}


def _leftwards(rows: list[str], script: str) -> bytes:
    """A PDF whose capital letters are those of Hebrew or Arabic, drawn from the right to the left.

    Each row is as it is read. Words of small letters and numbers run to the right.
    """
    codes = "".join(
        f"<{ord('A') + n:02x}> <{code:04x}>\n" for n, code in enumerate(_LETTERS[script][:26])
    )
    unicode = f"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap
    /CMapName /X def /CMapType 2 def 1 begincodespacerange <00> <ff> endcodespacerange
    26 beginbfchar\n{codes}endbfchar 94 beginbfrange endbfrange endcmap end end"""
    drawn = []
    for number, row in enumerate(rows):
        x = 500.0
        for word in row.split():
            x -= 6 * len(word)
            shown = word[::-1] if word.isupper() else word
            drawn.append(f"1 0 0 1 {x:.0f} {760 - 14 * number} Tm ({shown}) Tj")
            x -= 6
    stream = f"BT /F 10 Tf {' '.join(drawn)} ET"
    font = "/Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F 5 0 R >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        f"<< {font} /ToUnicode 6 0 R >>",
        f"<< /Length {len(unicode)} >>\nstream\n{unicode}\nendstream",
    ]
    body = "".join(f"{n} 0 obj\n{one}\nendobj\n" for n, one in enumerate(objects, 1))
    return f"%PDF-1.4\n{body}trailer << /Root 1 0 R /Size 7 >>\n".encode("latin-1")


@pytest.mark.parametrize("script", ["h", "a"])
@pytest.mark.parametrize(
    "rows",
    [
        ["ABC DEFG HIJ KLMN OPQ"],
        ["ABC DEFG 6.2 HIJ 350 KLMN"],
        ["ABC DEFG HIJ KLMN OPQ ABC DEFG", "OPQ KLMN HIJ ABC DEFG RST UVWX", "RST UVW"],
        ["ABC pump DEFG HIJ"],
        ["A B C"],
    ],
)
def test_lines_that_run_to_the_left_are_whole_and_in_order(script: str, rows: list[str]) -> None:
    content = pdf.read(_leftwards(rows, script))
    letters = {chr(ord("A") + n): chr(code) for n, code in enumerate(_LETTERS[script][:26])}
    wanted = "".join(letters.get(one, one) for one in " ".join(rows))
    assert [part.text for part in content.parts] == [wanted]
