"""Dates and times of day, in one form however they are written.

"5 March 2024", "2024-03-05", "05.03.2024" and 2024年3月5日 are one date. "8 am", "08:00", "8 Uhr"
and 上午8点 are one time. Its number is the one that a clock with twelve hours shows, and its unit
is am or pm.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from self_evolution.text.decimal_mark import decimal_comma
from self_evolution.text.measures import measure_at
from self_evolution.text.phrases import between
from self_evolution.text.table import LANGUAGES, forms, rows


class Moment(NamedTuple):
    """`start` and `end` span it in the text, and `key` is compared.

    A date is year-month-day, where each part that is not said is empty. A time has `half` (am or
    pm), and `tail` is the end of its figures.
    """

    key: str
    start: int
    end: int
    tail: int = 0
    half: str = ""


_DAY, _MONTH, _YEAR = "3[01]|[12][0-9]|0?[1-9]", "1[0-2]|0?[1-9]", "[12][0-9]{3}"
_LETTER = "[A-Za-zÀ-ÖØ-öø-ÿ]"
_ENDS = r"(?![A-Za-z0-9_/-]|[.,:][0-9])"
_YEAR_FIRST = re.compile(
    rf"(?P<year>{_YEAR})(?P<by>[/-])(?P<month>{_MONTH})(?P=by)(?P<day>{_DAY}){_ENDS}"
)
_DAY_FIRST = re.compile(
    rf"(?P<day>{_DAY})(?P<by>[./])(?P<month>{_MONTH})(?P=by)(?P<year>{_YEAR})"
    "(?![A-Za-z0-9_/]|-[A-Za-z]|[.,:][0-9])"  # a range may follow: 5.3.2024-7.3.2024
)
# The sign 日 or 月 may stand once, behind the last date: 3月5-7日, 3月5、6日, 2024年3-5月.
_CHINESE_GAP = "[ ]?[-–—~～至到、和与及][ ]?"
_CHINESE = re.compile(
    rf"(?:(?P<year>{_YEAR}) ?年 ?)?(?P<month>{_MONTH})"
    rf"(?: ?月(?: ?(?P<day>{_DAY})(?: ?[日号號]|(?={_CHINESE_GAP}(?:{_DAY}) ?[日号號])))?"
    rf"|(?(year)(?={_CHINESE_GAP}(?:{_MONTH}) ?月)|(?!)))"
)
_DAY_AND_NAME = re.compile(
    rf"(?P<day>{_DAY})(?:st|nd|rd|th|er|\.)?[ \u00a0-](?:of |de )?"
    rf"(?P<name>{_LETTER}{{3,9}})(?!{_LETTER})"
    rf"(?:[.,]{{0,2}}[ \u00a0-](?:de )?(?P<year>{_YEAR}){_ENDS})?"
)
# The last day of a range behind the name of a month: March 5–7, 2024.
_LAST_DAY = (
    rf"(?P<last>{_DAY})(?:st|nd|rd|th)?"
    rf"(?:,?[ \u00a0](?P<its_year>{_YEAR}){_ENDS}|(?=[.,;:!?)](?![0-9])|\Z))"
)
_NAME_FIRST = re.compile(_LETTER)
_DAY_ALONE = re.compile(rf"{_LAST_DAY}|(?P<chinese>{_DAY}) ?[日号號]")
# Behind the name of a month: "5, 2024", "5th", "2024". A plain number counts something ("In May 5
# pumps failed") unless the clause ends with it.
_BEHIND_NAME = re.compile(
    rf"(?:(?P<day>{_DAY})(?:st|nd|rd|th)?,?[ \u00a0])?(?P<year>{_YEAR}){_ENDS}"
    rf"|(?P<only>{_DAY})(?:(?:st|nd|rd|th)(?![A-Za-z])|(?=[.,;:!?)](?![0-9])|\Z))"
    # The first of two days, of which the last one ends the clause or has the year.
    rf"|(?P<first>{_DAY})(?:st|nd|rd|th)?"
    rf"(?=[ ]?(?:[-–—~]|to|bis|until|through|(?P<joint>and|und))[ ]?{_LAST_DAY})"
)
# A bracket or the line before may stand before the name, without a space between.
_NAME_AT_END = re.compile(rf"(?<![A-Za-zÀ-ÖØ-öø-ÿ0-9_]){_LETTER}{{3,9}}[.]?\Z")
_HOUR = "(?P<hour>2[0-4]|1[0-9]|0?[0-9])"
_HALF = "[ ]?(?P<half>[AaPp])[.]?[Mm](?![A-Za-z0-9_])"
_COLON = re.compile(
    rf"{_HOUR}:(?P<minute>[0-5][0-9](?::[0-5][0-9])?)(?P<behind>{_HALF})?(?![A-Za-z0-9_:]|,[0-9])"
)
_POINT = re.compile(rf"{_HOUR}\.(?P<minute>[0-5][0-9])(?P<behind>[ ]Uhr(?![A-Za-z])|{_HALF})")
_WITH_H = re.compile(
    rf"{_HOUR}(?P<behind>[ ]Uhr(?![A-Za-z])(?![ ][0-9])"
    r"|(?:[ ]Uhr[ ]|[ ]?h[ ]?)(?P<minute>[0-5][0-9])"
    r"(?![A-Za-z0-9_]|[.,][0-9]|[ ](?:min|s)(?![A-Za-z])))"
)
_WITH_POINT = re.compile(
    rf"{_HOUR}(?P<behind>[ ]?[点點](?:(?P<minute>[0-5]?[0-9])分|(?P<even>整|钟|鐘))?)"
)
_HALVES = {"上午": "a", "早上": "a", "凌晨": "a", "下午": "p", "晚上": "p", "傍晚": "p"}
_NIGHT = ("凌晨", "晚上")  # twelve is midnight then
# What can stand behind the first figures of a date or time, by the first character that does.
_FIRST = re.compile("[0-9]{1,4}( ?)([-/.:年月点點hUsnrte\u00a0JFMASONDjfmaod])")
_BY_NEXT = {
    "-": (_YEAR_FIRST, _DAY_AND_NAME), "/": (_YEAR_FIRST, _DAY_FIRST),
    ".": (_DAY_FIRST, _POINT, _DAY_AND_NAME), ":": (_COLON,), "年": (_CHINESE,), "月": (_CHINESE,),
    "点": (_WITH_POINT,), "點": (_WITH_POINT,), "h": (_WITH_H,), "U": (_WITH_H,),
}  # fmt: skip


def moment_at(text: str, start: int, about: str = "") -> Moment | None:
    """The date or time of day whose first figures stand at `start` of a plain text.

    `about` is a text whose language counts where that of `text` cannot be told.
    """
    first = _FIRST.match(text, start)
    for pattern in _BY_NEXT.get(first[2], (_DAY_AND_NAME,)) if first else ():
        if found := pattern.match(text, start):
            timed = "hour" in pattern.groupindex
            if moment := _time(text, found) if timed else _date(text, found, about):
                return moment
    return None


def _date(text: str, found: re.Match[str], about: str) -> Moment | None:
    parts = found.groupdict()
    month = parts.get("month")
    if found.re is _DAY_AND_NAME:
        month = months().get(parts["name"])
    elif parts.get("by") == "/" and found.re is _DAY_FIRST and not decimal_comma(text, about):
        return None  # in English, 05/03/2024 may be in March or in May
    return _moment(parts["year"], month, parts["day"], *found.span()) if month else None


def _moment(year: str | None, month: str, day: str | None, start: int, end: int) -> Moment:
    return Moment(f"{year or ''}-{int(month)}-{int(day) if day else ''}", start, end)


def behind_name(text: str, start: int, word: str) -> Moment | None:
    """The date at `start` whose month ends `word`, which stands before it: March 5, 2024."""
    name = month_at_end(word)
    found = _BEHIND_NAME.match(text, start) if name else None
    if not found or measure_at(text, found.end()):
        return None
    day, year, only, first, joint = found.group("day", "year", "only", "first", "joint")
    begin = start - len(name) - 1
    if joint and not (found["its_year"] or between(text, begin)):
        return None  # "In May 5 and 7." names no days, "between May 5 and 7." does
    return _moment(year, months()[name], day or only or first, begin, found.end())


def last_day(text: str, start: int, first: str, written: str, sure: bool) -> Moment | None:
    """The date at `start` that ends a range which begins with the date `first`, and says only a
    day, or a day and a year: the 7 of "March 5–7, 2024" and of 3月5日至7日.

    `written` is the first date as it stands in the text. "On March 5, 2024 to 10." and "5 March to
    20." are no ranges. Where no year is behind the last day, "March 5 to 7." is a range only if
    something else makes it `sure`: a dash, or "between" before the first day.
    """
    year, month, day = first.split("-")
    found = _DAY_ALONE.match(text, start)
    if not found or not (month and day):
        return None
    last, its_year, chinese = found.group("last", "its_year", "chinese")
    if not chinese and (year or not _NAME_FIRST.match(written) or not (its_year or sure)):
        return None
    return _moment(its_year or year, month, last or chinese, *found.span())


def month_at_end(word: str) -> str:
    """The name of a month that ends what stands between two spaces: "(March"; "" for none."""
    found = _NAME_AT_END.search(word)
    return found[0] if found and found[0] in months() else ""


def _time(text: str, found: re.Match[str]) -> Moment | None:
    parts, start = found.groupdict(), found.start()
    half = parts.get("half") or ""
    word = text[max(start - 3, 0) : start].rstrip()[-2:]
    said = _HALVES.get(word, "")
    if found.re is _WITH_POINT and not (said or parts["minute"] or parts["even"]):
        return None  # 5点 may be five of anything that is counted
    hour, minute = int(parts["hour"]), (parts["minute"] or "").zfill(2)
    if not half and hour % 12 == 0:
        half = "a" if word in _NIGHT or (hour != 12 and said != "p") else "p"
    elif not half:
        half = "p" if hour > 12 else said or "a"
    figures = f"{hour % 12 or 12}" + (f":{minute}" if minute != "00" else "")
    tail = found.start("behind") if parts.get("behind") else found.end()
    begin = text.rindex(word, 0, start) if said else start
    return Moment(figures, begin, found.end(), tail, f"{half.lower()}m")


@cache
def months() -> dict[str, str]:
    """The number of each month by its names."""
    return {
        name: row["month"]
        for row in rows("months")
        for form in forms(row, *LANGUAGES)
        for name in (form, form.upper(), form[0].upper() + form[1:], f"{form}.")
    }


def whole_date(key: str) -> str:
    """A date as one writes it where no text around it says the month and the year."""
    year, month, day = key.split("-")
    if year and day:
        return f"{year}-{month:0>2}-{day:0>2}"
    if not (year or day):
        return f"{month}月"  # the name alone, as in "March", is no date
    name = next(
        form for row in rows("months") if row["month"] == month for form in forms(row, "en")
    )
    return " ".join(filter(None, (day, name, year)))


def covers(whole: str, part: str) -> bool:
    """Whether a date says all that another says: 5 March 2024 says all of March 2024."""
    pairs = zip(whole.split("-"), part.split("-"), strict=True)
    return all(not other or one == other for one, other in pairs)


def with_year(date: str, first: str) -> str:
    """The last date of a range with the year that only the `first` one says."""
    (year, month, day), (its_year, its_month, _) = date.split("-"), first.split("-")
    if year or not (its_year and month and its_month):
        return date
    return f"{int(its_year) + (int(month) < int(its_month))}-{month}-{day}"


def completed(date: str, other: str, ranged: bool) -> str:
    """The first of two dates, with the month and year that only the other one says: "5 to 7 March".
    A range that would end before it begins has begun in the year before."""
    (year, month, day), (other_year, other_month, _) = date.split("-"), other.split("-")
    turns = ranged and month and other_month and int(month) > int(other_month)
    if turns and other_year:
        other_year = str(int(other_year) - 1)
    return f"{year or other_year}-{month or other_month}-{day}"
