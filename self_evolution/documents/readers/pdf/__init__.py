"""PDF: the words from pdfium, and a structure built from the outline, fonts and positions."""

from __future__ import annotations

import ctypes
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from self_evolution.documents.readers import base, ocr
from self_evolution.documents.readers.base import Content, Malformed
from self_evolution.documents.readers.pdf.blocks import Blocks, typical_leading
from self_evolution.documents.readers.pdf.captions import at_their_tables
from self_evolution.documents.readers.pdf.columns import with_tables
from self_evolution.documents.readers.pdf.forms import filled, opened
from self_evolution.documents.readers.pdf.furniture import contents, running
from self_evolution.documents.readers.pdf.headings import body_size, headings
from self_evolution.documents.readers.pdf.ink import seen
from self_evolution.documents.readers.pdf.joins import Joins
from self_evolution.documents.readers.pdf.lines import Line, lines
from self_evolution.documents.readers.pdf.outline import outline, title
from self_evolution.documents.readers.pdf.tables import cells, grids
from self_evolution.documents.readers.pdf.words import Ink, Word, words

_MOST_PAGES = 20_000
_MOST_IMAGES = 5_000  # objects of a page that are looked at; some scanners cut a page into strips
_PASSWORD = 4  # pdfium's error for a document that a password protects


def read(data: bytes) -> Content:
    """The text of a PDF by headings, with the page of each block.

    Running heads, page numbers and tables of contents are left out. Scanned pages are read where
    the extra `ocr` is installed, else counted in the note. Raises Malformed.
    """
    with _opened(data) as document:
        count = len(document)
        notes = opened(document)
        pages, scans = [], []
        for index in range(min(count, _MOST_PAGES)):
            page = _page(document, index)
            scans += [index] if page is None else []
            pages.append(page or [])
        entries = outline(document)
        stated = document.get_metadata_dict().get("Title") or ""
        unread = _read_scans(document, pages, scans)
    if count > _MOST_PAGES:
        notes.append(f"the first {_MOST_PAGES} of {count} pages")
    if unread:
        missing = f"{unread} of {count} pages are scanned images; to read them: {ocr.INSTALL}"
        if not any(pages):
            raise Malformed(missing)
        notes.append(missing)
    return Content(title(pages, stated, body_size(pages)), _parts(pages, entries), "; ".join(notes))


@contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    """Open the document and close it at the end. Raises Malformed."""
    # It writes to the terminal about outlines that lead to themselves, and leaves these out.
    logging.getLogger("pypdfium2").setLevel(logging.ERROR)
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD:
            raise Malformed("needs a password to be opened; save a copy without one") from None
        raise Malformed("not a PDF, or damaged; open it in a viewer and save it again") from None
    try:
        if not len(document):
            raise Malformed("a PDF without pages, or one that is cut off")
        yield document
    finally:
        document.close()


def _page(document: Any, index: int) -> list[Line] | None:
    """The lines and tables of a page in order; None for a page that is an image without text."""
    page = pdfium.FPDF_LoadPage(document.raw, index)
    if not page:
        return []  # a broken page among good ones
    try:
        text_page = pdfium.FPDFText_LoadPage(page)
        if not text_page:
            return []
        try:
            found = words(text_page)
        finally:
            pdfium.FPDFText_ClosePage(text_page)
        if not found and _has_image(page):
            return None
        hides = any(word.font.ink is Ink.NONE for word in found)
        found = seen(page, found, hides and _has_image(page))
        found = filled(document, page, found)
        if not found:
            return []
        return _with_tables(page, found, index + 1)
    finally:
        pdfium.FPDF_ClosePage(page)


