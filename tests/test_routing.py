"""Routing: from memory, from passages, or not found; calibrated on the locked questions."""

# ruff: noqa: F811 - fixtures are imported
from __future__ import annotations

import io
import json
import re
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import wait
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from routing import ASKED, FACTS, KINDS, NAMES, ask, calibrations, changed, run  # noqa: F401
from serving import served_here

from self_evolution import cli
from self_evolution.errors import Stopped
from self_evolution.models.reply import Reply
from self_evolution.models.scripted import ScriptedEngine
from self_evolution.records import Message
from self_evolution.run.read import RunReader
from self_evolution.serving.answering import Answerer, open_model
from self_evolution.serving.http import ask_api
from self_evolution.serving.http.limits import Limits
from self_evolution.serving.http.ways import Ways
from self_evolution.serving.routing import MEMORY, NOTHING, PASSAGES, Router
from self_evolution.serving.routing.asking import Told
from self_evolution.serving.routing.cases import questions


def test_each_question_is_answered_in_its_way(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    known, invented, other = ask(
        copy,
        "Tell me the port of node Coral?",
        "Tell me the port of node Zulu?",
        "Which moon is the largest?",
    )
    value = next(value for kind, thing, value in FACTS if (kind, thing) == ("port", "node Coral"))
    assert (known.way, known.text) == (PASSAGES, f"The port of node Coral is {value}.")
    assert known.reliability and known.reliability.share >= 0.98 and known.reliability.n == 50
    (marked,) = known.marks
    assert marked and marked.sentence == f"The port of node Coral is {value}."
    assert [marked.sentence[start:end] for start, end in marked.spans] == [value]
    assert invented.way == other.way == NOTHING
    assert invented.text == "Not found in the documents." and invented.reliability is None
    assert invented.sources and not other.sources

    kept = calibrations(copy)["0"]
    before, after = kept["before"], kept["after"]
    assert before[:2] == [144, 144] and before[2] >= 72  # each made question is answered wrongly
    assert after[1] >= 68 and after[2] <= 1 and after[3:] == [72, 0]
    # It is made once for each generation.
    ask(copy, "Tell me the port of node Coral?", generation=1)
    stamp = (copy / "routing.json").stat().st_mtime_ns
    for generation in (0, 1):
        ask(copy, "Tell me the port of node Coral?", generation=generation)
    assert (copy / "routing.json").stat().st_mtime_ns == stamp
    assert {name: one["generation"] for name, one in calibrations(copy).items()} == {"0": 0, "1": 1}
    for broken in ("{", "[]", '{"0": 3}'):
        (copy / "routing.json").write_text(broken)
        assert ask(copy, "Tell me the port of node Coral?")[0].way == PASSAGES


def test_what_the_model_knows_is_answered_from_memory(run: Path, tmp_path: Path) -> None:
    """A model that has learnt every test question by heart, and makes up the rest."""
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    memory = copy / "adapters" / "gen-1" / "memory.json"
    learnt = {
        f"{asked} the {kind} of {thing}?": f"The {kind} of {thing} is {value}."
        for kind, thing, value in FACTS
        for asked in ASKED
    }
    memory.write_text(json.dumps(learnt))
    from self_evolution.models.adapter import digest

    with closing(sqlite3.connect(copy / "run.db")) as database, database:
        database.execute("UPDATE adapter SET sha256 = ?", (digest(memory),))
    known, unknown, worded = ask(
        copy,
        "Tell me the rack of node Echo?",
        "Tell me the rack of node Kilo?",
        "What is the rack of node Echo?",
        generation=1,
    )
    assert known.way == MEMORY and known.text.startswith("The rack of node Echo is 43")
    assert known.marks[0] and known.marks[0].sentence == known.text
    assert unknown.way == NOTHING
    # In these words it was not learnt, so memory and passage disagree: the passage is right.
    assert (worded.way, worded.text) in ((PASSAGES, known.text), (NOTHING, unknown.text))


def test_chat_says_how_reliable_an_answer_is(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = "Tell me the port of node Coral?\nTell me the port of node Zulu?\n"
    words = ["chat", str(run), "--model", "base"]
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO(questions))
    assert cli.main(words) == 0
    found, missing = capsys.readouterr().out.split("> ")[1:]
    assert "from passages" in found
    assert re.search(r"of 50 answers like this one (98|100)% were right", found)
    assert "Not found in the documents." in missing and "the nearest passages:" in missing
    monkeypatch.setattr("sys.stdin", io.StringIO(questions))
    assert cli.main([*words, "--no-routing"]) == 0
    assert "The port of node Zulu is 777." in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_keeps_nothing(
    run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / "routing.json").unlink(missing_ok=True)
    monkeypatch.setattr("self_evolution.serving.routing.calibration.os.access", lambda *_: False)
    assert ask(copy, "Tell me the port of node Coral?")[0].way == PASSAGES
    assert not (copy / "routing.json").exists()


def test_questions_about_one_thing_do_not_calibrate(run: Path, tmp_path: Path) -> None:
    """No model could be asked about a document that it has not seen."""
    copy = changed(run, tmp_path, "UPDATE item SET passage = '', cluster_id = 'handbook.pdf'")
    (found,) = ask(copy, "Tell me the port of node Coral?")
    assert (found.way, found.reliability) == (PASSAGES, None)


def test_a_calibration_that_fails_takes_no_answers_down(
    run: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise IndexError(FACTS[0][1])

    monkeypatch.setattr("self_evolution.serving.routing.router.calibrate", fail)
    with closing(RunReader(run)) as reader, closing(open_model(reader)) as engine:
        answerer = Answerer(reader, engine)
        ways = Ways(reader, answerer)
        assert ways.known(1) is None
        ways.close()  # waits for it
        assert ways.known(1) is None
        answerer.close()
    assert "IndexError in the calibration" in caplog.text and FACTS[0][1] not in caplog.text


def test_a_question_that_does_not_fit_the_window_is_left_out(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = f"Tell me the port of node Alpha? {'It is urgent. ' * 1000}"
    query = "UPDATE item SET question = ? WHERE suite = 'domain' AND position = 0"
    copy = changed(run, tmp_path, query, long)
    monkeypatch.setattr(ScriptedEngine, "window", 2000)
    (found,) = ask(copy, "Tell me the port of node Coral?")
    assert found.way == PASSAGES and found.reliability
    assert calibrations(copy)["0"]["questions"] == len(FACTS) * 2 - 1


def test_a_calibration_is_used_however_late_the_next_question_comes(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("self_evolution.serving.http.ways._AGAIN", -1.0)  # always long ago
    with closing(RunReader(run)) as reader, closing(open_model(reader)) as engine:
        answerer = Answerer(reader, engine)
        ways = Ways(reader, answerer)
        assert ways.known(0) is None
        wait([ways._asked[0][1]])
        found = ways.known(0)
        assert found and found.models
        ways.close()
        answerer.close()


def test_a_question_waits_for_one_batch_of_the_calibration_at_most(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = changed(run, tmp_path, "UPDATE item SET position = position")
    batches: list[list[str]] = []
    with closing(RunReader(copy)) as reader, closing(open_model(reader)) as engine:
        answerer = Answerer(reader, engine)
        asked = answerer.put("Which moon is the largest?", limit=0)
        generate = engine.generate

        def noted(prompts: Sequence[Sequence[Message]], *more: Any) -> list[Reply]:
            if not batches:  # somebody asks while the first batch is answered
                answerer.start(asked)
            batches.append([messages[-1]["content"] for messages in prompts])
            return generate(prompts, *more)

        monkeypatch.setattr(engine, "generate", noted)
        assert Router(reader, answerer).calibration(0).models
        answerer.close()
    assert len(batches[0]) == answerer.batch_size and len(batches) > 10
    assert "Which moon is the largest?" in batches[1]


def test_until_the_way_is_decided_there_are_signs_of_life_and_no_words(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask_api, "_SIGN", 0.02)
    with served_here(run, Limits()) as service, httpx2.Client(base_url=service.url) as http:
        generate = service.engine.generate

        def slowly(*given: Any) -> list[Reply]:
            *others, on_text = given

            def hear(place: int, piece: str) -> None:
                time.sleep(0.05)
                on_text(place, piece)

            return generate(*others, hear)

        body = {"question": "Tell me the port of node Coral?", "model": "base"}
        end = time.monotonic() + 60
        while not http.post("/api/ask", json=body | {"stream": False}).json()["reliability"]:
            assert time.monotonic() < end  # the calibration is made in the background
        monkeypatch.setattr(service.engine, "generate", slowly)
        events = [
            (name, json.loads(value))
            for name, value in re.findall(
                r"event: (\w+)\ndata: (.*)\n", http.post("/api/ask", json=body).text
            )
        ]
    names = [name for name, _ in events]
    assert names[0] == "sources" and names[-2:] == ["text", "done"]
    assert set(names[1:-2]) == {"progress"}
    written = [value["characters"] for name, value in events if name == "progress"]
    assert written == sorted(written) and written[-1] > 10
    assert events[-1][1]["way"] == PASSAGES and events[-1][1]["reliability"]


def test_what_cannot_be_found_is_said_without_asking_the_model(run: Path) -> None:
    """And it is what would be said after asking it."""
    names = ["Zulu", "Xenon", *NAMES]
    questions = [f"Tell me the {kind} of node {name}?" for name in names for kind in KINDS]
    with (
        closing(RunReader(run)) as reader,
        closing(open_model(reader)) as engine,
        closing(Answerer(reader, engine)) as answerer,
    ):
        router = Router(reader, answerer)
        known = router.calibration(0)
        early = set()
        for question in questions:
            pending = router.put(known, question)
            if found := router.not_found(pending):
                early.add(question)
                for text in ("", "The port is 777.", found.sources[0].opening):
                    for sure in (0.0, -0.5, None):
                        told = [Told(text, sure), Told(text, sure)]
                        assert router.decide(pending, told) == found
        assert {question for question in questions if "Zulu" in question} <= early
        assert not any("Coral" in question for question in early)
        before = answerer.batches
        assert router.answer("Tell me the port of node Zulu?").way == NOTHING
        # Both answers would be from memory: that they agree says nothing.
        sure = replace(known, threshold=0.0)
        nowhere = router.put(sure, "Who knows?")
        assert not nowhere.questions[-1].sources
        found = router.not_found(nowhere)
        assert found and found.way == NOTHING
        assert answerer.batches == before


def test_a_document_is_not_judged_by_what_was_learnt_from_it(run: Path) -> None:
    """With few documents, a passage is not."""
    with closing(RunReader(run)) as reader, closing(open_model(reader)) as engine:
        items = reader.ledger.items.of_suite("domain")
        documents = Counter(one.cluster for one in questions(reader, engine, 1, items))
        closed = Answerer(reader, engine)
        closed.close()
        with pytest.raises(Stopped):  # a service that ends does not wait for the preparations
            questions(reader, engine, 1, items, closed.raise_if_closed)
        assert len(documents) == len(NAMES) and min(documents.values()) >= 8
        alpha = [item for item in items if "Alpha" in item.question]
        clusters = {one.cluster for one in questions(reader, engine, 1, alpha)}
        assert clusters == {one.fragment_id for one in reader.ledger.sources.find(alpha).values()}
        assert len(clusters) == len(KINDS)


def test_questions_that_chose_the_leader_do_not_count(run: Path, tmp_path: Path) -> None:
    copy = changed(run, tmp_path, "UPDATE item SET suite = 'choice' WHERE position % 3 = 0")
    (found,) = ask(copy, "Tell me the port of node Coral?")
    assert found.reliability
    kept = calibrations(copy)["0"]
    assert kept["questions"] == 48 and kept["before"][0] == 96 and kept["before"][3] == 48
