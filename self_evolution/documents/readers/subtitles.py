"""Subtitles (SRT, WebVTT): what is said, as paragraphs without times."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from self_evolution.documents.readers.base import Builder, Content, Malformed, normal
from self_evolution.documents.readers.encoding import decode
from self_evolution.text.script import CJK

_TIME = r"(?:(\d{1,3}):)?(\d\d):(\d\d)[.,](\d{1,3})"
_TIMES = re.compile(rf"{_TIME}[ \t]*-->[ \t]*{_TIME}")
_SPEAKER = re.compile(r"<v(?:\.[\w.]+)?[ \t]+([^>]{1,80})>")
_TAG = re.compile(r"</?[A-Za-z\d][^<>]{0,100}>|\{\\[^{}]{0,50}\}")
_WIDE = rf"[{CJK}\u3000-\u303f\uff01-\uff60]"
_TIGHT = re.compile(rf"(?<={_WIDE}) (?={_WIDE})")
_ENDED = re.compile(r"[.!?…。！？][\"'”’」)]*\Z")
_PAUSE = 4.0  # seconds of silence after which another paragraph begins
_LONG = 600  # characters after which the next sentence begins another paragraph


class _Cue(NamedTuple):
    """What is shown from `start` to `end`, in seconds, and who says it, if that is told."""

    start: float
    end: float
    speaker: str
    lines: list[str]


def read(data: bytes) -> Content:
    """The words of all cues. A paragraph ends at a pause, at another speaker, or when it is long.

    Raises Malformed where there is no line of times.
    """
    text = normal(decode(data))
    cues = list(_cues(text))
    if not cues:
        raise Malformed("no subtitles: there is no line such as 00:00:01,000 --> 00:00:02,500")
    head = text.partition("\n")[0]
    title = head.removeprefix("WEBVTT").strip(" -\t") if head.startswith("WEBVTT") else ""
    builder = Builder()
    spoken: list[str] = []
    before = cues[0]
    for cue in cues:
        long = sum(map(len, spoken)) > _LONG and _ENDED.search(spoken[-1])
        if cue.start - before.end > _PAUSE or cue.speaker != before.speaker or long:
            builder.block(_paragraph(before.speaker, spoken))
            spoken = []
        # Captions that roll upwards show a line again.
        spoken += [line for line in cue.lines if line not in before.lines or cue is before]
        before = cue
    builder.block(_paragraph(before.speaker, spoken))
    return Content(title, builder.parts())


def _cues(text: str) -> Iterator[_Cue]:
    """The cues in order; notes, styles and numbers between them are left out."""
    found = list(_TIMES.finditer(text))
    for number, match in enumerate(found, 1):
        end = found[number].start() if number < len(found) else len(text)
        body = text[text.find("\n", match.end()) + 1 or len(text) : end].partition("\n\n")[0]
        named = _SPEAKER.search(body)
        lines = [" ".join(html.unescape(_TAG.sub("", line)).split()) for line in body.split("\n")]
        speaker = named[1].strip() if named else ""
        yield _Cue(_seconds(*match.groups()[:4]), _seconds(*match.groups()[4:]), speaker,
                   [line for line in lines if line])  # fmt: skip


def _seconds(hours: str | None, minutes: str, seconds: str, parts: str) -> float:
    return 3600 * int(hours or 0) + 60 * int(minutes) + int(seconds) + float(f"0.{parts}")


def _paragraph(speaker: str, lines: list[str]) -> str:
    said = _TIGHT.sub("", " ".join(lines))
    return f"{speaker}: {said}" if speaker and said else said
