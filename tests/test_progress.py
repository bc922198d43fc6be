"""The progress of long work."""

from __future__ import annotations

import re

import pytest

from self_evolution.progress import Progress, clock


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (190, "3 min 10 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_seconds_are_shown_as_people_say_them(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_outside_a_terminal_a_bar_is_lines_with_rate_and_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Progress(seconds_between_lines=0).bar("ask", "questions", total=4, done=1) as bar:
        bar.advance(0)
        bar.advance(2)
        bar.advance(1)
    first, middle, last = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"ask +1/4 questions, 0\.0/s", first)
    assert re.fullmatch(r"ask +3/4 questions, [\d,.]+/s, 0 s left", middle)
    assert re.fullmatch(r"ask +4/4 questions, [\d,.]+/s, 0 s", last)


def test_a_quiet_one_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(quiet=True)
    progress.say("ready")
    with progress.bar("ask", "questions", 4, 0) as bar:
        bar.advance(4)
    assert capsys.readouterr().err == ""
