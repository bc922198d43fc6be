"""The search: what it finds, in which order, and that its index follows the documents."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import SHARED, exported, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from self_evolution import cli, config
from self_evolution.errors import Stopped
from self_evolution.evaluation.prompts import task_prompts
from self_evolution.evaluation.tasks import deciding
from self_evolution.ledger import Ledger
from self_evolution.ledger.search import SearchIndex
from self_evolution.models.scripted import ScriptedEngine
from self_evolution.progress import Progress
from self_evolution.records import (
    Document,
    Evaluation,
    Event,
    Fragment,
    Holdout,
    Item,
    Prediction,
    Section,
)
from self_evolution.report.facts.examples import won_and_lost
from self_evolution.report.facts.subsets import outdated
from self_evolution.report.render.caveats import describe_searched
from self_evolution.retrieval import Search, asked, is_there, terms, update_index, was_shown
from self_evolution.retrieval import index as indexing
from self_evolution.retrieval.terms import spread
from self_evolution.run import Run

Arguments = Callable[..., list[str]]
TELECOM = SHARED / "data" / "aiops_eval.json"

MANUAL = [
    "ERR-4711: the fan of the subrack has stopped. Replace the fan module.",
    "ERR-4712: the fan of the subrack turns too slowly. Clean the fan module.",
    "On the HUAWEI NE40E the command display version shows the release.",
    "On the HUAWEI NE20E the command display device shows the boards.",
    "The queue holds 10,000 packets. Alarms are sent after 48ms.",
    "告警 1023 表示单板温度过高，请检查风扇是否停转。",
    "告警 1024 表示单板电压过低，请检查电源模块。",
    "基站退服时，首先检查传输链路的误码率。",
    "The file /etc/ntp.conf names the servers at 10.0.0.1 and 10.0.0.2.",
]


_open: list[Ledger] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Close the ledgers of a test: from Python 3.13 on, an open one is warned of."""
    yield
    while _open:
        _open.pop().close()


def _ledger(folder: Path) -> Ledger:
    _open.append(ledger := Ledger(folder / "run.db"))
    return ledger


def filled(folder: Path, texts: Sequence[str], heading: tuple[str, ...] = ()) -> Ledger:
    """A ledger in which each text is the one fragment of a document."""
    ledger = _ledger(folder)
    with ledger.transaction():
        _fill(ledger, texts, heading)
    return ledger


def _fill(ledger: Ledger, texts: Sequence[str], heading: tuple[str, ...]) -> None:
    for number, text in enumerate(texts):
        rows = [
            Document(f"d{number}", f"{number}.txt", str(number), "txt", ""),
            Section(f"s{number}", f"d{number}", 0, heading, text, 0, len(text)),
            Fragment(
                *(f"f{number}", f"d{number}", f"s{number}", 0, heading, text),
                *(0, len(text), None, 1, "en", number),
            ),
        ]
        ledger.add(rows)


def indexed(ledger: Ledger) -> Search:
    """The search once the index follows the ledger."""
    update_index(ledger, Progress(quiet=True))
    return Search(ledger)


def found(ledger: Ledger, question: str, limit: int = 3) -> list[str]:
    return [one.text for one in indexed(ledger).find(question, limit)]


@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("What does ERR-4712 mean?", 1),
        ("err-4711", 0),
        ("What is wrong after error 4711?", 0),
        ("Which command shows the release of the HUAWEI NE40E?", 2),
        ("Welche Baugruppen hat ein ＮＥ２０Ｅ?", 3),
        ("How many packets does the queue hold, 10000?", 4),
        ("How long until an alarm is sent, 48 ms?", 4),
        ("告警1023是什么意思？", 5),
        ("单板电压过低时如何处理？", 6),
        ("基站退服怎么办", 7),
        ("Which server has the address 10.0.0.2?", 8),
        ("ntp.conf", 8),
    ],
)
def test_questions_find_their_passage(tmp_path: Path, question: str, best: int) -> None:
    assert found(filled(tmp_path, MANUAL), question)[0] == MANUAL[best]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ERR-4711 stops Queues, 10,000 ms", "err-4711 err 4711 stop queue 10000 ms"),
        ("48ms at 10.0.0.1; bus, process", "48ms 48 ms at 10.0.0.1 bus process"),
        ("/etc/ntp.conf", "etc/ntp.conf etc ntp conf"),
        ("单板过热，卡", "单板 板过 过热 卡"),
        ("ＥＲＲ４７ℨ\x00\ud800", "err47z"),
        ("…?!", ""),
    ],
)
def test_terms_of_a_text(text: str, expected: str) -> None:
    assert terms(text) == expected.split()


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the colour of alarm Brake, of alarm Brake?", "colour alarm brake"),
        ("请问风扇是什么？", "问风 风扇 扇是"),
        ("What is it?", "what is it"),
        ("?!", ""),
    ],
)
def test_terms_of_a_question(question: str, expected: str) -> None:
    """Without idle words, unless there is nothing else to go by."""
    assert asked(question) == expected.split()


