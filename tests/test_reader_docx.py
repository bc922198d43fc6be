"""Word files: styles, lists, tables, notes and changes, as three word processors write them."""

from __future__ import annotations

import io
import random
import zipfile

import pytest

from self_evolution.documents.readers import docx, package
from self_evolution.documents.readers.base import Content, Malformed

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
M = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
STYLES = f"""<w:styles {W}>
<w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="H2"><w:name w:val="Heading 2"/><w:basedOn w:val="H1"/></w:style>
<w:style w:type="paragraph" w:styleId="Own"><w:name w:val="Überschrift eigen"/><w:basedOn w:val="Base"/></w:style>
<w:style w:type="paragraph" w:styleId="Base"><w:name w:val="Base"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="Loop"><w:name w:val="Loop"/><w:basedOn w:val="Loop"/></w:style>
<w:style w:type="paragraph" w:styleId="T"><w:name w:val="Title"/></w:style>
<w:style w:type="paragraph" w:styleId="Toc"><w:name w:val="toc 1"/></w:style>
<w:style w:type="paragraph" w:styleId="Src"><w:name w:val="Source Code"/></w:style>
<w:style w:type="paragraph" w:styleId="Pre"><w:name w:val="Preformatted Text"/></w:style>
<w:style w:type="paragraph" w:styleId="Term"><w:name w:val="Definition Term"/></w:style>
<w:style w:type="paragraph" w:styleId="Def"><w:name w:val="Definition"/></w:style>
<w:style w:type="paragraph" w:styleId="LB"><w:name w:val="List Bullet"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>
<w:style w:type="character" w:styleId="V"><w:name w:val="Verbatim Char"/></w:style>
<w:style w:type="character" w:styleId="Link"><w:name w:val="Hyperlink"/></w:style>
</w:styles>"""  # noqa: E501
NUMBERING = f"""<w:numbering {W}>
<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="•"/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%2."/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:start w:val="3"/><w:numFmt w:val="lowerRoman"/>
<w:lvlText w:val="%1)"/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="2"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val=" "/></w:lvl></w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
<w:num w:numId="3"><w:abstractNumId w:val="2"/></w:num></w:numbering>"""  # noqa: E501


