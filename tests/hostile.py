"""Files that a reader must survive: mutations of good ones, and bad ones by design."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from self_evolution.documents.readers import READERS

ALIASES = {
    "xlsm",
    "htm",
    "xhtml",
    "markdown",
    "text",
    "asciidoc",
    "ndjson",
    "jpg",
    "jpeg",
    "tif",
    "tiff",
}
"""Endings whose reader has another ending in `good` too."""

WORDS = "The port of server Alpha is 4711. Pumpe Bravo läuft. 告警级别为重要。"

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "boom boom boom boom boom boom boom boom">'
    + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    + "]>"
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a9 SYSTEM "file:///etc/passwd">]>'
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def zipped(members: dict[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def docx(body: str = "", prolog: str = "") -> bytes:
    paragraph = f"<w:p><w:r><w:t>{WORDS}</w:t></w:r></w:p>"
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    return zipped(
        {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
            'content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats'
            '-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>',
            "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
            f'relationships"><Relationship Id="r1" Type="{relation}" Target="word/document.xml"/>'
            "</Relationships>",
            "word/document.xml": f"{prolog}<w:document {W}><w:body>{paragraph}{body}</w:body>"
            "</w:document>",
        }
    )


def epub(body: str = f"<h1>One</h1><p>{WORDS}</p>", prolog: str = "") -> bytes:
    page = f'{prolog}<html xmlns="http://www.w3.org/1999/xhtml"><body>{body}</body></html>'
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:'
            'container"><rootfiles><rootfile full-path="a.opf" media-type="application/'
            'oebps-package+xml"/></rootfiles></container>',
            "a.opf": '<package xmlns="http://www.idpf.org/2007/opf"><metadata/><manifest>'
            '<item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="c"/></spine></package>',
            "c.xhtml": page,
        }
    )


def odt(body: str, prolog: str = "") -> bytes:
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text", "table", "style")
    )
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"{prolog}<office:document-content {spaces}><office:body><office:text>"
            f"{body}</office:text></office:body></office:document-content>",
            "styles.xml": f"<office:document-styles {spaces}><office:styles/>"
            "</office:document-styles>",
        }
    )


def pptx() -> bytes:
    from pptx import Presentation

    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Slide"
    slide.placeholders[1].text = WORDS
    out = io.BytesIO()
    show.save(out)
    return out.getvalue()


def xlsx() -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    for row in (["name", "value"], ["port", 4711], ["告警", "=1+1"]):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def pdf(extra: dict[int, bytes] | None = None, content: bytes = b"") -> bytes:
    """A page with a line of text; `extra` adds or replaces objects by number."""
    stream = content or b"BT /F1 12 Tf 72 700 Td (The port of server Alpha is 4711.) Tj ET"
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        4: b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        5: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    } | (extra or {})
    out = bytearray(b"%PDF-1.4\n")
    places = {}
    for number, body in sorted(objects.items()):
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (max(objects) + 1)
    for number in range(1, max(objects) + 1):
        out += b"%010d 00000 n \n" % places.get(number, 0)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        max(objects) + 1,
        table,
    )
    return bytes(out)


def tar(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def good() -> dict[str, bytes]:
    """A small file of every format, by its ending."""
    text = f"# One\n\n{WORDS}\n\n## Two\n\n- a\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n```\nx\n```\n"
    page = (
        f"<html><head><title>T</title></head><body><h1>One</h1><p>{WORDS}</p><table><tr><th>a</th>"
    )
    page += "<th>b</th></tr><tr><td>1</td><td>2</td></tr></table><pre>code</pre></body></html>"
    mail = (
        "From: a@example.org\nTo: b@example.org\nSubject: Port\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/plain; '
        f"charset=utf-8\n\n{WORDS}\n--x\nContent-Type: text/markdown\n"
        "Content-Disposition: attachment; filename=a.md\n\n# One\n\nAttached.\n--x--\n"
    )
    found = {
        "md": text.encode(),
        "txt": f"One\n===\n\n{WORDS}\n".encode("utf-16"),
        "rst": f"One\n===\n\n{WORDS}::\n\n    code\n".encode(),
        "adoc": f"= One\n\n== Two\n\n{WORDS}\n\n----\ncode\n----\n".encode(),
        "html": page.encode(),
        "csv": f"name,value\nport,4711\ntext,{WORDS}\n".encode("gb18030", "replace"),
        "tsv": b"name\tvalue\nport\t4711\n",
        "json": json.dumps([{"instruction": WORDS}, {"text": "two"}]).encode(),
        "jsonl": (json.dumps({"text": WORDS}) + "\n").encode() * 3,
        "eml": mail.encode(),
        "docx": docx(),
        "pptx": pptx(),
        "xlsx": xlsx(),
        "epub": epub(),
        "pdf": pdf(),
        "zip": zipped({"a.md": text, "b/c.txt": WORDS}),
        "tar": tar({"a.md": text.encode()}, "w"),
        "tar.gz": tar({"a.md": text.encode()}),
        "gz": gzip.compress(text.encode()),
        "png": b"\x89PNG\r\n\x1a\n" + os.urandom(64),
        "odt": odt(f"<text:p>{WORDS}</text:p>"),
        "rtf": rb"{\rtf1\ansi {\b One}\par The port is 4711.\par \u956?m {\field{\*\fldinst X}}}",
        "tex": rb"\section{One} $\frac{a}{b}$ \newcommand{\x}[1]{#1} \x{The port} "
        rb"\input{/etc/passwd} \begin{tabular}{l} a \\ \end{tabular}",
        "org": b"* One\nThe *port* is =4711=.\n| a | b |\n#+BEGIN_SRC sh\nx\n#+END_SRC\n",
        "mediawiki": b"= One =\n'''The port'''\n{|\n! a\n|-\n| b\n|}\n{{x|y}} [[File:a.png]]\n",
        "docbook": f"<article><title>A</title><para>{WORDS}</para></article>".encode(),
        "xml": f"<a><title>A</title><p>{WORDS} <b>x</b></p><tr><td>1</td></tr></a>".encode(),
        "ipynb": json.dumps(
            {
                "cells": [
                    {"cell_type": "markdown", "source": ["# One\n", WORDS]},
                    {"cell_type": "code", "source": "x", "outputs": [{"text": ["y"]}]},
                ]
            }
        ).encode(),
        "srt": f"1\n00:00:01,000 --> 00:00:02,000\n{WORDS}\n".encode(),
        "vtt": f"WEBVTT\n\n00:01.000 --> 00:02.000\n<v A>{WORDS}\n".encode(),
    }
    others = {ending[1:] for ending in READERS} - ALIASES - found.keys()
    return found | {ending: text.encode() for ending in sorted(others)}


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return the bytes with some flipped, lost, repeated, swapped, or cut off."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(out) or 1)
        size = rng.randint(1, max(1, len(out) // 8))
        kind = rng.randrange(6)
        if kind == 0:
            for _ in range(rng.randint(1, 16)):
                if out:
                    out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del out[at:]
        elif kind == 2:
            del out[at : at + size]
        elif kind == 3:
            out[at:at] = out[at : at + size] * rng.randint(1, 20)
        elif kind == 4:
            out[at:at] = rng.randbytes(rng.randint(1, 64))
        else:
            out[at : at + size] = bytes(reversed(out[at : at + size]))
    return bytes(out)


def mutated_inside(data: bytes, rng: random.Random) -> bytes:
    """An archive with one of its members mutated, and packed again without a fault."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members: dict[str, str | bytes] = {n: archive.read(n) for n in archive.namelist()}
    name = rng.choice(sorted(members))
    content = members[name]
    assert isinstance(content, bytes)
    members[name] = mutated(content, rng)
    return zipped(members)