def _has_image(page: Any) -> bool:
    """Whether images, or forms that may hold one, take more of the page than a logo would."""
    kinds = (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM)
    area = pdfium.FPDF_GetPageWidthF(page) * pdfium.FPDF_GetPageHeightF(page)
    sides = [ctypes.c_float() for _ in range(4)]
    taken = 0.0
    for index in range(min(pdfium.FPDFPage_CountObjects(page), _MOST_IMAGES)):
        item = pdfium.FPDFPage_GetObject(page, index)
        kind = pdfium.FPDFPageObj_GetType(item)
        if kind in kinds and pdfium.FPDFPageObj_GetBounds(item, *sides):
            left, bottom, right, top = (side.value for side in sides)
            taken += (right - left) * (top - bottom)
    return bool(taken > 0.1 * area)


def _with_tables(page: Any, found: list[Word], number: int) -> list[Line]:
    """Return the words as lines, with a table in the place of the first word of each grid."""
    turn = Counter(word.font.turn for word in found).most_common(1)[0][0]
    tables = grids(page, turn)
    if not tables:
        return lines(found, number)
    result: list[Line] = []
    pending: list[Word] = []
    inside: dict[int, list[Word]] = {}
    places: list[int] = []
    for word in found:
        which = next((i for i, grid in enumerate(tables) if grid.holds(word)), None)
        if which is None or word.font.turn != turn:
            pending.append(word)
            continue
        if which not in inside:
            result += lines(pending, number)
            pending = []
            places.append(len(result))
            result.append(Line("|", number, *_box(tables[which]), 0, False, False, turn, 0, 0))
        inside.setdefault(which, []).append(word)
    result += lines(pending, number)
    joins = Joins(lines(found, number))
    for place, (which, held) in zip(places, inside.items(), strict=True):
        rows = [
            tuple(_cell(lines(cell, number), joins) for cell in row)
            for row in cells(tables[which], held)
        ]
        result[place] = result[place]._replace(rows=tuple(row for row in rows if any(row)))
    return result


def _box(grid: Any) -> tuple[float, float, float]:
    return grid.xs[0], grid.xs[-1], grid.ys[-1]


def _cell(held: list[Line], joins: Joins) -> str:
    text = ""
    for line in sorted(held, key=lambda line: -line.y):
        text = joins.join(text, line.text)
    return text


def _read_scans(document: Any, pages: list[list[Line]], scans: list[int]) -> int:
    """Read scanned pages into `pages` if the extra is installed, and count the unread ones."""
    if not scans or not ocr.available():
        return len(scans)
    for index in scans:
        image, scale = _picture(document, index)
        pages[index] = ocr.lines(image, index + 1, scale)
    return 0


def _picture(document: Any, index: int) -> tuple[Any, float]:
    """A page as an image of 200 points an inch, or fewer if it is huge; and points a pixel."""
    page = document[index]
    longest = max(page.get_size()) or 1.0
    scale = min(200 / 72, ocr.LONGEST_SIDE / longest)
    try:
        return page.render(scale=scale).to_pil(), 1 / scale
    finally:
        page.close()


def _parts(pages: list[list[Line]], entries: list[Any]) -> list[base.Part]:
    pages = _without_furniture(pages, [entry.title for entry in entries])
    chars = Counter[bool]()
    for line in (line for page in pages for line in page):
        chars[line.mono] += len(line.text)
    if chars[True] > chars[False]:  # a typed document: its font says nothing about code
        pages = [[line._replace(mono=False) for line in page] for page in pages]
    pages = [with_tables(page) for page in pages]
    pages = at_their_tables(pages, typical_leading(pages))
    builder = base.Builder()
    joins = Joins(line for page in pages for line in page)
    blocks = Blocks(builder, joins, body_size(pages), pages)
    places = headings(pages, entries)
    for index, page in enumerate(pages):
        blocks.page(page, index, places)
    blocks.close()
    return builder.parts()


def _without_furniture(pages: list[list[Line]], titles: list[str]) -> list[list[Line]]:
    gone = running(pages, titles)
    pages = [[line for line in page if line not in gone] for page in pages]
    body = body_size(pages)
    gone = contents(pages, lambda line: line.size > 1.15 * body, titles)
    return [[line for line in page if line not in gone] for page in pages]
