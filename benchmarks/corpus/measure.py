"""Measures how the product reads the corpus that `install` made, against its HTML sources.

    python -m benchmarks.corpus.measure FOLDER [--json FILE] [--details FILE]

Prints the table of docs/reading.md as Markdown, and exits 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .gold import HEADING, NOTE, Block, blocks, headings, parse
from .pieces import Source, broken_fences, cuts, headless_tables, plain_lines
from .product import Reading, readings
from .tally import Measured, misses, table, total
from .words import bare, common, pairs, words

Name = tuple[str, ...]
"""A heading's words, without its number."""

_INNER = re.compile(r"^(#{1,6})\s+(.+)")
_RAW = (".txt", ".rst", ".adoc")  # a bar is a bar there, and no table
_WHOLE = {
    "zip",
    "tar.gz",
    "eml",
    "csv",
    "tsv",
    "xlsx",
    "json",
    "jsonl",
    "srt",
    "vtt",
    "xml",
}  # without headings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=512, help="tokens a fragment may have")
    parser.add_argument("--json", type=Path, help="write what was counted for each file")
    parser.add_argument("--only", default="", help="pattern of the files to measure")
    options = parser.parse_args()
    manifest = json.loads((options.folder / "manifest.json").read_text())
    manifest = [entry for entry in manifest if re.search(options.only, entry["file"])]
    read = readings(options.folder / "files", [entry["file"] for entry in manifest])
    measured = [
        measure(options.folder, entry, read.get(entry["file"]), options.limit) for entry in manifest
    ]
    if options.json:
        rows = [asdict(one) for one in measured]
        options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    formats = sorted({one.format for one in measured})
    sums = [total([m for m in measured if m.format == name], name) for name in formats]
    print(table([*sums, total(measured, "all")]))
    missed = [problem for one in sums for problem in misses(one)]
    print("\n".join(["", *missed] if missed else ["", "Every target is met."]))
    sys.exit(1 if missed else 0)


def measure(root: Path, entry: dict[str, Any], reading: Reading | None, limit: int) -> Measured:
    """One file: `entry` is its line in the manifest, `reading` None if it was passed over."""
    found = Measured(entry["file"], form(entry["file"]))
    problem = verdict(entry, reading)
    if problem:
        found.wrong = 1
        found.notes.append(problem)
    if reading is None or not reading.fragments:
        found.refused = 1 - found.wrong
        return found
    content = [b for page in entry["gold"] for b in blocks(parse((root / page).read_bytes()))]
    if content:
        compare_words(found, content, reading.fragments)
        if found.format not in _WHOLE:
            compare_headings(found, content, reading)
    compare_pieces(found, content, reading.fragments, entry["language"], limit)
    return found


def verdict(entry: dict[str, Any], reading: Reading | None) -> str:
    """Describe what is wrong with how a file was read or refused; empty if nothing is."""
    expected = entry["refused"]
    if reading is None:
        return "passed over without a word"
    if reading.fragments:
        return f"read, though it is refused for {expected!r}" if expected else ""
    if expected is None:
        return f"refused: {reading.problem}"
    if not re.search(expected, reading.problem, re.IGNORECASE):
        return f"refused, expected a reason with {expected!r}: {reading.problem}"
    return ""


def form(file: str) -> str:
    return "tar.gz" if file.endswith(".tar.gz") else file.rpartition(".")[2]


def compare_words(found: Measured, content: list[Block], fragments: list[dict[str, Any]]) -> None:
    """Words of the text and of the footnotes, which each format puts elsewhere.

    Numbers of headings are left out: some formats have them as text, others count by themselves.
    """
    main = [
        word
        for b in content
        if b.kind != NOTE
        for word in (bare(b.text) if b.kind == HEADING else words(b.text))
    ]
    notes = [word for b in content if b.kind == NOTE for word in words(b.text)]
    got = spoken(fragments)
    found.words = len(main) + len(notes)
    found.in_order = common(main, got) + (common(notes, got) if notes else 0)
    there = Counter(main + notes) & Counter(got)
    found.anywhere = there.total()
    found.extra_words = len(got) - found.anywhere
    missing = (Counter(main + notes) - there).most_common(12)
    found.notes.append(f"missing words: {missing}; extra: {(Counter(got) - there).most_common(8)}")


