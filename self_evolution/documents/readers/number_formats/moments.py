"""Dates, times of the day and durations in the parts that a format shows of them."""

from __future__ import annotations

import calendar
import datetime
import re

from self_evolution.documents.readers.number_formats.sections import Section, Token

_UNITS = {"h": 3600, "m": 60, "s": 1}


def duration(value: datetime.timedelta, section: Section) -> str:
    """A duration, whose largest unit may count on: 36:05."""
    seconds = round(abs(value).total_seconds())
    sign = "-" if value < datetime.timedelta() else ""
    longest = next((one.text[0] for one in section.tokens if one.kind == "elapsed"), "")
    parts = []
    for one in section.tokens:
        unit = _UNITS.get(one.text[:1], 1)
        if one.kind == "elapsed":
            parts.append(f"{seconds // unit:0{len(one.text)}d}")
        elif one.kind == "clock":
            parts.append(f"{seconds // unit % (24 if unit == 3600 else 60):0{len(one.text)}d}")
        elif one.kind == "text":
            parts.append(one.text)
    return sign + "".join(parts).strip() if longest or section.has("clock") else str(value)


def moment(value: datetime.date | datetime.time, section: Section) -> str:
    """A date or a time of the day in the parts that the format shows of it."""
    day = None if isinstance(value, datetime.time) else value
    time = value if isinstance(value, datetime.time) else getattr(value, "time", datetime.time)()
    dates = [one.text[0] for one in section.tokens if one.kind == "date"]
    clocks = [i for i, one in enumerate(section.tokens) if one.kind in ("clock", "half")]
    if not dates and not clocks:
        plain = value.isoformat(" ") if isinstance(value, datetime.datetime) else value.isoformat()
        return plain.removesuffix(" 00:00:00")
    if day is not None and {"y", "m", "d"} <= set(dates):
        text = day.isoformat()[:10]
        if clocks and time != datetime.time():
            clock = section.tokens[clocks[0] : clocks[-1] + 1]
            text += f" {''.join(_part(one, day, time, section) for one in clock)}"
        return text if section.has("half") else re.sub(r" (\d:)", r" 0\1", text)
    return "".join(_part(one, day, time, section) for one in section.tokens).strip()


def _part(token: Token, day: datetime.date | None, time: datetime.time, section: Section) -> str:
    name, width = token.text[:1], len(token.text)
    if token.kind == "half":
        half = "AM" if time.hour < 12 else "PM"
        return half if width > 3 else half[0]
    if token.kind == "clock":
        hour = (time.hour - 1) % 12 + 1 if section.has("half") else time.hour
        return f"{ {'h': hour, 'm': time.minute, 's': time.second}[name]:0{min(width, 2)}d}"
    if token.kind != "date" or day is None:
        return token.text if token.kind in ("text", "sign") else ""
    if name in "ye":
        return f"{day.year:04d}" if width > 2 or name == "e" else f"{day.year % 100:02d}"
    number, names = (
        (day.month, (calendar.month_abbr, calendar.month_name))
        if name == "m"
        else (day.day, (calendar.day_abbr, calendar.day_name))
    )
    if width < 3:
        return f"{number:0{width}d}"
    text = names[width > 3][number if name == "m" else day.weekday()]
    return text[0] if width == 5 and name == "m" else text
