"""Small PDF files that were read wrongly once: forms, scripts that run left, exponents, stamps."""

from __future__ import annotations

from pathlib import Path

import pytest

from self_evolution.documents.readers import pdf

CASES = Path(__file__).parents[2] / "shared" / "cases" / "pdf"
pytestmark = pytest.mark.skipif(
    not CASES.is_dir(), reason="the cases (../shared/cases/pdf) are absent"
)


@pytest.mark.parametrize(
    ("name", "said", "unsaid"),
    [
        (
            "form.pdf",
            ["Serial number: SN-4711", "Pressure test: 6.2 bar", "Passed: ☑", "Result class: B"],
            [],
        ),
        ("hebwords.pdf", ["לחץ הפתיחה של השסתום הוא 6.2 בר במצב רגיל של עבודה"], []),
        ("hebone.pdf", ["לחץ הפתיחה של השסתום הוא גבוה במצב רגיל של עבודה"], []),
        ("arabic.pdf", ["يفتح الصمام عند ضغط 6.2 بار في وضع التشغيل العادي"], []),
        (
            "hebmix.pdf",
            [
                "two languages, as sold since 2024.",
                "לחץ על המקש האדום במשך 12 שניות עד שהנורה מהבהבת",
            ],
            [],
        ),
        (
            "sup2.pdf",
            ["10^-6 Pa", "10^−6 Pa", "m·s^-1", "g·cm^-3.", "y^(n+1)", "x^2", "Ca2+", "4th"],
            [],
        ),
        ("hidden.pdf", ["limit is 6.2 bar"], ["9.9", "1.1", "DRAFT", "COPY"]),
        ("lig.pdf", ["the well-known KX-48", "The maximum temperature", "efficient"], []),
        ("water.pdf", ["V-229 opens at 3.29 bar"], ["CONFIDENTIAL"]),
    ],
)
def test_all_is_read_as_it_is_seen(name: str, said: list[str], unsaid: list[str]) -> None:
    content = pdf.read((CASES / name).read_bytes())
    text = "\n".join(" ".join((*part.heading, part.text)) for part in content.parts)
    assert all(one in text for one in said), text
    assert not any(one in text + content.title for one in unsaid), text
