"""The files in a folder beside books: tables, data, letters, archives, and broken files."""

from __future__ import annotations

import csv
import html
import io
import json
import subprocess
import tarfile
import textwrap
import zipfile
from collections.abc import Iterable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol

from .conversions import LOCKED, libreoffice
from .gold import CODE, HEADING, NOTE, TEXT, blocks, parse

Row = tuple[str, str, str, str, tuple[str, ...], str | None]
"""The fields of `install.Entry`: file, book, language, origin, gold, refused."""


class Place(Protocol):
    root: Path
    files: Path
    gold: Path

    def package(self, name: str) -> Path: ...


def data_files(place: Place) -> Iterator[Row]:
    """Tables of countries, languages and characters, and passages in the published format."""
    codes = place.package("iso-codes") / "usr/share/iso-codes/json"
    countries = json.loads((codes / "iso_3166-1.json").read_text())["3166-1"]
    money = json.loads((codes / "iso_4217.json").read_text())["4217"]
    scripts = json.loads((codes / "iso_15924.json").read_text())["15924"]
    names = ["alpha_2", "alpha_3", "numeric", "name", "official_name"]
    rows = [names, *([row.get(name, "") for name in names] for row in countries)]
    yield _table(place, "countries.csv", rows, ",")
    yield _sheet(place, "countries.xlsx", "countries.csv")
    names = ["alpha_4", "numeric", "name"]
    yield _table(place, "scripts.tsv", [names, *([row[n] for n in names] for row in scripts)], "\t")
    unicode = place.package("unicode-data") / "usr/share/unicode/UnicodeData.txt"
    lines = unicode.read_text().splitlines()[:1500]
    header = "code;name;category;combining;bidi;decomposition;decimal;digit;numeric;mirrored;"
    header += "old name;comment;upper;lower;title"
    rows = [line.split(";") for line in [header, *lines]]
    yield _table(place, "characters.csv", rows, ";")
    yield _sheet(place, "characters.xlsx", "characters.csv")
    # A record's values are text; the names of its fields may or may not be given with them.
    _write(place.files / "currencies.jsonl", "".join(json.dumps(row) + "\n" for row in money))
    yield "currencies.jsonl", "currencies", "en", "made", (), ""
    _write(place.files / "countries.json", (codes / "iso_3166-1.json").read_text())
    yield "countries.json", "countries", "en", "package", (), ""
    for book, language, file in (
        ("faq-zh-cn", "zh", "faq-zh-cn.passages.json"),
        ("devref-de", "de", "devref-de.passages.jsonl"),
    ):
        texts = _passages([b.text for b in blocks(parse(_book(place, book))) if b.kind == TEXT])
        lines = (line for text in texts for line in text.split("\n"))
        gold = _gold(place, file, (f"<p>{html.escape(line)}</p>" for line in lines))
        passages = [{"instruction": text, "input": "", "output": ""} for text in texts]
        lines = (json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
        whole = json.dumps(passages, ensure_ascii=False, indent=1)
        _write(place.files / file, whole if file.endswith(".json") else "".join(lines))
        yield file, book, language, "made", gold, None


def spoken(place: Place) -> Iterator[Row]:
    """Paragraphs of books as subtitles: lines of some words, each shown for two seconds."""
    for book, language, file in (("faq-de", "de", "faq-de.srt"), ("faq-ja", "ja", "faq-ja.vtt")):
        texts = [b.text for b in blocks(parse(_book(place, book))) if b.kind == TEXT][:400]
        cues, at = [], 0
        for text in texts:
            at += 10  # a pause before each paragraph
            for line in textwrap.wrap(text, 20 if language == "ja" else 42):
                times = " --> ".join(_clock(second, file) for second in (at, at + 2))
                cues.append(f"{len(cues) + 1}\n{times}\n{html.escape(line, quote=False)}\n")
                at += 2
        head = "WEBVTT\n\n" if file.endswith(".vtt") else ""
        _write(place.files / file, head + "\n".join(cues))
        paragraphs = (f"<p>{html.escape(text)}</p>" for text in texts)
        yield file, book, language, "made", _gold(place, file, paragraphs), None


def _clock(seconds: int, file: str) -> str:
    mark = "." if file.endswith(".vtt") else ","
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}000"


