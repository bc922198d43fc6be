"""The pages of the service in a real browser: the run, reviews, and that nobody is kept out."""

# ruff: noqa: F401, F811 - fixtures are imported
from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pages import LOOKS, SIZES, Visit, ask, expect, held, made, run, script, service, visit
from serving import Service

from self_evolution.ledger import FeedbackStore, ReviewStore
from self_evolution.serving.http.languages import LANGUAGES, words

pytestmark = pytest.mark.slow


def test_the_run_is_shown_as_it_grows(visit: Visit, run: Path) -> None:
    page = visit("/run")
    expect(page.locator(".lead")).to_have_text("The run is complete, up to generation 1.")
    expect(page.locator(".leads")).to_contain_text("leads")
    expect(page.locator("tbody tr", has_text="promote").first).to_contain_text("promote")
    expect(page.locator(".pairs li")).to_have_count(3)
    expect(page.locator(".pairs li").first).to_contain_text(re.compile("Kept|Rejected: "))
    expect(page.locator("#live")).to_contain_text("Generation 1: the loss went from 2.000 to 0.100")
    page.get_by_role("link", name="The report, as it is now").click()
    expect(page.locator("h1")).to_contain_text("Self-Evolution report")
    with closing(sqlite3.connect(run / "run.db")) as database, database:
        database.execute("UPDATE stage SET done = 0 WHERE generation = 1 AND name = 'promote'")
    try:
        page.go_back()
        page.reload()
        expect(page.locator(".lead")).to_contain_text(
            "at the stage promote of generation 1; stages left: 1"
        )
        expect(page.locator(".problem code")).to_have_text(f"self-evolution run --run {run}")
    finally:
        with closing(sqlite3.connect(run / "run.db")) as database, database:
            database.execute("UPDATE stage SET done = 1")
    expect(page.locator(".lead")).to_contain_text("complete")


def wait_for_pair(page: Any) -> None:
    """Wait until the pair that a key would judge is shown."""
    expect(page.locator("#pair")).to_have_attribute("aria-busy", "false")


def test_a_pair_is_reviewed_with_a_keystroke(visit: Visit, run: Path) -> None:
    page = visit("/review")
    count = page.locator("#count")
    expect(count).to_contain_text("reviewed")
    total, old = map(int, re.findall(r"\d+", count.inner_text()))
    asked, answer = page.locator("#pair .asked"), page.locator("#pair .answer")
    expect(page.locator(".passage .text")).to_contain_text("It is checked")
    before = len(FeedbackStore(run).rows())
    seen = []
    for place, key in enumerate("arle"):
        wait_for_pair(page)
        seen.append((asked.inner_text(), answer.inner_text()))
        page.keyboard.press(key)
        if key == "e":
            page.locator("form.better textarea").fill("Another answer.")
            page.get_by_role("button", name="Keep").click()
            expect(page.locator("#pair form")).to_be_hidden()
        expect(asked).not_to_have_text(seen[-1][0])
        kept = place + 1 - (place >= 2)  # the third is put off
        expect(count).to_have_text(f"{total - kept} to review, {old + kept} reviewed")
    rows = FeedbackStore(run).rows()[before:]
    assert [(one.verdict, one.question, one.answer, one.better) for one in rows] == [
        ("right", *seen[0], ""),
        ("wrong", *seen[1], ""),
        ("better", *seen[3], "Another answer."),
    ]
    page.reload()
    expect(count).to_have_text(f"{total - 3} to review, {old + 3} reviewed")
    expect(asked).to_have_text(seen[2][0])


def test_two_people_review_test_questions(visit: Visit, run: Path) -> None:
    page = visit("/review")
    page.get_by_role("link", name="Test questions").click()
    count, asked = page.locator("#count"), page.locator("#pair .asked")
    expect(page.locator("#fixed")).to_be_visible()
    expect(page.locator("nav [aria-current]").first).to_have_text("Review")
    for name, keys in (("Ann", "ar"), ("Ben", "ae")):
        page.locator("#reviewer").fill(name)
        page.locator("#reviewer").blur()
        wait_for_pair(page)
        expect(count).to_have_text("6 to review, 0 reviewed")
        for place, key in enumerate(keys):
            before = asked.inner_text()
            expect(page.locator(".passage .text")).to_contain_text("is")
            page.keyboard.press(key)
            if key == "e":
                page.locator("#new-question").fill("Which colour is it?")
                page.get_by_role("button", name="Keep").click()
            wait_for_pair(page)
            expect(asked).not_to_have_text(before)
            expect(count).to_have_text(f"{5 - place} to review, {place + 1} reviewed")
    first, _, third, last = ReviewStore(run).rows()
    assert (first.verdict, first.reviewer, third.item) == ("accept", "Ann", first.item)
    assert (last.verdict, last.question, last.reviewer) == ("edit", "Which colour is it?", "Ben")
    assert last.reference
    page.reload()
    expect(page.locator("#reviewer")).to_have_value("Ben")
    expect(count).to_have_text("4 to review, 2 reviewed")
    first_shown = asked.inner_text()
    for _ in range(4):  # what is put off comes again at the end
        wait_for_pair(page)
        before = asked.inner_text()
        page.keyboard.press("l")
        expect(asked).not_to_have_text(before)
    expect(asked).to_have_text(first_shown)
    agreed = "Ann and Ben agree on 1 of 2 that both reviewed. Cohen's kappa is 0.33: fair."
    expect(page.locator("#agreement li")).to_contain_text(agreed)


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
def test_no_barrier_of_wcag_2_2(
    visit: Visit, service: Service, size: str, scheme: str, locale: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not there")
    page = visit(size=size, color_scheme=scheme, locale=locale)
    turn = ask(page)
    turn.locator(".place").first.click()
    expect(turn.locator(".passage .text").first).to_be_visible()
    turn.locator(".why-deed").click()
    expect(turn.locator(".why li").first).to_be_visible()
    turn.locator("[data-verdict=better]").click()
    page.locator("#question").fill("Draft")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    options = {"runOnly": {"type": "tag", "values": tags}}
    for path in ("/", "/run", "/review", "/review/questions", "/login"):
        if path != "/":
            page.goto(service.url + path)
            expect(page.locator("h2, form.login").first).to_be_visible()
        found = axe.Axe().run(page, options=options).response
        assert len(found["passes"]) > 10
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]


def test_both_languages_have_every_word_and_use_the_same_places() -> None:
    tables = [words(language) for language in LANGUAGES]
    for key, text in tables[0].items():
        assert not hasattr(dict, key), f"{key}: a template would find the method of dict"
        assert text.strip() and tables[1][key].strip(), key
        places = [sorted(re.findall(r"%[a-z]", table[key])) for table in tables]
        assert places[0] == places[1], key
