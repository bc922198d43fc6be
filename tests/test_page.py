"""The pages of the service in a real browser: asking, sources, corrections, keys, languages."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from answering import finished_run, write_script
from serving import Service, served

from self_evolution.ledger import FeedbackStore, ReviewStore
from self_evolution.serving.http.languages import LANGUAGES, words

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect
expect.set_options(timeout=20_000)
pytestmark = pytest.mark.slow
Arguments = Callable[..., list[str]]
QUESTION, ANSWER = "What is the port of server Alpha?", "The port of server Alpha is 4711."
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"
SIZES = {"desktop": (1280, 800), "phone": (360, 740)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Where the finished run and its service are, once there are."""
    return {}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return write_script(tmp_path)


@pytest.fixture
def run(documents: Path, arguments: Arguments, tmp_path: Path, made: dict[str, Any]) -> Path:
    """A finished run of one generation, which leads; one document has script in it."""
    if "run" not in made:
        text = f"Pump Evil\n---------\n\nThe note of pump Evil is {EVIL}. It is checked daily.\n"
        (documents / "d.txt").write_text(text, encoding="utf-8")
        made["run"] = finished_run(arguments, tmp_path)
    found: Path = made["run"]
    return found


@pytest.fixture(scope="module")
def held() -> Iterator[list[Any]]:
    """The contexts that end with this module."""
    contexts: list[Any] = []
    yield contexts
    for context in reversed(contexts):
        context.__exit__(None, None, None)


@pytest.fixture
def service(run: Path, made: dict[str, Any], held: list[Any]) -> Service:
    if "service" not in made:
        held.append(served(run, run.parent))
        made["service"] = held[-1].__enter__()
    found: Service = made["service"]
    return found


@pytest.fixture
def visit(browser: Any, service: Service) -> Iterator[Callable[..., Any]]:
    """Opens a page; at the end, nothing has complained and nothing went to another host."""
    complaints: list[str] = []
    asked: list[str] = []
    contexts: list[Any] = []

    def open_page(path: str = "/", size: str = "desktop", **more: Any) -> Any:
        width, height = SIZES[size]
        more = {"viewport": {"width": width, "height": height}, "locale": "en-GB"} | more
        contexts.append(browser.new_context(**more))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(service.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert asked and not [url for url in asked if not url.startswith(service.url)]


def ask(page: Any, question: str = QUESTION) -> Any:
    """Ask by keyboard; returns the newest turn when its answers are complete."""
    page.locator("#question").fill(question)
    page.keyboard.press("Enter")
    turn = page.locator("#turns .turn").first
    expect(turn.locator(".asked")).to_have_text(question)
    expect(page.locator("#go")).to_be_visible()
    return turn


def test_an_answer_grows_and_its_sources_open_in_place(visit: Callable[..., Any]) -> None:
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


def test_two_models_side_by_side_and_a_choice_of_document(visit: Callable[..., Any]) -> None:
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


def test_corrections_are_kept_before_the_page_says_so(visit: Callable[..., Any], run: Path) -> None:
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


def test_the_browser_remembers_until_it_is_told_to_forget(visit: Callable[..., Any]) -> None:
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


def test_it_works_where_the_browser_forbids_storage(visit: Callable[..., Any]) -> None:
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


def test_everything_is_done_by_keys(visit: Callable[..., Any]) -> None:
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


def test_language_and_colours_follow_the_browser_and_the_choice(visit: Callable[..., Any]) -> None:
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


def test_script_in_documents_and_questions_is_shown_and_not_run(visit: Callable[..., Any]) -> None:
    page = visit()
    turn = ask(page, f"What is the note of pump Evil? {EVIL} **{EVIL}**")
    expect(turn.locator(".answer")).to_contain_text(EVIL)
    turn.locator(".place", has_text="d.txt").click()
    expect(turn.locator(".passage .text", has_text="pump Evil")).to_contain_text(EVIL)
    assert page.locator("main img").count() == 0
    page.reload()
    page.locator("#earlier summary").click()
    expect(page.locator("#earlier .answer")).to_contain_text(EVIL)


def test_markdown_becomes_elements_and_never_html(visit: Callable[..., Any]) -> None:
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


def test_how_reliable_an_answer_is_and_what_it_rests_on(visit: Callable[..., Any]) -> None:
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


def test_why_shows_the_pairs_behind_an_answer(visit: Callable[..., Any]) -> None:
    page = visit()
    turn = ask(page)
    turn.get_by_role("button", name="Why?").press("Enter")
    expect(turn.locator(".why li").first).to_contain_text(ANSWER)
    expect(turn.locator(".why li").first).to_contain_text("Generations that trained on it: 1.")
    expect(turn.locator(".why li").first).to_contain_text("a.md · Handbook › Server Alpha")
    turn.get_by_role("button", name="Why?").press("Enter")
    expect(turn.locator(".why")).to_be_hidden()


def test_the_run_is_shown_as_it_grows(visit: Callable[..., Any], run: Path) -> None:
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


def test_a_pair_is_reviewed_with_a_keystroke(visit: Callable[..., Any], run: Path) -> None:
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


def test_two_people_review_test_questions(visit: Callable[..., Any], run: Path) -> None:
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


def test_copy_takes_the_answer_and_its_sources(visit: Callable[..., Any]) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    turn = ask(page)
    turn.get_by_role("button", name="Copy").click()
    expect(turn.locator(".told")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{ANSWER}\n\n") and "a.md › Handbook › Server Alpha" in copied


def test_a_service_that_is_gone_is_told(visit: Callable[..., Any]) -> None:
    page = visit()
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('gone')); }")
    turn = ask(page)
    expect(turn.get_by_role("alert")).to_contain_text("The service cannot be reached")
    expect(page.locator("#question")).to_have_value(QUESTION)


LOOKS = [  # each two of size, colours and language meet once
    ("desktop", "light", "en-GB"),
    ("desktop", "dark", "zh-CN"),
    ("phone", "light", "zh-CN"),
    ("phone", "dark", "en-GB"),
]


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
def test_no_barrier_of_wcag_2_2(
    visit: Callable[..., Any], service: Service, size: str, scheme: str, locale: str
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
