"""Installs the corpus of real files: Debian's documentation packages, and conversions of them.

    python -m benchmarks.corpus.install FOLDER

FOLDER/files then has what is to be read, FOLDER/manifest.json says what each file is, and hidden
folders hold the packages and the HTML sources. Nothing is installed in the system and no right of
an administrator is needed, but the programs must be there: apt-get, dpkg, pandoc, pdftoppm, and
soffice (pandoc, poppler-utils, libreoffice-writer-nogui, libreoffice-calc-nogui, fonts-noto-cjk;
for TeX and MediaWiki libreoffice-writer2latex, libreoffice-wiki-publisher and
libreoffice-java-common).
"""

from __future__ import annotations

import bz2
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import lxml.html
from lxml.html import HtmlElement

from .books import BOOKS, ENCODED, HANDBOOKS, SOURCES, Book
from .conversions import libreoffice, outlined_pdf, pandoc
from .gold import parse
from .oddities import archives, data_files, letters, refused, spoken, topics

DATA_PACKAGES = ("iso-codes", "unicode-data")
ENTITIES = "kdoctools5"
DECLARATION = re.compile(
    r"<!ENTITY\s+([\w.-]+)\s+(?:(\"[^\"]*\"|'[^']*')|PUBLIC\s+\"[^\"]*\"\s+\"([^\"]*)\")\s*>"
)


class Entry(NamedTuple):
    """A line of the manifest.

    `gold` are the HTML sources in order, below FOLDER; none if there is no such source. `refused`
    is None for a file that must be read, or a pattern that the reason of its refusal must match.
    """

    file: str
    book: str
    language: str
    origin: str
    gold: tuple[str, ...] = ()
    refused: str | None = None


class Place(NamedTuple):
    """The folders of the corpus."""

    root: Path

    @property
    def files(self) -> Path:
        return self.root / "files"

    @property
    def gold(self) -> Path:
        return self.root / ".gold"

    def package(self, name: str) -> Path:
        return self.root / ".packages" / name


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    missing = [name for name in ("apt-get", "dpkg", "pandoc", "soffice", "pdftoppm")
               if not shutil.which(name)]  # fmt: skip
    if missing:
        sys.exit(f"not on the path: {', '.join(missing)}\n{__doc__}")
    place = Place(Path(sys.argv[1]).resolve())
    for folder in (place.files, place.gold):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    packages = {*(book.package for book in BOOKS), *(source[1] for source in SOURCES)}
    packages |= {package for package, _, _ in HANDBOOKS} | {ENTITIES}
    packages |= {copy.split(":")[0] for book in BOOKS for copy in book.copies if ":" in copy}
    download(place, sorted(packages | set(DATA_PACKAGES)))
    entries: list[Entry] = []
    for book in BOOKS:
        entries += native(place, book)
    entries += sources(place) + handbooks(place) + encoded(place)
    save(place, entries)
    print(f"{len(entries)} files of the packages", flush=True)
    entries += converted(place)
    for make in (data_files, spoken, topics, letters, archives, refused):
        entries += [Entry(*row) for row in make(place)]
    save(place, entries)
    print(f"{len(entries)} files in {len({Path(e.file).suffix for e in entries})} formats")


