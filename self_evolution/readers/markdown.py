"""Markdown: sections along its headings, which are kept as the path to the text."""

from __future__ import annotations

import re

from self_evolution.readers.base import Part

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r"^(=+|-+)[ \t]*$")
_FENCE = re.compile(r"^[ \t]*(```+|~~~+)")


def read(content: str) -> tuple[str, list[Part]]:
    """Sections of a Markdown text; lines in code fences are never headings."""
    headings = _headings(content)
    title = headings[0][2] if headings and headings[0][1] == 1 else ""
    parts: list[Part] = []
    path: list[tuple[int, str]] = []
    starts = [*(start for start, *_ in headings), len(content)]
    parts += _part(content, (), 0, starts[0])
    for (_, level, text, body), end in zip(headings, starts[1:], strict=True):
        path = [(depth, name) for depth, name in path if depth < level] + [(level, text)]
        parts += _part(content, tuple(name for _, name in path), body, end)
    return title, parts


def _headings(content: str) -> list[tuple[int, int, str, int]]:
    """(start of the heading, level, text, start of what follows) in order."""
    found = []
    fence = ""
    at = 0
    previous = (0, "")
    for line in content.splitlines(keepends=True):
        bare = line.rstrip("\n")
        if match := _FENCE.match(bare):
            mark = match[1]
            fence = "" if fence and mark.startswith(fence) else fence or mark
        elif not fence:
            if match := _HEADING.match(bare):
                found.append((at, len(match[1]), match[2], at + len(line)))
            elif (match := _UNDERLINE.match(bare)) and _may_be_heading(previous[1]):
                level = 1 if match[1][0] == "=" else 2
                found.append((previous[0], level, previous[1].strip(), at + len(line)))
        previous = (at, bare)
        at += len(line)
    return found


def _may_be_heading(line: str) -> bool:
    return bool(line.strip()) and not line.startswith((" ", "\t", "#", ">", "-", "*", "|"))


def _part(content: str, heading: tuple[str, ...], start: int, end: int) -> list[Part]:
    raw = content[start:end]
    text = raw.strip()
    if not text:
        return []
    begin = start + len(raw) - len(raw.lstrip())
    return [Part(heading, text, begin, begin + len(text))]
