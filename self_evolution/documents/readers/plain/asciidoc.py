"""AsciiDoc, turned into Markdown: sections, listings, tables and lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from self_evolution.documents.readers.base import (
    Builder,
    Content,
    fence,
    may_be_heading,
    normal,
    table,
)
from self_evolution.documents.readers.encoding import decode
from self_evolution.text.script import columns

_HEADING = re.compile(r"(={1,8}|#{1,6})[ \t]+(\S.*?)(?:[ \t]+\1)?[ \t]*$")
_RULE = re.compile(r"([=\-~^+])\1+$")
_LEVELS = "=-~^+"  # the signs of the lines under titles, from the first level on
_ATTRIBUTE = re.compile(r":(!?[\w-]+!?):(?:[ \t]+(.*))?$")
_SETTING = re.compile(r"\[.*\][ \t]*$")
_LISTING = re.compile(r"(-{4,}|\.{4,}|`{3,}(?:\w*)|\+{4,})[ \t]*$")
_COMMENT = re.compile(r"/{4,}[ \t]*$")
_FRAME = re.compile(r"(?:={4,}|\*{4,}|_{4,}|--|\+)[ \t]*$")
_ITEM = re.compile(r"[ \t]*(\*{1,5}|-|\.{1,5}|\d{1,3}\.)[ \t]+(\S.*)$")
_MACRO = re.compile(r"(?:include|toc|ifdef|ifndef|ifeval|endif|video|audio)::.*\[.*\][ \t]*$")
_IMAGE = re.compile(r"image::?[^\s\[]*\[([^\],]*)[^\]]*\]")
_LINK = re.compile(r"(?<![\w./:#?&=%~+@-])[\w./:#?&=%~+@-]{2,500}\[([^\[\]\n]+)\]")
_PAGE = re.compile(r"(?<![\w:/.-])\w+:([\w.+-]{1,100})\[(\d\w?)\]")  # of a manual: git-push(1)
_TERM = re.compile(r"(?<![:\s]):{2,4}$|(?<=\S);;$")
_CROSS = re.compile(r"<<([^<>,\n]+)(?:,([^<>\n]+))?>>")
_ANCHOR = re.compile(r"\[\[[^\]\n]*\]\]")
_NAME = re.compile(r"\{([\w-]+)\}")
_CELLS = re.compile(r"(?:(?:^|(?<=\s))(?:\d+(?:\.\d+)?[+*])?[<^>.]*[a-z]?)?(?<!\\)\|")

_LINE = 2_000  # characters of a line in which there may be macros
_VALUE = 200  # characters of a value that stands for a name; a short name could grow without limit


def read(data: bytes) -> Content:
    """Sections of an AsciiDoc text; comments, attributes and settings are no part of it."""
    return _Reader(normal(decode(data)).split("\n")).content()


class _Reader:
    """One pass over the lines; `paragraph` holds the lines of the block that is being read."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0
        self._builder = Builder()
        self._paragraph: list[str] = []
        self._names: dict[str, str] = {}
        self._setting = ""
        self._title = ""

    def content(self) -> Content:
        while self._at < len(self._lines):
            line = self._lines[self._at].rstrip()
            self._at += 1
            self._take(line)
        self._end()
        return Content(self._title, self._builder.parts())

    def _take(self, line: str) -> None:
        if not line:
            self._end()
        elif (match := _RULE.match(line)) and (name := self._above(line)):
            self._paragraph = []
            self._heading(_LEVELS.index(match[1]) + 1, name)
        elif match := _LISTING.match(line):
            self._end()
            self._listing(match[1])
        elif _COMMENT.match(line):
            self._until(line)
        elif line.startswith("|==="):
            self._end()
            self._builder.block(_table(self._until(line), self._setting, self._text))
            self._setting = ""
        elif match := _ATTRIBUTE.match(line):
            self._names[match[1]] = (match[2] or "")[:_VALUE]
        elif len(line) <= _LINE and (match := _HEADING.match(line)):
            self._end()
            self._heading(len(match[1]), self._text(match[2]))
        elif len(line) <= _LINE and _SETTING.match(line) and not self._paragraph:
            self._setting = line
        elif not (line.startswith("//") or _FRAME.match(line) or _MACRO.match(line)):
            self._line(line)

    def _heading(self, level: int, name: str) -> None:
        if level == 1 and not self._title:
            self._title = name
        self._builder.heading(level, name)

    def _above(self, rule: str) -> str:
        """The title that a line is drawn under; empty if it is none, but begins a listing.

        The title is a single line, and as long as the line under it, but for two characters.
        """
        if len(self._paragraph) != 1 or not any(map(str.isalnum, self._paragraph[0])):
            return ""
        title = self._lines[self._at - 2].rstrip()
        fits = any(abs(size - len(rule)) <= 2 for size in (len(title), columns(title)))
        return self._paragraph[0] if fits and may_be_heading(title) else ""

    def _line(self, line: str) -> None:
        if match := _ITEM.match(line):
            depth = len(match[1]) - 1 if match[1][0] in "*." else 0
            mark = "-" if match[1][0] in "*-" else "1."
            self._paragraph.append("   " * depth + f"{mark} {self._text(match[2])}")
        elif not self._paragraph and re.match(r"\.[^\s.]", line):
            self._builder.block(self._text(line[1:]))  # the title of a block
        else:
            literal = line[0] in " \t" and not self._goes_on()
            self._paragraph.append(line if literal else _TERM.sub(":", self._text(line)))

    def _goes_on(self) -> bool:
        """Whether a paragraph or an item is open, to which an indented line can belong."""
        first = self._paragraph[0] if self._paragraph else " "
        return first[0] not in " \t" or _ITEM.match(first) is not None

    def _listing(self, mark: str) -> None:
        code = self._until(mark[:3] if mark[0] == "`" else mark)
        words = re.findall(r"[\w+#-]+", self._setting)
        language = words[1] if len(words) > 1 and words[0] == "source" else mark.strip("`-.+")
        self._builder.block(fence("\n".join(code), language))
        self._setting = ""

    def _until(self, mark: str) -> list[str]:
        """The lines before the next one that is `mark`, or all that are left."""
        start = self._at
        while self._at < len(self._lines) and self._lines[self._at].rstrip() != mark:
            self._at += 1
        found = self._lines[start : self._at]
        self._at += 1
        return found

    def _end(self) -> None:
        if not self._paragraph:
            return
        literal = all(line[0] in " \t" for line in self._paragraph)
        is_list = _ITEM.match(self._paragraph[0])
        text = "\n".join(self._paragraph)
        self._builder.block(fence(text) if literal and not is_list else text)
        self._paragraph, self._setting = [], ""

    def _text(self, text: str) -> str:
        """A line without macros: what is shown of links and images, values for names."""
        if len(text) > _LINE:
            return text
        if "{" in text:
            text = _NAME.sub(lambda match: self._names.get(match[1], match[0]), text)
        if "[" in text:
            text = _PAGE.sub(r"\1(\2)", _IMAGE.sub(r"\1", _ANCHOR.sub("", text)))
            text = _LINK.sub(r"\1", text)
        if "<<" in text:
            text = _CROSS.sub(lambda match: (match[2] or match[1]).strip(), text)
        return text


def _table(lines: list[str], setting: str, shown: Callable[[str], str]) -> str:
    """A table's cells in rows: as many as `cols` says, or as stand in the first line."""
    cells: list[str] = []
    width = _columns(setting)
    for line in filter(str.strip, lines):
        first, *more = _CELLS.split(line)
        if cells and first.strip():
            cells[-1] += f" {first.strip()}"
        cells += [one.strip() for one in more]
        width = width or len(more)
    width = max(width, 1)
    return table([[shown(one) for one in row] for row in _chunks(cells, width)])


def _columns(setting: str) -> int:
    match = re.search(r'cols="?([^"\]]+)"?', setting)
    if not match:
        return 0
    if repeated := re.match(r"(\d{1,3})\*", match[1]):
        return int(repeated[1])
    return match[1].count(",") + 1


def _chunks(cells: list[str], width: int) -> Iterator[list[str]]:
    for at in range(0, len(cells), width):
        yield cells[at : at + width]
