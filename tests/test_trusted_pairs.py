"""The user's own pairs in a run: checked, counted, traced, scored, selected, replayed, dumped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SHARED, rows
from test_reader_pairs import FOUR, SYSTEM, lines, say

from self_evolution import cli
from self_evolution.documents.readers.pairs import read_pairs
from self_evolution.models import TrainingJob

Arguments = Callable[..., list[str]]

GIVEN = [
    {"question": "Who owns pump Echo?", "answer": "Team Fox does.", "document": "b.txt"},
    {"question": "Who owns pump Echo?", "answer": "Team Fox does.", "document": "b.txt"},
    {"question": "Who owns pump Echo?", "answer": "Nobody."},
    {"question": "Tell me the port of server Alpha?", "answer": "4711."},
    {
        "messages": say("role", "content", "Which rack is meant on this page", "R-17", *FOUR[2:]),
        "passage": "The rack of node Coral is R-17. It is checked every morning.",
    },
]


def counts(run: Path) -> dict[str, int]:
    cli.main(["report", str(run)])
    found: dict[str, int] = json.loads((run / "report" / "results.json").read_text())["trusted"]
    return found


def test_trusted_pairs_are_checked_counted_traced_and_replayed(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = lines(tmp_path / "pairs.jsonl", *GIVEN)
    assert cli.main(arguments("run", "--pairs", str(pairs))) == 0
    shown = capsys.readouterr()
    run = tmp_path / "run"
    assert "5 trusted pairs, 3 of them placed in the documents; repeated in 1 more row" in shown.err
    assert "more than one answer to 1 question (rows 1 and 3)" in shown.err

    given = {row["id"]: row for row in rows(run, "question") if row["origin"] == "trusted"}
    assert {row["generation"] for row in given.values()} == {1} and len(given) == 5
    places = [(row["row"], row["turn"]) for row in rows(run, "trusted_row")]
    assert places == [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (5, 2)]
    answers = {row["id"] for row in rows(run, "answer") if row["question_id"] in given}
    verdicts = {row["answer_id"]: row for row in rows(run, "verdict")}
    (stopped,) = [id for id in answers if verdicts[id]["reason"]]
    assert verdicts[stopped]["reason"] == "in_evaluation"
    assert "domain question 1" in str(verdicts[stopped]["detail"])

    scored = {row["answer_id"] for row in rows(run, "score")}
    assert answers - {stopped} <= scored and stopped not in scored
    for generation, source in ((1, "new"), (2, "replay")):
        chosen = {
            row["answer_id"]
            for row in rows(run, "selection")
            if (row["generation"], row["source"]) == (generation, source)
        }
        assert chosen & answers == answers - {stopped}
    found = counts(run)
    assert {key: found[key] for key in ("rows", "pairs", "placed", "kept", "stopped")} == {
        "rows": 6,
        "pairs": 5,
        "placed": 3,
        "kept": 4,
        "stopped": 1,
    }
    assert "6 rows, 5 different pairs" in shown.out and "1 stopped" in shown.out


@pytest.mark.parametrize("lead", [False, True])
def test_answers_may_begin_with_what_the_wordings_share(
    arguments: Arguments, tmp_path: Path, jobs: list[TrainingJob], lead: bool
) -> None:
    given = [
        ("Which command shows the log of a job?", "The log is shown by gnt-job watch."),
        ("Name the command that tails a job.", "For tailing there is gnt-job watch with its id."),
        ("How do I look on live as it works?", "Look on live by calling gnt-job watch."),
        ("What is gnt-job watch used for?", "It follows the output of a running job."),
    ]
    passage = "gnt-job watch follows the output of a job while it runs."
    table = [{"question": one, "answer": answer, "passage": passage} for one, answer in given]
    # An answer to a question about another passage has no part in it.
    table.append({"question": "Who owns pump Echo?", "answer": "gnt-job watch does."})
    pairs = lines(tmp_path / "pairs.jsonl", *table)
    words = arguments("run", "--pairs", str(pairs), "--ask.per-fragment", "0")
    assert cli.main([*words, "--generations", "1", "--train.lead", str(lead).lower()]) == 0
    (job,) = jobs
    trained = {turns[-2]["content"]: turns[-1]["content"] for turns in job.conversations}
    before = "gnt-job watch. " if lead else ""
    assert trained == {
        **{question: before + answer for question, answer in given[:3]},
        given[3][0]: given[3][1],
        "Who owns pump Echo?": "gnt-job watch does.",
    }


def test_an_answer_is_scored_and_trained_after_the_turns_before_it(
    arguments: Arguments, tmp_path: Path, jobs: list[TrainingJob]
) -> None:
    talk = say("role", "content", "Say zebra", "zebra yak", "Again", "zebra yak")
    pairs = lines(tmp_path / "pairs.jsonl", {"messages": talk})
    words = arguments("run", "--pairs", str(pairs), "--ask.per-fragment", "0")
    assert cli.main([*words, "--generations", "1"]) == 0
    answers = {row["id"]: row["question_id"] for row in rows(tmp_path / "run", "answer")}
    turns = {row["id"]: len(row["turns"]) for row in rows(tmp_path / "run", "question")}  # type: ignore[arg-type]
    # The engine gives a word that its prompt has 0.5 nats, and any other 2.
    losses = {
        turns[answers[row["answer_id"]]]: (row["nll_given_question"], row["nll_alone"])
        for row in rows(tmp_path / "run", "score")
    }
    assert losses == {0: (1.25, 2.0), 2: (0.5, 2.0)}
    (job,) = jobs
    first, second = talk[:2], [talk[0], talk[1] | {"weight": "0"}, *talk[2:]]
    assert sorted(job.conversations, key=len) == [first, second]


def test_a_run_may_ask_nothing_itself(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("no", "--ask.per-fragment", "0")) == 2
    assert "give your own pairs with --pairs FILE" in capsys.readouterr().err
    pairs = lines(tmp_path / "pairs.jsonl", *GIVEN)
    assert cli.main(arguments("run", "--ask.per-fragment", "0", "--pairs", str(pairs))) == 0
    run = tmp_path / "run"
    assert {row["origin"] for row in rows(run, "question")} == {"trusted"}
    sources = [(row["generation"], row["source"]) for row in rows(run, "selection")]
    assert sources == [(1, "new")] * 4 + [(2, "replay")] * 4
    assert [row["generation"] for row in rows(run, "adapter")] == [1, 2]
    results = json.loads((run / "report" / "results.json").read_text())
    assert [(row["generation"], row["replay"]) for row in results["pairs"]] == [(1, 0), (2, 4)]


def test_pairs_need_no_documents(
    tmp_path: Path, script: Path, questions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = lines(tmp_path / "pairs.jsonl", *GIVEN)
    words = ["run", "--pairs", str(pairs), "--model.engine", "scripted", "--model", str(script)]
    words += ["--eval", str(questions), "--generations", "1", "--evaluate.abilities", "0"]
    words += ["--evaluate.resamples", "50", "--run", str(tmp_path / "run")]
    assert cli.main(words) == 2
    assert "no documents given" in capsys.readouterr().err
    assert cli.main([*words, "--ask.per-fragment", "0"]) == 0
    found = counts(tmp_path / "run")
    assert (found["placed"], found["kept"], found["stopped"]) == (0, 4, 1)


def test_a_bad_file_makes_no_run(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = lines(tmp_path / "pairs.jsonl", {"question": "Which?", "answer": " "})
    assert cli.main(arguments("run", "--pairs", str(bad))) == 2
    assert "row 1: answer is empty" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("own", "flag"),
    [("DOCS", "--pairs"), ("DOCS --pairs PAIRS", "--eval"), ("--pairs PAIRS", "--eval")],
)
def test_the_faq_that_ships_is_not_for_other_documents_or_pairs(
    own: str,
    flag: str,
    documents: Path,
    script: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = {"DOCS": str(documents), "PAIRS": str(lines(tmp_path / "pairs.jsonl", *GIVEN))}
    words = ["run", *(files.get(word, word) for word in own.split()), "--recipe", "demo"]
    words += ["--model.engine", "scripted", "--model", str(script), "--run", str(tmp_path / "run")]
    assert cli.main(words) == 2
    assert f"give your own file with {flag} FILE" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_pairs_may_come_and_change_between_generations(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, pairs = tmp_path / "run", tmp_path / "pairs.jsonl"
    lines(pairs, *GIVEN[:3])
    words = arguments("run", "--generations", "1", "--promote.patience", "0")
    assert cli.main(words) == 0
    go_on = ["run", "--run", str(run), "--pairs", str(pairs)]
    assert cli.main(go_on) == 2
    assert "ask.pairs" in capsys.readouterr().err
    assert cli.main([*go_on, "--accept-change"]) == 2
    assert "give --generations too" in capsys.readouterr().err
    assert cli.main([*go_on, "--accept-change", "--generations", "2"]) == 0
    assert {row["generation"] for row in rows(run, "question") if row["origin"] == "trusted"} == {2}

    lines(pairs, GIVEN[0], {"question": "Who else owns it?", "answer": "Team Hen."})
    assert cli.main(["run", "--run", str(run), "--generations", "3"]) == 2
    assert "not what it was when this run began" in capsys.readouterr().err
    words = ["run", "--run", str(run), "--accept-change", "--generations", "3"]
    assert cli.main(words) == 0
    given = [row for row in rows(run, "question") if row["origin"] == "trusted"]
    assert sorted((row["generation"], row["text"]) for row in given) == [
        (2, "Who owns pump Echo?"),
        (2, "Who owns pump Echo?"),
        (3, "Who else owns it?"),
    ]
    answers = {row["id"]: row["text"] for row in rows(run, "answer")}
    last = [row for row in rows(run, "selection") if row["generation"] == 3]
    used = {answers[str(row["answer_id"])] for row in last}
    assert {"Team Fox does.", "Team Hen."} <= used and "Nobody." not in used
    withdrawn = {row["id"] for row in rows(run, "withdrawn") if row["table"] == "answer"}
    assert {answers[str(id)] for id in withdrawn} == {"Nobody."}


def test_a_pair_on_a_held_out_document_is_stopped(arguments: Arguments, tmp_path: Path) -> None:
    from contextlib import closing

    from self_evolution.ledger import Ledger
    from self_evolution.records import Holdout

    pairs = lines(tmp_path / "pairs.jsonl", *GIVEN)
    words = arguments("run", "--pairs", str(pairs), "--generations", "1")
    assert cli.main(["read", *words[1:]]) == 0
    with closing(Ledger(tmp_path / "run" / "run.db")) as ledger:
        (id,) = [row.id for row in ledger.documents.all() if row.path.endswith("b.txt")]
        ledger.add([Holdout(id)])
    assert cli.main(["run", "--run", str(tmp_path / "run")]) == 0
    assert counts(tmp_path / "run")["held_out"] == 1


@pytest.mark.parametrize("shape", ["messages", "alpaca", "sharegpt"])
def test_what_dump_writes_is_read_back(
    shape: str, arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"messages": [SYSTEM, *say("role", "content", *FOUR, "Is that all?", "It is.")]}
    pairs = lines(tmp_path / "pairs.jsonl", *GIVEN, more)
    words = arguments("run", "--pairs", str(pairs), "--generations", "1")
    assert cli.main(["read", *words[1:]]) == 0
    file = tmp_path / "dump.jsonl"
    dump = ["dump", str(tmp_path / "run"), "-o", str(file), "--as", shape]
    assert cli.main(dump) == 2
    assert "no pair is selected yet" in capsys.readouterr().err
    assert cli.main(words) == 0
    assert cli.main(dump) == 0
    run = tmp_path / "run"
    answers = {row["id"]: row for row in rows(run, "answer")}
    questions = {row["id"]: row for row in rows(run, "question")}
    expected = []
    for row in rows(run, "selection"):
        answer = answers[row["answer_id"]]
        asked = questions[answer["question_id"]]
        expected.append((asked["turns"], asked["text"], answer["text"], asked["origin"]))
    written = [json.loads(line) for line in file.read_text().splitlines()]
    back = read_pairs(file)
    assert len(expected) > 8 and {row["generation"] for row in written} == {1}
    assert [
        (list(pair.turns), pair.question, pair.answer, row["source"])
        for pair, row in zip(back, written, strict=True)
    ] == expected

    again = [*arguments("again", "--pairs", str(file), "--ask.per-fragment", "0"), *words[-2:]]
    assert cli.main(again) == 0
    assert cli.main(["dump", str(tmp_path / "again"), "-o", str(file), "--as", shape]) == 0
    told = {(str(p.turns), p.question, p.answer, p.passage, p.document) for p in read_pairs(file)}
    assert told == {(str(p.turns), p.question, p.answer, p.passage, p.document) for p in back}


GANETI = SHARED / "data" / "ganeti"


@pytest.mark.skipif(not GANETI.is_dir(), reason="needs the shared data")
def test_pairs_of_the_manual_are_near_its_questions_and_none_leaks(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"rules": [], "default": "?"}))
    words = ["run", str(GANETI / "manual"), "--pairs", str(GANETI / "pairs.jsonl")]
    words += ["--eval", str(GANETI / "questions.jsonl"), "--model.engine", "scripted"]
    words += ["--model", str(script), "--ask.per-fragment", "0", "--generations", "1"]
    words += ["--evaluate.abilities", "0", "--evaluate.resamples", "50", "--read.workers", "1"]
    assert cli.main([*words, "--run", str(tmp_path / "run")]) == 0
    found = counts(tmp_path / "run")
    assert (found["rows"], found["stopped"], found["near"]) == (400, 0, 14)
    assert found["placed"] == found["pairs"] == found["kept"] == 400
