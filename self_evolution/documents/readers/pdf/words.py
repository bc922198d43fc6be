"""The words of a PDF's page with their places and fonts, through pdfium.

A page of 3,000 characters has some 450 words. Asking pdfium for places at the first and last
character of a word only, and for the font once for each text object, keeps a page at about two
thousand calls, which take two milliseconds.
"""

from __future__ import annotations

import ctypes
import math
import re
from itertools import repeat
from typing import Any, NamedTuple

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
_RAISED = re.compile(r"\D\d{1,3}$|^\d{1,3}[^\W\d]|^\d{3,}$")
_FIXED_PITCH, _FORCE_BOLD = 1, 1 << 18
_MOST_CHARS = 2_000_000  # of a page: more than any paper holds


class Font(NamedTuple):
    """How characters stand on the page: `size` in points, `turn` in quarters, 0 to 3."""

    size: float
    bold: bool
    mono: bool
    turn: int


class Word(NamedTuple):
    """A word from `left` to `right` on the baseline `y`, in points; y grows upwards.

    Turned text has the coordinates of the page turned so that it runs to the right. `glued` says
    that no space stands before it in the file.
    """

    text: str
    left: float
    right: float
    y: float
    font: Font
    glued: bool


def words(text_page: Any) -> list[Word]:
    """All words of a text page, in the order of the file."""
    import pypdfium2.raw as pdfium

    count = min(pdfium.FPDFText_CountChars(text_page), _MOST_CHARS)
    codes = map(pdfium.FPDFText_GetUnicode, repeat(text_page), range(count))
    text = "".join(map(chr, codes))
    places = _Places(text_page, text)
    found: list[Word] = []
    end = 0
    for match in _WORD.finditer(text):
        first, stop = match.span()
        glued = end == first or " " not in text[end:first]
        cut = places.cut(first, stop) if _RAISED.search(match[0]) else stop
        found.append(places.word(first, cut, glued))
        if cut < stop:
            found.append(places.word(cut, stop, True))
        end = stop
    return found


class _Places:
    """Where characters of a page are, and in which font; by their index."""

    def __init__(self, text_page: Any, text: str) -> None:
        import pypdfium2.raw as pdfium

        self._page, self._text = text_page, text
        self._find_object = pdfium.FPDFText_GetTextObject
        self._find_box = pdfium.FPDFText_GetLooseCharBox
        self._find_origin = pdfium.FPDFText_GetCharOrigin
        self._box, self._x, self._y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
        self._fonts: dict[int | None, Font] = {}
        self._styles: dict[int | None, tuple[bool, bool]] = {}

    def word(self, first: int, stop: int, glued: bool) -> Word:
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
        else:
            right = box.right
        return Word(_clean(self._text[first:stop]), left, max(left, right), base, font, glued)

    def cut(self, first: int, stop: int) -> int:
        """Where in a word the size changes, as before a note's number; else `stop`."""
        size = self.font(first).size
        if 0.87 < self.font(stop - 1).size / size < 1.15:
            return stop
        indices = range(first + 1, stop)
        return next((i for i in indices if not 0.87 < self.font(i).size / size < 1.15), stop)

    def font(self, index: int) -> Font:
        item = self._find_object(self._page, index)
        address = ctypes.c_void_p.from_buffer(item).value
        font = self._fonts.get(address)
        if font is None:
            font = self._fonts[address] = self._font(index, item)
        return font

    def _font(self, index: int, item: Any) -> Font:
        import pypdfium2.raw as pdfium

        matrix = pdfium.FS_MATRIX()
        size = pdfium.FPDFText_GetFontSize(self._page, index)
        turn = 0
        if pdfium.FPDFText_GetMatrix(self._page, index, matrix):
            size *= math.hypot(matrix.c, matrix.d)
            turn = round(math.atan2(matrix.b, matrix.a) / (math.pi / 2)) % 4
        bold = mono = False
        if item:
            font = pdfium.FPDFTextObj_GetFont(item)
            address = ctypes.cast(font, ctypes.c_void_p).value
            if address not in self._styles:
                self._styles[address] = _style(font)
            bold, mono = self._styles[address]
            # Many programs make a bold face out of a plain one by drawing its outline too.
            bold = bold or pdfium.FPDFTextObj_GetTextRenderMode(item) == 2
        return Font(round(abs(size), 1) or 1.0, bold, mono, turn)


def _clean(text: str) -> str:
    if text.isascii() and text[-1] != "\x02":
        return text
    return _SURROGATES.sub(_paired, text.translate(_HYPHENS))


def _paired(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")


def _turned(turn: int, x: float, y: float) -> tuple[float, float]:
    return ((x, y), (y, -x), (-x, -y), (-y, x))[turn]


def _style(font: Any) -> tuple[bool, bool]:
    """Whether a font is bold, and whether all its letters are equally wide."""
    import pypdfium2.raw as pdfium

    if not font:
        return False, False
    buffer = ctypes.create_string_buffer(256)
    length = pdfium.FPDFFont_GetBaseFontName(font, buffer, 256)
    name = buffer.raw[: max(0, min(length, 256) - 1)].decode("utf-8", errors="replace")
    flags = pdfium.FPDFFont_GetFlags(font)
    bold = bool(_BOLD.search(name)) or (flags > 0 and bool(flags & _FORCE_BOLD))
    return bold, bool(_MONO.search(name)) or (flags > 0 and bool(flags & _FIXED_PITCH))
