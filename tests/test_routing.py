"""Routing: from memory, from passages, or not found; calibrated on the locked questions."""

from __future__ import annotations

import io
import json
import random
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
from conftest import RULES
from serving import served_here

from self_evolution import cli
from self_evolution.errors import Stopped
from self_evolution.models.reply import Reply
from self_evolution.models.scripted import ScriptedEngine
from self_evolution.records import Fragment, Message
from self_evolution.run.read import RunReader
from self_evolution.serving.answering import Answerer, open_model
from self_evolution.serving.http import ask_api
from self_evolution.serving.http.limits import Limits
from self_evolution.serving.http.ways import Ways
from self_evolution.serving.routing import MEMORY, NOTHING, PASSAGES, Routed, Router
from self_evolution.serving.routing.asking import Told
from self_evolution.serving.routing.cases import questions
from self_evolution.serving.routing.evidence import Coverage, Question, support
from self_evolution.serving.routing.invented import unanswerable
from self_evolution.serving.routing.logistic import cross_fitted, fit, reliability
from self_evolution.serving.routing.marks import mark

KINDS = ("port", "colour", "rack", "limit")
NAMES = ("Alpha", "Brake", "Coral", "Delta", "Echo", "Fox", "Golf", "Hotel", "Ice")
FACTS = [
    (kind, f"node {name}", str(100 * i + j))
    for j, name in enumerate(NAMES)
    for i, kind in enumerate(KINDS, 41)
]
ASKED = ("Tell me", "Give me")
SCRIPT = {
    "rules": [
        *RULES["rules"][:2],
        {
            "pattern": r"The (\w+) of ([\w ]+?) is (\w+)\.(?s:.*)(?:is|me) the \1 of \2\?",
            "reply": r"The \1 of \2 is \3.",
        },
        {"pattern": r"(?:is|me) the (\w+) of ([\w ]+)", "reply": r"The \1 of \2 is 777."},
    ],
    "default": "I do not know.",
}
WORDS = [
    word
    for words in (
        "--domain.prompts embedded --generations 1 --ask.per-fragment 1 --check.grounding 0.5",
        "--split.min-tokens 0 --read.workers 1 --evaluate.abilities 0 --train.rehearsal 0",
        "--evaluate.resamples 50 --evaluate.top-k 1 --model.engine scripted",
    )
    for word in words.split()
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on nine documents with four facts each, a section for each, and as many questions.

    The model reads well. Where it has not learnt a question, it makes up an answer.
    """
    folder = tmp_path_factory.mktemp("routing")
    (folder / "docs").mkdir()
    for name in NAMES:
        facts = [fact for fact in FACTS if fact[1].endswith(name)]
        text = "\n\n".join(
            f"## {kind} of {thing}\n\nThe {kind} of {thing} is {value}. It is checked every day."
            for kind, thing, value in facts
        )
        (folder / "docs" / f"{name}.md").write_text(f"# Node {name}\n\n{text}\n")
    lines = [
        {
            "instruction": f"The {kind} of {thing} is {value}.",
            "input": f"{ask} the {kind} of {thing}?",
            "output": f"The {kind} of {thing} is {value}.",
            "values": [value],
        }
        for kind, thing, value in FACTS
        for ask in ASKED
    ]
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (folder / "script.json").write_text(json.dumps(SCRIPT))
    words = ["run", str(folder / "docs"), *WORDS, "--model", str(folder / "script.json")]
    words += ["--eval", str(folder / "questions.jsonl"), "--run", str(folder / "run")]
    assert cli.main(words) == 0
    return folder / "run"


def ask(run: Path, *questions: str, generation: int = 0) -> list[Routed]:
    with closing(RunReader(run)) as reader, closing(open_model(reader)) as engine:
        answerer = Answerer(reader, engine)
        router = Router(reader, answerer)
        found = [router.answer(question, (), generation) for question in questions]
        answerer.close()
        return found


def calibrations(run: Path) -> dict[str, Any]:
    """{generation: its calibration}, as they are kept."""
    kept: dict[str, Any] = json.loads((run / "routing.json").read_text())
    return kept


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


def test_made_questions_are_about_nothing_that_is_there(run: Path) -> None:
    with closing(RunReader(run)) as reader:
        coverage = Coverage(reader.ledger)
        for question in ("Tell me the port of node Coral?", "Is 4101 the port of node Alpha?"):
            made = unanswerable(question, coverage)
            assert made != question and made == unanswerable(question, coverage)
            odd = set(made.split()) - set(question.split())
            assert len(odd) == 1 and len(made) == len(question)
            assert not coverage.frequency(odd.pop().strip("?").casefold())
        assert unanswerable("Xylophone?", coverage) == ""
        shown = reader.search.find("port of node Coral", 1)
        assert coverage.of("Tell me the port of node Coral?", shown)[:2] == (1.0, 1.0)
        names, terms, unknown = coverage.of("Tell me the zoom of node Zulu?", shown)
        assert names == 0.0 and 0.3 < unknown < 0.8 and terms == 1.0


def passage(text: str) -> Fragment:
    return Fragment("f", "d", "s", 0, (), text, 0, len(text), None, 9, "en", 1)


def test_support_is_what_the_passage_says_of_the_answer() -> None:
    shown = [passage("Node Coral sits in rack R-17. It draws 752 watts.")]
    assert support("Where is node Coral?", "It sits in rack R-17.", shown) == 1.0
    assert support("Where is node Coral?", "It sits in rack R-18.", shown) == 0.0
    assert support("Where is node Coral?", "It sits in rack R-17.", []) == 0.0
    told = Question("Where?", Told("R-17", -0.1), Told("R-17", None), shown, 0.9)
    assert told.closed.certainty == -0.1


@pytest.mark.parametrize(
    ("closed", "open_", "same"),
    [
        ("The colour of alarm Temun is red.", "The colour of alarm Temun is green.", False),
        ("The colour of alarm Temun is red.", "It is red.", True),
        ("It draws 752 watts.", "Node Coral draws 752 W.", True),
        ("It draws 752 watts.", "It draws 751 watts.", False),
        ("告警的颜色是红色。", "告警的颜色是绿色。", False),
        ("Alarm Temun.", "The alarm Temun.", True),
    ],
)
def test_answers_agree_in_what_they_add_to_the_question(
    closed: str, open_: str, same: bool
) -> None:
    question = "告警是什么颜色？" if "告警" in closed else "What colour is alarm Temun?"
    assert Question(question, Told(closed, None), Told(open_, None), [], 0.5).agree is same


def test_the_sentence_with_the_value_is_marked() -> None:
    text = "Node Coral draws 752 watts. It sits in rack R-17.\nIts backup is node 752."
    found = mark("How much power does node Coral draw?", "It draws 752 watts.", text)
    assert found and text[found.start : found.end] == found.sentence == text[:27]
    assert [found.sentence[start:end] for start, end in found.spans] == ["752", "watts"]
    assert mark("Which?", "It is red.", text) is None
    chinese = "告警由甲组处理。端口是4711。"
    found = mark("端口是多少？", "端口是4711。", chinese)
    assert found and found.sentence == "端口是4711。"


def test_the_regression_finds_known_weights() -> None:
    """The chance of a right answer is 1 / (1 + exp(-(2 a - 1))), whatever b is."""
    import math

    dice = random.Random(1)
    rows = [[dice.gauss(0, 1), dice.gauss(5, 3)] for _ in range(4000)]
    right = [dice.random() < 1 / (1 + math.exp(1 - 2 * a)) for a, _ in rows]
    model = fit(rows, right)
    for a, expected in ((0.0, 0.269), (0.5, 0.5), (1.0, 0.731), (2.0, 0.953)):
        assert model.chances([[a, 5.0]])[0] == pytest.approx(expected, abs=0.03)
    assert abs(model.weights[1]) < 0.1
    clusters = [i // 40 for i in range(4000)]
    apart = cross_fitted(rows, right, clusters)
    whole = model.chances(rows)
    assert max(abs(one - other) for one, other in zip(apart, whole, strict=True)) < 0.05


def test_a_chance_by_luck_is_not_told_as_known() -> None:
    """Numbers that say nothing: cross-fitted, no answer gets a chance far from the share."""
    dice = random.Random(2)
    rows = [[dice.random() for _ in range(5)] for _ in range(200)]
    right = [dice.random() < 0.5 for _ in range(200)]
    chances = cross_fitted(rows, right, list(range(200)))
    sure = [fine for chance, fine in zip(chances, right, strict=True) if chance > 0.6]
    assert not sure or sum(sure) / len(sure) < 0.75


def test_reliability_counts_the_nearest() -> None:
    known = [(i / 100, i >= 50) for i in range(100)]
    found = reliability(known, 0.99)
    assert found == (1.0, 50)
    middle = reliability(known, 0.5)
    assert middle and middle.n == 50 and middle.share == pytest.approx(0.5, abs=0.05)
    assert reliability(known[:3], 0.5) == (0.0, 3)
    assert reliability([], 0.5) is None


def changed(run: Path, tmp_path: Path, query: str, *values: object) -> Path:
    """A copy of the run without a calibration, in whose ledger a statement is carried out."""
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / "routing.json").unlink(missing_ok=True)
    with closing(sqlite3.connect(copy / "run.db")) as database, database:
        assert database.execute(query, values).rowcount
    return copy


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
