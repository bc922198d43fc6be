"""The places at which a paragraph may be cut: after sentences, at lines that were broken on
purpose, and, in scripts without full stops, at the spaces between phrases."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from self_evolution.text.script import CJK, columns, is_cjk

Strength = Literal["line", "sentence", "phrase", "space"]


class End(NamedTuple):
    """A place to cut: the offset of the text after it."""

    at: int
    strength: Strength


# sentencex takes quadratic time for some texts (quotes, Chinese), so it gets them in windows.
_WINDOW = 2000

# Languages that write ordinals with a full stop: "am 3. Mai" is no end of a sentence.
_ORDINALS = frozenset(
    {"bs", "cs", "da", "de", "et", "fi", "hr", "hu", "is", "lv", "no", "pl", "sk", "sl", "sr", "tr"}
)
_NUMBER = re.compile(r"(?:^|\s)\d{1,3}\.\s*$")
# "Click OK. 2. " belongs to the next sentence from the number on.
_ENUMERATOR = re.compile(
    r"(?:^|(?<=[\s。！？：；]))[(（]?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{2,4})[.)）]\s*$"
)
_ENDED = re.compile(r"[.!?:;。！？：；][\"”’»)\]]*\s*$")
_ONE = re.compile(r"[A-Za-z0-9_\s,;-]*[.:!?]?\s*")  # at most one sentence, for certain
# What sentencex does not know, among abbreviations that stand before a name or number.
_ABBREVIATION = re.compile(
    r"""(?:^|[\s(\[/])(?:[A-ZÄÖÜ]|[Dd]r|[Ff]igs?|[Ee]qs?|[Ss]ect?s?|[Cc]h(?:ap)?|[Nn]os?|[Nn]r|[Vv]ol
      |pp?|cf|vs|approx|[Tt]ab|[Aa]bb|[Kk]ap|[Aa]bs(?:chn)?|Bd|Hrsg|Bsp|bzw|[Cc]a|[Vv]gl
      |[Ss]iehe\ S|ggf|evtl|[zdui]\.\ ?[BhaRUE]|e\.g|i\.e|[Ii]n[ck]l|resp|max|min|[Rr]ef
      |art)\.\s*$""",
    re.VERBOSE,
)
_CJK_CLOSERS = "」』”’）)】》〉］\\]»"
_CLOSERS = _CJK_CLOSERS + "\"'"
_STARTS_WITHIN = re.compile(rf"\s*[,;:{_CJK_CLOSERS}]")

# A quotation or parenthesis is passed over as a whole, with the full stops in it.
_QUOTED = "|".join(
    rf"{a}[^{a}{b}\n]{{0,200}}{b}" for a, b in ("「」", "『』", "“”", "（）", "【】", "《》")
)
_CJK_END = re.compile(
    rf"(?P<quoted>{_QUOTED})|(?:[。！？｡]+|(?<=[{CJK}])[!?]+|(?<=[{CJK}])\.(?=\s))"
    rf"[{_CJK_CLOSERS}]*(?P<sign>[\"']?)\s*"
)
_CJK_CHARACTER = re.compile(f"[{CJK}]")
_HIRAGANA = re.compile("[ぁ-ん]")  # most often the ending of a word that began a line above
_QUOTATIVE = ("と", "って", "という", "との")

# Thai, Lao, Burmese, Khmer: spaces stand between phrases, and seldom anything else does.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_HAS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_PHRASE = re.compile(f"(?<=[{_UNSPACED}])[ \t]+|(?<=\\S)[ \t]+(?=[{_UNSPACED}])")


def ends(text: str, language: str) -> list[End]:
    """Return the places at which a stripped paragraph can be cut, in order; the last is its end.

    `language` is an ISO 639-1 code; texts in Han or kana are recognised without it.
    """
    found: list[End] = []
    start = 0
    for stop in _lines(text):
        run = text[start:stop]
        for end in _sentences(run, language):
            found.append(End(start + end.at, end.strength))
        found[-1] = End(stop, "line")
        start = stop
    return found


def _lines(text: str) -> Iterator[int]:
    """Yield the ends of lines that were broken on purpose, not wrapped; the last is the text's
    end."""
    lines = text.split("\n")
    longest = max(len(line) for line in lines)
    # Nobody wraps at such widths: each line is a paragraph.
    wrapped = 24 <= longest <= 140
    width = max(columns(line) for line in lines) if wrapped else 0
    at = 0
    for line, following in itertools.pairwise(lines):
        at += len(line) + 1
        if _on_purpose(line.rstrip(), following.strip(), width):
            yield at
    yield len(text)


def _on_purpose(line: str, following: str, width: int) -> bool:
    """Whether this line of a paragraph `width` columns wide ends early, with more lines to come.

    The width is 0 where no line is wrapped.
    """
    if not line or not following:
        return False
    if following[0].islower() or line[-1] in ",，、(（「“-–—" or following[0] in _CLOSERS:
        return False
    if not width:
        return not _HIRAGANA.match(following)
    if _CJK_CHARACTER.search(line) and _CJK_CHARACTER.search(following):
        return columns(line) < 0.85 * width and not _HIRAGANA.match(following)
    word = following.split(None, 1)[0]
    return columns(line) + 1 + len(word) <= 0.75 * width


def _sentences(run: str, language: str) -> Iterator[End]:
    """Ends of sentences in a run without breaks made on purpose, the last one being its end."""
    if _ONE.fullmatch(run):
        yield End(len(run), "sentence")
        return
    start = 0
    stops = _cjk(run) if is_cjk(run[:_WINDOW]) else _spaced(run, language)
    for stop in [*(at for at in stops if at < len(run)), len(run)]:
        if not run[start:stop].strip():
            continue
        sentence = run[start:stop]
        if _HAS_UNSPACED.search(sentence):
            for match in _PHRASE.finditer(sentence.rstrip()):
                yield End(start + match.end(), _phrase(sentence, match))
        yield End(stop, "sentence")
        start = stop
    if start < len(run):
        yield End(len(run), "sentence")


def _phrase(sentence: str, space: re.Match[str]) -> Strength:
    """Yield ends between phrases, without those beside a foreign word or a repetition mark."""
    before, after = sentence[space.start() - 1], sentence[space.end() : space.end() + 1]
    both = _HAS_UNSPACED.match(before) and _HAS_UNSPACED.match(after)
    return "phrase" if both and before not in "ๆຯໆ" and after not in "ๆໆ" else "space"


def _cjk(run: str) -> Iterator[int]:
    start = 0
    for match in _CJK_END.finditer(run):
        at = match.end()
        if match["quoted"]:
            ended = match[0][-2:-1] in "。！？!?" and len(match[0]) > 2
            if not (ended and run[at : at + 1] in ("「", "『", "“")):
                continue
        elif match["sign"]:
            # The same sign opens and closes; an even number before it means that this one opens.
            if run.count(match["sign"], max(start, at - _WINDOW), match.start()) % 2 == 0:
                at = match.start("sign")
            elif _HIRAGANA.match(run, at):
                continue
        if not run.startswith(_QUOTATIVE, at):
            yield at
            start = at


def _spaced(run: str, language: str) -> Iterator[int]:
    """Yield the ends that sentencex finds, without false ones, and with numbers on the right
    side."""
    import sentencex

    start = at = 0
    while at < len(run):
        window = run[at : at + _WINDOW]
        parts = sentencex.segment(language or "en", window)
        final = at + _WINDOW >= len(run)
        if not final and len(parts) == 1:
            at += _WINDOW
            continue
        for part in parts if final else parts[:-1]:
            at += len(part)
            end = _mended(run, start, at, language)
            if end > start:
                yield end
                start = end


def _mended(run: str, start: int, at: int, language: str) -> int:
    """Return the true end of the sentence from `start`, if a sentence ends at `at`; else
    `start`."""
    following = run[at : at + 2]
    if following[:1].islower() or _STARTS_WITHIN.match(following):
        return start
    if following and run[at - 1] in ".?!":
        return start  # within a name or number
    tail = run[max(start, at - 24) : at].rstrip()
    if tail.endswith("..") and following and not following[0].isupper():
        return start
    if not tail.endswith((".", ")")):
        return at
    if match := _ENUMERATOR.search(tail):
        before = tail[: match.start()]
        if not before.strip():
            return start
        if _ENDED.search(before) and not _ABBREVIATION.search(before):
            return run.rindex(tail, start, at) + match.start()
    ordinal = language in _ORDINALS and _NUMBER.search(tail)
    return start if ordinal or _ABBREVIATION.search(tail) else at