@given(st.text(max_size=80))
@settings(deadline=None, max_examples=50)
def test_whatever_is_written_is_found_by_each_of_its_terms(text: str) -> None:
    """A term comes out of the index as it went in: nothing is cut again, nothing folded away."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Ledger(Path(folder) / "run.db")) as ledger,
    ):
        ledger.search.index([(1, " ".join(terms(text))), (2, "")])
        for term in terms(text):
            query = "SELECT rowid FROM search WHERE search MATCH ?"
            assert ledger.execute(query, (f'"{term}"',)).fetchall() == [(1,)]


def test_the_order_is_that_of_bm25(tmp_path: Path) -> None:
    """Against the formula of Robertson and Zaragoza (2009), k1 = 1.2 and b = 0.75."""
    ledger = filled(tmp_path, MANUAL)
    bags = [Counter(terms(text)) for text in MANUAL]
    average = sum(bag.total() for bag in bags) / len(bags)
    search = indexed(ledger)
    for question in (
        "the fan of the subrack",
        "command shows module",
        "检查风扇和电源模块",
        "alarms",
    ):
        wanted = asked(question)
        scores = []
        for bag in bags:
            score = 0.0
            for term in wanted:
                holders = sum(term in other for other in bags)
                idf = max(math.log((len(bags) - holders + 0.5) / (holders + 0.5)), 1e-6)
                norm = 1.2 * (1 - 0.75 + 0.75 * bag.total() / average)
                score += idf * bag[term] * 2.2 / (bag[term] + norm)
            scores.append(score)
        order = sorted(range(len(bags)), key=lambda at: (-scores[at], at))
        expected = [MANUAL[at] for at in order if scores[at] > 0]
        assert [one.text for one in search.find(question, 99)] == expected != []
    ledger.close()


def test_of_equals_the_earlier_comes_first(tmp_path: Path) -> None:
    texts = [f"The port of server {name} is open." for name in ("Alpha", "Bravo", "Carol", "Delta")]
    ledger = filled(tmp_path, texts + ["Nothing else.", "Nor here.", "Or there."] * 3)
    assert found(ledger, "port of a server", 4) == texts
    assert found(ledger, "port of a server", 2) == texts[:2]
    assert found(ledger, "server Carol", 2) == [texts[2], texts[0]]


def test_headings_are_searched_too(tmp_path: Path) -> None:
    ledger = filled(tmp_path, ["It is reset by the red button."], ("Handbook", "Pump Echo"))
    assert found(ledger, "How is pump Echo reset?") == ["It is reset by the red button."]
    assert found(ledger, "valve") == [] == found(ledger, "?")


def test_a_question_of_any_length_is_asked_by_so_many_terms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are spread over all of it: a passage is found from its beginning, middle and end."""
    wanted: list[int] = []
    matches = SearchIndex.matches

    def counted(
        self: SearchIndex, terms: Sequence[str], limit: int, document_id: str | None = None
    ) -> tuple[str, ...]:
        wanted.append(len(terms))
        return matches(self, terms, limit, document_id)

    monkeypatch.setattr(SearchIndex, "matches", counted)
    words = [f"word{i}" for i in range(30_000)]
    texts = [" ".join(words[i : i + 10_000]) for i in range(0, 30_000, 10_000)]
    ledger = filled(tmp_path, [*texts, "Nothing of it."])
    assert sorted(found(ledger, " ".join(words))) == sorted(texts)
    short = "word1 word2 word3"
    assert found(ledger, short) == texts[:1]
    assert wanted == [64, 3]


