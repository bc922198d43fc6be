"""Number formats of spreadsheets (ECMA-376, 18.8.31): a cell's value as the sheet shows it."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

from self_evolution.documents.readers.number_formats.moments import duration, moment
from self_evolution.documents.readers.number_formats.numbers import number
from self_evolution.documents.readers.number_formats.sections import sections

_LONGEST = 255  # characters of a format


def shown(value: Any, code: str) -> str:
    """A number, text, date, time or duration as a cell with this format shows it.

    Dates with a day, a month and a year are ISO dates, whatever their order in the format, and
    without the time where it is midnight.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float) and code in ("General", ""):
        return f"{value:.15g}" if isinstance(value, float) else str(value)
    if isinstance(value, str) and "@" not in code and ";" not in code:
        return value.strip()
    found = sections(code if len(code) <= _LONGEST else "General")
    if isinstance(value, str):
        texts = found[3:4] or [one for one in found[:1] if one.has("sign", "@")]
        parts = [one.text if one.text != "@" else value for one in texts[0].tokens] if texts else []
        return ("".join(parts) if texts else value).strip()
    if isinstance(value, datetime.timedelta):
        return duration(value, found[0])
    if isinstance(value, datetime.date | datetime.time):
        return moment(value, found[0])
    if not isinstance(value, int | float):
        return str(value).strip()
    return number(Decimal(repr(value)), found)
