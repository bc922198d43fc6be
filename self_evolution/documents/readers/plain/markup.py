"""The visible text of Markdown: no comments or notes to authors, no tags, entities decoded."""

from __future__ import annotations

import html
import re
from typing import NamedTuple

from self_evolution.documents.readers import html as page
from self_evolution.documents.readers.base import normal
from self_evolution.documents.readers.html.elements import HEADINGS, names
from self_evolution.documents.readers.html.inline import index, power
from self_evolution.documents.readers.html.survey import STRUCK

# Each alternative begins with one certain character, which makes the search fast.
_MARK = re.compile(
    r"\n(?=[ \t>`~\[\n\-*+0-9])(?:"
    r"(?P<fence>[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(?P<tick>`{3,}(?=[^`\n]*(?:\n|\Z))|~{3,}))"
    r"|[ \t]*\n(?P<indented>(?:(?: {4}|\t)[^\n]*(?:\n|\Z)|[ \t]*\n(?= {4}|\t))+)"
    r"|(?P<note> {0,3}\[[^\]\n]{1,100}\]:[ \t]*(?:#|<>)(?:[ \t]+[\"'(][^\n]*)?)(?=\n|\Z))"
    r"|`(?P<code>`*)"
    r"|<(?:(?P<comment>!--)"
    r"|(?P<end>/?)(?P<tag>[A-Za-z][A-Za-z0-9]{0,9})(?:[ \t\n][^<>]{0,1000})?/?>)"
    r"|&(?P<entity>#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
    r"|~(?P<struck>~(?=[^\s~])(?:(?!~~|\n[ \t]*\n)[\s\S]){1,2000}(?<=\S)~~(?!~))"
    r"|\{(?P<template>\{[<%][^\n{}]{0,300}[>%]\}\}|%[^\n{}%]{0,300}%\})"
    r"|\\[!-/:-@\[-`{-~]"
)
_ITEM = re.compile(r"[ >]{0,3}(?:[-*+]|\d{1,9}[.)])[ \t]")
_PARAGRAPH = 10_000  # characters in which code within a sentence ends, if it is code
_ABOVE = 50  # lines in which a list begins that an indented line goes on
_READ = names("table ul ol dl pre math")  # elements that are read as those of a web page
_GONE = names("script style template") | STRUCK
_BLOCKS = names("p div center details section figure figcaption summary article blockquote hr")
_PLAIN = names(
    "a abbr big cite dfn em font i img ins mark nobr picture q small source span u var wbr"
)
_SIGNS = {
    **dict.fromkeys(names("b strong"), "**"),
    **dict.fromkeys(names("code kbd samp tt"), "`"),
    "br": " ",
    "summary": "**",
}


class Seen(NamedTuple):
    """A text in its visible form, the places of its code blocks, and the number of crossed-out
    parts."""

    text: str
    code: list[tuple[int, int]]
    struck: int


def seen(content: str) -> Seen:
    """Return a Markdown text without invisible parts; code stays unchanged."""
    return _Scan("\n" + content).run()


