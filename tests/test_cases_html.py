"""Small pages and a small book that were read wrongly once: accordions, tabs, formulas."""

from __future__ import annotations

from pathlib import Path

import pytest

from self_evolution.documents.readers import READERS, Content, ending

CASES = Path(__file__).parents[2] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases (../shared/cases) are absent")


def content(name: str) -> Content:
    return READERS[ending(name)]((CASES / name).read_bytes())


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        (
            "html/accordion.html",
            {
                "How do I reset the dryer?": "Hold the red key for 12 seconds",
                "How often is the filter changed?": "Every 350 operating hours",
                "Which fuse does it need?": "A slow 16 A fuse.",
            },
        ),
        (
            "html/faqpage.html",
            {
                "How long is the warranty?": "It is 36 months.",
                "Who pays the shipping?": "The maker pays up to 40 EUR.",
            },
        ),
    ],
)
def test_each_question_heads_its_answer(name: str, answers: dict[str, str]) -> None:
    found = {part.heading[-1]: part.text for part in content(name).parts}
    assert all(found[question].startswith(answer) for question, answer in answers.items())


@pytest.mark.parametrize(
    ("name", "said", "unsaid"),
    [
        ("html/tabs.html", ["port 7431", "port 7532", "port 7633"], []),
        (
            "html/math.html",
            ["factor is 3/2 of", "as r^2 and the root is √16.", "annotation a/b end", "new 6 bar"],
            ["5 bar", "7 A", "9 W", "\\frac"],
        ),
        ("epub/book.epub", ["factor is 3/2 and the root of 10^-6 is", "new 6 bar"], ["5 bar"]),
    ],
)
def test_all_is_read_as_it_is_shown(name: str, said: list[str], unsaid: list[str]) -> None:
    whole = content(name)
    text = "\n".join(part.text for part in whole.parts)
    assert all(one in text for one in said), text
    assert not any(one in text for one in unsaid), text
    assert ("struck-out" in whole.note) == bool(unsaid)
