"""The wording of a text without its layout: its words, and whether another text has all of them."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import NamedTuple

# Scripts without spaces between words: each character is a word of its own.
SINGLE = (
    "\u0e00-\u109f\u1780-\u17ff\u2e80-\u2fff\u3005-\u3007\u3031-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
# All but space, punctuation, symbols and SINGLE: letters, marks and digits of any other script.
LETTER = (
    r"[^\s!-/:-@\[-^`{-~\u00a1-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7\u060c\u061b"
    r"\u061f\u06d4\u0964\u0965\u2000-\u2bff\u2e00-\u2e7f\u3000-\u3030\u30fb\ufe10-\ufe6f\uff00-\uff65"
    + SINGLE
    + "]"
)
# Signs that change what is said (5 % or 5, -5 or 5, ✓ or ✗); all other punctuation does not.
_SIGN = (
    r"[%&+/<=>@\\^$#~\u00a2-\u00a5\u00ac\u00b0\u00b1\u00d7\u00f7\u20a0-\u20bf\u2190-\u22ff"
    r"\u25a0-\u27bf]|!(?==)|(?<=\d)\*(?=\d)"
)
WORD = re.compile(rf"{LETTER}+(?:(?<=\d)[.,:](?=\d){LETTER}+)*|{_SIGN}")
TOKEN = re.compile(rf"[{SINGLE}]|{WORD.pattern}")
MARKER = re.compile(
    r"^[ \t]*(?:[-+\u2013\u2014](?=[ \t])"
    r"|[*\u2022\u00b7\u2023\u2043\u25a0\u25aa\u25ab\u25c6\u25cf\u25e6](?!\*)"
    r"|[(\[]?(?P<number>[0-9]{1,2}|[A-Za-z])[.)\]\u3001](?![0-9.\]]))[ \t]*(?=\S)",
    re.MULTILINE,
)

# What compatibility normalisation may change, and the letter that an accent stands on.
_FOREIGN = re.compile("[\\x00-\\x7f]?[^\\x00-\\x7f\u4e00-\u9fff]+")
_POWER = re.compile("[\u00b2\u00b3\u00b9\u2070\u2074-\u207b]+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
# Each begins with its rarest character, which makes them ten times as fast.
_DASH = re.compile("[-\u2010-\u2014]")
_HYPHEN = re.compile(r"[-\u2010\u2011](?<=[^\W\d_].)(?:[ \t]*\n[ \t]*)?(?=[^\W\d_])")
_MINUS = re.compile(r"[-\u2010-\u2014](?:(?<=\d.)\s?(?=\d)|(?<=\d\s.)\s?(?=\d)|(?<![\w-].)(?=\d))")
_PREFIX = re.compile(r"^[ \t]*(?:(?:>[ \t]*)+(?!\d)|#{1,6}[ \t])|^[^\w\n]{3,}$", re.MULTILINE)
_EDGE = re.compile(r"(?<!\w)_+|_+(?!\w)|~~")
# Units in which the case of a letter matters: mW and MW, Mb and MB.
_UNIT = re.compile(
    r"\d[ \t]*(?!min\b)(?:[mMpP][A-Za-z]{1,2}|[kKMGT]?i?[bB](?:it|yte)?)\b", re.ASCII
)
_UPPER = re.compile("[A-Z]")


class Wording(NamedTuple):
    """The words of a text in order; the other fields describe them by their index."""

    shown: str
    words: list[str]
    starts: list[int]
    """The place in `shown` at which each word begins."""
    end: int
    """The place in `shown` at which the last word ends."""
    opens: set[int]
    """Words that begin a sentence or a line."""
    items: dict[int, str]
    """Words that begin a list item: its number or letter, empty for other marks."""

    def upper(self, at: int) -> bool:
        return self.shown[self.starts[at]].isupper()


def shown(text: str) -> str:
    """`text` without its layout: form of characters, hyphenation, Markdown."""
    if not text.isascii():
        text = _FOREIGN.sub(lambda run: _compatible(run[0]), text)
    text = _PREFIX.sub("", text)
    if _DASH.search(text):
        text = _MINUS.sub("\u2212", _HYPHEN.sub("", text))
    text = _EDGE.sub("", text) if "_" in text or "~" in text else text
    # The mark keeps the letter apart from the small one, and is itself a letter to the rest.
    return _UNIT.sub(lambda found: _UPPER.sub("\\g<0>\u0300", found[0]), text)


@functools.lru_cache(4096)
def _compatible(run: str) -> str:
    run = _INVISIBLE.sub("", _POWER.sub(r" ^\g<0> ", run))
    return unicodedata.normalize("NFKC", run)


def wording(text: str) -> Wording:
    """The words of `text` with everything needed to compare them; without list markers."""
    text = shown(text)
    words: list[str] = []
    starts: list[int] = []
    opens: set[int] = set()
    items: dict[int, str] = {}
    marks = [(*match.span(), match["number"] or "") for match in MARKER.finditer(text)][::-1]
    marks.insert(0, (len(text), len(text) + 1, ""))
    end = 0
    for match in TOKEN.finditer(text):
        start, stop = match.span()
        if start != end or not words:
            if start >= marks[-1][0]:
                if start < marks[-1][1]:
                    continue  # the number itself
                while start >= marks[-1][1]:
                    number = marks.pop()[2]
                opens.add(len(words))
                items[len(words)] = number.casefold()
            elif not words or _begins(text[end:start], text[start]):
                opens.add(len(words))
        words.append(match[0].casefold())
        starts.append(start)
        end = stop
    return Wording(text, words, starts, end, opens, items)


def _begins(gap: str, first: str) -> bool:
    """Whether a sentence or line begins with `first` after `gap`; a wrapped line does not."""
    if "\n\n" in gap:
        return True
    if gap == " " or first.islower():
        return False
    if any(char in gap for char in "!?\u3002"):
        return True
    if first.isdigit():  # it may be the value of a wrapped line, or that of No. 5
        return "\n" in gap and ("." in gap or ":" in gap)
    return "\n" in gap or ("." in gap and gap != ".")


def says_nothing_new(later: Wording, earlier: Wording) -> bool:
    """Whether all that `later` says stands in `earlier`, in the same order.

    1. Setting does not count: case, white space, line ends, hyphenation, quotes, commas, emphasis,
       full width, the kind of list marker (but not another number).
    2. The earlier text may have more: whole sentences or lines anywhere; and a piece of at least
       three words where the later one was cut off in a sentence, at its beginning or its end.
    3. A slip of the pen may differ: two letters swapped, one missing or one too many, inside a
       small-lettered word of eight or more letters, once in about fifty words.
    4. Anything else that differs makes another text: a word, number, sign or unit that is
       replaced, added, or missing within a sentence.
    """
    if not later.words:
        return later.shown == earlier.shown
    slips = 1 + len(later.words) // 50
    heads: dict[str, list[int]] = {}
    for at in sorted(earlier.opens):
        heads.setdefault(earlier.words[at], []).append(at)
    # Each place of the earlier text that may be the next, with the fewest slips on the way there.
    places = dict.fromkeys(_beginnings(later, earlier), 0)
    last = len(later.words) - 1
    effort = 50 * len(later.words)  # the same word a thousand times is not worth more
    for here, word in enumerate(later.words):
        jumping = [at for at in places if at in earlier.opens]
        if jumping:
            first, fewest = min(jumping), min(places[at] for at in jumping)
            for at in heads.get(word, ()):
                if at > first:
                    places.setdefault(at, fewest)
        effort -= len(places)
        after: dict[int, int] = {}
        for at, slipped in places.items():
            if at == len(earlier.words) or not _same_item(later, here, earlier, at):
                continue
            if word == earlier.words[at]:
                after[at + 1] = min(slipped, after.get(at + 1, slips))
            elif here == last and _cut_word(later, earlier, at):
                return True
            elif slipped < slips and _slipped(later, here, earlier, at):
                after[at + 1] = min(slipped + 1, after.get(at + 1, slips))
        if not after or effort < 0:
            return False
        places = after
    return any(_may_end(later, earlier, at) for at in places)


def _same_item(later: Wording, here: int, earlier: Wording, at: int) -> bool:
    """Whether two words begin items of one number, of another kind, or none at all."""
    one, two = later.items.get(here, ""), earlier.items.get(at, "")
    return one == two or (not (one and two) and here in later.items and at in earlier.items)


def _weight(words: list[str]) -> float:
    """About how many words these are: a character of a script without spaces is half of one."""
    return sum(0.5 if len(word) == 1 and word > "\u0e00" else 1 for word in words)


def _beginnings(later: Wording, earlier: Wording) -> list[int]:
    """Return where the later text may begin: at a sentence, or at least three words into one."""
    found = []
    start = 0
    for at, word in enumerate(earlier.words):
        if at in earlier.opens:
            start = at
        elif not (
            word == later.words[0]
            and earlier.upper(at) == later.upper(0)
            and _weight(earlier.words[start : min(at, start + 6)]) >= 3
        ):
            continue
        found.append(at)
    return found


def _may_end(later: Wording, earlier: Wording, at: int, least: int = 3) -> bool:
    """Whether the later text may end before `at`: between sentences, or cut off in one."""
    if at == len(earlier.words) or at in earlier.opens:
        return True
    if any(char in later.shown[later.end :] for char in ".!?;\u3002"):
        return False
    rest = earlier.words[at : at + 6]
    until = next((place for place in range(len(rest)) if at + place in earlier.opens), len(rest))
    return _weight(rest[:until]) >= least


def _cut_word(later: Wording, earlier: Wording, at: int) -> bool:
    """Whether the last word of the later text was cut off in its middle, with more behind it."""
    word, whole = later.words[-1], earlier.words[at]
    if not (whole.isalpha() and whole.startswith(word)) or (len(word) < 3 and later.upper(-1)):
        return False
    return at not in earlier.opens and _may_end(later, earlier, at, 2)


def slippable(word: str) -> bool:
    """Whether a word is long enough to be recognised in spite of a wrong letter."""
    return len(word) >= 8 and word.isalpha()


def _slipped(later: Wording, here: int, earlier: Wording, at: int) -> bool:
    """Whether two words are one but for a slip. Beginnings and endings carry meaning: un-, -s."""
    short, long = sorted((later.words[here], earlier.words[at]), key=len)
    if len(long) - len(short) > 1 or not (slippable(short) and slippable(long)):
        return False
    if short[:2] != long[:2] or short[-2:] != long[-2:]:
        return False
    start = later.starts[here]
    if not later.shown[start + 1 : start + len(later.words[here])].islower():
        return False  # a name
    if len(short) < len(long):
        return any(long[:place] + long[place + 1 :] == short for place in range(2, len(long) - 2))
    differ = [place for place in range(len(long)) if short[place] != long[place]]
    return (
        len(differ) == 2
        and differ[0] + 1 == differ[1]
        and short[differ[0]] == long[differ[1]]
        and short[differ[1]] == long[differ[0]]
    )


def jaccard(one: list[str], two: list[str]) -> float:
    """Return the share of shingles of three words in both texts, among those in either."""
    first, second = _shingles(one), _shingles(two)
    return len(first & second) / len(first | second) if first or second else 1.0


def contained(one: list[str], two: list[str]) -> float:
    """Return the share of the first text's shingles of three words that the second also has."""
    first = _shingles(one)
    return len(first & _shingles(two)) / len(first)


def _shingles(words: list[str]) -> set[tuple[str, ...]]:
    return set(zip(words, words[1:], words[2:], strict=False)) or {tuple(words)}