class _Scan:
    """One way through the text; every mark is taken at the first place where it can begin."""

    def __init__(self, content: str) -> None:
        self._content = content
        self._found: list[str] = []
        self._size = 0
        self._tail = ""  # the last two characters
        self._code: list[tuple[int, int]] = []
        self._struck = 0
        self._never: set[str] = set()  # endings that do not come any more

    def run(self) -> Seen:
        content, at = self._content, 0
        while match := _MARK.search(content, at):
            self._add(content[at : match.start()])
            at = self._take(match)
        self._add(content[at:])
        return Seen("".join(self._found)[1:], [(a - 1, b - 1) for a, b in self._code], self._struck)

    def _add(self, text: str) -> None:
        """Add a text; where something was left out before it, one empty line is enough."""
        if text[:1] == "\n" == self._tail[-1:]:
            room = int(self._tail != "\n\n")
            text = text[max(0, len(text) - len(text.lstrip("\n")) - room) :]
        self._found.append(text)
        self._size += len(text)
        self._tail = (self._tail + text[-2:])[-2:]

    def _take(self, match: re.Match[str]) -> int:
        """Adds what is seen of a mark, and gives the place where the text goes on."""
        content, start, end = self._content, match.start(), match.end()
        if match["fence"] is not None:
            return self._take_code(start, self._fence_end(match["tick"], end))
        if match["indented"] is not None and not self._is_in_list(start):
            return self._take_code(start, end - content.endswith("\n", start, end))
        if match["indented"] is not None:
            self._add(content[start : start + 1])
            return start + 1
        if match["code"] is not None:
            until = self._code_end(match[0], end)
            self._add(content[start:until])
            return until
        if match["comment"] is not None:
            until = content.find("-->", end) if "-->" not in self._never else -1
            if until < 0:
                self._never.add("-->")
                self._add(match[0])
                return end
            return self._left_out(start, until + 3)
        if match["note"] is not None or match["template"] is not None:
            return self._left_out(start + (match["note"] is not None), end)
        if match["struck"] is not None:
            self._struck += 1
            return self._left_out(start, end)
        if match["entity"] is not None:
            self._add(_decoded(match[0]))
        elif match["tag"] is None:
            self._add(match[0])  # an escaped character
        else:
            return self._take_tag(match)
        return end

    def _take_code(self, start: int, end: int) -> int:
        """Adds a block of code; `start` is the newline before it."""
        self._add("\n")
        self._code.append((self._size, self._size + end - start - 1))
        self._add(self._content[start + 1 : end])
        return end

    def _fence_end(self, tick: str, at: int) -> int:
        """Return the end of the line that closes a fence; without one the rest of the text is
        code."""
        closing = re.compile(rf"\n[ \t>]*{tick[0]}{{{len(tick)},}}[ \t]*(?=\n|\Z)")
        found = closing.search(self._content, at)
        return found.end() if found else len(self._content)

    def _is_in_list(self, at: int) -> bool:
        """Whether what is indented goes on with the item of a list, so that it is no code."""
        for _ in range(_ABOVE):
            begin = self._content.rfind("\n", 0, at) + 1
            line = self._content[begin:at]
            if line[:1] not in ("", " ", "\t", "\n") or _ITEM.match(line):
                return _ITEM.match(line) is not None
            if begin == 0:
                return False
            at = begin - 1
        return False

    def _code_end(self, ticks: str, at: int) -> int:
        """Return the end of code within a paragraph; right behind the ticks if they begin none."""
        content, begin = self._content, at
        while (found := content.find(ticks, at, begin + _PARAGRAPH)) >= 0:
            at = found + len(ticks)
            if content[at : at + 1] == "`":
                while content[at : at + 1] == "`":
                    at += 1
            else:
                return at if content.find("\n\n", begin, found) < 0 else begin
        return begin

    def _left_out(self, start: int, end: int) -> int:
        """Leaves out a stretch, and one of two spaces around it."""
        content = self._content
        if content[start - 1] in " \n" and content[end : end + 1] == " ":
            return end + 1
        return end

    def _take_tag(self, match: re.Match[str]) -> int:
        content, tag, start, end = self._content, match["tag"].lower(), match.start(), match.end()
        opens = not match["end"]
        if opens and (tag in _READ or tag in _GONE or tag in HEADINGS or tag in ("sup", "sub")):
            until = self._element_end(tag, end)
            if until > 0 and tag in _GONE:
                self._struck += tag in STRUCK
                return self._left_out(start, until)
            if until > 0:
                self._add(_element(tag, content[start:until]))
                return until
        if tag == "br" and content[start - 1] in " \n":
            return self._left_out(start, end)
        known = tag in _SIGNS or tag in _BLOCKS or tag in _PLAIN
        gap = "\n\n" if tag in _BLOCKS else ""
        sign = _SIGNS.get(tag, "") if known else match[0]
        self._add(gap + sign if opens else sign + gap)
        return end

    def _element_end(self, tag: str, at: int) -> int:
        """Return the end of an open element, which may contain others of its name; -1 if it has
        none."""
        if tag in self._never:
            return -1
        depth = 1
        for match in re.compile(rf"<(/?){tag}\b[^<>]*>", re.IGNORECASE).finditer(self._content, at):
            depth += -1 if match[1] else 1
            if not depth:
                return match.end()
        self._never.add(tag)
        return -1


def _decoded(entity: str) -> str:
    text = normal(html.unescape(entity))
    return "\\|" if text == "|" else " " if text.isspace() else text


def _element(tag: str, source: str) -> str:
    """An element of a web page as Markdown."""
    if tag in ("sup", "sub"):
        inner = html.unescape(re.sub(r"<[^<>]*>", "", source))
        return power(inner) if tag == "sup" else index(inner)
    if tag in HEADINGS:
        inner = " ".join(html.unescape(re.sub(r"<[^<>]*>", " ", source)).split())
        return f"\n\n{'#' * int(tag[1])} {inner}\n\n"
    blocks = []
    for part in page.read(source.encode("utf-8", errors="replace")).parts:
        blocks += [*(f"**{name}**" for name in part.heading[-1:]), part.text]
    text = "\n\n".join(blocks)
    return text if tag == "math" else f"\n\n{text}\n\n"