def spoken(fragments: Sequence[dict[str, Any]]) -> list[str]:
    """All words of the fragments, the headings before what they head."""
    found: list[str] = []
    for new, fragment in zip(opened(fragments), fragments, strict=True):
        found += [word for name in new for word in bare(name)] + words(fragment["text"])
    return found


def opened(fragments: Sequence[dict[str, Any]]) -> list[list[str]]:
    """For each fragment the headings of its path that the one before does not stand under."""
    found = []
    path: list[str] = []
    for fragment in fragments:
        here = list(fragment["heading"])
        same = 0
        while same < min(len(path), len(here)) and path[same] == here[same]:
            same += 1
        found.append(here[same:])
        path = here
    return found


def outline(fragments: Sequence[dict[str, Any]]) -> list[tuple[Name, Name]]:
    """Headings in order, each with the one above it: those of the paths, and those in the text.

    Short sections are joined into one fragment, their headings then stand in its text.
    """
    found: list[tuple[Name, Name]] = []
    for new, fragment in zip(opened(fragments), fragments, strict=True):
        names = [bare(name) for name in fragment["heading"]]
        first = len(names) - len(new)
        found += [(names[i], names[i - 1] if i else ()) for i in range(first, len(names))]
        for line in plain_lines(fragment["text"]):
            if match := _INNER.match(line):
                names = [*names[: len(match[1]) - 1], bare(match[2])]
                found.append((names[-1], names[-2] if len(names) > 1 else ()))
    return found


def compare_headings(found: Measured, content: list[Block], reading: Reading) -> None:
    """Headings in order, and how many stand under the one they stand under in the source."""
    gold = nested([(level, bare(text)) for level, text in headings(content)])
    got = outline(reading.fragments)
    title = bare(reading.title)
    if gold and title == gold[0][0] and title not in [name for name, _ in got[:3]]:
        got.insert(0, (title, ()))  # a book's title may be the document's, and no heading
    matched = pairs([name for name, _ in gold], [name for name, _ in got])
    found.headings, found.found = len(gold), len(matched)
    # Whether a book's title stands above its chapters is a matter of the format.
    titles = {(), title, gold[0][0] if gold else ()}
    wrong = [
        (gold[i], got[j][1])
        for i, j in matched
        if got[j][1] != gold[i][1] and not (got[j][1] in titles and gold[i][1] in titles)
    ]
    found.nested = len(matched) - len(wrong)
    found.extra_headings = len(got) - len(matched)
    here = {i for i, _ in matched}
    there = {j for _, j in matched}
    missing = [" ".join(gold[i][0]) for i in range(len(gold)) if i not in here][:25]
    extra = [" ".join(got[j][0]) for j in range(len(got)) if j not in there][:25]
    found.notes.append(f"missing headings: {missing}; extra: {extra}; under another: {wrong[:6]}")


def nested(flat: Iterable[tuple[int, Name]]) -> list[tuple[Name, Name]]:
    """(name, name of the heading above it) of (level, name) in order."""
    found = []
    path: list[tuple[int, Name]] = []
    for level, name in flat:
        path = [above for above in path if above[0] < level]
        found.append((name, path[-1][1] if path else ()))
        path.append((level, name))
    return found


def compare_pieces(
    found: Measured,
    content: list[Block],
    fragments: list[dict[str, Any]],
    language: str,
    limit: int,
) -> None:
    source = Source(content, language) if content else None
    cut = cuts(fragments, source, language)
    found.fragments, found.cut = len(fragments), len(cut)
    found.over = sum(fragment["tokens"] > limit for fragment in fragments)
    broken = [f["text"] for f in fragments if broken_fences(f["text"])]
    headless = [
        fragment["text"]
        for fragment in fragments
        if not fragment["document"].endswith(_RAW) and headless_tables(fragment["text"])
    ]
    found.fences = len(broken)
    found.tables = len(headless)
    found.notes += [f"cut: {one}" for one in cut[:12]]
    found.notes += [f"fence: {one[:150]!r}" for one in broken[:3]]
    found.notes += [f"table: {one[:150]!r}" for one in headless[:3]]


if __name__ == "__main__":
    main()