def topics(place: Place) -> Iterator[Row]:
    """Books as topics of DITA, each within the one above it; and a table of codes as XML."""
    for book, language in (("copyright-format", "en"), ("faq-fr", "fr")):
        file, levels = f"{book}.dita", []
        lines = []
        content = blocks(parse(_book(place, book)))
        for block in [b for b in content if b.kind != NOTE]:
            text = html.escape(block.text)
            if block.kind == HEADING:
                while levels and levels[-1] >= block.level:
                    lines.append("</topic>")
                    levels.pop()
                levels.append(block.level)
                lines.append(f"<topic><title>{text}</title>")
            else:
                tag = "codeblock" if block.kind == CODE else "p"
                lines.append(f"<body><{tag}>{text}</{tag}></body>")
        _write(
            place.files / file, "\n".join(["<dita>", *lines, "</topic>" * len(levels), "</dita>"])
        )
        yield file, book, language, "made", (f".gold/{book}.html",), None
    codes = place.package("iso-codes") / "usr/share/xml/iso-codes/iso_4217.xml"
    _write(place.files / "currencies.xml", codes.read_text())
    yield "currencies.xml", "currencies", "en", "package", (), None


def _passages(paragraphs: Iterable[str], size: int = 400) -> list[str]:
    """Paragraphs put together until a passage has `size` characters."""
    found = [""]
    for paragraph in paragraphs:
        if len(found[-1]) >= size:
            found.append("")
        found[-1] += ("\n" if found[-1] else "") + paragraph
    return found


def _table(place: Place, file: str, rows: list[list[str]], delimiter: str) -> Row:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    _write(place.files / file, text.getvalue())
    cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
    gold = _gold(place, file, ["<table>", *(f"<tr>{row}</tr>" for row in cells), "</table>"])
    return file, file.split(".")[0], "en", "made", gold, None


def _sheet(place: Place, file: str, source: str) -> Row:
    # By way of a copy whose delimiter LibreOffice expects, all columns as text: 004 stays 004.
    work = place.root / ".work" / source
    work.parent.mkdir(parents=True, exist_ok=True)
    delimiter = ";" if source.startswith("characters") else ","
    text = io.StringIO()
    with (place.files / source).open(newline="", encoding="utf-8") as stream:
        csv.writer(text).writerows(csv.reader(stream, delimiter=delimiter))
    _write(work, text.getvalue())
    columns = "/".join(f"{number}/2" for number in range(1, 16))
    given = f"--infilter=CSV:44,34,76,1,{columns}"
    libreoffice({work: place.files / file}, place.root / ".work", options=(given,))
    gold = (str((place.gold / f"{source}.html").relative_to(place.root)),)
    return file, source.split(".")[0], "en", "LibreOffice", gold, None


def letters(place: Place) -> Iterator[Row]:
    """Mail in three languages: in an old encoding, as text and HTML, and with an attachment."""
    for book, language, charset in (
        ("faq-ja", "ja", "iso-2022-jp"),
        ("faq-zh-cn", "zh", "utf-8"),
        ("faq-de", "de", "iso-8859-1"),
    ):
        content = [b for b in blocks(parse(_book(place, book))) if b.kind in (TEXT, CODE, HEADING)]
        texts = [b.text.encode(charset, "ignore").decode(charset) for b in content[20:60]]
        message = EmailMessage()
        message["From"], message["To"] = "team@example.org", "list@example.org"
        message["Subject"] = texts[0]
        message["Date"] = "Mon, 02 Nov 2026 10:00:00 +0000"
        message.set_content("\n\n".join(texts), charset=charset)
        paragraphs = [f"<p>{html.escape(text)}</p>" for text in texts]
        if language == "zh":
            message.add_alternative("\n".join(paragraphs), subtype="html", charset=charset)
        if language == "de":
            message.add_attachment(b"\x89PNG\r\n", "image", "png", filename="bild.png")
        file = f"{book}.eml"
        (place.files / file).write_bytes(message.as_bytes())
        yield file, book, language, "made", _gold(place, file, paragraphs), None


