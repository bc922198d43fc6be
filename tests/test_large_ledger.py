"""The figures of a large ledger are those of a plain count, and queries about them cost little."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.growth import measure
from self_evolution.cli import status
from self_evolution.ledger import Ledger, StageRow, sources
from self_evolution.ledger.database import Database
from self_evolution.records import (
    Answer,
    Contradiction,
    Document,
    Event,
    Fragment,
    Holdout,
    Item,
    Question,
    Section,
)
from self_evolution.report.facts import gather
from self_evolution.run.read import read_run


@contextmanager
def ledger() -> Iterator[Ledger]:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Ledger(Path(folder) / "run.db")) as made,
    ):
        yield made


# -- the views against a plain count ---------------------------------------------------------

DOCUMENTS = ("a", "b", "c", "d")


class Drawn(NamedTuple):
    """A fragment: `repeats` is the place of the fragment that it repeats among the originals."""

    document: str
    text: str
    duplicate: str | None
    repeats: int
    own: str | None


class World(NamedTuple):
    fragments: list[Drawn]
    gone: set[str]
    held: set[str]
    contradictions: dict[int, int]


worlds = st.builds(
    World,
    st.lists(
        st.builds(
            Drawn,
            st.sampled_from(DOCUMENTS),
            st.sampled_from("xy"),
            st.sampled_from([None, None, "exact", "near", "passage"]),
            st.integers(0, 3),
            st.sampled_from([None, None, ""]),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sets(st.sampled_from(DOCUMENTS), max_size=2),
    st.sets(st.sampled_from(DOCUMENTS), max_size=1),
    st.dictionaries(st.integers(0, 11), st.integers(0, 11), max_size=3),
)


def fragments(drawn: list[Drawn]) -> list[Fragment]:
    made: list[Fragment] = []
    for number, one in enumerate(drawn):
        originals = [other.id for other in made if other.duplicate is None]
        first = originals[one.repeats % len(originals)] if originals and one.duplicate else None
        made.append(
            Fragment(
                id=f"f{number:02}",
                document_id=one.document,
                section_id=f"s-{one.document}",
                position=number,
                heading=("H",),
                text=one.text,
                start=0,
                end=1,
                page=None,
                tokens=1,
                language="en",
                number=number,
                duplicate=one.duplicate if first else None,
                duplicate_of=first,
                own=one.own,
            )
        )
    return made


def fill(ledger: Ledger, world: World) -> list[Fragment]:
    """A generation that asked about every fragment, and selected every pair."""
    made = fragments(world.fragments)
    for name in DOCUMENTS:
        ledger.add([Document(name, f"{name}.md", name, "md", name)])
        ledger.add([Section(f"s-{name}", name, 0, ("H",), "text", 0, 4)])
    ledger.add(made)
    ledger.add(Event(i, name, "withdrawn") for i, name in enumerate(sorted(world.gone), 1))
    ledger.add(Holdout(name) for name in sorted(world.held))
    for one in made:
        question = Question(f"q-{one.id}", 1, one.id, 0, "?", "stop")
        ledger.add([question, Answer(f"a-{one.id}", question.id, "!", "stop")])
    answers = [f"a-{one.id}" for one in made]
    ledger.training.select(1, "new", answers)
    ledger.add(
        Contradiction(1, answers[one], answers[other], False)
        for one, other in world.contradictions.items()
        if one != other and max(one, other) < len(answers)
    )
    ledger.log_stage(StageRow(1, "check", 0, 0.0, 0.0, True, ""))
    return made


class Plain(NamedTuple):
    """These ids are found one fragment after the other, without SQL; the ledger must give them."""

    live: set[str]
    asked: set[str]
    training: set[str]


def plain(world: World, made: list[Fragment]) -> Plain:
    here = [one for one in made if one.document_id not in world.gone]
    first = {one.id for one in here if one.duplicate is None}
    first |= {str(one.duplicate_of) for one in here if one.duplicate == "exact"}
    orphaned: dict[str, str] = {}
    for one in here:
        if one.duplicate in ("near", "passage") and one.duplicate_of not in first:
            orphaned.setdefault(one.text, one.id)
    live = first | set(orphaned.values())
    held = {one.id for one in made if one.document_id in world.held}
    asked = {one.id for one in made if one.id in live and one.own != ""}
    return Plain(
        live,
        asked,
        {
            one.id
            for one in made
            if one.id in asked and one.id not in held and one.duplicate_of not in held
        },
    )


@pytest.mark.slow
@settings(max_examples=150)
@given(worlds)
def test_what_is_live_is_what_a_plain_count_says(world: World) -> None:
    with ledger() as there:
        made = fill(there, world)
        expected = plain(world, made)
        for view, ids in (
            ("live_fragment", expected.live),
            ("asked_fragment", expected.asked),
            ("training_fragment", expected.training),
            ("present_question", {f"q-{id}" for id in expected.training}),
        ):
            found = list(there.column(f"SELECT id FROM {view}"))
            assert sorted(found) == sorted(ids), view
        contradicted = {
            one.answer_id
            for one in there.rows(Contradiction, "")
            if one.other_id.removeprefix("a-") in expected.training
        }
        usable = {f"q-{id}" for id in expected.training if f"a-{id}" not in contradicted}
        assert set(there.column("SELECT id FROM live_question")) == usable

        here = [one for one in made if one.document_id not in world.gone]
        counts = there.fragments.counts()
        assert counts["fragments"] == len(here)
        assert counts["duplicates"] == len(here) - len(expected.live)
        near = [one for one in here if one.duplicate == "near" and one.id not in expected.live]
        assert counts["near"] == len(near)
        assert counts["quoted"] == len(expected.live) - len(expected.asked)
        assert there.fragments.count_for_training() == len(expected.training)
        assert there.fragments.count_held_out() == len(expected.asked) - len(expected.training)
        out = len(made) - len(expected.live)
        assert there.training.examples_gone() == {1: (out, len(made))}


# -- where test questions are found ----------------------------------------------------------

WORDS = ("the pump stands", "the valve opens", "a wide gate", "one red lamp", "two long rods")
ends = st.sampled_from(" \n")
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(". ".join)


@pytest.mark.slow
@settings(max_examples=80)
@given(st.lists(texts, min_size=1, max_size=8), st.lists(texts, max_size=5), st.data())
def test_places_that_were_noted_are_those_of_a_search_of_all_fragments(
    passages: list[str], asked: list[str], data: st.DataObject
) -> None:
    some = [Drawn("a", text, None, 0, None) for text in passages]
    items = [
        Item(f"i{n}", "domain", n, text.replace(" ", data.draw(ends)), "?", "!", None)
        for n, text in enumerate(asked)
    ]
    early = data.draw(st.integers(0, len(some)))
    known = data.draw(st.integers(0, len(items)))
    with ledger() as there:
        there.add([Document("a", "a.md", "a", "md", "a"), Section("s-a", "a", 0, (), "t", 0, 1)])
        there.add(fragments(some)[:early])
        there.sources.note(items[:known])
        there.add(fragments(some)[early:])
        noted = there.sources.find(items)
        there.set_meta("placed", None)
        assert there.sources.find(items) == noted


# -- what it costs ---------------------------------------------------------------------------


@contextmanager
def counted(ledger: Ledger) -> Iterator[list[int]]:
    """Count the steps that SQLite takes, in hundreds; they do not depend on the machine."""
    steps = [0]

    def count() -> None:
        steps[0] += 1

    ledger._connection.set_progress_handler(count, 100)
    yield steps
    ledger._connection.set_progress_handler(None, 0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Runs up to the stage `select`, by their number of fragments."""
    made = {}
    for number in (30, 600):
        folder = tmp_path_factory.mktemp(f"run-{number}")
        measure(number, folder)
        made[number] = folder / "run"
    return made