def save(place: Place, entries: list[Entry]) -> None:
    rows = [entry._asdict() for entry in sorted(entries)]
    (place.root / "manifest.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False))


def download(place: Place, packages: list[str]) -> None:
    """Fetch the packages that are not there and unpack them, each into a folder of its own."""
    debs = place.root / ".packages"
    debs.mkdir(parents=True, exist_ok=True)
    absent = [name for name in packages if not place.package(name).exists()]
    if absent:
        order = ["apt-get", "download", *absent]
        if subprocess.run(order, cwd=debs, check=False).returncode:
            subprocess.run(["apt-get", "update"], check=True)
            subprocess.run(order, cwd=debs, check=True)
    for deb in debs.glob("*.deb"):
        subprocess.run(["dpkg", "-x", deb, place.package(deb.name.split("_")[0])], check=True)
        deb.unlink()


def native(place: Place, book: Book) -> list[Entry]:
    """The book's files as the package has them, and its HTML source."""
    tree = place.package(book.package)
    pages = linked(tree / book.pages) if book.chapters != ("",) else [tree / book.pages]
    gold = []
    for number, page in enumerate(pages):
        copy = place.gold / book.name / f"{number:03}-{page.name}"
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(page, copy)
        gold.append(str(copy.relative_to(place.root)))
    (place.gold / f"{book.name}.html").write_bytes(clean(pages, book.language))
    entries = []
    for page, source in zip(pages, gold, strict=True):
        if page.name.startswith(book.chapters):
            name = book.name if book.chapters == ("",) else f"{book.name}-{page.name.split('.')[0]}"
            shutil.copyfile(page, place.files / f"{name}.html")
            entries.append(Entry(f"{name}.html", book.name, book.language, "package", (source,)))
    for copy in book.copies:
        package, _, path = copy.rpartition(":")
        data = (place.package(package or book.package) / path).read_bytes()
        if path.endswith(".gz"):
            data, path = gzip.decompress(data), path.removesuffix(".gz")
        file = f"{book.name}{Path(path).suffix}"
        (place.files / file).write_bytes(data)
        entries.append(Entry(file, book.name, book.language, "package", tuple(gold)))
    return entries


def linked(index: Path) -> list[Path]:
    """The index page and the pages beside it that it links to, in order."""
    root = lxml.html.document_fromstring(index.read_bytes())
    found = [index]
    for link in root.xpath("//a/@href"):
        name = unquote(link.split("#")[0])
        page = index.parent / name
        known = name in ("genindex.html", "search.html") or page in found
        if name.endswith(".html") and "/" not in name and page.exists() and not known:
            found.append(page)
    return found


def clean(pages: list[Path], language: str) -> bytes:
    """The pages as one, without navigation: what the conversions are made from."""
    body = lxml.html.Element("body")
    for page in pages:
        content = parse(page.read_bytes())
        for element in list(content.iter()):
            _simplify(element)
        content.tag = "div"
        body.append(content)
    root = lxml.html.Element("html", lang=language)
    head = lxml.html.fragment_fromstring(
        '<head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head>'
    )
    root.extend([head, body])
    return lxml.html.tostring(root, encoding="utf-8", doctype="<!DOCTYPE html>")


def _simplify(element: HtmlElement) -> None:
    link = element.get("href", "")
    spans = {key: element.get(key) for key in ("colspan", "rowspan") if element.get(key)}
    element.attrib.clear()
    element.attrib.update(spans)
    if element.tag == "a" and link.startswith("http"):
        element.set("href", link)
    elif element.tag in ("a", "span", "font") and element.getparent() is not None:
        element.drop_tag()


def sources(place: Place) -> list[Entry]:
    """Sources in AsciiDoc and reStructuredText with the HTML that was made of them."""
    entries = []
    for file, package, path, page in SOURCES:
        shutil.copyfile(place.package(package) / path, place.files / file)
        gold = place.gold / f"{file}.html"
        shutil.copyfile(place.package(package) / page, gold)
        where = str(gold.relative_to(place.root))
        entries.append(Entry(file, file, "en", "package", (where,)))
    return entries


def handbooks(place: Place) -> list[Entry]:
    """Handbooks in DocBook, with the pages that were made of them.

    What their document type declares is put into each file, for no reader has that type.
    """
    types = place.package(ENTITIES) / "usr/share/kf5/kdoctools/customization"
    entries = []
    for package, name, language in HANDBOOKS:
        folder = place.package(package) / "usr/share/doc/HTML" / language / name
        file = f"{name}-{language}.docbook"
        text = (folder / "index.docbook").read_text(encoding="utf-8")
        declared = "\n".join(declarations(types, language))
        text = text.replace("]>", f"{declared}\n]>", 1)
        (place.files / file).write_text(text, encoding="utf-8")
        pages = bz2.decompress((folder / "index.cache.bz2").read_bytes()).decode("utf-8")
        gold = []
        for number, page in enumerate(re.split(r"<FILENAME[^>]*>", pages)[1:]):
            copy = place.gold / f"{name}-{language}" / f"{number:03}.html"
            copy.parent.mkdir(exist_ok=True)
            body = lxml.html.document_fromstring(page).get_element_by_id("contentBody")
            for kind in ("authorgroup", "copyright", "legalnotice"):  # of the title page
                for element in body.find_class(kind):
                    element.drop_tree()
            copy.write_bytes(b'<meta charset="utf-8">' + lxml.html.tostring(body, encoding="utf-8"))
            gold.append(str(copy.relative_to(place.root)))
        entries.append(Entry(file, name, language, "package", tuple(gold)))
    return entries


def declarations(types: Path, language: str) -> Iterator[str]:
    """Return the declarations of KDE's document types, with each named file put in its place."""
    for part in (language, "entities", "en"):
        for path in sorted((types / part).glob("*.entities")):
            for name, value, other in DECLARATION.findall(path.read_text(encoding="utf-8")):
                if other and (path.parent / other).exists():
                    inner = (path.parent / other).read_text(encoding="utf-8")
                    text = " ".join(re.sub("<!--.*?-->", "", inner, flags=re.DOTALL).split())
                    value = f"'{text.replace(chr(39), '&#39;')}'"
                if value:
                    yield f"<!ENTITY {name} {value}>"


def encoded(place: Place) -> list[Entry]:
    """Texts in encodings other than UTF-8; what one cannot write is left out, as it was then."""
    books = {book.name: book for book in BOOKS}
    entries = []
    for name, encoding in ENCODED:
        text = (place.files / f"{name}.txt").read_text(encoding="utf-8")
        file = f"{name}.{encoding}.txt"
        (place.files / file).write_bytes(text.encode(encoding, errors="ignore"))
        gold = sorted(str(p.relative_to(place.root)) for p in (place.gold / name).iterdir())
        entries.append(Entry(file, name, books[name].language, "recoded", tuple(gold)))
    return entries


def converted(place: Place) -> list[Entry]:
    """Conversions of the books' HTML by pandoc and LibreOffice, all of a kind at once."""
    wanted: dict[str, list[Book]] = {}
    for book in BOOKS:
        for conversion in book.conversions:
            wanted.setdefault(conversion, []).append(book)
    entries = []
    for conversion, books in wanted.items():
        program, form = conversion.split(".")
        html = {place.gold / f"{book.name}.html": book for book in books}
        names = {page: f"{book.name}.{program}.{form}" for page, book in html.items()}
        targets = {page: place.files / name for page, name in names.items()}
        make = {"pandoc": pandoc, "libreoffice": libreoffice, "docx": outlined_pdf}[program]
        make(targets, place.root / ".work")
        origin = {"pandoc": "pandoc"}.get(program, "LibreOffice")
        for page, book in html.items():
            gold = (str(page.relative_to(place.root)),)
            entries.append(Entry(names[page], book.name, book.language, origin, gold))
        print(f"{len(books)} by {conversion}", flush=True)
    return entries


if __name__ == "__main__":
    os.nice(10)
    main()
