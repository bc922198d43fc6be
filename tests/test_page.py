"""The pages of the service in a real browser: asking, sources, corrections, keys, languages."""

# ruff: noqa: F401, F811 - fixtures are imported
from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pages import (
    ANSWER,
    EVIL,
    QUESTION,
    Visit,
    ask,
    expect,
    held,
    made,
    run,
    script,
    service,
    visit,
)

from self_evolution.ledger import FeedbackStore

pytestmark = pytest.mark.slow


def test_an_answer_grows_and_its_sources_open_in_place(visit: Visit) -> None:
    page = visit()
    page.evaluate(
        """() => {
             window.seen = new Set();
             const turns = document.getElementById("turns");
             const note = () => window.seen.add(turns.querySelector(".answer")?.textContent);
             new MutationObserver(note).observe(turns,
               {subtree: true, childList: true, characterData: true});
           }"""
    )
    turn = ask(page)
    expect(turn.locator(".answer")).to_have_text(ANSWER)
    assert page.evaluate("window.seen.has('The port') && window.seen.has('The port of server')")
    expect(turn.locator(".who")).to_have_text("Generation 1")
    source = turn.locator(".sources li").first
    expect(source.locator(".place")).to_contain_text("a.md")
    expect(source.locator(".where")).to_have_text("Handbook › Server Alpha")
    source.locator(".place").press("Enter")
    expect(source.locator(".passage .text")).to_contain_text("It is checked every morning.")
    expect(source.locator(".place")).to_have_attribute("aria-expanded", "true")
    source.get_by_role("button", name="Show the passage after").click()
    expect(source.locator(".passage .text").nth(1)).to_contain_text("alarm Brake")
    source.locator(".place").press("Enter")
    expect(source.locator(".passage")).to_be_hidden()


def test_two_models_side_by_side_and_a_choice_of_document(visit: Visit) -> None:
    page = visit()
    page.select_option("#model", "beside")
    page.locator("#closed").check()
    turn = ask(page)
    expect(turn.locator(".who")).to_have_text(["Generation 1", "The base (before training)"])
    expect(turn.locator(".answer").first).to_have_text(ANSWER)
    expect(turn.locator(".answer").nth(1)).to_have_text("I do not know the port of server Alpha.")
    expect(turn.locator(".none").first).to_be_visible()
    boxes = [turn.locator(".reply").nth(place).bounding_box() for place in (0, 1)]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]

    page.locator("#closed").uncheck()
    page.select_option("#model", "leader")
    expect(page.locator("#documents option")).to_have_count(4)
    documents = page.locator("#documents option").evaluate_all("all => all.map(one => one.value)")
    (queues,) = [path for path in documents if path.endswith("c.html")]
    page.locator("#document").fill(queues)
    turn = ask(page, "What is the limit of queue Foxtrot?")
    expect(turn.locator(".document")).to_have_text([queues])
    page.locator("#document").fill("no such file")
    page.locator("#question").fill(QUESTION)
    page.keyboard.press("Enter")
    told = page.locator("#document").evaluate("field => field.validationMessage")
    assert told == "There is no such document. Choose one of the list."
    expect(page.locator("#turns .turn")).to_have_count(2)


def test_corrections_are_kept_before_the_page_says_so(visit: Visit, run: Path) -> None:
    page = visit()
    turn = ask(page)
    expect(turn.locator(".answer")).to_have_text(ANSWER)
    for verdict in ("Right", "Wrong"):
        turn.get_by_role("button", name=verdict, exact=True).click()
        expect(turn.locator(".told")).to_contain_text(f"Kept as {verdict.lower()}")
    turn.get_by_role("button", name="Better answer").click()
    expect(turn.locator("form.better textarea")).to_be_focused()
    page.keyboard.press("Escape")
    expect(turn.locator("form.better")).to_be_hidden()
    turn.get_by_role("button", name="Better answer").press("Enter")
    page.keyboard.type("It is 4711.")
    turn.get_by_role("button", name="Keep").click()
    expect(turn.locator(".told")).to_contain_text("Your answer is kept")
    kept = FeedbackStore(run).rows()
    assert [(one.verdict, one.better) for one in kept] == [
        ("right", ""),
        ("wrong", ""),
        ("better", "It is 4711."),
    ]
    assert {(one.question, one.answer, one.generation) for one in kept} == {(QUESTION, ANSWER, 1)}
    assert all(one.fragments for one in kept)


