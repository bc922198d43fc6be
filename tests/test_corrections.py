"""Corrections teach: feedback becomes trusted pairs, is trained on, checked again and reported."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import RULES, rows

from self_evolution import cli
from self_evolution.evaluation.corrections import take_in
from self_evolution.evaluation.corrections.judging import is_right
from self_evolution.evaluation.corrections.recheck import recheck
from self_evolution.ledger import Feedback, FeedbackStore
from self_evolution.models.reply import Reply
from self_evolution.models.scripted import ScriptedEngine
from self_evolution.models.training.job import TrainingJob
from self_evolution.progress import Progress
from self_evolution.records import Correction
from self_evolution.run.open import Request, open_run

Arguments = Callable[..., list[str]]
PORT, ALPHA = "What is the port of server Alpha?", "The port of server Alpha is 4711."
WRONG = "The port of server Alpha is 4712."
OTHERS = ["Which port has server Alpha?", "On which port does server Alpha listen?", "Which one?"]
SCRIPT = {
    "rules": [
        # Asked about this passage again and again, the base asks in these words, one after another.
        *RULES["rules"],
        {"pattern": r"The (port) of ([\w ]+?) is ([^.]+)\..*port", "reply": r"The \1 of \2 is \3."},
    ],
    "default": "The colour is ultramarine 99.",
}


@pytest.fixture
def run(arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run of one generation, which leads, and a base that asks in several wordings."""
    assert cli.main(arguments("run", "--generations", "1", "--promote.patience", "0")) == 0
    with closing(sqlite3.connect(tmp_path / "run" / "run.db")) as database, database:
        database.execute("UPDATE promotion SET promoted = 1")
    return tmp_path / "run"