@pytest.mark.slow
def test_status_reads_as_much_of_a_run_with_twenty_times_as_many_pairs(
    runs: dict[int, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    taken = {}
    for number, folder in runs.items():
        with read_run(folder) as run, counted(run.ledger) as steps:
            status.show(run.config, run.ledger)
            status.show_next(run.config, run.ledger)
            taken[number] = steps[0]
    assert f"{600 * 4:,}" in capsys.readouterr().out
    assert taken[30] > 0
    assert taken[600] < 1.2 * taken[30] + 5, taken


PAIRS = ("question", "answer", "verdict", "score", "selection", "taught")


def scans(ledger: Ledger, query: str, parameters: Any) -> Iterator[str]:
    """The tables of pairs that a query reads from one end to the other."""
    names = {
        alias or table: table
        for table, alias in re.findall(r"(?:FROM|JOIN) (\w+)(?: (?!ON|WHERE|JOIN)(\w+))?", query)
    }
    for *_, step in ledger.execute(f"EXPLAIN QUERY PLAN {query}", parameters):
        if found := re.match(r"SCAN (\w+)", step):
            table = names.get(found[1], found[1])
            if table in PAIRS:
                yield f"{table} in {query}"


@pytest.mark.slow
def test_no_query_of_the_report_reads_all_pairs(
    runs: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the examples: their query ends when there are enough of them."""
    asked: list[tuple[str, Any]] = []
    execute = Database.execute

    def noted(self: Database, query: str, parameters: Any = ()) -> Any:
        asked.append((query, parameters))
        return execute(self, query, parameters)

    with read_run(runs[600]) as run:
        with monkeypatch.context() as patched:
            patched.setattr(Database, "execute", noted)
            gather(run.config, run.ledger)
        found = [scan for query in asked for scan in scans(run.ledger, *query)]
    assert len(asked) > 100
    assert ["ORDER BY v.answer_id LIMIT" in scan for scan in found] == [True], found


@pytest.mark.slow
def test_the_report_does_not_search_the_documents_for_the_questions_again(
    runs: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    monkeypatch.setattr(
        sources, "_sentences", lambda text, wrapped: looked_at.append(text) or {text}
    )
    with read_run(runs[600]) as run:
        gather(run.config, run.ledger)
        passages = [item.passage for item in run.ledger.items.all()]
    assert passages
    assert set(looked_at) <= set(passages)
