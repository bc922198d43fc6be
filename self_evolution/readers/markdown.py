"""Markdown: sections along its headings, which are kept as the path to the text."""

from __future__ import annotations

import re

from self_evolution.readers.base import Heading, Part, divide, may_be_heading

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r"^(=+|-+)[ \t]*$")
# Three backticks with another one later in the line are code within a sentence.
_FENCE = re.compile(r"^[ \t]*(```+(?=[^`]*$)|~~~+)")
# Metadata in YAML; a rule and prose after it are none, so the first line must be a key.
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?=[\w-]+:)(.*?\n)---[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title:[ \t]*([^\s|>].*?)[ \t]*$", re.MULTILINE)


def read(content: str) -> tuple[str, list[Part]]:
    """Sections of a Markdown text; lines in code fences are never headings.

    The title is that of the front matter, or the first heading if it is of the first level.
    """
    title = ""
    if front := _FRONT_MATTER.match(content):
        found = _TITLE.search(front[1])
        title = found[1].strip("\"'") if found else ""
        # Empty lines in its stead keep the offsets of the rest.
        content = "\n" * front.end() + content[front.end() :]
    headings = _headings(content)
    if not title and headings and headings[0].level == 1:
        title = headings[0].text
    return title, divide(content, headings)


def _headings(content: str) -> list[Heading]:
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
                found.append(Heading(at, len(match[1]), match[2], at + len(line)))
            elif (match := _UNDERLINE.match(bare)) and may_be_heading(previous[1]):
                level = 1 if match[1][0] == "=" else 2
                found.append(Heading(previous[0], level, previous[1].strip(), at + len(line)))
        previous = (at, bare)
        at += len(line)
    return found
