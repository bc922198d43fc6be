"""Tabs of a page in HTML: the name of each heads the part that it opens."""

from __future__ import annotations

import pytest

from self_evolution.documents.readers import html

PANELS = "<div{}><p>Run apt.</p></div><div{} hidden><p>Run brew.</p></div>"


def headed(body: str) -> list[tuple[str, str]]:
    page = f"<article><h1>Install</h1><p>Choose.</p>{body}<h2>Next</h2><p>Go on.</p></article>"
    return [("/".join(part.heading), part.text) for part in html.read(page.encode()).parts]


@pytest.mark.parametrize(
    ("bar", "panels"),
    [
        (
            "<ul role=tablist><li><a role=tab href='#a'>Linux</a><li><a role=tab href='#b'>Mac</a>"
            "</ul>",
            (" role=tabpanel id=a", " role=tabpanel id=b"),
        ),
        (
            "<div role=tablist><button role=tab aria-controls=a>Linux</button>"
            "<button role=tab aria-controls=b>Mac</button></div>",
            (" role=tabpanel id=a", " role=tabpanel id=b"),
        ),
        (
            "<ul role=tablist><li><button role=tab data-bs-target='#a'>Linux</button>"
            "<li><button role=tab data-bs-target='#b'><span>Mac</span></button></ul>",
            (" role=tabpanel id=a", " role=tabpanel id=b"),
        ),
        (
            "<div role=tablist><button role=tab id=x>Linux</button><button role=tab id=y>Mac"
            "</button></div>",
            (" role=tabpanel aria-labelledby=x", " role=tabpanel aria-labelledby=y"),
        ),
        (
            "<ul role=tablist><li><a role=tab href='#' id=x>Linux</a><li><a role=tab href='#' id=y>"
            "Mac</a></ul>",
            (" role=tabpanel aria-labelledby=x", " role=tabpanel aria-labelledby=y"),
        ),
        (
            "<ul role=tablist><li role=tab aria-controls=a>Linux<li role=tab aria-controls=b>Mac"
            "</ul>",
            (" role=tabpanel id=a", " role=tabpanel id=b"),
        ),
    ],
)
def test_the_name_of_a_tab_heads_what_it_opens(bar: str, panels: tuple[str, str]) -> None:
    assert headed(f"{bar}<div>{PANELS.format(*panels)}</div>") == [
        ("Install", "Choose."),
        ("Install/Linux", "Run apt."),
        ("Install/Mac", "Run brew."),
        ("Install/Next", "Go on."),
    ]


@pytest.mark.parametrize(
    "body",
    [
        # Accordions called lists of tabs, and a tab without words or without a part to open.
        "<div role=tablist><h2 role=tab aria-controls=a>Linux</h2><div role=tabpanel id=a>Run apt."
        "</div></div>",
        "<div class=panel-group role=tablist><div><div role=tab><h4><a role=button aria-controls=a "
        "href='#a'>Linux</a></h4></div><div id=a class=collapse role=tabpanel>Run apt.</div></div>"
        "</div>",
        "<h2>Linux</h2><button role=tab aria-controls=a></button><div role=tabpanel id=a>Run apt."
        "</div>",
        "<h2>Linux</h2><ul role=tablist><li role=tab aria-controls=z>All</ul><div role=tabpanel "
        "id=a>Run apt.</div>",
    ],
)
def test_other_tabs_add_no_heading(body: str) -> None:
    assert headed(body)[1] == ("Install/Linux", "Run apt.")