@pytest.fixture
def in_other_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A base that words a question anew: the scripted one has a single wording for each fact."""

    def replies(run, prompts, params, seed):  # type: ignore[no-untyped-def]
        if "Ask one question" in prompts[0][-1]["content"]:
            return [OTHERS[i % len(OTHERS)] for i in range(len(prompts))]
        return [
            ALPHA if "port" in one[-1]["content"].rpartition("\n")[2] else "?" for one in prompts
        ]

    monkeypatch.setattr("self_evolution.evaluation.corrections.rewording._generate", replies)


def go_on(run: Path, *more: str) -> None:
    assert cli.main(["run", "--run", str(run), "--generations", "+1", *more]) == 0


def selected(run: Path, generation: int) -> list[tuple[str, str]]:
    """(question, answer) of every training example of a generation, repeated ones too."""
    questions = {row["id"]: str(row["text"]) for row in rows(run, "question")}
    answers = {row["id"]: row for row in rows(run, "answer")}
    return [
        (
            questions[answers[row["answer_id"]]["question_id"]],
            str(answers[row["answer_id"]]["text"]),
        )
        for row in rows(run, "selection")
        if row["generation"] == generation and row["answer_id"]
    ]


def test_a_better_answer_is_trained_on_in_several_wordings(
    run: Path, in_other_words: None, capsys: pytest.CaptureFixture[str]
) -> None:
    FeedbackStore(run).add(Feedback("better", PORT, WRONG, ALPHA, generation=1, reviewer="Ann"))
    capsys.readouterr()
    assert cli.main(["run", "--run", str(run)]) == 0
    assert "has 1 correction to learn from" in capsys.readouterr().err
    go_on(run)
    shown = capsys.readouterr()
    assert "1 correction taken in: 2 pairs to learn from them" in shown.err
    assert "corrected questions right: 1 of 1, in other words" in shown.err
    (row,) = rows(run, "correction")
    assert (row["generation"], row["answered_by"], row["reviewer"]) == (2, 1, "Ann")
    fragments = {one["id"]: one["text"] for one in rows(run, "fragment")}
    assert ALPHA in str(fragments[row["fragment_id"]])
    held = [one["question"] for one in rows(run, "recheck") if one["held"]]
    taught = [one for one in selected(run, 2) if one[1] == ALPHA]
    # Two wordings besides its own: one is trained on, the other one is held out.
    assert len(held) == 1 and held[0] in OTHERS[:2]
    assert {question for question, _ in taught} == {PORT, *OTHERS[:2]} - set(held)
    assert taught.count((PORT, ALPHA)) >= 4
    results = json.loads((run / "report" / "results.json").read_text())["corrections"]
    (one,) = results["rows"]
    assert (one["right"], one["now"], one["held"]) == (True, ALPHA, 1)
    page = (run / "report" / "index.html").read_text()
    assert "What people corrected" in page and WRONG in page
    assert "What people corrected" in (run / "report" / "report.md").read_text()

    # It stays in the training set of the generations after that, and it enters once only.
    go_on(run)
    assert [row["generation"] for row in rows(run, "correction")] == [2]
    assert (PORT, ALPHA) in selected(run, 3)


def test_a_correction_is_not_taught_by_the_base_that_was_wrong(
    run: Path, in_other_words: None, jobs: list[TrainingJob]
) -> None:
    FeedbackStore(run).add(Feedback("better", PORT, WRONG, ALPHA, generation=1, reviewer="Ann"))
    go_on(run, "--train.objective", "distill", "--accept-change")
    (job,) = jobs
    corrected = {question for question, answer in selected(run, 2) if answer == ALPHA}
    assert len(corrected) == 2
    lessons = list(zip(job.conversations, job.open_book, strict=True))
    alone = [turns[0]["content"] for turns, said in lessons if not said]
    assert set(alone) == corrected
    # The base had asked one of them itself, and had given this answer.
    assert [turns for turns, said in lessons if said and turns[0]["content"] == PORT]


def test_a_run_that_stops_among_corrections_takes_the_rest_in_later(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FeedbackStore(run)
    for number in range(3):
        store.add(Feedback("better", f"What is limit {number}?", "Nothing.", f"It is {number}."))
    add, done = take_in._add, []

    def stopping(*arguments: Any) -> None:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(add(*arguments))  # type: ignore[func-returns-value]

    monkeypatch.setattr(take_in, "_add", stopping)
    cli.main(["run", "--run", str(run), "--generations", "+1"])
    monkeypatch.setattr(take_in, "_add", add)
    assert len(take_in_rows(run)) == 2
    go_on(run)
    assert take_in_rows(run) == [(1, "It is 0."), (2, "It is 1."), (3, "It is 2.")]
    assert {"It is 0.", "It is 1.", "It is 2."} <= {answer for _, answer in selected(run, 2)}


def test_the_leader_is_asked_too_where_a_generation_continues_another_one(run: Path) -> None:
    go_on(run, "--promote.on-failure", "continue", "--accept-change")  # not promoted
    FeedbackStore(run).add(Feedback("better", PORT, WRONG, ALPHA))
    go_on(run)
    promoted = {row["generation"]: row for row in rows(run, "promotion")}
    assert not promoted[2]["promoted"]
    asked = {row["generation"]: row["correct"] for row in rows(run, "recheck_answer")}
    # The leader had learnt this pair already, so the correction shows no gain.
    assert asked == {1: 1, 2: 1, 3: 1} and not promoted[3]["promoted"]


def test_who_finds_a_learnt_answer_right_leaves_the_correction_in_force(
    run: Path, in_other_words: None
) -> None:
    store = FeedbackStore(run)
    store.add(Feedback("better", PORT, WRONG, ALPHA))
    go_on(run)
    begun = selected(run, 2)
    wordings = {question for question, answer in begun if answer == ALPHA}
    store.add(Feedback("right", PORT, ALPHA))
    go_on(run)
    assert {question for question, answer in selected(run, 3) if answer == ALPHA} >= wordings
    asked = [row for row in rows(run, "recheck_answer") if row["generation"] == 3]
    assert len(asked) == 3  # the question twice, and once in other words
    store.add(Feedback("better", PORT, ALPHA, "The port of server Alpha is 5000."))
    go_on(run)
    assert ALPHA not in {answer for question, answer in selected(run, 4) if question in wordings}


def test_a_question_that_does_not_fit_the_window_stops_no_run(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate = ScriptedEngine.generate

    def strict(engine: ScriptedEngine, prompts: Any, params: Any, *more: Any) -> Any:
        assert all(engine.fits(prompt, params.max_tokens) for prompt in prompts)
        return generate(engine, prompts, params, *more)

    monkeypatch.setattr(ScriptedEngine, "window", 900)
    monkeypatch.setattr(ScriptedEngine, "generate", strict)
    long = "port " * 790
    FeedbackStore(run).add(Feedback("better", f"{long}of server Alpha?", WRONG, ALPHA))
    go_on(run)
    assert [row["asked"] for row in rows(run, "correction")] == [f"{long}of server alpha"]
    assert [row["text"] for row in rows(run, "recheck_answer")] == ["", ""]
    # Neither does it when the current model recites what it was trained on.
    assert f"{long}of server Alpha?" in {question for question, _ in selected(run, 2)}
    go_on(run, "--select.strategy", "mastery", "--accept-change")
    assert 3 in {row["generation"] for row in rows(run, "recitation")}


def test_a_question_keeps_its_random_numbers_where_another_one_is_left_out(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[dict[str, int]] = []

    def generate(engine: Any, prompts: Any, params: Any, seeds: Any, *more: Any) -> list[Reply]:
        drawn[-1] |= dict(zip([p[-1]["content"] for p in prompts], seeds, strict=True))
        return [Reply("4711.", "stop", []) for _ in prompts]

    def fits(engine: Any, messages: Any, max_tokens: int) -> bool:
        return len(drawn) == 1 or "colour" not in messages[-1]["content"]

    store = FeedbackStore(run)
    for question in ("Which port?", "Which colour is it?", "Which of the racks is it?"):
        store.add(Feedback("wrong", question, "It is 5."))
    go_on(run)
    monkeypatch.setattr(ScriptedEngine, "generate", generate)
    monkeypatch.setattr(ScriptedEngine, "fits", fits)
    with open_run(run, Request(), Progress(quiet=True)) as opened:
        for _ in range(2):
            opened.ledger.execute("DELETE FROM recheck_answer")
            drawn.append({})
            recheck(opened, 2)
    assert len(drawn[0]) == 3 and len(drawn[1]) == 2
    assert drawn[1].items() <= drawn[0].items()


def take_in_rows(run: Path) -> list[tuple[object, object]]:
    return sorted((row["position"], row["better"]) for row in rows(run, "correction"))


def test_the_last_word_on_a_question_counts(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = FeedbackStore(run)
    store.add(Feedback("better", PORT, ALPHA, "The port of server Alpha is 5000."))
    go_on(run)
    taught = [answer for question, answer in selected(run, 2) if question == PORT]
    assert set(taught) == {"The port of server Alpha is 5000."}
    # No gain is shown on the test questions, and no loss; the correction decides.
    (promotion,) = [row for row in rows(run, "promotion") if row["generation"] == 2]
    assert promotion["promoted"]
    assert str(promotion["reason"]).startswith("corrected questions right: 1 of 1")
    store.add(Feedback("right", "what is the port of server alpha", ALPHA))
    go_on(run)
    taught = [answer for question, answer in selected(run, 3) if "port of server" in question]
    assert ALPHA in taught and "The port of server Alpha is 5000." not in taught


def test_a_wrong_answer_takes_its_pairs_out_of_training(run: Path) -> None:
    assert (PORT, ALPHA) in selected(run, 1)
    FeedbackStore(run).add(Feedback("wrong", PORT, ALPHA, generation=1))
    go_on(run)
    assert not [one for one in selected(run, 2) if one[1] == ALPHA and one[0] == PORT]
    removed = [row for row in rows(run, "correction_pair") if row["kind"] == "removed"]
    assert removed and all(row["kind"] != "taught" for row in rows(run, "correction_pair"))
    results = json.loads((run / "report" / "results.json").read_text())["corrections"]
    assert results["rows"][0]["removed"] == len(removed) and results["rows"][0]["wanted"] == ""


def test_a_correction_that_is_a_test_question_is_stopped(run: Path, in_other_words: None) -> None:
    asked = "Tell me the port of server Alpha?"  # as the evaluation asks
    FeedbackStore(run).add(Feedback("better", asked, WRONG, ALPHA))
    go_on(run)
    assert asked not in {question for question, _ in selected(run, 2)}
    results = json.loads((run / "report" / "results.json").read_text())["corrections"]
    (one,) = results["rows"]
    assert (one["taught"], one["stopped"]) == (1, "in_evaluation")


def test_more_generations_are_counted_from_those_that_are_finished(
    arguments: Arguments, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    go_on(run)
    assert [row["generation"] for row in rows(run, "adapter")] == [1, 2]
    with closing(sqlite3.connect(run / "run.db")) as database, database:
        database.execute("DELETE FROM promotion WHERE generation = 2")
        database.execute("DELETE FROM difference WHERE generation = 2")
        database.execute("UPDATE stage SET done = 0 WHERE generation = 2 AND name = 'promote'")
    go_on(run)  # after an interruption, the same command ends what it began
    assert [row["generation"] for row in rows(run, "adapter")] == [1, 2]


def correction(verdict: str, question: str, answer: str, better: str = "") -> Correction:
    return Correction("c", 1, 1, "", verdict, question, answer, better, "", None, 0, "", "")


@pytest.mark.parametrize(
    ("made", "text", "expected"),
    [
        (correction("better", PORT, WRONG, ALPHA), "It listens on 4711.", True),
        (correction("better", PORT, WRONG, ALPHA), WRONG, False),
        (correction("better", "Which colour?", "It is red.", "It is coral."), "Coral.", True),
        (correction("better", "Which colour?", "It is red.", "It is coral."), "It is red.", False),
        (correction("right", "Which colour?", "It is coral."), "coral, as ever", True),
        (correction("wrong", "Which colour?", "It is red."), "It is red.", False),
        (correction("wrong", "Which colour?", "It is red."), "It is blue.", True),
    ],
)
def test_what_counts_as_right(made: Correction, text: str, expected: bool) -> None:
    assert is_right(made, text) is expected
