"""Cells as the sheet shows them: a table of values, formats and texts."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_evolution.documents.readers.number_formats import shown

HALF_PAST_SIX = datetime.time(6, 30)
LONG = datetime.timedelta(days=1, hours=12, minutes=5)
MOMENT = datetime.datetime(2024, 11, 3, 14, 5, 9)
EURO = "#,##0.00 [$€-407]"
SIGNED = "#,##0.00;[Red](#,##0.00)"


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (42, "00000", "00042"),
        (123456, "00000", "123456"),
        (7, '"PN-"0000', "PN-0007"),
        (15550100, "000-000-0000", "001-555-0100"),
        (42, "General", "42"),
        (12.0, "General", "12"),
        (0.30000000000000004, "General", "0.3"),
        (12.5, '0.00" kg"', "12.50 kg"),
        (6.2, '0.0 "bar"', "6.2 bar"),
        (3, 'General" pcs"', "3 pcs"),
        (0.5, '"±"0.00" mm"', "±0.50 mm"),
        (25, r"0\°\C", "25°C"),
        (-5, r"0\°\C", "-5°C"),
        (1250, EURO, "1,250.00 €"),
        (-1250.5, EURO, "-1,250.50 €"),
        (9.9, "[$$-409]#,##0.00", "$9.90"),
        (1234567.891, "_-* #,##0.00 $_-", "1,234,567.89 $"),
        (999, "#,##0", "999"),
        (1000, "#,##0", "1,000"),
        (12, "#,##0.0##", "12.0"),
        (1.25, "0.#", "1.3"),
        (1, "0.#", "1"),
        (0.5, "#.00", ".50"),
        (0, "#", ""),
        (2.675, "0.00", "2.68"),
        (-0.001, "0.00", "0.00"),
        (-75.5, SIGNED, "(75.50)"),
        (75.5, SIGNED, "75.50"),
        (0, '0;-0;"none"', "none"),
        (1, '"Yes";"Yes";"No"', "Yes"),
        (5, ";;;", ""),
        (0.475, "0.0%", "47.5%"),
        (0.05, "0%", "5%"),
        (0.05, "0 %", "5 %"),
        (1500, '[>=1000]0.0," k";0', "1.5 k"),
        (500, '[>=1000]0.0," k";0', "500"),
        (1000000, '0.0,,"M"', "1.0M"),
        (0, "0/", "0/"),
        (12, "0/0", "12/1"),
        (12, "/0", "/12"),
        (1500000, "#,##0,", "1,500"),
        (0.0000123, "0.00E+00", "1.23E-05"),
        (9.996, "0.00E+00", "1.00E+01"),
        (12345, "##0.0E+0", "12.3E+3"),
        (0.5, "# ?/?", "1/2"),
        (1.25, "# ?/4", "1 1/4"),
        (2, "# ?/?", "2"),
        (-1.5, "# ?/?", "-1 1/2"),
        (0.333, "?/?", "1/3"),
        (True, "General", "TRUE"),
        ("7", '"PN-"@', "PN-7"),
        ("as it is", "0.00", "as it is"),
        (LONG, "[h]:mm", "36:05"),
        (datetime.timedelta(minutes=90), "[h]:mm", "1:30"),
        (datetime.timedelta(minutes=90), "[mm]:ss", "90:00"),
        (datetime.timedelta(seconds=75), "[s]", "75"),
        (datetime.timedelta(minutes=5), '[h]" h "mm" min"', "0 h 05 min"),
        (HALF_PAST_SIX, "hh:mm AM/PM", "06:30 AM"),
        (datetime.time(22, 0), "h:mm AM/PM", "10:00 PM"),
        (datetime.time(0, 15), "h:mm AM/PM", "12:15 AM"),
        (HALF_PAST_SIX, "h:mm:ss", "6:30:00"),
        (HALF_PAST_SIX, 'hh:mm" Uhr"', "06:30 Uhr"),
        (MOMENT, "dd.mm.yyyy hh:mm", "2024-11-03 14:05"),
        (MOMENT, "DD/MM/YYYY", "2024-11-03"),
        (MOMENT, "mmm-yy", "Nov-24"),
        (MOMENT, "d mmmm", "3 November"),
        (MOMENT, "hh:mm", "14:05"),
        (MOMENT, "yyyy", "2024"),
        (MOMENT.date(), "[$-409]dddd, mmmm d, yyyy", "2024-11-03"),
    ],
)
def test_a_cell_is_read_as_it_is_shown(value: Any, code: str, text: str) -> None:
    assert shown(value, code) == text


@given(
    st.one_of(st.floats(), st.integers(), st.text(max_size=5), st.datetimes(), st.timedeltas()),
    st.text('0#?.,%/@;"\\_*[]$-Ee+hmsdyAMP/ GeneralRed', max_size=30),
)
def test_no_format_is_an_error(value: Any, code: str) -> None:
    assert isinstance(shown(value, code), str)


@given(st.integers(0, 10**12), st.integers(0, 6))
def test_grouping_and_decimals_change_no_value(number: int, places: int) -> None:
    text = shown(number, "#,##0" + "." * bool(places) + "0" * places)
    assert text == f"{number:,.{places}f}"
