"""How fast PDFs are read, and what of a book's words and headings is found again.

    python benchmarks/pdf_speed.py FILE.pdf … [--html BOOK.html]

Prints CPU seconds and pages a second on one core for each file. With `--html`, the source of the
first file, it also prints which share of the source's words is in the PDF's text, in order, and
which share of its headings is found.
"""

from __future__ import annotations

import argparse
import re
import time
import unicodedata
from bisect import bisect_left
from difflib import SequenceMatcher
from pathlib import Path

from self_evolution.readers import pdf
from self_evolution.readers.base import Content

_HIDDEN = (
    "script, style, head, nav, .toc, .toctree-wrapper, .contents, .headerlink, .related, .header, "
    ".navheader, .navfooter, .footnotes, .footnote-ref, sup"
)
_ANCHOR = 5  # words in a row that are once in both texts hold the two together


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--html", type=Path, help="the source of the first file")
    options = parser.parse_args()
    print(f"{'pages':>6} {'CPU s':>7} {'pages/s':>8} {'parts':>6}  file")
    contents = [measured(path) for path in options.files]
    if options.html:
        compare(contents[0], options.html)


def measured(path: Path) -> Content:
    import pypdfium2

    data = path.read_bytes()
    with pypdfium2.PdfDocument(data) as document:
        pages = len(document)
    pdf.read(data)  # imports are not what is measured
    begun = time.process_time()
    content = pdf.read(data)
    took = time.process_time() - begun
    print(f"{pages:6} {took:7.2f} {pages / took:8.0f} {len(content.parts):6}  {path.name}")
    return content


def compare(content: Content, source: Path) -> None:
    from bs4 import BeautifulSoup

    page = BeautifulSoup(source.read_bytes(), "lxml")
    for hidden in page.select(_HIDDEN):
        hidden.decompose()
    expected = words(page.get_text(" "))
    found = words("\n".join(told(content)))
    matched = in_order(expected, found)
    print(f"words in order: {matched / max(len(expected), 1):.4f} of {len(expected)}")
    names = [bare(tag.get_text()) for tag in page.find_all(re.compile("^h[1-6]$"))]
    names = [name for name in names if name]
    said = {bare(name) for part in content.parts for name in part.heading}
    hits = sum(name in said for name in names)
    print(f"headings: {hits / max(len(names), 1):.4f} of {len(names)}")


def told(content: Content) -> list[str]:
    """The text with each heading where it first comes."""
    texts: list[str] = []
    before: tuple[str, ...] = ()
    for part in content.parts:
        same = 0
        while same < min(len(before), len(part.heading)) and before[same] == part.heading[same]:
            same += 1
        texts += [*part.heading[same:], part.text]
        before = part.heading
    return texts


def words(text: str) -> list[str]:
    """Words in lower case; scripts without spaces count by character."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return re.findall(r"[\u3040-\u30ff\u4e00-\u9fff]|[^\W_\u3040-\u30ff\u4e00-\u9fff]+", text)


def bare(name: str) -> str:
    """A heading's letters and digits without the number before it."""
    short = "".join(words(name))
    return re.sub(r"^(?:chapter|appendix)?[a-z]?\d+", "", short) or short


def in_order(expected: list[str], found: list[str]) -> int:
    """How many of the expected words are found in the same order."""
    total = 0
    last = (0, 0)
    for i, j in [*anchors(expected, found), (len(expected), len(found))]:
        a, b = expected[last[0] : i], found[last[1] : j]
        if a and b:
            blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
            total += sum(block.size for block in blocks)
        last = (i, j)
    return total


def anchors(expected: list[str], found: list[str]) -> list[tuple[int, int]]:
    """The longest rising chain of places that have the same unique words in both."""
    places = [unique(expected), unique(found)]
    pairs = sorted((i, places[1][key]) for key, i in places[0].items() if key in places[1])
    ends: list[int] = []
    chain: list[int] = []
    above = [-1] * len(pairs)
    for index, (_, j) in enumerate(pairs):
        at = bisect_left(ends, j)
        ends[at : at + 1] = [j]
        chain[at : at + 1] = [index]
        above[index] = chain[at - 1] if at else -1
    result: list[tuple[int, int]] = []
    index = chain[-1] if chain else -1
    while index >= 0:
        result.append(pairs[index])
        index = above[index]
    return result[::-1]


def unique(tokens: list[str]) -> dict[tuple[str, ...], int]:
    seen: dict[tuple[str, ...], int] = {}
    for i in range(len(tokens) - _ANCHOR + 1):
        key = tuple(tokens[i : i + _ANCHOR])
        seen[key] = -1 if key in seen else i
    return {key: i for key, i in seen.items() if i >= 0}


if __name__ == "__main__":
    main()
