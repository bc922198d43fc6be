"""Text in images, by the optional extra `ocr`, whose models come with its package."""

from __future__ import annotations

import functools
import importlib.util
import io
import threading
import warnings
from statistics import median
from typing import TYPE_CHECKING, Any

from self_evolution.documents.readers.base import Builder, Content, Malformed
from self_evolution.documents.readers.pdf.lines import Line, are_cjk

if TYPE_CHECKING:
    from PIL.Image import Image

INSTALL = "pip install 'self-evolution[ocr]'"
LONGEST_SIDE = 4_000  # pixels: larger images are made smaller; a page is still readable then
_MOST_PIXELS = 80_000_000  # pixels: a larger image is refused before it is unpacked
_MOST_FRAMES = 2_000  # pages: most pages that are read of one TIFF
_LEAST_SCORE = 0.5  # certainty of a text; with less it is dirt on the page
_lock = threading.Lock()  # the models may be loaded once, and used by one at a time


def available() -> bool:
    """Whether the extra is installed."""
    return all(importlib.util.find_spec(name) for name in ("rapidocr", "onnxruntime"))


def read_image(data: bytes) -> Content:
    """The text of an image file, one paragraph for lines that stand together. Raises Malformed."""
    from PIL import Image, ImageSequence, UnidentifiedImageError

    if not available():
        raise Malformed(f"an image; to read the text in it: {INSTALL}")
    builder = Builder()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
        with image:
            if image.width * image.height > _MOST_PIXELS:
                raise Malformed(f"an image of {image.width} x {image.height} pixels is too large")
            for page, frame in enumerate(ImageSequence.Iterator(image), 1):
                for text in paragraphs(lines(frame, page)):
                    builder.block(text, page)
                if page == _MOST_FRAMES:
                    break
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise Malformed(f"no image, or one that is broken: {error}") from None
    except Image.DecompressionBombError:
        raise Malformed("an image that is too large") from None
    return Content("", builder.parts())


def lines(image: Image, page: int, scale: float = 1.0) -> list[Line]:
    """Lines of text in an image in reading order; places are in pixels times `scale`."""
    import numpy as np

    picture = image.convert("RGB")
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    scale *= image.width / picture.width
    with _lock:
        found = _engine()(np.asarray(picture)[:, :, ::-1])
    if found.boxes is None or not found.txts:
        return []
    seen = [
        _line(box * scale, text, page)
        for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
        if score >= _LEAST_SCORE and text.strip()
    ]
    usual = median([line.size for line in seen] or [1.0])
    # Boxes differ by a few pixels with the letters in them; only much larger ones are headings.
    seen = [line._replace(size=usual) if 0.7 < line.size / usual < 1.4 else line for line in seen]
    return _rows(seen)


def paragraphs(found: list[Line]) -> list[str]:
    """Lines joined where no more than half a line's height parts them."""
    texts: list[str] = []
    above: Line | None = None
    for line in found:
        if above is not None and 0 <= above.y - line.y < 1.9 * max(line.size, above.size):
            gap = "" if are_cjk(texts[-1], line.text) else " "
            texts[-1] += gap + line.text
        else:
            texts.append(line.text)
        above = line
    return texts


def _line(box: Any, text: str, page: int) -> Line:
    xs, ys = [float(x) for x, _ in box], [float(y) for _, y in box]
    height = max(max(ys) - min(ys), 1.0)
    text = " ".join(text.split())
    first = (max(xs) - min(xs)) * len(text.split()[0]) / len(text)
    # The box is higher than the letters, whose foot is a fifth above its end.
    base = -(max(ys) - 0.2 * height)
    size = round(height / 1.3, 1)
    return Line(text, page, min(xs), max(xs), base, size, False, False, 0, first, 0.0)


def _rows(seen: list[Line]) -> list[Line]:
    """Lines from the top, and those of one height from the left, which are joined if close."""
    rows: list[list[Line]] = []
    for line in sorted(seen, key=lambda line: -line.y):
        if rows and abs(rows[-1][0].y - line.y) < 0.5 * min(rows[-1][0].size, line.size):
            rows[-1].append(line)
        else:
            rows.append([line])
    found: list[Line] = []
    for row in rows:
        row.sort(key=lambda line: line.left)
        text = "  ".join(line.text for line in row)
        found.append(row[0]._replace(text=text, right=max(line.right for line in row)))
    return found


@functools.cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(params={"Global.log_level": "error"})
