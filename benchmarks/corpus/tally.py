"""The counts of a file, the targets, and the table of both."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

HEADINGS = {"html": 0.95, "docx": 0.95, "epub": 0.95, "pdf": 0.85}
"""Share of the headings to be found, by format; others have no target."""
RECALL = 0.98
CUT = 0.01


@dataclass
class Measured:
    """Counts of one file, or the sums of several."""

    file: str
    format: str
    files: int = 1
    refused: int = 0
    wrong: int = 0
    """Neither read nor refused with a true reason."""
    headings: int = 0
    found: int = 0
    nested: int = 0
    extra_headings: int = 0
    words: int = 0
    in_order: int = 0
    anywhere: int = 0
    extra_words: int = 0
    fragments: int = 0
    over: int = 0
    cut: int = 0
    fences: int = 0
    tables: int = 0
    notes: list[str] = field(default_factory=list)


def total(some: list[Measured], name: str) -> Measured:
    result = Measured(name, name)
    for key, value in asdict(result).items():
        if isinstance(value, int):
            setattr(result, key, sum(getattr(one, key) for one in some))
    return result


def misses(one: Measured) -> list[str]:
    """Describe which targets the files of a format miss."""
    found, kept = share(one.found, one.headings), share(one.in_order, one.words)
    cut = share(one.cut, one.fragments, 0)
    checks = [
        (one.wrong == 0, f"{one.wrong} files neither read nor refused with a true reason"),
        (found >= HEADINGS.get(one.format, 0), f"headings, {found:.1%}"),
        (kept >= RECALL, f"words in order, {kept:.1%}"),
        (one.over == 0, f"{one.over} fragments over the limit"),
        (cut <= CUT, f"fragments that cut a sentence, {cut:.2%}"),
        (one.fences == 0, f"{one.fences} broken fences"),
        (one.tables == 0, f"{one.tables} tables without a header"),
    ]
    return [f"missed in {one.format}: {problem}" for met, problem in checks if not met]


def share(part: int, whole: int, empty: float = 1) -> float:
    return part / whole if whole else empty


_COLUMNS = (
    "format", "files", "read", "refused", "headings found", "under the right one",
    "extra headings", "words in order", "words anywhere", "extra words", "fragments",
    "over the limit", "sentences cut", "broken fences", "headless tables",
)  # fmt: skip


def table(rows: list[Measured]) -> str:
    lines = ["| " + " | ".join(_COLUMNS) + " |", "| --- |" + " ---: |" * (len(_COLUMNS) - 1)]
    for one in rows:
        cells = [
            one.format, one.files, one.files - one.refused - one.wrong, one.refused,
            *_of_headings(one), *_of_words(one),
            f"{one.fragments:,}", one.over,
            f"{share(one.cut, one.fragments, 0):.2%}", one.fences, one.tables,
        ]  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _of_headings(one: Measured) -> tuple[str, str, str]:
    if not one.headings:
        return "", "", ""
    found = share(one.found, one.headings)
    return f"{found:.1%}", f"{share(one.nested, one.found):.1%}", str(one.extra_headings)


def _of_words(one: Measured) -> tuple[str, str, str]:
    if not one.words:
        return "", "", ""
    shares = (one.in_order, one.anywhere, one.extra_words)
    return tuple(f"{share(part, one.words):.2%}" for part in shares)  # type: ignore[return-value]