@given(st.lists(st.text(), unique=True, max_size=50), st.integers(1, 60))
def test_terms_are_spread_evenly(words: list[str], limit: int) -> None:
    some = spread(words, limit)
    places = [words.index(word) for word in some]
    assert len(some) == min(limit, len(words)) and places == sorted(set(places))
    gaps = {after - before for before, after in pairwise([*places, len(words)])}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_the_index_follows_the_documents(tmp_path: Path) -> None:
    ledger = filled(tmp_path, MANUAL)
    assert found(ledger, "NE40E")[0] == MANUAL[2]
    ledger.add([Event(1, "d2", "withdrawn")])
    assert MANUAL[2] not in found(ledger, "NE40E", 99)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    never = filled(fresh, [*MANUAL[:2], "", *MANUAL[3:]])
    never.add([Event(1, "d2", "withdrawn")])
    for question in ("HUAWEI command", "the fan", "检查"):  # as if it had never been there
        assert found(ledger, question, 99) == found(never, question, 99)
    ledger.add([Event(2, "d2", "returned")])
    assert found(ledger, "NE40E")[0] == MANUAL[2]
    assert ledger.search.changes() == ([], [])


def test_equal_fragments_are_found_once(tmp_path: Path) -> None:
    ledger = filled(tmp_path, MANUAL)
    copy = Fragment("copy", "d3", "s3", 1, (), MANUAL[2], 0, 9, None, 1, "en", 99, "exact", "f2")
    ledger.add([copy])
    assert found(ledger, "NE40E", 99).count(MANUAL[2]) == 1
    ledger.add([Event(1, "d2", "withdrawn")])  # the copy keeps what it says alive
    assert found(ledger, "NE40E", 99).count(MANUAL[2]) == 1


def test_killed_while_the_index_is_built_it_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_BATCH", 2)
    whole = filled(tmp_path, MANUAL)
    expected = found(whole, "command fan module 检查", 99)
    folder = tmp_path / "killed"
    folder.mkdir()
    ledger = filled(folder, MANUAL)
    index = SearchIndex.index

    def killed(self: SearchIndex, batch: Sequence[tuple[int, str]]) -> None:
        if batch[0][0] >= 4:
            with self._db.transaction():
                index(self, batch)
                raise KeyboardInterrupt
        index(self, batch)

    monkeypatch.setattr(SearchIndex, "index", killed)
    with pytest.raises(KeyboardInterrupt):
        indexed(ledger)
    ledger.close()
    monkeypatch.setattr(SearchIndex, "index", index)
    ledger = _ledger(folder)
    assert ledger.search.changes() == ([], [4, 5, 6, 7, 8])
    assert found(ledger, "command fan module 检查", 99) == expected
    assert ledger.search.changes() == ([], [])


def test_ctrl_c_is_heeded_between_batches_of_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_BATCH", 2)
    ledger = filled(tmp_path, MANUAL)

    def stop() -> None:
        if len(ledger.search.changes()[1]) < 6:
            raise Stopped

    with pytest.raises(Stopped):
        update_index(ledger, Progress(quiet=True), stop)
    assert ledger.search.changes() == ([], [4, 5, 6, 7, 8])


def recall(search: Search, item: Item, shown: Sequence[Fragment]) -> float | None:
    if was_shown(item, shown):
        return 100.0
    return 0.0 if is_there(search, item) else None


def passage_of(text: str, fragment_id: str | None = None) -> Item:
    return Item("i", "domain", 0, text, "?", "", None, fragment_id)


def test_recall_of_a_passage(tmp_path: Path) -> None:
    ledger = filled(tmp_path, MANUAL)
    search = indexed(ledger)
    (heat, volts, stopped) = ledger.fragments.get(["f5", "f6", "f1"])
    part = MANUAL[5].partition("，")[0]
    for text in (MANUAL[5], part, MANUAL[5].replace("，", " ， ")):
        assert recall(search, passage_of(text), [heat]) == 100.0
        assert recall(search, passage_of(text), [volts]) == 0.0
        assert recall(search, passage_of(text), []) == 0.0
    assert recall(search, passage_of("Heading\nsaid otherwise", "f1"), [stopped]) == 100.0
    assert recall(search, passage_of("A passage that is in none of them."), [heat]) is None