def mutations(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """(name, content) of `count` broken files, as many of each format."""
    rng = random.Random(seed)
    kinds = list(good().items())
    for number in range(count):
        ending, data = kinds[number % len(kinds)]
        packed = ending in ("docx", "pptx", "xlsx", "epub", "zip") and rng.random() < 0.7
        change: Callable[[bytes, random.Random], bytes] = mutated_inside if packed else mutated
        yield f"m{number:05}.{ending}", change(data, rng)


def designed() -> Iterator[tuple[str, bytes]]:
    """(name, content) of files that are made to hang, to swell or to reach out."""
    yield "empty.md", b""
    for ending in good():
        yield f"nothing.{ending}", b""
        yield f"zeros.{ending}", bytes(100_000)
        yield f"noise.{ending}", random.Random(ending).randbytes(100_000)
    for mark in "#|`=*[>-<&_~ ":
        yield f"run-{ord(mark)}.md", mark.encode() * 1_000_000
        yield f"lines-{ord(mark)}.md", (mark + "\n").encode() * 300_000
        yield f"run-{ord(mark)}.txt", mark.encode() * 1_000_000
        yield f"run-{ord(mark)}.adoc", mark.encode() * 1_000_000
        yield f"run-{ord(mark)}.html", mark.encode() * 1_000_000
    yield "nested.html", b"<div>" * 200_000 + b"x"
    yield "tables.html", b"<table><tr><td>" * 20_000 + b"x"
    yield "lists.html", b"<ul><li>" * 50_000 + b"x"
    yield "span.html", b'<table><tr><td colspan="999999999" rowspan="999999999">x</td></tr></table>'
    yield "entity.html", (BOMB + "<html><body>&a9;</body></html>").encode()
    yield "outside.html", (OUTSIDE + "<html><body>&a9;</body></html>").encode()
    yield "quotes.md", b"> " * 300_000 + b"x"
    yield "items.md", b"".join(b" " * i + b"- x\n" for i in range(3000))
    yield "nested.json", b"[" * 500_000
    yield "nested-closed.json", b"[" * 100_000 + b"1" + b"]" * 100_000
    yield "number.json", b'[{"a": ' + b"9" * 1_000_000 + b"}]"
    yield "keys.json", json.dumps({str(i): i for i in range(300_000)}).encode()
    yield "columns.csv", b"," * 2_000_000
    yield "quote.csv", b'"' + b"a,b\n" * 500_000
    yield "rows.csv", b"a,b\n" * 2_000_000
    parts = "".join(
        f'Content-Type: multipart/mixed; boundary="{i}"\n\n--{i}\n' for i in range(3000)
    )
    yield "nested.eml", f"Subject: x\nMIME-Version: 1.0\n{parts}\nx".encode()
    yield "header.eml", b"Subject: " + b"=?utf-8?q?a?= " * 100_000 + b"\n\nx"
    yield "entity.docx", docx("<w:p><w:r><w:t>&a9;</w:t></w:r></w:p>", BOMB)
    yield "outside.docx", docx("<w:p><w:r><w:t>&a9;</w:t></w:r></w:p>", OUTSIDE)
    yield "nested.docx", docx("<w:tbl><w:tr><w:tc>" * 20_000)
    yield "entity.epub", epub("<p>&a9;</p>", BOMB)
    yield "swollen.docx", docx("<w:p><w:r><w:t>x</w:t></w:r></w:p>" * 3_000_000)
    yield "swollen.epub", epub("<p>x</p>" * 8_000_000)
    with zipfile.ZipFile(io.BytesIO(xlsx())) as archive:
        sheet: dict[str, str | bytes] = {n: archive.read(n) for n in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    plain = sheet[name]
    assert isinstance(plain, bytes)
    wide = plain.replace(b'ref="A1:B3"', b'ref="A1:XFD1048576"')
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    yield "far.xlsx", zipped(sheet | {name: wide.replace(b"</sheetData>", far)})
    yield "entity.xlsx", zipped(sheet | {name: BOMB.encode() + plain.split(b"?>", 1)[-1]})
    yield "bomb.zip", zipped({f"{i}.md": b"0" * 30_000_000 for i in range(20)})
    yield "bomb.gz", gzip.compress(b"0" * 300_000_000)
    yield "bomb.tar.gz", tar({f"{i}.txt": b"0" * 30_000_000 for i in range(10)})
    deep = b"Text."
    for depth in range(20):
        deep = zipped({f"{depth}.zip" if depth else "a.md": deep})
    yield "deep.zip", deep
    yield "names.zip", zipped({"../../up.md": "Up.", "/root.md": "Root.", "a\nb.md": "Line."})
    yield "many.zip", zipped({f"{i}.md": "x" for i in range(5000)})
    yield from _markup()
    yield from _pdfs()


def _markup() -> Iterator[tuple[str, bytes]]:
    yield "macros.tex", rb"\newcommand{\a}{\b\b}\newcommand{\b}{\a\a} \a"
    yield "nested.tex", b"{" * 20_000 + b"x" + b"}" * 20_000
    yield "lists.tex", rb"\begin{itemize}\item " * 300 + b"x"
    yield "groups.rtf", rb"{\rtf1 " + b"{" * 50_000 + b"x" + b"}" * 50_000
    yield "binary.rtf", rb"{\rtf1 \bin999999999 x}"
    yield "stars.org", b"*" * 100_000 + b" x"
    yield "items.org", b"".join(b" " * i + b"- x\n" for i in range(200))
    yield "bold.mediawiki", b"'" * 25_000
    yield "nested.mediawiki", b"{{" * 500 + b"[[" * 500
    yield "tables.mediawiki", b"{|\n|\n" * 2_000
    for ending, prolog in (("docbook", BOMB), ("xml", BOMB), ("dita", OUTSIDE), ("dbk", OUTSIDE)):
        yield f"entity.{ending}", f"{prolog}<article><para>x <b>&a9;</b></para></article>".encode()
    yield "entity.odt", odt("<text:p>&a9;</text:p>", BOMB)
    yield "swollen.odt", odt("<text:p>x</text:p>" * 3_000_000)
    yield "nested.xml", b"<a>x" * 100_000 + b"</a>" * 100_000
    yield "attributes.xml", b"<a " + b" ".join(b'a%d=""' % i for i in range(20_000)) + b"/>"
    yield "declared.xml", b"<!DOCTYPE a [" + b"<!ENTITY a " * 100_000 + b"]><a/>"
    yield "quotes.dita", b"<!DOCTYPE a [" + b"\"'" * 100_000 + b"<a/>"
    cell = b'{"cell_type": "markdown", "source": "```"},'
    yield "cells.ipynb", b'{"cells": [' + cell * 50_000 + b"{}]}"
    yield "nested.ipynb", b'{"cells": ' * 100_000
    yield "times.srt", b"00:00:00,000 --> 00:00:00,000\n" * 50_000
    yield "arrows.vtt", b"WEBVTT\n\n" + b"00:00.000 -->" * 50_000
    yield "tags.vtt", b"WEBVTT\n\n00:00.000 --> 00:01.000\n" + b"<v " * 200_000


def _pdfs() -> Iterator[tuple[str, bytes]]:
    yield "kids.pdf", pdf({2: b"<< /Type /Pages /Kids [2 0 R 2 0 R 3 0 R] /Count 1000000000 >>"})
    yield "count.pdf", pdf({2: b"<< /Type /Pages /Kids [3 0 R] /Count 2147483647 >>"})
    yield "parent.pdf", pdf({2: b"<< /Type /Pages /Parent 2 0 R /Kids [3 0 R 2 0 R] /Count 2 >>"})
    resources = b"/Resources << /XObject << /X 6 0 R >> /Font << /F1 5 0 R >> >>"
    form = b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] %s /Length 5 >>\n" % resources
    form += b"stream\n/X Do\nendstream"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R %s >>" % resources
    yield "form.pdf", pdf({3: page, 6: form}, b"/X Do")
    outline = {
        1: b"<< /Type /Catalog /Pages 2 0 R /Outlines 6 0 R >>",
        6: b"<< /Type /Outlines /First 7 0 R /Last 7 0 R >>",
        7: b"<< /Title (Loop) /Parent 6 0 R /Next 7 0 R /First 7 0 R /Dest [3 0 R /Fit] >>",
    }
    yield "outline.pdf", pdf(outline)
    yield "contents.pdf", pdf({4: b"[4 0 R 4 0 R 4 0 R]"})
    yield "large.pdf", pdf({3: page.replace(b"612 792", b"1e30 1e30")})
    yield "previous.pdf", pdf().replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev 9")
    packed = zlib.compress(b"BT (x) Tj ET " * 20_000_000, 9)
    stream = b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed)
    yield "swollen.pdf", pdf({4: stream})
    yield (
        "glyphs.pdf",
        pdf(content=b"BT /F1 12 Tf " + b"1 0 0 1 0 0 Tm (abc) Tj " * 200_000 + b"ET"),
    )
    yield "lines.pdf", pdf(content=b"0 0 m 9 9 l S " * 300_000)
    yield (
        "grid.pdf",
        pdf(
            content=b"".join(
                b"%d 0 m %d 700 l 0 %d m 600 %d l S " % (i, i, i, i) for i in range(600)
            )
            + b"BT /F1 2 Tf 3 TL "
            + b"(a b c d) ' " * 200
            + b"ET"
        ),
    )


def write(folder: Path, count: int, seed: int = 0) -> int:
    """All of these in a folder, and what is no file at all; returns how many names there are."""
    folder.mkdir()
    names = 0
    for name, data in (*mutations(count, seed), *designed()):
        (folder / name).write_bytes(data)
        names += 1
    (folder / "line\nbreak\x1b[31m.md").write_text("A name with a newline.")
    os.mkfifo(folder / "pipe.pdf")
    (folder / "loop").symlink_to(folder)
    (folder / "self.md").symlink_to(folder / "self.md")
    (folder / "passwd.txt").symlink_to("/etc/passwd")
    with (folder / "sparse.csv").open("wb") as file:
        file.truncate(2 << 30)
    return names + 5  # the loop leads to where it lies, and is no name of its own