def word(body: str, **members: str) -> bytes:
    files = {
        "word/document.xml": f"<w:document {W} {R} {M} {MC}><w:body>{body}</w:body></w:document>",
        "word/styles.xml": STYLES,
        "word/numbering.xml": NUMBERING,
        **{f"word/{name}.xml": text for name, text in members.items()},
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return target.getvalue()


def run(text: str, look: str = "") -> str:
    return f'<w:r><w:rPr>{look}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(content: str, style: str = "", more: str = "") -> str:
    content = content if content.startswith("<") else run(content)
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{more}</w:pPr>{content}</w:p>'


def item(content: str, name: int, depth: int = 0) -> str:
    numbers = f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{name}"/></w:numPr>'
    return paragraph(content, more=numbers)


def read(body: str, **members: str) -> Content:
    return docx.read(word(body, **members))


def text(body: str, **members: str) -> str:
    return "\n\n".join(part.text for part in read(body, **members).parts)


def test_headings_are_known_by_style_and_by_outline() -> None:
    content = read(
        paragraph("Pumps", "T")
        + paragraph("One", "H1")
        + paragraph("a")
        + paragraph("Two", "H2")
        + paragraph("b", "Loop")
        + paragraph("Three", "Own")
        + paragraph("c", "unknown")
        + paragraph("Four", more='<w:outlineLvl w:val="1"/>')
        + paragraph("d")
    )
    assert content.title == "Pumps"
    assert [(part.heading, part.text) for part in content.parts] == [
        (("One",), "a"),
        (("One", "Two"), "b"),
        (("One", "Two", "Three"), "c"),
        (("One", "Four"), "d"),
    ]


def test_runs_are_joined_and_marked_once() -> None:
    bold, code = "<w:b/>", '<w:rStyle w:val="V"/>'
    body = (
        run("wo") + run("rd", "<w:i/>") + run(" a", bold) + run("b", bold) + run(" ")
        + run("x_", code) + run("1", code) + run(" off", '<w:b w:val="0"/>')
        + run("no", "<w:vanish/>") + run(" m") + run("2", '<w:vertAlign w:val="superscript"/>')
        + "<w:r><w:tab/><w:t>tab</w:t><w:br/><w:t>line</w:t><w:noBreakHyphen/><w:t>b</w:t></w:r>"
    )  # fmt: skip
    assert text(paragraph(body)) == "word **ab** `x_1` off m^2 tab\nline-b"


def test_lists_have_their_depth_and_numbers() -> None:
    body = (
        item("one", 1) + item("sub", 1, 1) + item("more", 3, 1) + item("sub2", 1, 1)
        + item("two", 1) + paragraph("three", "LB")
        + item("x", 2) + paragraph("between") + item("y", 2)
    )  # fmt: skip
    assert text(body) == (
        "- one\n  1. sub\n\n     more\n  2. sub2\n- two\n- three\n\n3. x\n\nbetween\n\n4. y"
    )


def test_paragraphs_of_code_are_one_block() -> None:
    after = '<w:spacing w:before="0" w:after="283"/>'
    body = (
        paragraph("def f():", "Pre") + paragraph("", "Pre")
        + paragraph("    return 1", "Pre", after) + paragraph("other", "Pre") + paragraph("text")
        + paragraph("<w:r><w:t>a</w:t><w:br/><w:t>b</w:t></w:r>", "Src")
    )  # fmt: skip
    assert text(body) == (
        "```\ndef f():\n\n    return 1\n```\n\n```\nother\n```\n\ntext\n\n```\na\nb\n```"
    )
    assert text(paragraph("T", "Term") + paragraph("means", "Def")) == "T\n: means"


def cell(content: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(content)}</w:tc>"


def test_tables_with_merged_cells_and_boxes() -> None:
    down, on = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    wide = '<w:gridSpan w:val="2"/>'
    head = "<w:trPr><w:tblHeader/></w:trPr>"
    gone = '<w:trPr><w:del w:id="1"/></w:trPr>'
    body = (
        f"<w:tbl><w:tr>{head}{cell('Name')}{cell('Size', wide)}</w:tr>"
        f"<w:tr>{cell('a', down)}{cell('1')}{cell('2')}</w:tr>"
        f"<w:tr>{gone}{cell('x')}{cell('x')}{cell('x')}</w:tr>"
        f"<w:tr>{cell('', on)}{cell('3')}{cell('4')}</w:tr></w:tbl>"
    )
    assert text(body) == (
        "| Name | Size | Size |\n| --- | --- | --- |\n| a | 1 | 2 |\n| a | 3 | 4 |"
    )
    assert text(f"<w:tbl><w:tr>{cell('In a box.')}</w:tr></w:tbl>") == "In a box."


def test_notes_stay_and_deletions_contents_and_doubles_do_not() -> None:
    notes = f"""<w:footnotes {W}><w:footnote w:id="2"><w:p><w:r><w:t>Since 2019.</w:t></w:r></w:p>
    </w:footnote></w:footnotes>"""
    field = "<w:r><w:fldChar w:fldCharType='{}'/></w:r>"
    contents = (
        paragraph(field.format("begin") + "<w:r><w:instrText> TOC \\o </w:instrText></w:r>"
        + field.format("separate") + run("One 1"))
        + paragraph(run("Two 2") + field.format("end"))
    )  # fmt: skip
    body = (
        contents
        + paragraph("Three 3", "Toc")
        + f"<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val='Table of Contents'/>"
        f"</w:docPartObj></w:sdtPr><w:sdtContent>{paragraph('Four 4')}</w:sdtContent></w:sdt>"
        + paragraph(
            run("Kept") + '<w:r><w:footnoteReference w:id="2"/></w:r>'
            "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins>"
            + run(" new") + "</w:ins>"
        )
        + paragraph(
            "<w:r><mc:AlternateContent><mc:Choice><w:txbxContent>" + paragraph("Box")
            + "</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>" + paragraph("Box")
            + "</w:txbxContent></mc:Fallback></mc:AlternateContent><w:t>after</w:t></w:r>"
        )
        + paragraph("<m:oMath><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t>"
        "</m:r></m:sup></m:sSup></m:oMath>")
    )  # fmt: skip
    assert text(body, footnotes=notes) == "Kept[1] new\n\n[1] Since 2019.\n\nBox\n\nafter\n\nx^2"


def test_lists_of_links_into_the_file_are_contents() -> None:
    link = '<w:hyperlink w:anchor="a">{}</w:hyperlink>'
    menu = "".join(paragraph(link.format(run(name))) for name in ("One", "Two", "Three"))
    assert text(menu + paragraph("Prose with a " + "word.")) == "Prose with a word."
    outside = '<w:hyperlink r:id="r1">{}</w:hyperlink>'
    body = "".join(paragraph(outside.format(run(name))) for name in ("One", "Two", "Three"))
    relations = """<Relationships
    xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1"
    Target="https://example.org/" TargetMode="External"/></Relationships>"""
    data = word(body)
    with zipfile.ZipFile(target := io.BytesIO(data), "a") as archive:
        archive.writestr("word/_rels/document.xml.rels", relations)
    assert docx.read(target.getvalue()).parts[0].text == "One\n\nTwo\n\nThree"


def test_what_is_no_word_file_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Malformed, match="password-protected or old Word file"):
        docx.read(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
    with pytest.raises(Malformed, match="broken or cut off"):
        docx.read(word(paragraph("x"))[:-30])
    with pytest.raises(Malformed, match="its text is broken"):
        docx.read(word("<w:p>"))
    with zipfile.ZipFile(target := io.BytesIO(), "w") as archive:
        archive.writestr("x.txt", "x")
    with pytest.raises(Malformed, match="no Word file"):
        docx.read(target.getvalue())
    monkeypatch.setattr(package, "_LIMIT", 1 << 20)
    with pytest.raises(Malformed, match="unpacks to more than 1 MB"):
        docx.read(word(paragraph("x" * (1 << 20))))


def test_damaged_files_are_read_or_refused() -> None:
    body = paragraph("One", "H1") + item("a", 1) + f"<w:tbl><w:tr>{cell('b')}</w:tr></w:tbl>"
    whole, source = word(body), random.Random(5)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(source.randint(1, 8)):
            data[source.randrange(len(data))] = source.randrange(256)
        try:
            docx.read(bytes(data))
        except Malformed as error:
            assert str(error)