def test_a_miss_counts_where_the_passage_has_headings(tmp_path: Path) -> None:
    """They are as many words as a short text, and no fragment's text has them."""
    heading = ("Handbook of the subrack and its modules", "What the alarms mean")
    ledger = filled(tmp_path, MANUAL, heading)
    search = indexed(ledger)
    (asked_about, other) = ledger.fragments.get(["f0", "f3"])
    built = passage_of(asked_about.titled(asked_about.text), "f0")
    given = passage_of(asked_about.titled(asked_about.text))
    for item in (built, given):
        assert recall(search, item, [other, asked_about]) == 100.0
        assert recall(search, item, [other]) == 0.0
    ledger.add([Event(1, "d0", "withdrawn")])
    search = indexed(ledger)
    for item in (built, given):
        assert recall(search, item, [other]) is None  # it could not be found any longer
        assert recall(search, item, [asked_about]) == 100.0  # but it was


# --- in a run -------------------------------------------------------------------------------


def recalls(run: Path) -> list[tuple[object, object, object]]:
    """(suite, metric, mean) of generation 0, of how often the right passage was shown."""
    return [
        (row["suite"], row["metric"], row["mean"])
        for row in rows(run, "evaluation")
        if row["generation"] == 0 and str(row["metric"]).startswith("recall")
    ]


@pytest.mark.slow
def test_every_generation_is_asked_with_what_is_found(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("run", "--evaluate.top-k", "2")) == 0
    run = tmp_path / "run"
    predictions = rows(run, "prediction")
    texts = {row["id"]: str(row["text"]) for row in rows(run, "fragment")}
    items = {row["id"]: row for row in rows(run, "item")}
    for generation in (0, 1, 2):
        mine = [p for p in predictions if (p["generation"], p["mode"]) == (generation, "retrieved")]
        assert len(mine) == len(items) == 6
        for row in mine:
            sources = row["sources"]
            assert isinstance(sources, list) and 1 <= len(sources) <= 2
            assert str(items[row["item_id"]]["passage"]) in texts[sources[0]]
    assert all(p["sources"] == [] for p in predictions if p["mode"] != "retrieved")
    assert recalls(run) == [("domain", "recall@2", 100.0)]
    told = "the right passage was among the 2 found for 100.0% [54–100] of 6 domain questions"
    assert told in capsys.readouterr().err
    page = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert told in page and "Domain questions, with search" in page
    assert "search" not in exported(run) and "search.jsonl" not in exported(run)


@pytest.mark.slow
def test_it_never_decides_who_leads(arguments: Arguments, tmp_path: Path) -> None:
    assert cli.main(arguments("with")) == 0
    assert cli.main(arguments("without", "--evaluate.top-k", "0")) == 0
    one, other = rows(tmp_path / "with", "promotion"), rows(tmp_path / "without", "promotion")
    assert one == other
    modes = {row["mode"] for row in rows(tmp_path / "with", "difference")}
    assert modes == {"closed", "retrieved", "open"}
    without = tmp_path / "without"
    assert {row["mode"] for row in rows(without, "prediction")} == {"closed", "open"}
    assert recalls(without) == []
    with closing(Ledger(without / "run.db")) as ledger:
        assert ledger.search.changes() == ([], [])  # indexed all the same, for whoever serves it


@pytest.fixture
def opened(arguments: Arguments, tmp_path: Path) -> Callable[..., Run]:
    """A run that has read and split, as the stages are given it."""

    def make(*more: str) -> Run:
        words = arguments("run", *more)
        assert cli.main(["read", *words[1:]]) == 0
        assert cli.main(["split", str(tmp_path / "run")]) == 0
        ledger = _ledger(tmp_path / "run")
        chosen = config.parse(ledger.meta("settings"), "run")
        return Run(tmp_path / "run", chosen, ledger, Progress(quiet=True))

    return make


