"""Word files: symbols, formulas, fields, tracked changes and struck-out text."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from self_evolution.documents.readers import docx
from self_evolution.documents.readers.base import Content
from self_evolution.documents.readers.docx.equations import equation
from self_evolution.documents.readers.docx.symbols import meant, symbol

CASES = Path(__file__).parents[2] / "shared" / "cases" / "docx"
SPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
)


def read(body: str) -> Content:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(
            "word/document.xml", f"<w:document {SPACES}><w:body>{body}</w:body></w:document>"
        )
    return docx.read(file.getvalue())


def text(body: str) -> str:
    return "\n".join(part.text for part in read(body).parts)


def run(words: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{words}</w:t></w:r>'


def math(words: str) -> str:
    return f"<m:r><m:t>{words}</m:t></m:r>"


@pytest.mark.parametrize(
    ("font", "codes", "characters"),
    [
        ("Symbol", "F061 F062 F067 F06D F070 F057 F044", "αβγμπΩΔ"),
        ("Symbol", "F0A3 F0B3 F0B1 F0B0 F0B4 F0B9 F0BB", "≤≥±°×≠≈"),
        ("Symbol", "0061 00B1", "α±"),
        ("Wingdings", "F0FC F0FB F0FE F0FD F0A8", "✓✗☑☒☐"),
        ("wingdings", "F0E0 F0DF F06C F0A7 F0D8", "→←●▪➢"),
        ("Wingdings 2", "F050 F04F F052 F051 F0A3", "✓✗☑☒☐"),
        ("Wingdings 3", "F070 F071 F067", "▲▼→"),
        ("Webdings", "F061 F072", "✓✗"),
        ("Segoe UI Symbol", "2611 2612", "☑☒"),
        ("Symbol", "F0F0 zz", ""),
    ],
)
def test_symbols_are_what_their_font_shows(font: str, codes: str, characters: str) -> None:
    assert "".join(symbol(font, code) for code in codes.split()) == characters


@pytest.mark.parametrize(
    ("given", "font", "shown"),
    [
        ("5 \uf06dF", "", "5 μF"),
        ("5 μF", "Arial", "5 μF"),
        ("\uf0b1 2", "Times New Roman", "± 2"),
        ("\uf0fc", "Wingdings", "✓"),
        ("m", "Symbol", "μ"),
        ("日本", "Symbol", "日本"),
    ],
)
def test_private_characters_are_read_by_their_font(given: str, font: str, shown: str) -> None:
    assert meant(given, font) == shown


def fraction(above: str, below: str, kind: str = "") -> str:
    properties = f'<m:fPr><m:type m:val="{kind}"/></m:fPr>' * bool(kind)
    return f"<m:f>{properties}<m:num>{above}</m:num><m:den>{below}</m:den></m:f>"


def bracketed(inner: str, properties: str = "") -> str:
    return f"<m:d><m:dPr>{properties}</m:dPr>{inner}</m:d>"


def base(inner: str) -> str:
    return f"<m:e>{inner}</m:e>"


@pytest.mark.parametrize(
    ("source", "typed"),
    [
        (math("a") + bracketed(base(math("x+1"))), "a(x+1)"),
        (fraction(math("a+b"), math("2c")), "(a+b)/(2c)"),
        (fraction(math("1"), math("2")), "1/2"),
        (fraction(math("3"), math("8"), "lin"), "3/8"),
        (fraction(math("n"), math("k"), "noBar"), "C(n,k)"),
        (bracketed(base(fraction(math("n"), math("k"), "noBar"))), "C(n,k)"),
        (f"<m:rad><m:deg/>{base(math('16'))}</m:rad>", "√16"),
        (f"<m:rad><m:deg>{math('3')}</m:deg>{base(math('x+1'))}</m:rad>", "√[3](x+1)"),
        (f"<m:sSup>{base(math('10'))}<m:sup>{math('-6')}</m:sup></m:sSup>", "10^-6"),
        (f"<m:sSup>{base(math('y'))}<m:sup>{math('n+1')}</m:sup></m:sSup>", "y^(n+1)"),
        (f"<m:sSub>{base(math('x'))}<m:sub>{math('i')}</m:sub></m:sSub>", "x_i"),
        (
            '<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr>'
            f"<m:sub>{math('i=1')}</m:sub><m:sup>{math('10')}</m:sup>{base(math('i'))}</m:nary>",
            "Σ_(i=1)^(10) i",
        ),
        (
            f"<m:nary><m:sub>{math('0')}</m:sub><m:sup>{math('1')}</m:sup>{base(math('x'))}</m:nary>",
            "∫_(0)^(1) x",
        ),
        (f"<m:bar>{base(math('x'))}</m:bar>", "x̄"),
        (f"<m:acc>{base(math('v'))}</m:acc>", "v̂"),
        (bracketed(base(math("y")), '<m:begChr m:val="|"/><m:endChr m:val="|"/>'), "|y|"),
        (bracketed(base(math("a")) + base(math("b")), '<m:sepChr m:val=","/>'), "(a,b)"),
        (
            f"<m:func><m:fName>{math('sin')}</m:fName>{base(math('x'))}</m:func>",
            "sin x",
        ),
        (
            "<m:m>"
            + "".join(f"<m:mr>{base(math(a))}{base(math(b))}</m:mr>" for a, b in ("12", "34"))
            + "</m:m>",
            "[1, 2; 3, 4]",
        ),
        (math("\uf061=2"), "α=2"),
    ],
)
def test_a_formula_is_typed_on_one_line(source: str, typed: str) -> None:
    found = text(f"<w:p>{run('It is ')}<m:oMath>{source}</m:oMath>{run(' here.')}</w:p>")
    assert found == f"It is {typed} here."


@pytest.mark.parametrize(
    ("instruction", "typed"),
    [
        (r" EQ \f(3,8) ", "3/8"),
        (r"EQ \f(a+b;2c)", "(a+b)/(2c)"),
        (r"eq \r(16)", "√16"),
        (r"EQ \r(3,x+1)", "√[3](x+1)"),
        (r"EQ 10\s\up8(-6)", "10^-6"),
        (r"EQ x\s\do4(i)", "x_i"),
        (r"EQ \i\su(i=1,10,i)", "Σ_(i=1)^(10) i"),
        (r"EQ \b\bc\[(x+1)", "[x+1]"),
        (r"EQ \f(1,\r(2))", "1/(√2)"),
        (r"EQ \o(a,b)", "ab"),
        ("PAGE", ""),
        ("EQ " + r"\f(" * 5000, None),
    ],
)
def test_a_field_of_an_equation_is_typed(instruction: str, typed: str | None) -> None:
    found = equation(instruction)
    assert found == typed if typed is not None else isinstance(found, str)


@pytest.mark.parametrize(
    ("box", "shown"),
    [
        ('<w:checked w:val="1"/>', "☒"),
        ('<w:checked w:val="0"/>', "☐"),
        ("<w:checked/>", "☒"),
        ('<w:default w:val="1"/>', "☒"),
        ('<w:default w:val="1"/><w:checked w:val="0"/>', "☐"),
        ("", "☐"),
    ],
)
def test_a_checkbox_of_a_form_is_ticked_or_not(box: str, shown: str) -> None:
    field = f"<w:ffData><w:checkBox>{box}</w:checkBox></w:ffData>"
    start = f'<w:r><w:fldChar w:fldCharType="begin">{field}</w:fldChar></w:r>'
    code = "<w:r><w:instrText> FORMCHECKBOX </w:instrText></w:r>"
    end = '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    assert text(f"<w:p>{start}{code}{end}{run(' approved')}</w:p>") == f"{shown} approved"


@pytest.mark.parametrize(
    ("body", "kept", "struck"),
    [
        (run("40 A", "<w:strike/>") + run("50 A"), "50 A", 1),
        (run("40 A", "<w:dstrike/>") + run("50 A"), "50 A", 1),
        (run("40", "<w:strike/>") + run(" A", "<w:strike/><w:b/>") + run("50 A"), "50 A", 1),
        (run("a", "<w:strike/>") + run("50 A") + run("b", "<w:strike/>"), "50 A", 2),
        (run("50 A", '<w:strike w:val="0"/>'), "50 A", 0),
        (run("40 A", '<w:strike w:val="true"/>') + run("50 A", "<w:b/>"), "**50 A**", 1),
    ],
)
def test_struck_out_text_is_left_out_and_counted(body: str, kept: str, struck: int) -> None:
    content = read(f"<w:p>{body}</w:p>")
    assert [part.text for part in content.parts] == [kept]
    assert content.note.startswith(f"{struck} struck-out" if struck else "")
    assert bool(content.note) == bool(struck)


DELETED = "<w:pPr><w:rPr><w:del/></w:rPr></w:pPr>"


@pytest.mark.parametrize(
    ("body", "joined"),
    [
        (f"<w:p>{DELETED}{run('One ')}</w:p><w:p>{run('two.')}</w:p>", "One two."),
        (f"<w:p>{DELETED}{run('One ')}</w:p>" * 2 + f"<w:p>{run('two.')}</w:p>", "One One two."),
        (f"<w:p>{DELETED}</w:p><w:p>{run('Two.')}</w:p>", "Two."),
        (f"<w:p>{DELETED}{run('One')}</w:p>", "One"),
        (f"<w:p>{DELETED}{run('One ')}</w:p><w:p/><w:p>{run('two.')}</w:p>", "One\n\ntwo."),
        (f"<w:p>{run('One')}</w:p><w:p>{run('two.')}</w:p>", "One\n\ntwo."),
    ],
)
def test_paragraphs_join_where_the_mark_between_was_deleted(body: str, joined: str) -> None:
    assert text(body) == joined


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases (../shared/cases) are absent")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("symbols", "Angle α = 30°; error ≤ 2 %; gap ≠ 0; resistance 10 kΩ."),
        ("symbols", "✓ seal fitted ✗ seal worn"),
        ("symbols", "5 μF"),
        ("math", "a(x+1) for the load, and √16 bolts"),
        ("math", "(a+b)/(2c) per hour and Σ_(i=1)^(10) i steps; mean x̄, absolute |y|"),
        ("math", "C(n,k) items; limit 10^-6 Pa."),
        ("mixed", "Formula field: 3/8 inch"),
        ("mixed", "±0.5 mm, Ω ohm, ☑ done"),
        ("tracked", "First half second half joined by a deleted mark.\n\nnow 50 A"),
        ("tracked", "opens at 6.2 bar.\n\nMoved: new place 11"),
    ],
)
def test_a_case_is_read_rightly(name: str, said: str) -> None:
    content = docx.read((CASES / f"{name}.docx").read_bytes())
    assert said in "\n\n".join(part.text for part in content.parts)
    assert content.note == ("1 struck-out passage left out" if name == "tracked" else "")
