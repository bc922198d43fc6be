"""The values of a text: numbers with unit and bound, identifiers and codes.

Two texts say the same value if it has the same form here: "at least 10,000 ms" and "≥ 10000毫秒"
are both the number 10000 with the unit ms and the bound ≥.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from self_evolution.text.characters import RAISED, VULGAR, on_the_line
from self_evolution.text.figures import Number, number_at, shifted
from self_evolution.text.measures import counted_by, measure_at
from self_evolution.text.moments import behind_name, moment_at, month_at_end, months
from self_evolution.text.phrases import BOUNDS, after, before, last_words
from self_evolution.text.prices import letter_at
from self_evolution.text.ranges import mended
from self_evolution.text.script import CJK, has_han
from self_evolution.text.token import Token
from self_evolution.text.units import per, unit

_LETTER = rf"[^\W{CJK}①-⑳]"
_WORD = (
    r"(?:[A-Z]++[a-zß-öø-ÿ]*+|[a-zß-öø-ÿ]++)(?:-[a-zß-öø-ÿ]++)*+"
    r"(?![\w@\\^]|[-/.][\w/]|:(?://|[0-9A-Fa-f]{2,4}:))"
)
# Three decimals may be a group of figures.
_PLAIN_NUMBER = (
    r"(?:0|[1-9][0-9]*)(?:\.(?:[0-9]{1,2}|[0-9]{4,})(?![0-9]))?"
    rf"(?=\Z|[;!?)\]%°，。；：！？、）{CJK}]|,(?![0-9])|\.(?![0-9a-z_])"
    rf"|[ ](?![0-9×x*·^/±+–{VULGAR}-]))"
)
# What a date or time can go on with, behind a plain number.
_GOES_ON = "[ ]?[年月点點]|[.]?[ ][JFMASONDjfmasodhU]"
# All that is neither a number nor more than a word, and then a number that stands by itself.
_NEXT = re.compile(
    rf"(?:{_WORD}|[^\w+./-]++|[{CJK}]++|[-+](?![.0-9{VULGAR}])|\.(?![0-9])|/(?![A-Za-z_.])"
    rf"|(?<=[0-9])x(?=[1-9]))*+(?:({_PLAIN_NUMBER})((?={_GOES_ON}))?)?"
)
# A chunk is what spaces and punctuation leave whole: KX-48, /etc/hosts, 10.0.0.1, v2.3, end-user.
# A dot before a capital joins only initials (U.S), so that "48 ms.The" is two words.
CHUNK = re.compile(
    rf"""
    (?: (?<![A-Za-z0-9{VULGAR}_.)\]+-]) (?: [-+]?\.(?=[0-9]) | [-+](?=[0-9]) )
      | /(?=[A-Za-z_.]{_LETTER}) )?
    {_LETTER}+
    (?: (?: [-/\\@](?={_LETTER}) | \.(?=[a-z0-9_]) | (?<=[A-Z])\.(?=[A-Z](?![a-z]))
       | \^[-+]?(?=[0-9]) ) {_LETTER}+ )*
    """,
    re.VERBOSE,
)
_LONGEST = 400  # characters of a chunk: a text without spaces must not take the square of its time
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]*[A-Za-z0-9/_=]")
_COLONS = re.compile(
    r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:[ ]?[AaPp]\.?[Mm]\b)?(?![\w:]|,[0-9])"
    r"|[0-9A-Fa-f]{2,4}(?::[0-9A-Fa-f]{2,4}){2,}"
)
# A chunk of letters that is more than a word: it holds a digit, an underscore, a backslash or an @,
# is a URL or a path, a file or host name (but not "e.g."), is written likeThis, or joins capitals
# (SBI-GW, TCP/IP). "well-known" and "and/or" are words.
_CODE = re.compile(
    r".*[0-9₀-₉_\\@].*|.*://.*|/.+|.*[^\W\d_]{2}\.[^\W\d_]{2}.*|[a-z]+[A-Z].*|[A-Z]+(?:[-/][A-Z]+)+",
    re.DOTALL,
)
_PORT = re.compile(
    r"([1-9][0-9]{0,4})(?=(?:-[1-9][0-9]{0,4})?/(?:tcp|udp|sctp)(?![\w/-]))", re.IGNORECASE
)
_LAST_PORT = 65535
_PROTOCOL = re.compile(r"(?<=[0-9])/(tcp|udp|sctp)(?![\w/-])", re.IGNORECASE)
_RANGE = re.compile(r"-(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_TIMES = re.compile(r"[x×](?=[1-9])")
_TIMES_ALONE = re.compile(r"×(?!\w|\s?[0-9])")  # 3× is 3x
_ANOTHER = re.compile("[-/][1-9]")
# A Chinese date right behind another one: in 3月5日-7℃, the hyphen is a minus.
_NEXT_DATE = re.compile("-[0-9]{1,4} ?[年月日号號](?![楼樓线線机機库庫门門房])")
_PER_TIME = ("/s", "/h", "/d")
_SHORT = re.compile("[0-9]{1,4}[^0-9]")  # a date or time begins so
# Where the language of another text may count: 10.000, 3,5, 05/03/2024, and yen or yuan.
_AMBIGUOUS = re.compile("[0-9][.,/][0-9]|¥")
_ONE_WAY = {"≥": "≥>", ">": "≥>", "≤": "≤<", "<": "≤<"}


def scan(text: str, about: str = "") -> tuple[Token, ...]:
    """The numbers and codes of a plain text, in their order.

    `about` is a text on the same matter, whose language says how "10.000" is read where that of
    `text` does not.
    """
    # A fragment that can be read in one way only is scanned once for all questions about it.
    return _scanned(text, about if about and _AMBIGUOUS.search(text) else "")


@lru_cache(maxsize=256)
def _scanned(text: str, about: str) -> tuple[Token, ...]:
    tokens: list[Token] = []
    place, size, step = 0, len(text), _NEXT.match
    while True:
        found = step(text, place)
        assert found is not None  # the pattern matches nothing, too
        start, place = found.start(1), found.end()
        token: Token | None
        if figures := found[1]:
            token, word, phrased = None, "", start > 0
            if phrased and text[start - 1] == " ":
                word = _word_before(text, start)
                phrased = _may_be_phrased(word)
            if found[2] is not None or (phrased and month_at_end(word)):
                token = _moment(text, start, about, tokens)
            if token is None:
                key = shifted(figures) if "." in figures else figures
                token = _number(text, start, place, key, about, tokens, place, phrased)
        elif place >= size:
            break
        else:
            token, place = _irregular(text, place, about, tokens)
        if token:
            tokens.append(token)
            place = token.end
            if text[place : place + 1] == "-" and _is_dash(text, token):
                place += 1
    return tuple(mended(text, tokens)) if len(tokens) > 1 else tuple(tokens)


def _is_dash(text: str, last: Token) -> bool:
    """Whether the hyphen right behind a value is no minus: 5%-10%, 20秒-30秒, 3月5日-7日."""
    if last.kind == "date":
        return _NEXT_DATE.match(text, last.end) is not None
    return last.kind == "number"


def _word_before(text: str, start: int) -> str:
    """The word that one character, a space, parts from a number."""
    return text[text.rfind(" ", 0, start - 1) + 1 : start - 1]


def _may_be_phrased(word: str) -> bool:
    """Whether a phrase may end in the word before a number, or a date begin; no for most."""
    return not word.isalpha() or word[-1] >= "⺀" or word.lower() in _telling_words()


@cache
def _telling_words() -> frozenset[str]:
    return last_words() | {name.lower() for name in months()}


def _moment(text: str, start: int, about: str, past: list[Token]) -> Token | None:
    """The date or time of day at `start`, with its bound; None if there is none."""
    found = moment_at(text, start, about)
    if not found and text[start - 1 : start] == " ":
        found = behind_name(text, start, _word_before(text, start))
    limit = past[-1].end if past else 0
    if not found or found.start < limit:
        return None
    begin, bound = found.start, ""
    phrase = before(text, begin)
    if phrase and phrase.meaning in BOUNDS and phrase.start >= limit:
        begin, bound = phrase.start, phrase.meaning
    if not found.half:
        return Token("date", found.key, begin, found.end, bound=bound)
    return Token("number", found.key, begin, found.end, start, found.tail, found.half, bound)


def _irregular(text: str, start: int, about: str, past: list[Token]) -> tuple[Token | None, int]:
    """The value at `start`, whatever its form; or none, and where to go on."""
    if _SHORT.match(text, start) and (moment := _moment(text, start, about, past)):
        return moment, moment.end
    if found := _URL.match(text, start):
        return Token("word", folded(found[0]), start, found.end()), found.end()
    if ":" in text[start : start + 5] and (found := _COLONS.match(text, start)):
        # 10:30 p.m. is 10:30pm
        key = "".join(char for char in folded(found[0]) if char not in " .")
        return Token("word", key, start, found.end()), found.end()
    chunk = CHUNK.match(text, start, start + _LONGEST)
    end = chunk.end() if chunk else start + 1
    if (found := _PORT.match(text, start)) and int(found[1]) <= _LAST_PORT:
        # 8080/tcp is port 8080 of TCP
        return Token("number", found[1], start, found.end(1), start, found.end(1)), end
    if found := _PROTOCOL.match(text, start):
        return Token("word", folded(found[1]), found.start(1), found.end()), found.end()
    number = number_at(text, start, about)
    if number and (letter := letter_at(text, start, number.end, past)):
        key, tail = shifted(number.key, letter.power), letter.end
        return _number(text, start, tail, key, about, past, tail), tail
    if number and (behind := _behind(text, start, number, end, past)):
        return _number(text, start, number.end, number.key, about, past, behind), end
    if number and _TIMES_ALONE.match(text, number.end):
        return Token("word", f"{number.key}x", start, number.end + 1), number.end + 1
    if chunk and _CODE.fullmatch(chunk[0]):
        return Token("word", word_key(chunk[0]), start, end), end
    return None, end


def _behind(text: str, start: int, number: Number, end: int, past: list[Token]) -> int:
    """The place at which the unit of a number may begin; 0 if a code up to `end` begins with it."""
    place = number.end
    if _TIMES_ALONE.match(text, place):
        return 0
    if place >= end or (number.key != "0" and _TIMES.match(text, place)):
        return place
    if span := _RANGE.match(text, place):
        last = measure_at(text, span.end()) or letter_at(text, start, span.end(), past)
        return place if span.end() == end or (last and last.end >= end) else 0
    hyphen = text[place] == "-"
    joined = hyphen or text[place] == "/"
    measure = measure_at(text, place + joined)
    if measure is None:
        return 0
    if joined and measure.end - place == 2 and text[place : measure.end] not in _PER_TIME:
        return 0  # "30-second" is a measure, "12-A" the name of something
    if measure.end < end:  # 30-Sekunden-Takt, 5bar-10bar and 12V/5A are measures
        goes_on = hyphen and text[measure.end] == "-"
        if not goes_on and not _ANOTHER.match(text, measure.end):
            return 0
    return place + hyphen


def _number(
    text: str,
    start: int,
    tail: int,
    key: str,
    about: str,
    past: list[Token],
    behind: int,
    phrased: bool = True,
) -> Token:
    """A number with its unit, and with what the phrases before and behind it add."""
    head, end, name, bound, over = start, tail, "", "", ""
    stroke = text[behind : behind + 1] == "/"
    if measure := measure_at(text, behind + stroke):
        scale, name, end = measure
        if stroke:
            name, over = "", name
        if scale and key.replace(".", "").isdigit():
            key = shifted(key, scale)
        if name == "year" and text[end - 1] == "年" and len(key) == 4:
            name, end = "", tail  # the year 2024
    elif counted := counted_by(text, tail):
        over, end = counted.unit, counted.end
    limit = past[-1].end if past else 0
    while phrased and (phrase := before(text, start)) and phrase.start >= limit:
        meaning = phrase.meaning
        if meaning in BOUNDS:
            if meaning == "<" and text[end : end + 1] == ">":
                break  # <5> is a blank to be filled
            # 至少要大于5 says no more than 大于5.
            if not bound or bound not in _ONE_WAY.get(meaning, meaning):
                bound = meaning + bound
        elif meaning == "-":
            key = f"-{key}"
        elif meaning.startswith("1/") and name:
            over = meaning[2:]
        elif name in ("", "°") and not meaning.startswith("1/"):
            name = meaning
        else:
            break
        start = phrase.start
    if not bound and end + 1 < len(text) and (behind_it := after(text, end)):
        bound, end = behind_it.meaning, behind_it.end
    if name == "¥":
        name = "CNY" if has_han(text + about) else "JPY"
    return Token("number", key, start, end, head, tail, per(name, over) if over else name, bound)


_UNIT = re.compile(r"[^0-9]+|[^0-9]{1,3}[23](?:/[^0-9]+)?")
_RAISED_RUN = re.compile(f"[{RAISED}]+")


def folded(word: str) -> str:
    """A word as it is compared: H₂O gives h2o, x² gives x^2."""
    if not word.isascii():
        word = on_the_line(_RAISED_RUN.sub(lambda found: f"^{found[0]}", word))
    return word.casefold()


def word_key(word: str) -> str:
    """The compared form of a word or code; a unit has that of its meaning: "Seconds" gives s."""
    return (_UNIT.fullmatch(word) and unit(word)) or folded(word)