def test_held_out_documents_are_found(opened: Callable[..., Run]) -> None:
    run = opened()
    held = next(row for row in run.ledger.documents.all() if row.path.endswith("c.html"))
    run.ledger.add([Holdout(held.id)])
    assert held.id in run.ledger.documents.held_out()
    assert "queue Foxtrot is 512" in found(run.ledger, "limit of queue Foxtrot")[0]


def question(text: str) -> Item:
    return Item("i", "domain", 0, "", text, "", None)


def test_several_passages_stand_under_their_headings(opened: Callable[..., Run]) -> None:
    run = opened("--evaluate.top-k", "2")
    paper = task_prompts(
        run, run.engine, "retrieved", [question("What is the colour of alarm Brake, node Coral?")]
    )["i"]
    asked_with = paper.messages[-1]["content"]
    assert len(paper.sources) == 2
    assert "Handbook > Alarm Brake\nThe colour of alarm Brake is amber" in asked_with
    assert asked_with.endswith("What is the colour of alarm Brake, node Coral?")
    one = task_prompts(run, run.engine, "retrieved", [question("What is amber?")])["i"]
    (fragment,) = run.ledger.fragments.get(one.sources)
    assert one.messages == run.prompts.answer(
        fragment.heading, fragment.text, "What is amber?", "en"
    )


def test_what_is_not_found_is_asked_with_the_book_closed(
    opened: Callable[..., Run],
) -> None:
    run = opened()
    item = question("Zanzibar?")
    assert task_prompts(run, run.engine, "retrieved", [item]) == task_prompts(
        run, run.engine, "closed", [item]
    )


