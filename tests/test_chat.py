"""Asking a run: answers with their sources, in one go, by pipe and at a terminal."""

from __future__ import annotations

import io
import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from answering import finished_run, write_script
from conftest import FACTS, rows

from self_evolution import cli, miniature
from self_evolution.errors import UserError
from self_evolution.ledger import FeedbackStore
from self_evolution.models.scripted import CAPABILITIES, ScriptedEngine
from self_evolution.run.process import locked
from self_evolution.run.read import RunReader
from self_evolution.serving.answering import Answerer, Turn, generation, open_model

Arguments = Callable[..., list[str]]
Chat = Callable[..., tuple[int, str, str]]
MINIATURE = [
    *("read", "--recipe", "embedded", "--read.workers", "1", "--evaluate.limit", "2"),
    *("--train.rehearsal", "0"),
    *("--evaluate.retention-file", "", "--evaluate.resamples", "20"),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where the finished scripted run is, once there is one."""
    return {}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A model that reads a passage well, and says of what it does not know anything."""
    return write_script(tmp_path)


@pytest.fixture
def run(arguments: Arguments, tmp_path: Path, made: dict[str, Path]) -> Path:
    """A finished run of one generation, which leads."""
    if not made:
        made["run"] = finished_run(arguments, tmp_path)
    return made["run"]


@pytest.fixture
def chat(run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Chat:
    """`chat` on the run: exit status, standard output, standard error."""

    def ask(*words: str, stdin: io.StringIO | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", stdin or io.StringIO())
        capsys.readouterr()
        status = cli.main(["chat", str(run), *words])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return ask


def test_one_question_is_answered_with_its_sources(chat: Chat) -> None:
    status, out, _ = chat("What is the port of server Alpha?")
    assert status == 0
    answer, model, reliability, title, first, opening, *_ = out.splitlines()
    assert answer == "The port of server Alpha is 4711."
    assert model == "answered by generation 1 (leads)"
    assert reliability.startswith("reliability unknown: 6 test questions are too few to measure it")
    assert title == "sources:"
    assert re.fullmatch(r"1\. .*\ba\.md · Handbook › Server Alpha", first)
    assert opening == "   The port of server Alpha is 4711. It is checked every morning."


def test_a_terminal_keeps_history_until_it_is_told_to_forget_it(chat: Chat) -> None:
    typed = (
        "What is the colour of alarm Brake?\n\nAnd the rack?\n/new one\nAnd the rack?\n/quit\nno\n"
    )
    status, out, _ = chat("--passages", "6", stdin=Terminal(typed))
    assert status == 0
    told, first, nothing, followed, forget, alone, *more = out.split("\n> ")
    assert "/new" in told and nothing == forget == "" and more == [""]
    assert first.startswith("The colour of alarm Brake is amber.")
    assert "Alarm Brake" in followed and "Node Coral" in followed
    assert "Alarm Brake" not in alone and "Node Coral" in alone


def test_what_a_person_says_of_an_answer_is_kept(chat: Chat, run: Path) -> None:
    typed = "/right\nWhat is the port of server Alpha?\n/wrong\n/better\tIt is 4712.\n/better\n"
    status, out, _ = chat(stdin=Terminal(typed))
    assert status == 0
    early, _, wrong, better, empty = out.split("\n> ")[1:6]
    assert "no answer to judge yet" in early
    assert "--generations +1" in wrong and "kept" in better and "give the better answer" in empty
    first, second = FeedbackStore(run).rows()
    (run / "feedback.db").unlink()
    assert (first.verdict, first.better, first.generation) == ("wrong", "", 1)
    assert (second.verdict, second.better) == ("better", "It is 4712.")
    assert second.question == "What is the port of server Alpha?" and second.adapter
    assert second.answer == "The port of server Alpha is 4711." and second.fragments


def test_what_is_no_command_is_told(chat: Chat) -> None:
    _, out, _ = chat(stdin=Terminal("/frob\n/help\n/etc/hosts names the port of server Alpha?\n"))
    wrong, told, asked = out.split("\n> ")[1:4]
    assert "/frob: there is no such command" in wrong and "/new forgets it" in wrong
    assert told.startswith("questions follow up") and "handbook" not in told
    assert "The port of server Alpha is 4711." in asked


def test_a_pipe_has_a_question_a_line_and_no_colour(chat: Chat) -> None:
    lines = "What is the colour of alarm Brake?\n\nAnd the rack?\n"
    status, out, _ = chat(stdin=io.StringIO(lines))
    assert status == 0 and "\x1b" not in out
    first, second = out.split("> ")[1:]
    assert first.startswith("What is the colour") and "is amber" in first
    assert second.startswith("And the rack?") and "Brake" not in second  # it stands alone


def test_two_models_answer_one_below_the_other(chat: Chat) -> None:
    question = "What is the port of server Alpha?"
    status, out, _ = chat(question, "--beside", "base", "--closed")
    assert status == 0
    assert out.splitlines() == [
        "generation 1 (leads):",
        "The port of server Alpha is 4711.",
        "the base:",
        "I do not know the port of server Alpha.",
        "from memory: no passage was looked for",
    ]


@pytest.mark.parametrize("model", ["base", "1", "leader"])
def test_closed_answers_are_those_of_the_evaluation(run: Path, chat: Chat, model: str) -> None:
    number = {"base": 0}.get(model, 1)
    for mode, words in (("closed", ["--closed"]), ("retrieved", [])):
        predicted = {
            row["item_id"]: row["text"]
            for row in rows(run, "prediction")
            if (row["generation"], row["mode"]) == (number, mode)
        }
        assert len(predicted) == len(FACTS)
        for item in rows(run, "item")[:3]:
            _, out, _ = chat(str(item["question"]), "--model", model, *words)
            assert out.splitlines()[0] == predicted[item["id"]]


def test_an_answer_is_the_same_whether_it_is_streamed_or_not(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = "What is the port of server Alpha?"
    streamed = chat(question)
    monkeypatch.setattr(ScriptedEngine, "capabilities", CAPABILITIES - {"streaming"})
    assert chat(question) == streamed


def test_a_model_cannot_move_the_cursor(chat: Chat, run: Path, tmp_path: Path) -> None:
    with closing(RunReader(run)) as reader:
        script = Path(reader.config.model.name)
    text = script.read_text()
    stat = script.stat()
    script.write_text(text.replace("I do not know.", "No.\\u001b[2J\\nNo [b]."))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("self_evolution.models.engines.identity", lambda _: identity(run))
            assert chat("Xylophone?")[1].startswith("No.\\x1b[2J\nNo [b].\n")
    finally:
        script.write_text(text)
    assert script.stat().st_size == stat.st_size


def identity(run: Path) -> dict[str, str]:
    """The identity of the model that the run began with."""
    with closing(RunReader(run)) as reader:
        known: dict[str, str] = reader.ledger.meta("model")
        return known


def test_where_nothing_is_found_it_says_so(chat: Chat) -> None:
    _, out, _ = chat("Xylophone?")
    assert out.splitlines()[0] == "I do not know."
    assert out.splitlines()[-1] == "from memory: the search found nothing in the documents"


def test_it_works_beside_the_process_that_holds_the_run(run: Path, chat: Chat) -> None:
    before = {
        path: path.stat().st_mtime_ns for path in run.rglob("*") if "run.db-" not in path.name
    }
    with locked(run):
        assert chat("What is the port of server Alpha?")[0] == 0
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--model", "7"], "--model 7: no such generation"),
        (["--model", "best"], "expected leader, base, or one of 0, 1"),
        (["--beside", "-1"], "no such generation"),
        (["--closed", "--passages", "2"], "give one of them"),
    ],
)
def test_mistakes_are_told(chat: Chat, words: list[str], told: str) -> None:
    status, out, err = chat("Why?", *words)
    assert (status, out) == (2, "") and told in err


def changed(run: Path, folder: Path, statement: str) -> Path:
    """A copy of a run after one statement on its ledger."""
    shutil.copytree(run, folder)
    with closing(sqlite3.connect(folder / "run.db")) as database, database:
        database.execute(statement)
    return folder


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM promotion", "so none leads; `--model base`"),
        ("DELETE FROM meta WHERE key = 'indexed'", "not indexed"),
        ("UPDATE adapter SET sha256 = 'other'", "is not the adapter that this run trained"),
        ("""UPDATE meta SET value = '{"a": "b"}' WHERE key = 'model'""", "put the old one back"),
        ("DELETE FROM meta WHERE key = 'settings'", "has not begun"),
    ],
)
def test_a_run_that_cannot_be_asked_says_why(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], statement: str, told: str
) -> None:
    folder = changed(run, tmp_path / "copy", statement)
    assert cli.main(["chat", str(folder), "Why?"]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and told in shown.err


def test_an_adapter_that_is_missing_is_named(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = changed(run, tmp_path / "copy", "SELECT 1")
    shutil.rmtree(folder / "adapters" / "gen-1")
    assert cli.main(["chat", str(folder), "Why?"]) == 2
    assert "gen-1: the adapter is missing" in capsys.readouterr().err
    assert cli.main(["chat", str(folder), "Why?", "--model", "base"]) == 0


def test_related_passages_say_what_they_share(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "Yesterday pump Echo failed, and the queue was full."
    capsys.readouterr()
    assert cli.main(["related", str(run), text]) == 0
    out = capsys.readouterr().out
    assert re.match(r"1\. .*\bb\.txt · Handbook › Pump Echo\n", out)
    assert "   shares: pump, echo\n" in out and "   shares: queue\n" in out
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert cli.main(["related", str(run)]) == 0
    assert capsys.readouterr().out == out
    assert cli.main(["related", str(run), "xylophone"]) == 0
    assert "nothing in the documents" in capsys.readouterr().out
    assert cli.main(["related", str(run), " "]) == 2


def test_threads_may_ask_at_the_same_time(run: Path) -> None:
    with closing(RunReader(run)) as reader, closing(open_model(reader)) as engine:
        answerer, found = Answerer(reader, engine), {}

        def ask(fact: tuple[str, str, str]) -> None:
            key, thing, _ = fact
            question = f"What is the {key} of {thing}?"
            found[fact] = answerer.answer(question, (), generation(reader, "leader"), 1)

        threads = [threading.Thread(target=ask, args=(fact,)) for fact in FACTS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == len(FACTS)
        for (key, thing, value), answer in found.items():
            assert answer.text == f"The {key} of {thing} is {value}."
            assert f"The {key} of {thing} is {value}" in answer.sources[0].opening


def test_earlier_turns_stand_before_the_question_as_far_as_they_fit(run: Path) -> None:
    with closing(RunReader(run)) as reader, closing(open_model(reader)) as engine:
        put: list[list[str]] = []
        generate = engine.generate

        def watched(prompts, *more):  # type: ignore[no-untyped-def]
            put.append([message["content"] for message in prompts[0]])
            return generate(prompts, *more)

        engine.generate = watched  # type: ignore[method-assign]
        turns = [Turn("one?", "1"), Turn("two?", "2")]
        answerer = Answerer(reader, engine)
        answerer.answer("three?", turns, 0, 0)
        assert put.pop() == ["one?", "1", "two?", "2", "three?"]
        most = reader.config.evaluate.max_tokens
        engine.window = (
            len(engine.prompt_ids([{"role": "user", "content": "two? 2 three?"}])) + most
        )
        answerer.answer("three?", turns, 0, 0)
        assert put.pop() == ["two?", "2", "three?"]
        engine.window = most
        with pytest.raises(UserError, match="the question does not fit"):
            answerer.answer("three?", turns, 0, 0)
        with pytest.raises(UserError, match="no passage found fits"):
            answerer.answer("What is the port of server Alpha?", (), 0, 1)


def test_the_miniature_answers_from_the_passages_that_it_finds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base of a run without training: what chat says is what the evaluation predicted."""
    run = tmp_path / "run"
    assert cli.main([*MINIATURE, "--run", str(run)]) == 0
    for stage in ("split", "build", "evaluate", "promote"):
        assert cli.main([stage, str(run)]) == 0
    questions = [str(item["question"]) for item in rows(run, "item")]
    known = [json.loads(line)["input"] for line in miniature.EVALUATION.read_text().splitlines()]
    assert len(questions) == 2 and set(questions) <= set(known)
    for mode, words in (("closed", ["--closed"]), ("retrieved", [])):
        predicted = {row["text"] for row in rows(run, "prediction") if row["mode"] == mode}
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(questions)))
        capsys.readouterr()
        assert cli.main(["chat", str(run), *words]) == 0
        out = capsys.readouterr().out
        assert {part.splitlines()[1] for part in out.split("> ")[1:]} == predicted
        assert out.count("sources:") == (2 if mode == "retrieved" else 0)
