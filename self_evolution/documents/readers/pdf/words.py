"""The words of a PDF's page with their places and fonts, through pdfium.

A page of 3,000 characters has some 450 words. Asking pdfium for places at the first and last
character of a word only, and for the font once for each text object, keeps a page at about two
thousand calls, which take two milliseconds.
"""

from __future__ import annotations

import ctypes
import math
import re
from enum import Enum
from itertools import pairwise, repeat
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

# pdfium gives U+0002 for a hyphen at the end of a line, and 0 for a glyph without a meaning.
_WORD = re.compile("[^\\s\x00\x02\ufffe\uffff]+[\x02\ufffe]?|[\x02\ufffe]")
_HYPHENS = str.maketrans("\x02\ufffe\u00ad", "---")
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_MONO = re.compile(
    r"mono|nimbusmon|courier|typewriter|cmtt|cmsltt|cmitt|ectt|sltt|lmtt|consol|menlo|monaco|fixed|"
    r"sourcecode|inconsolata|hack-|code|terminal|txtt",
    re.IGNORECASE,
)
_BOLD = re.compile(
    r"bold|black|heavy|semib|demi|cmbx|cmssbx|cmb\d|ecbx|sfbx|-bd|lmbx|\bbx", re.IGNORECASE
)
# Where a note's number or an exponent may be glued to a word or a number.
_RAISED = re.compile(
    r"\D\d{1,3}$|^\d{1,3}[^\W\d]|^\d{3,}$|\w[+\-\u2212\u2013]\w{1,3}\W{0,2}$"
    r"|^[^\W\d][ijkmnpqxyzNT]\W?$"
)
_SLANT = math.radians(8)  # from the next quarter of a turn; scans are less askew than this
_FIXED_PITCH, _FORCE_BOLD = 1, 1 << 18
_MOST_CHARS = 2_000_000  # on one page; no sheet of paper holds more


class Ink(Enum):
    """The way in which a text is drawn: text that is not plain may be hidden, or a stamp."""

    PLAIN = "plain"
    NONE = "none"
    WHITE = "white"
    SLANTED = "slanted"


class Font(NamedTuple):
    """The font of characters on the page: `size` in points, `turn` in quarters, 0 to 3."""

    size: float
    bold: bool
    mono: bool
    turn: int
    ink: Ink = Ink.PLAIN


class Word(NamedTuple):
    """A word from `left` to `right` on the baseline `y`, in points; y grows upwards.

    Turned text has the coordinates of the page turned so that it runs to the right. `glued` says
    that no space stands before it in the file, `breaks` that a new line begins with it there.
    """

    text: str
    left: float
    right: float
    y: float
    font: Font
    glued: bool
    breaks: bool = False


def words(text_page: Any) -> list[Word]:
    """All words of a text page, in the order of the file."""
    count = min(pdfium.FPDFText_CountChars(text_page), _MOST_CHARS)
    codes = map(pdfium.FPDFText_GetUnicode, repeat(text_page), range(count))
    text = "".join(map(chr, codes))
    places = _Places(text_page, text)
    found: list[Word] = []
    end = 0
    for match in _WORD.finditer(text):
        first, stop = match.span()
        between = text[end:first]
        word = places.word(first, stop, " " not in between, "\n" in between)
        end = stop
        raised = _RAISED.search(match[0])
        if raised and len(cuts := places.cuts(first, stop, first + raised.start())) > 2:
            found += [places.word(*ends, True) for ends in pairwise(cuts)]
            found[1 - len(cuts)] = found[1 - len(cuts)]._replace(glued=word.glued)
        else:
            found.append(word)
    return found