def test_the_browser_remembers_until_it_is_told_to_forget(visit: Visit) -> None:
    page = visit()
    ask(page)
    page.reload()
    earlier = page.locator("#earlier details")
    expect(earlier.locator("summary")).to_have_text([QUESTION])
    earlier.locator("summary").click()
    expect(earlier.locator(".answer")).to_have_text(ANSWER)
    earlier.locator(".place").first.click()
    expect(earlier.locator(".passage .text").first).to_contain_text("4711")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#earlier")).to_be_hidden()
    page.reload()
    expect(page.locator("#earlier")).to_be_hidden()


def test_it_works_where_the_browser_forbids_storage(visit: Visit) -> None:
    page = visit()
    page.add_init_script(
        """for (const [owner, name] of [[window, "localStorage"], [Document.prototype, "cookie"]])
             Object.defineProperty(owner, name, {get() { throw new Error("forbidden"); },
                                                 set() { throw new Error("forbidden"); }});"""
    )
    page.reload()
    expect(ask(page).locator(".answer")).to_have_text(ANSWER)
    page.select_option("#theme", "dark")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_everything_is_done_by_keys(visit: Visit) -> None:
    page = visit()
    field = page.locator("#question")
    expect(field).to_be_focused()
    field.press("Shift+Enter")
    expect(page.locator("#turns .turn")).to_have_count(0)
    page.locator("#main").focus()
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.locator("h1").click()
    turn = ask(page)
    turn.get_by_role("button", name="Follow up").press("Enter")
    expect(page.locator("#follows q")).to_have_text(QUESTION)
    expect(field).to_be_focused()
    follow = ask(page, "And the colour?")
    expect(follow.locator(".opening", has_text="server Alpha")).to_have_count(1)
    expect(page.locator("#follows")).to_be_hidden()

    page.route("**/api/ask", lambda route: None)  # an answer that never comes
    field.fill("Still there?")
    page.keyboard.press("Enter")
    expect(page.locator("#stop")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#turns .problem").first).to_have_text("Stopped.")
    expect(field).to_have_value("Still there?")
    page.unroute("**/api/ask")

    page.reload()
    page.locator("nav a").first.focus()
    page.keyboard.press("Shift+Tab")
    skip = page.locator(".skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    assert skip.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_language_and_colours_follow_the_browser_and_the_choice(visit: Visit) -> None:
    page = visit(locale="zh-CN", color_scheme="dark")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    expect(page.locator("#go")).to_have_text("提问")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.select_option("#theme", "light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    page.select_option("#language", "en")
    expect(page.locator("#go")).to_have_text("Ask")
    page.wait_for_load_state()  # until the new page hears its switches
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    page.select_option("#theme", "")
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    expect(ask(page).locator(".who")).to_have_text("Generation 1")


def test_script_in_documents_and_questions_is_shown_and_not_run(visit: Visit) -> None:
    page = visit()
    turn = ask(page, f"What is the note of pump Evil? {EVIL} **{EVIL}**")
    expect(turn.locator(".answer")).to_contain_text(EVIL)
    turn.locator(".place", has_text="d.txt").click()
    expect(turn.locator(".passage .text", has_text="pump Evil")).to_contain_text(EVIL)
    assert page.locator("main img").count() == 0
    page.reload()
    page.locator("#earlier summary").click()
    expect(page.locator("#earlier .answer")).to_contain_text(EVIL)


def test_markdown_becomes_elements_and_never_html(visit: Visit) -> None:
    page = visit()
    text = (
        "## Steps\n1. Open `valve 3`\n2. **Wait** 10 s\n   and look\n\n- a\n- b\n\n"
        f"| key | value |\n|---|---|\n| port | {EVIL} |\n\n```\nx < 1\n```\nDone * now\nand here"
    )
    html = page.evaluate(
        """async text => { const made = document.createElement("div");
             made.append((await import("/static/markdown.js")).markdown(text));
             return made.innerHTML; }""",
        text,
    )
    safe = EVIL.replace("<", "&lt;").replace(">", "&gt;")
    assert html == (
        "<p><strong>Steps</strong></p>"
        '<ol start="1"><li>Open <code>valve 3</code></li>'
        "<li><strong>Wait</strong> 10 s and look</li></ol>"
        "<ul><li>a</li><li>b</li></ul>"
        "<table><tbody><tr><td>key</td><td>value</td></tr>"
        f"<tr><td>port</td><td>{safe}</td></tr></tbody></table>"
        "<pre>x &lt; 1</pre><p>Done * now<br>and here</p>"
    )


def test_how_reliable_an_answer_is_and_what_it_rests_on(visit: Visit) -> None:
    """The events of a run that is calibrated are played, as few questions are not enough."""
    page = visit()
    text = "🜂 Checked daily. The port of server Alpha is 4711."
    sentence = {"start": 17, "end": 50, "sentence": text[17:], "spans": [[28, 32]]}
    place = {"document": "a.md", "heading": ["Handbook"], "page": 3, "opening": "Checked daily."}
    source = {"fragment": "f1", **place, "mark": sentence}
    answer = {"id": "1", "text": ANSWER, "generation": 1, "cut": False, "sources": [source]}
    answer |= {"way": "memory", "reliability": {"right": 0.94, "questions": 50}}
    lost = {**answer, "text": "Not found.", "way": "nothing", "reliability": None}
    passage = {"fragment": "f1", **place, "text": text, "language": "en"}
    passage |= {"before": None, "after": None}

    def play(body: str, route: Any) -> None:
        route.fulfill(body=body, content_type="text/event-stream")

    page.route("**/api/fragments/f1", lambda route: route.fulfill(json=passage))
    for played, told in (
        (answer, "From memory. Of 50 test answers like this one, 94% were right."),
        (lost, "Neither the model's memory nor the documents support an answer."),
    ):
        body = f"event: done\ndata: {json.dumps(played)}\n\n"
        page.route("**/api/ask", partial(play, body))
        turn = ask(page)
        expect(turn.locator(".sure")).to_have_text(told)
        expect(turn.locator("[data-verdict]:visible")).to_have_count(3 if played is answer else 1)
    expect(turn.locator("h3")).to_have_text("The nearest passages")
    expect(turn.locator(".none")).to_have_text("The search found nothing in the documents.")
    expect(turn.locator(".none")).to_be_hidden()
    expect(turn.locator(".where")).to_have_text("page 3 · Handbook")
    expect(turn.locator(".opening mark")).to_have_text("The port of server Alpha is 4711.")
    turn.locator(".place").click()
    expect(turn.locator(".passage .text")).to_have_text(text)
    expect(turn.locator(".passage mark")).to_have_text("The port of server Alpha is 4711.")
    expect(turn.locator(".passage mark strong")).to_have_text("4711")


def test_why_shows_the_pairs_behind_an_answer(visit: Visit) -> None:
    page = visit()
    turn = ask(page)
    turn.get_by_role("button", name="Why?").press("Enter")
    expect(turn.locator(".why li").first).to_contain_text(ANSWER)
    expect(turn.locator(".why li").first).to_contain_text("Generations that trained on it: 1.")
    expect(turn.locator(".why li").first).to_contain_text("a.md · Handbook › Server Alpha")
    turn.get_by_role("button", name="Why?").press("Enter")
    expect(turn.locator(".why")).to_be_hidden()


def test_copy_takes_the_answer_and_its_sources(visit: Visit) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    turn = ask(page)
    turn.get_by_role("button", name="Copy").click()
    expect(turn.locator(".told")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{ANSWER}\n\n") and "a.md › Handbook › Server Alpha" in copied


def test_a_service_that_is_gone_is_told(visit: Visit) -> None:
    page = visit()
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('gone')); }")
    turn = ask(page)
    expect(turn.get_by_role("alert")).to_contain_text("The service cannot be reached")
    expect(page.locator("#question")).to_have_value(QUESTION)