def test_as_many_passages_as_fit(
    opened: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened("--evaluate.top-k", "3", "--evaluate.max-tokens", "10")
    item = question("Which colour of alarm Brake is checked every morning?")
    sizes = {}
    for window in range(10, 120):
        monkeypatch.setattr(ScriptedEngine, "window", window)
        paper = task_prompts(run, run.engine, "retrieved", [item]).get("i")
        sizes[window] = len(paper.sources) if paper else 0
        if paper:
            assert len(run.engine.prompt_ids(paper.messages)) <= window - 10
    assert set(sizes.values()) == {0, 1, 2, 3}
    assert list(sizes.values()) == sorted(sizes.values())


@pytest.mark.slow
def test_a_window_too_small_for_any_passage_is_told(
    arguments: Arguments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(ScriptedEngine, "window", 400)
    words = arguments("run", "--generations", "1", "--evaluate.max-tokens", "385")
    cli.main(words)
    error = capsys.readouterr().err
    assert "6 left out with search, because no passage found fits the model's window" in error
    assert "--split.max-tokens" in error
    assert {row["mode"] for row in rows(tmp_path / "run", "prediction")} == {"closed"}


@pytest.mark.slow
def test_a_changed_document_is_searched_as_it_is_now(
    arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    words = arguments("run", "--generations", "1")
    assert cli.main(words) == 0
    page = documents / "c.html"
    page.write_text(page.read_text().replace("is 512", "is 1024"), encoding="utf-8")
    assert cli.main([*words, "--generations", "2", "--accept-change"]) == 0
    texts = {str(row["id"]): str(row["text"]) for row in rows(tmp_path / "run", "fragment")}
    shown = {
        generation: " ".join(
            texts[source]
            for row in rows(tmp_path / "run", "prediction")
            if row["generation"] == generation
            for source in row["sources"]  # type: ignore[attr-defined]
        )
        for generation in (1, 2)
    }
    assert "is 512" in shown[1] and "is 1024" not in shown[1]
    assert "is 1024" in shown[2] and "is 512" not in shown[2]


@pytest.mark.slow
def test_who_was_given_other_documents_than_the_base_is_said(
    arguments: Arguments,
    documents: Path,
    script: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    for other, end in ((first, ""), (second, "\n")):  # the same file twice is one rival
        other.write_text(script.read_text(encoding="utf-8") + end, encoding="utf-8")
    words = arguments("run", "--promote.patience", "0")
    held = ["--against", str(first)]
    page = tmp_path / "run" / "report" / "index.html"

    def told(*more: str) -> str:
        """Return the sentence that both `status` and the report print."""
        capsys.readouterr()
        assert cli.main([*words, *more]) == 0
        capsys.readouterr()
        assert cli.main(["status", str(tmp_path / "run")]) == 0
        lines = capsys.readouterr().out.splitlines()
        (found,) = [line for line in lines if "answers with search" in line] or [""]
        assert found in page.read_text(encoding="utf-8").replace("&#39;", "'")
        return found.partition(": they")[0]

    assert told(*held, "--generations", "1") == ""
    (documents / "d.txt").write_text("The speed of fan Golf is 900.", encoding="utf-8")  # a new one
    changed = "Documents changed between the base's answers with search and those of "
    more = [*held, "--accept-change", "--generations"]
    assert told(*more, "2") == f"{changed}generation 2"
    (documents / "d.txt").unlink()  # as it was
    assert told(*more, "3") == f"{changed}generation 2"
    (documents / "c.html").unlink()
    held[1] += f",{second}"
    assert told(*held, "--accept-change", "--generations", "4") == (
        f"{changed}generations 2, 4 and rival 2"
    )
    assert "Documents changed between" in (page.parent / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_change_in_the_middle_of_the_base_is_said(
    arguments: Arguments, documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = arguments("run", "--generations", "1", "--model.batch-size", "2")
    add = Ledger.add

    def killed(self: Ledger, batch: Iterable[object]) -> None:
        batch = list(batch)
        add(self, batch)
        there = self.evaluations.predicted(0, "retrieved")
        if any(isinstance(row, Prediction) for row in batch) and len(there) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Ledger, "add", killed)
    with contextlib.suppress(KeyboardInterrupt):
        cli.main(words)
    monkeypatch.setattr(Ledger, "add", add)
    with closing(Ledger(tmp_path / "run" / "run.db")) as ledger:
        assert (
            len(ledger.evaluations.predicted(0, "retrieved")) == 2
        )  # a batch and its state, or neither
        assert [len(states) for states in ledger.search.searched().values()] == [1]
    (documents / "c.html").unlink()
    assert cli.main([*words, "--accept-change"]) == 0
    with closing(Ledger(tmp_path / "run" / "run.db")) as ledger:
        assert [len(states) for states in ledger.search.searched().values()] == [2, 1]
        assert "those of generation 1:" in describe_searched(outdated(ledger))


def test_the_number_of_passages_is_fixed(
    arguments: Arguments, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("run", "--generations", "1")) == 0
    assert cli.main(arguments("run", "--generations", "1", "--evaluate.top-k", "5")) == 2
    assert "evaluate.top_k cannot change within a run" in capsys.readouterr().err


def test_the_report_shows_what_was_found(arguments: Arguments, tmp_path: Path) -> None:
    assert cli.main(arguments("run", "--generations", "1")) == 0
    with closing(Ledger(tmp_path / "run" / "run.db")) as ledger:
        item = ledger.items.of_suite("domain")[0]
        sources = ledger.evaluations.passages_shown(0, "retrieved", item.id)
        right = item.reference
        ledger.add([Prediction("better", 9, item.id, "retrieved", right, sources[:1])])
        (found,) = won_and_lost(ledger, deciding(ledger, "exact-match"), 9, {})
        assert found.task == ("domain", "retrieved")
        (won,) = found.won_examples
        (fragment,) = ledger.fragments.get(sources[:1])
        (shown,) = won.passages
    assert shown.path.endswith("a.md")
    assert shown[1:] == (fragment.heading, fragment.text)


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that are searched for."""
    found: list[str] = []
    find = Search.find

    def counted(
        self: Search, question: str, limit: int, document_id: str | None = None
    ) -> list[Fragment]:
        found.append(question)
        return find(self, question, limit, document_id)

    monkeypatch.setattr(Search, "find", counted)
    return found


@pytest.mark.slow
def test_each_question_is_searched_for_once_and_not_before_its_turn(
    arguments: Arguments, tmp_path: Path, searched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = arguments("run", "--generations", "1", "--model.batch-size", "2")
    add = Ledger.add

    def interrupted(self: Ledger, rows: Iterable[object]) -> None:
        rows = list(rows)
        if any(isinstance(row, Prediction) and row.mode == "retrieved" for row in rows):
            os.kill(os.getpid(), signal.SIGINT)
        add(self, rows)

    monkeypatch.setattr(Ledger, "add", interrupted)
    assert cli.main(words) == 130
    assert len(searched) == 2  # the first batch's: nobody waits for the others
    assert cli.main(words) == 130
    assert len(searched) == 4  # those of the second batch alone
    monkeypatch.setattr(Ledger, "add", add)
    assert cli.main(words) == 0
    assert len(set(searched[:6])) == 6 and len(searched) == 2 * 6  # once a generation
    assert cli.main(arguments("whole", "--generations", "1", "--model.batch-size", "2")) == 0
    assert exported(tmp_path / "run") == exported(tmp_path / "whole")


@pytest.mark.slow
def test_ctrl_c_is_heeded_while_missed_passages_are_looked_for(
    arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is found, so all six are missed, each of which is a search again."""
    monkeypatch.setattr(Search, "find", lambda *_: [])
    looked: list[str] = []

    def interrupted(search: Search, item: Item) -> bool:
        looked.append(item.id)
        if len(looked) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return is_there(search, item)

    monkeypatch.setattr("self_evolution.evaluation.recall.is_there", interrupted)
    assert cli.main(arguments("run", "--generations", "1")) == 130
    assert len(looked) == 2 and recalls(tmp_path / "run") == []
    assert cli.main(arguments("run", "--generations", "1")) == 0
    assert recalls(tmp_path / "run") == [("domain", "recall@3", 0.0)]


@pytest.mark.slow
def test_what_was_shown_counts_whatever_became_of_the_documents(
    arguments: Arguments,
    documents: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All answers are there, but no metrics, when a document goes."""
    words = arguments("run", "--generations", "1")
    add = Ledger.add

    def killed(self: Ledger, rows: Iterable[object]) -> None:
        rows = list(rows)
        if any(isinstance(row, Evaluation) for row in rows):
            raise KeyboardInterrupt
        add(self, rows)

    monkeypatch.setattr(Ledger, "add", killed)
    with contextlib.suppress(KeyboardInterrupt):
        cli.main(words)
    monkeypatch.setattr(Ledger, "add", add)
    assert len(rows(tmp_path / "run", "prediction")) == 18
    (documents / "c.html").unlink()
    (documents / "a.md").unlink()
    capsys.readouterr()
    assert cli.main([*words, "--accept-change"]) == 0
    told = capsys.readouterr().err.partition("promote:")[0]  # of generation 0
    assert recalls(tmp_path / "run") == [("domain", "recall@3", 100.0)]
    assert "of 6 domain questions" in told and "search found nothing" not in told


@pytest.mark.slow
@pytest.mark.parametrize("width", [48, 60, 80, 200])
def test_tables_lose_no_number_in_a_narrow_terminal(
    arguments: Arguments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    width: int,
) -> None:
    assert cli.main(arguments("run", "--generations", "1")) == 0
    capsys.readouterr()
    monkeypatch.setenv("COLUMNS", str(width))
    assert cli.main(["status", str(tmp_path / "run")]) == 0
    told = capsys.readouterr().out
    assert told.count("[0–46]") == 2 * 3 and "…" not in told
    assert max(map(len, told.partition("complete")[0].splitlines())) <= width


@pytest.mark.slow
@pytest.mark.skipif(not TELECOM.is_file(), reason=f"no telecom questions in {TELECOM.parent}")
def test_telecom_questions_find_their_passages(tmp_path: Path) -> None:
    """86 of 100 when this was written; the passages are in Chinese, and much alike."""
    items = json.loads(TELECOM.read_text(encoding="utf-8"))
    passages = json.loads(TELECOM.with_name("aiops_fragments.json").read_text(encoding="utf-8"))
    texts = list(dict.fromkeys(row["instruction"].strip() for row in passages))
    search = indexed(filled(tmp_path, texts))
    hits = [
        row["instruction"].strip() in [one.text for one in search.find(row["input"], 3)]
        for row in items
    ]
    assert sum(hits) >= 80