class _Places:
    """The places of the characters of a page, and their fonts, by character index."""

    def __init__(self, text_page: Any, text: str) -> None:
        self._page, self._text = text_page, text
        self._find_object = pdfium.FPDFText_GetTextObject
        self._find_box = pdfium.FPDFText_GetLooseCharBox
        self._find_origin = pdfium.FPDFText_GetCharOrigin
        self._box, self._x, self._y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
        self._fonts: dict[int | None, Font] = {}
        self._styles: dict[int | None, tuple[bool, bool]] = {}

    def word(self, first: int, stop: int, glued: bool, breaks: bool = False) -> Word:
        # TeX takes < and > from another font, so a letter says more about a word.
        is_long = stop - first > 1 and not self._text[first].isalnum()
        font = self.font(first + is_long)
        self._find_origin(self._page, first, self._x, self._y)
        box = self._box
        self._find_box(self._page, first, box)
        left, bottom, right, top, base = box.left, box.bottom, box.right, box.top, self._y.value
        self._find_box(self._page, stop - 1, box)
        if font.turn:
            corners = [(left, bottom), (right, top), (box.left, box.bottom), (box.right, box.top)]
            turned = [_turned(font.turn, *corner) for corner in corners]
            left, right = min(turned)[0], max(turned)[0]
            base = _turned(font.turn, self._x.value, base)[1]
        elif box.right < left:
            left = box.left  # the word runs to the left
        else:
            right = box.right
        return Word(
            _clean(self._text[first:stop]), left, max(left, right), base, font, glued, breaks
        )

    def cuts(self, first: int, stop: int, base: int) -> list[int]:
        """Return where the parts of a word begin and end whose sizes differ, such as an exponent.

        `base` is the place of a character that may stand right before an exponent or in one.
        """
        size = self.font(first).size
        last = stop - 1
        while last > base and not self._text[last].isalnum():
            last -= 1
        if all(0.87 < self.font(i).size / size < 1.15 for i in {base, last} - {first}):
            return [first, stop]
        sizes = [self.font(index).size for index in range(first, stop)]
        changes = (i for i, (a, b) in enumerate(pairwise(sizes), 1) if not 0.87 < b / a < 1.15)
        return [first, *(first + i for i in changes), stop]

    def font(self, index: int) -> Font:
        item = self._find_object(self._page, index)
        address = ctypes.c_void_p.from_buffer(item).value
        font = self._fonts.get(address)
        if font is None:
            font = self._fonts[address] = self._font(index, item)
        return font

    def _font(self, index: int, item: Any) -> Font:
        matrix = pdfium.FS_MATRIX()
        size = pdfium.FPDFText_GetFontSize(self._page, index)
        turn, ink = 0, Ink.PLAIN
        if pdfium.FPDFText_GetMatrix(self._page, index, matrix):
            size *= math.hypot(matrix.c, matrix.d)
            angle = math.atan2(matrix.b, matrix.a)
            turn = round(angle / (math.pi / 2))
            if abs(angle - turn * math.pi / 2) > _SLANT:
                ink = Ink.SLANTED
        bold = mono = False
        if item:
            mode = pdfium.FPDFTextObj_GetTextRenderMode(item)
            if mode == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE:
                ink = Ink.NONE
            elif mode == pdfium.FPDF_TEXTRENDERMODE_FILL and is_white(item):
                ink = Ink.WHITE
            font = pdfium.FPDFTextObj_GetFont(item)
            address = ctypes.cast(font, ctypes.c_void_p).value
            if address not in self._styles:
                self._styles[address] = _style(font)
            bold, mono = self._styles[address]
            # Many programs make a bold face out of a plain one by drawing its outline too.
            bold = bold or mode == pdfium.FPDF_TEXTRENDERMODE_FILL_STROKE
        return Font(round(abs(size), 1) or 1.0, bold, mono, turn % 4, ink)


def _clean(text: str) -> str:
    if text.isascii() and text[-1] != "\x02":
        return text
    return _SURROGATES.sub(_paired, text.translate(_HYPHENS))


def _paired(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")


def upright(turn: int, x: float, y: float) -> tuple[float, float]:
    """A place of turned text on the page as it lies."""
    return _turned(-turn % 4, x, y)


def _turned(turn: int, x: float, y: float) -> tuple[float, float]:
    return ((x, y), (y, -x), (-x, -y), (-y, x))[turn]


def is_white(item: Any) -> bool:
    """Whether an object is filled with white, or nearly so that it cannot be seen on the page."""
    parts = [ctypes.c_uint() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetFillColor(item, *parts):
        return False
    *colour, alpha = (part.value for part in parts)
    return min(colour) >= 250 or alpha <= 5


def _style(font: Any) -> tuple[bool, bool]:
    """Whether a font is bold, and whether all its letters are equally wide."""
    if not font:
        return False, False
    buffer = ctypes.create_string_buffer(256)
    length = pdfium.FPDFFont_GetBaseFontName(font, buffer, 256)
    name = buffer.raw[: max(0, min(length, 256) - 1)].decode("utf-8", errors="replace")
    flags = pdfium.FPDFFont_GetFlags(font)
    bold = bool(_BOLD.search(name)) or (flags > 0 and bool(flags & _FORCE_BOLD))
    return bold, bool(_MONO.search(name)) or (flags > 0 and bool(flags & _FIXED_PITCH))
