"""Small Markdown files that were read wrongly once: comments, entities, tables, front matter."""

from __future__ import annotations

from pathlib import Path

import pytest

from self_evolution.documents.readers.plain import markdown

CASES = Path(__file__).parents[2] / "shared" / "cases" / "md"
pytestmark = pytest.mark.skipif(
    not CASES.is_dir(), reason="the cases (../shared/cases/md) are absent"
)


@pytest.mark.parametrize(
    ("name", "title", "said", "unsaid"),
    [
        (
            "comment.md",
            "Release of pump P-310",
            ["48 m³/h at 6.2 bar.", "5 bar ± 2 °C < 10.", "Line with break and `Ctrl`."],
            ["9999", "TODO", "was 45", "reviewer", "hidden note", "&", "{{<", "{%"],
        ),
        (
            "front.md",
            "Pump P-310 service note",
            ["| V-13 | 5.1 bar |", "Price is **135 EUR**", "B -->|yes| C[Open V-12]", "25 Nm"],
            ["tags", "2024", "internal", "120 EUR", "<table", "<summary"],
        ),
    ],
)
def test_all_is_read_as_it_is_seen(
    name: str, title: str, said: list[str], unsaid: list[str]
) -> None:
    content = markdown.read((CASES / name).read_bytes())
    text = "\n".join(part.text for part in content.parts)
    assert content.title == title
    assert all(one in text for one in said), text
    assert not any(one in text for one in unsaid), text
    assert "\n\n\n" not in text
