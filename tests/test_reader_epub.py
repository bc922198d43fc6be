"""E-books: order and levels of the chapters, broken and encrypted ones."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from self_evolution.documents.readers import epub, package
from self_evolution.documents.readers.base import Malformed

CONTAINER = """<?xml version="1.0"?>
<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>"""
NAV = """<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>
<nav epub:type="toc"><ol>{}</ol></nav></body></html>"""


def book(chapters: dict[str, str], contents: str = "", more: dict[str, str] | None = None) -> bytes:
    """An EPUB 3 with these chapters ({name: body}), in this order."""
    items = "".join(f'<item id="i{n}" href="{name}"/>' for n, name in enumerate(chapters))
    refs = "".join(f'<itemref idref="i{n}"/>' for n in range(len(chapters)))
    opf = f"""<package xmlns="http://www.idpf.org/2007/opf"
    xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>Pumps &amp; valves</dc:title>
    </metadata><manifest>{items}<item id="n" href="nav.xhtml" properties="nav"/></manifest>
    <spine><itemref idref="n"/>{refs}</spine>
    <guide><reference type="cover" href="cover.xhtml"/></guide></package>"""
    head = "<?xml version='1.0' encoding='utf-8'?><html xmlns='http://www.w3.org/1999/xhtml'>"
    files = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": opf,
        "OPS/nav.xhtml": NAV.format(contents),
        **{f"OPS/{name}": f"{head}<body>{body}</body></html>" for name, body in chapters.items()},
        **(more or {}),
    }
    return packed(files)


def packed(files: dict[str, str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return target.getvalue()


def sections(data: bytes) -> list[tuple[tuple[str, ...], str]]:
    return [(part.heading, part.text) for part in epub.read(data).parts]


def test_chapters_come_in_their_order_without_cover_and_contents() -> None:
    data = book(
        {
            "cover.xhtml": "<p>Cover</p>",
            "z.xhtml": "<h1>One</h1><p>Text <a id='x'/>of<b> one</b>.</p>",
            "a b.xhtml": "<h2>Deep</h2><p>Text of deep.</p>",
            "c.xhtml": "<p>It goes on.</p>",
        },
        contents="<li><a href='z.xhtml'>One</a></li><li><a href='a%20b.xhtml'>Deep</a></li>",
    )
    assert epub.read(data).title == "Pumps & valves"
    assert sections(data) == [
        (("One",), "Text of **one**."),
        (("One", "Deep"), "Text of deep.\n\nIt goes on."),
    ]


def test_levels_follow_a_table_of_contents_that_has_some() -> None:
    data = book(
        {
            "part.xhtml": "<h1>Part</h1><p>p</p>",
            "one.xhtml": "<h1>1. One</h1><p>q</p><h2>Sub</h2><p>r</p>",
            "bare.xhtml": "<p>s</p>",
        },
        contents="""<li><a href="part.xhtml">Part</a><ol><li><a href="one.xhtml#x">One</a></li>
        <li><a href="bare.xhtml">Bare</a></li></ol></li>""",
    )
    assert sections(data) == [
        (("Part",), "p"),
        (("Part", "1. One"), "q"),
        (("Part", "1. One", "Sub"), "r"),
        (("Part", "Bare"), "s"),
    ]


def test_the_older_table_of_contents_gives_headings_too() -> None:
    ncx = """<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>One
    </text></navLabel><content src="a.html"/></navPoint></navMap></ncx>"""
    opf = """<package xmlns="http://www.idpf.org/2007/opf"><manifest>
    <item id="a" href="a.html"/><item id="t" href="t.ncx" media-type="application/x-dtbncx+xml"/>
    </manifest><spine toc="t"><itemref idref="a"/></spine></package>"""
    data = packed({"b.opf": opf, "t.ncx": ncx, "a.html": "<p>x</p>"})
    assert sections(data) == [(("One",), "x")]


def test_a_book_without_elements_for_headings_shows_them_by_its_styles() -> None:
    css = """.p0 { margin: 0 } .p1 { margin: 1px } .s0 { font-size: 12pt } .s1 { font-size: 18.0pt;
    font-weight: bold } .s2 { font-size: 14pt } .s3 { font-family: 'DejaVu Sans Mono';
    font-size: 10pt }"""
    prose = "This is a long sentence that says what there is to say about it. " * 4
    body = f"""<p class="p1"><span class="s1">Setup</span></p>
    <p class="p0"><span class="s0">{prose}</span></p>
    <p class="p1"><span class="s2">Ports </span><span class="s2">and pins</span></p>
    <p class="p0"><span class="s3">a =&#160;1</span></p><p class="p0"><span class="s3">b</span></p>
    <p class="p0"><span class="s0">Use </span><span class="s1">this</span>.</p>"""
    data = book({"a.xhtml": body}, more={"OPS/s.css": css})
    assert sections(data) == [
        (("Setup",), prose.strip()),
        (("Setup", "Ports and pins"), "```\na = 1\nb\n```\n\nUse this."),
    ]


def test_broken_chapters_are_named_and_the_rest_is_read() -> None:
    data = book({"a.xhtml": "<h1>A</h1><p>Text of a.</p>", "b.xhtml": "<p>Text of b.</p>" * 50})
    at = data.index(b"OPS/b.xhtml") + 20
    damaged = data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :]
    content = epub.read(damaged)
    assert content.note == "chapters missing or broken: OPS/b.xhtml"
    assert content.parts[0].text == "Text of a."
    assert epub.read(packed({"b.xhtml": "<p>b", "a.html": "<p>a"})).parts[0].text == "a\n\nb"


def test_what_is_no_book_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    encryption = """<encryption><EncryptedData><EncryptionMethod Algorithm="{}"/>
    <CipherData><CipherReference URI="OPS/a.xhtml"/></CipherData></EncryptedData></encryption>"""
    path = "META-INF/encryption.xml"
    secret = encryption.format("http://www.w3.org/2001/04/xmlenc#aes256-cbc")
    with pytest.raises(Malformed, match="encrypted"):
        epub.read(book({"a.xhtml": "<p>x</p>"}, more={path: secret}))
    fonts = encryption.format("http://www.idpf.org/2008/embedding").replace("a.xhtml", "a.otf")
    assert epub.read(book({"a.xhtml": "<p>x</p>"}, more={path: fonts})).parts
    with pytest.raises(Malformed, match="no e-book"):
        epub.read(packed({"a.txt": "x"}))
    with pytest.raises(Malformed, match="broken or cut off"):
        epub.read(b"PK\x03\x04 and no more")
    monkeypatch.setattr(package, "_LIMIT", 1 << 20)
    with pytest.raises(Malformed, match="unpacks to more than 1 MB"):
        epub.read(book({"a.xhtml": "x" * (1 << 20)}))


def test_entities_of_a_book_are_not_expanded(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    entities = f"<!DOCTYPE p [<!ENTITY a SYSTEM 'file://{tmp_path}/secret.txt'><!ENTITY b 'bbbb'>]>"
    opf = f"""{entities}<package xmlns="http://www.idpf.org/2007/opf"><metadata>
    <title xmlns="http://purl.org/dc/elements/1.1/">T &a;&b;</title></metadata>
    <manifest><item id="a" href="a.xhtml"/></manifest>
    <spine><itemref idref="a"/></spine></package>"""
    content = epub.read(packed({"b.opf": opf, "a.xhtml": f"{entities}<p>x &a; &b;</p>"}))
    assert content.title.startswith("T") and "bbbb" not in content.title
    assert "secret" not in content.title + content.parts[0].text


def test_levels_come_from_the_table_of_contents_where_the_chapters_have_but_one() -> None:
    data = book(
        {
            "a.xhtml": "<h1>1. Pumps</h1><p>a</p>"
            "<div id='s'><h1>1.1. Small</h1><p>b</p></div><h1>Unlisted</h1><p>c</p>"
            "<h1><a id='l'/>1.2. Large</h1><p>d</p>",
            "b.xhtml": "<h1>2. Valves</h1><p>e</p><h1>Ball</h1><p>f</p>",
        },
        "<li><a href='a.xhtml'>Pumps</a><ol><li><a href='a.xhtml#s'>Small ones</a></li>"
        "<li><a href='a.xhtml#l'>Large</a></li></ol></li>"
        "<li><a href='b.xhtml'>Valves</a><ol><li><a href='b.xhtml#gone'>Ball</a></li></ol></li>",
    )
    assert sections(data) == [
        (("1. Pumps",), "a"),
        (("1. Pumps", "1.1. Small"), "b"),
        (("1. Pumps", "1.1. Small", "Unlisted"), "c"),
        (("1. Pumps", "1.2. Large"), "d"),
        (("2. Valves",), "e"),
        (("2. Valves", "Ball"), "f"),
    ]


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (
            "<h1>Pumps</h1><p>"
            + "You may copy this book as often as you like, and so on. " * 2
            + "</p>"
            "<ul><li><a href='a.xhtml'>One</a></li></ul>",
            [
                (
                    ("Pumps",),
                    ("You may copy this book as often as you like, and so on. " * 2).strip(),
                ),
                (("One",), "Text."),
            ],
        ),
        (
            "<h1>Contents</h1><p>Contents</p><ol><li><a href='a.xhtml'>One</a></li></ol>",
            [(("One",), "Text.")],
        ),
    ],
)
def test_a_title_page_with_a_table_of_contents_keeps_the_rest(
    page: str, found: list[tuple[tuple[str, ...], str]]
) -> None:
    data = book({"cover.xhtml": page, "a.xhtml": "<h1>One</h1><p>Text.</p>"})
    source = io.BytesIO(data)
    with zipfile.ZipFile(source) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    files["OPS/book.opf"] = files["OPS/book.opf"].replace('type="cover"', 'type="toc"')
    assert sections(packed(files)) == found
