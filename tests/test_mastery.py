"""The map of what is known of each document: the place of questions and of errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_report import HOSTILE, Story

from self_evolution.ledger import Ledger
from self_evolution.records import Document, Fragment, Item, Prediction, Section
from self_evolution.report.facts.mastery import by_heading, mastery, short_names
from self_evolution.report.facts.remaining import Place, remaining, unevenness
from self_evolution.report.render.headline import describe_remaining

ALARM = (
    "Alarm {n} means that the link {n} is down. Check the optical module {n} first. "
    "If its power is below -{n} dBm, replace the pigtail of link {n}."
)


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path / "run")
    yield made
    made.ledger.close()


def library(ledger: Ledger, chapters: int, fragments: int, documents: int = 2) -> list[Fragment]:
    """Documents docs/m0.md … of chapters, a section of its own for each fragment."""
    made: list[Fragment] = []
    rows: list[Any] = [
        Document(f"d{d}", f"docs/m{d}.md", f"{d:064}", "md", "") for d in range(documents)
    ]
    for number in range(documents * chapters * fragments):
        document, rest = divmod(number, chapters * fragments)
        chapter = rest // fragments
        heading = ("Manual", f"Chapter {chapter + 1}", f"Alarm {number}")
        text = ALARM.replace("{n}", str(1000 + number))
        rows.append(Section(f"s{number}", f"d{document}", rest, heading, text, 0, len(text)))
        made.append(
            Fragment(
                f"f{number}",
                f"d{document}",
                f"s{number}",
                0,
                heading,
                text,
                0,
                len(text),
                7,
                30,
                "en",
                number,
            )
        )
    ledger.add([*rows, *made])
    return made


def asked(ledger: Ledger, passages: list[str], wrong: set[int], suite: str = "domain") -> None:
    """A question a passage; the base knows none, generation 1 all but `wrong`."""
    for i, passage in enumerate(passages):
        item = Item(f"{suite}{i}", suite, i, passage, f"Limit {i}?", f"It is {i}.", (str(i),))
        answers = ("It is 7000.", "It is 8000." if i in wrong else f"It is {i}.")
        ledger.add([item])
        ledger.add(
            Prediction(f"p{suite}{i}g{g}", g, item.id, "closed", text)
            for g, text in enumerate(answers)
        )


def known(ledger: Ledger, metric: str = "exact-match") -> Any:
    return mastery(ledger, metric, 1, ledger.sources.find(ledger.items.all()))


def said(ledger: Ledger, metric: str = "exact-match") -> str:
    """The sentence on where errors are."""
    return describe_remaining(remaining(known(ledger, metric)))


# --- where a question belongs ---------------------------------------------------------------


def test_a_passage_is_found_however_it_was_cut(story: Story) -> None:
    fragments = library(story.ledger, 2, 3)
    texts = [fragment.text for fragment in fragments]
    other = "".join(f" Now something else, number {n}, comes to light." for n in range(9))
    passages = {
        "equal": texts[0],
        "in lines": texts[1].replace(" ", "\n  "),
        "a part": texts[2].split(". ", 1)[1],
        "more": f"Before that, read the safety notes. {texts[3]} Afterwards, close the cabinet.",
        "cut elsewhere": texts[4].split(". ", 1)[1] + " " + texts[5].split(". ")[0] + ".",
        "none": "The canteen opens at noon and closes at two in the afternoon.",
        "one sentence of it": texts[0].split(". ")[0] + ". It is said at length elsewhere." + other,
        "empty": " ",
    }
    story.ledger.add(
        Item(name, "domain", i, passage, "?", "1", ("1",))
        for i, (name, passage) in enumerate(passages.items())
    )
    found = {
        id: one.fragment_id
        for id, one in story.ledger.sources.find(story.ledger.items.all()).items()
    }
    assert found == {
        "equal": "f0",
        "in lines": "f1",
        "a part": "f2",
        "more": "f3",
        "cut elsewhere": "f4",
    }


def test_built_questions_know_their_fragment_and_its_page(story: Story) -> None:
    library(story.ledger, 1, 1, documents=1)
    story.ledger.add([Item("i", "domain", 0, "", "?", "1", ("1",), "f0", "d0")])
    (source,) = story.ledger.sources.find(story.ledger.items.all()).values()
    assert source == ("f0", "d0", "docs/m0.md", ("Manual", "Chapter 1", "Alarm 0"), 7)
    story.ledger.set_meta("moved", {"d0": "new/m0.md"})
    (source,) = story.ledger.sources.find(story.ledger.items.all()).values()
    assert source.path == "new/m0.md"


def test_of_equal_fragments_the_first_is_meant(story: Story) -> None:
    (first,) = library(story.ledger, 1, 1, documents=1)
    story.ledger.add([Document("dx", "docs/copy.md", "9" * 64, "md", "")])
    story.ledger.add([Section("sx", "dx", 0, ("Copy",), first.text, 0, 9)])
    copy = ("fx", "dx", "sx", 0, ("Copy",), first.text, 0, 9, None, 30, "en", 99, "exact", "f0")
    story.ledger.add([Fragment(*copy)])
    story.ledger.add([Item("i", "domain", 0, first.text, "?", "1", ("1",))])
    assert story.ledger.sources.find(story.ledger.items.all())["i"].fragment_id == "f0"


def test_a_passage_in_chinese_is_found(story: Story) -> None:
    story.documents()
    passage = "先检查光模块的收光功率，正常范围为-23 dBm至-8 dBm；若低于下限，更换尾纤并清洁端面"
    story.ledger.add([Item("i", "domain", 0, passage, "?", "1", ("1",))])
    assert story.ledger.sources.find(story.ledger.items.all())["i"].fragment_id == "f3"


# --- the map --------------------------------------------------------------------------------


def test_the_map_counts_by_document_and_heading(story: Story) -> None:
    fragments = library(story.ledger, 3, 4)
    asked(
        story.ledger, [one.text for one in fragments] + ["Not of the documents at all."], {4, 5, 20}
    )
    found = known(story.ledger)
    assert (len(found.questions), found.unplaced) == (24, 1)
    first, second = found.documents
    assert (first.path, first.name, first.whole.asked) == ("docs/m0.md", "m0.md", 12)
    assert first.whole.known == pytest.approx(10) and first.whole.missed == pytest.approx(2)
    assert (first.whole.base.mean, first.whole.base.low) == (0.0, 0.0)
    assert first.whole.now.low < 100 * 10 / 12 < first.whole.now.high
    assert [part.heading for part in first.parts] == [("Manual", f"Chapter {n}") for n in (1, 2, 3)]
    assert [round(part.missed, 6) for part in first.parts] == [0, 2, 0]
    assert [one.item.id for one in first.missed] == ["domain4", "domain5"]
    assert second.name == "m1.md" and round(second.whole.missed, 6) == 1


def test_other_metrics_count_by_share(story: Story) -> None:
    fragments = library(story.ledger, 1, 4, documents=1)
    asked(story.ledger, [one.text for one in fragments], {0})
    (document,) = known(story.ledger, "token-f1").documents
    scores = [one.now for one in known(story.ledger, "token-f1").questions]
    assert 0 < scores[0] < 100
    assert document.whole.known == pytest.approx(sum(scores) / 100)
    assert [one.item.id for one in document.missed] == ["domain0"]


def test_unseen_documents_are_not_on_the_map(story: Story) -> None:
    fragments = library(story.ledger, 1, 4)
    asked(story.ledger, [one.text for one in fragments[:4]], set(), "seen")
    asked(story.ledger, [one.text for one in fragments[4:]], set(), "unseen")
    assert [one.path for one in known(story.ledger).documents] == ["docs/m0.md"]


def test_one_fragment_is_judged_by_its_questions(story: Story) -> None:
    (fragment,) = library(story.ledger, 1, 1, documents=1)
    asked(story.ledger, [fragment.text] * 5, {0})
    (document,) = known(story.ledger).documents
    (part,) = document.parts
    assert part.now.mean == 80 and 20 < part.now.low < 30 and part.now.high == 100


def test_headings_stop_where_they_differ(story: Story) -> None:
    fragments = library(story.ledger, 2, 2, documents=1)
    asked(story.ledger, [one.text for one in fragments], set())
    questions = list(known(story.ledger).questions)
    assert list(by_heading(questions)) == [("Manual", "Chapter 1"), ("Manual", "Chapter 2")]
    one_chapter = list(by_heading(questions[:2]))
    assert one_chapter == [("Manual", "Chapter 1", f"Alarm {n}") for n in (0, 1)]
    assert list(by_heading(questions[:1])) == [("Manual", "Chapter 1", "Alarm 0")]


def test_names_leave_out_what_all_share() -> None:
    assert short_names(["/a/b/x.md", "/a/b/c/y.md"]) == {
        "/a/b/x.md": "x.md", "/a/b/c/y.md": "c/y.md",
    }  # fmt: skip
    assert short_names(["x.md", "a/x.md"]) == {"x.md": "x.md", "a/x.md": "a/x.md"}
    assert short_names(["a/x.md"]) == {"a/x.md": "x.md"} and short_names([]) == {}


# --- where errors are -----------------------------------------------------------------------


def test_a_chapter_that_holds_the_errors_is_named(story: Story) -> None:
    fragments = library(story.ledger, 4, 10)
    asked(story.ledger, [one.text for one in fragments], {20, 21, 22, 23, 24, 25, 26, 27, 3, 70})
    assert said(story.ledger) == (
        "8 of the 10 remaining errors, 80% [30–100], are in “Chapter 3” of m0.md, with 13% of the "
        "questions."
    )


def test_errors_without_a_place_are_called_spread(story: Story) -> None:
    fragments = library(story.ledger, 4, 10)
    asked(story.ledger, [one.text for one in fragments], set(range(0, 80, 9)))
    assert said(story.ledger) == (
        "The 9 remaining errors are spread: no part of the documents is shown to hold most of them."
    )


def test_a_document_is_named_where_no_heading_is(story: Story) -> None:
    fragments = library(story.ledger, 10, 4)
    asked(story.ledger, [one.text for one in fragments], set(range(0, 40, 2)))
    told = said(story.ledger)
    assert told.startswith("20 of the 20 remaining errors, 100% [")
    assert "are in m0.md, with 50%" in told


def test_of_few_errors_and_other_metrics_nothing_is_said(story: Story) -> None:
    fragments = library(story.ledger, 4, 10)
    asked(story.ledger, [one.text for one in fragments], {20, 21, 22, 23})
    assert said(story.ledger) == ""
    assert said(story.ledger, "token-f1") == ""


def test_one_fragment_with_many_questions_is_one_witness(story: Story) -> None:
    """Eight errors on one fragment of 20: it may be that fragment, not its chapter."""
    fragments = library(story.ledger, 5, 4, documents=1)
    passages = [fragment.text for fragment in fragments for _ in range(8)]
    asked(story.ledger, passages, set(range(8)))
    found = known(story.ledger)
    chapters = by_heading(found.questions).items()
    assert unevenness([Place("m0.md", name, some) for name, some in chapters]) > 0.05
    assert "spread" in said(story.ledger)


# --- on the page ----------------------------------------------------------------------------


def _told(story: Story) -> tuple[str, str]:
    for generation in (0, 1):
        story.evaluated(generation, 90.0 * generation)
    story.promoted(0, 1, of=1)
    page = story.html()
    return page, story.page.with_name("report.md").read_text(encoding="utf-8")


def test_the_report_shows_the_map_and_sources(story: Story) -> None:
    fragments = library(story.ledger, 4, 10)
    asked(story.ledger, [one.text for one in fragments] + ["No such text."], set(range(20, 30)))
    page, text = _told(story)
    assert "10 of the 10 remaining errors" in page and "10 of the 10 remaining errors" in text
    assert '<bdi lang="">m0.md</bdi> <b class="num">30 of 40</b>' in page
    assert "--known:0%" in page and "0/10</b>" in page
    assert "1 more questions could not be placed" in page and "1 more could not be placed" in text
    assert "docs/m0.md › Manual › Chapter 1 › Alarm 0</bdi>, page 7" in page
    assert "**Source:** docs/m0.md › Manual › Chapter 1 › Alarm 0, page 7" in text
    assert "| | Manual › Chapter 3 | 10 | 0.0 " in text


def test_a_map_of_many_documents_stays_short(story: Story) -> None:
    fragments = library(story.ledger, 1, 2, documents=60)
    asked(story.ledger, [one.text for one in fragments], {0, 1, 2})
    page, text = _told(story)
    assert page.count('<details class="known">') == 40
    assert "And 20 more documents, with 40 questions; missed: 0." in page
    assert "And 20 more documents." in text


def test_hostile_headings_are_quoted(story: Story) -> None:
    story.ledger.add([Document("d", f"docs/{HOSTILE}.md", "0" * 64, "md", "")])
    for n in range(2):
        heading, text = (HOSTILE, f"{HOSTILE}{n}"), f"{HOSTILE} The limit of queue {n} is {n}00."
        story.ledger.add([Section(f"s{n}", "d", n, heading, text, 0, 9)])
        fragment = (f"f{n}", "d", f"s{n}", 0, heading, text, 0, 9, None, 9, "en", n)
        story.ledger.add([Fragment(*fragment)])
    asked(story.ledger, [f"{HOSTILE} The limit of queue {n} is {n}00." for n in range(2)], {0, 1})
    page, text = _told(story)
    assert "<script" not in page and "<img" not in page
    assert page.count("&lt;script&gt;") > 10
    assert "<script" not in text.replace("\\<", "")