def archives(place: Place) -> Iterator[Row]:
    """A zip with three languages, and a compressed tar with pages of a book."""
    members = ("copyright-format.txt", "faq-fr.pandoc.md", "faq-zh-cn.gb18030.txt")
    with zipfile.ZipFile(place.files / "mixed.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for member in members:
            packed.write(place.files / member, f"docs/{member}")
    names = (".gold/copyright-format.html", ".gold/faq-fr.html", ".gold/faq-zh-cn.html")
    yield "mixed.zip", "mixed", "", "made", names, None
    pages = sorted((place.gold / "maint-en").iterdir())[1:5]
    with tarfile.open(place.files / "maint-en.tar.gz", "w:gz") as tar:
        for page in pages:
            tar.add(page, f"pages/{page.name}")
    gold = tuple(str(page.relative_to(place.root)) for page in pages)
    yield "maint-en.tar.gz", "maint-en", "en", "made", gold, None


def refused(place: Place) -> Iterator[Row]:
    """Files that nobody can read, each with a word that a true reason has."""
    page = place.gold / "perl-policy.html"
    work = place.root / ".work"
    locked = place.files / "locked.pdf"
    libreoffice({page: locked}, work, LOCKED)
    yield "locked.pdf", "perl-policy", "en", "LibreOffice", (), "password|encrypt"
    images = work / "scan"
    images.mkdir(exist_ok=True)
    source = place.files / "maint-en.pdf"
    order = ["pdftoppm", "-png", "-r", "60", "-f", "5", "-l", "7", source, images / "page"]
    subprocess.run(order, check=True)
    scan = work / "scan.html"
    sheets = sorted(images.iterdir())
    _write(scan, "".join(f'<p><img src="file://{sheet}"></p>' for sheet in sheets))
    libreoffice({scan: place.files / "scan.pdf"}, work)
    yield "scan.pdf", "maint-en", "en", "LibreOffice", (), "ocr|scan"
    old = place.files / "old.docx"
    middle = work / "old.doc"
    libreoffice({page: middle}, work)
    old.write_bytes(middle.read_bytes())
    yield "old.docx", "perl-policy", "en", "LibreOffice", (), r"\.doc\b|old|97|zip|Word"
    whole = (place.files / "devref-en.pandoc.docx").read_bytes()
    (place.files / "cut.docx").write_bytes(whole[: len(whole) // 2])
    yield "cut.docx", "devref-en", "en", "made", (), "broken|cut|damaged|zip|truncated|not a"
    (place.files / "picture.pdf").write_bytes(sheets[0].read_bytes())
    yield "picture.pdf", "maint-en", "en", "made", (), "PDF"
    _write(place.files / "empty.txt", " \n\n")
    yield "empty.txt", "", "", "made", (), "no text|empty"
    (place.files / "noise.txt").write_bytes(sheets[0].read_bytes()[:50_000])
    yield "noise.txt", "", "", "made", (), "UTF-8|encoding|binary|PNG"
    _write(place.files / "cut.json", (place.files / "faq-zh-cn.passages.json").read_text()[:9000])
    yield "cut.json", "faq-zh-cn", "zh", "made", (), "JSON"


def _book(place: Place, name: str) -> bytes:
    return (place.gold / f"{name}.html").read_bytes()


def _gold(place: Place, file: str, body: Iterable[str]) -> tuple[str, ...]:
    path = place.gold / f"{file}.html"
    _write(path, '<meta charset="utf-8"><body>' + "\n".join(body))
    return (str(path.relative_to(place.root)),)


def _write(path: Path, text: Any) -> None:
    path.write_text(text, encoding="utf-8", newline="")
