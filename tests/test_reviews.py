"""People review test questions and pairs, in the terminal and over HTTP; how far they agree."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import httpx2
import pytest
from answering import finished_run, write_script
from conftest import rows
from serving import served
from test_build import words  # noqa: F401 - a fixture
from test_review import run, written  # noqa: F401 - a fixture

from self_evolution import cli
from self_evolution.errors import UserError
from self_evolution.evaluation.statistics.kappa import agreements
from self_evolution.ledger import FeedbackStore, Review, ReviewStore

CHANCE = "no better than chance"
Arguments = Callable[..., list[str]]


# -- agreement --------------------------------------------------------------------------------


def said(table: dict[tuple[str, str], int]) -> Iterator[tuple[int, str, str]]:
    """The verdicts of Ann and Ben; `table` counts the things for each two verdicts."""
    thing = 0
    for (ann, ben), count in table.items():
        for _ in range(count):
            yield thing, "Ann", ann
            yield thing, "Ben", ben
            thing += 1


def test_kappa_is_that_of_the_textbook() -> None:
    """The example of Cohen's kappa in the literature: 20 both yes, 15 both no, of 50."""
    table = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    (found,) = agreements(said(table))
    assert (found.reviewers, found.both, found.same) == (("Ann", "Ben"), 50, 35)
    assert found.kappa == pytest.approx(0.4) and found.meaning == "fair"


@pytest.mark.parametrize(
    ("table", "kappa", "meaning"),
    [
        ({("a", "a"): 5, ("r", "r"): 5}, 1.0, "very good"),
        ({("a", "r"): 5, ("r", "a"): 5}, -1.0, CHANCE),
        (
            {("a", "a"): 1, ("a", "r"): 1, ("r", "a"): 1, ("r", "r"): 1},
            0.0,
            CHANCE,
        ),
        ({("a", "a"): 9}, None, "not defined"),
    ],
)
def test_the_ends_of_kappa(
    table: dict[tuple[str, str], int], kappa: float | None, meaning: str
) -> None:
    (found,) = agreements(said(table))
    assert found.kappa == (None if kappa is None else pytest.approx(kappa))
    assert found.meaning == meaning


def test_the_last_word_counts_and_only_what_both_have_judged() -> None:
    rows = [(1, "Ann", "a"), (1, "Ben", "r"), (1, "Ben", "a"), (2, "Ann", "r"), (2, "", "r")]
    (found,) = agreements([*rows, (3, "Cem", "a")])
    assert (found.both, found.same) == (1, 1)
    assert agreements([(1, "", "a"), (1, "Ben", "a")]) == []


# -- the store --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Review("i", "perhaps"), "expected one of accept, edit, reject"),
        (Review("i", "edit", "Which?"), "an edit needs a question and a reference"),
        (Review("i", "accept", "Which?", "That."), "come without them"),
        (Review("i", "reject", reviewer="x" * 201), "reviewer has 201 characters"),
    ],
)
def test_what_the_store_does_not_take(tmp_path: Path, row: Review, said: str) -> None:
    with pytest.raises(UserError, match=said):
        ReviewStore(tmp_path).add(row)
    assert ReviewStore(tmp_path).rows() == []


# -- test questions ---------------------------------------------------------------------------


@pytest.mark.slow
def test_reviews_make_a_new_version_of_the_test_questions(
    run: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A rejection by anybody counts, as does the last edit; who changed their mind is heard."""
    lines = written(run)
    ids = [line["id"] for line in lines]
    store = ReviewStore(run)
    for row in (
        Review(ids[0], "reject", reviewer="Ann"),
        Review(ids[0], "accept", reviewer="Ben"),
        Review(ids[1], "reject", reviewer="Ann"),
        Review(ids[1], "accept", reviewer="Ann"),
        Review(ids[2], "edit", "Which tag?", "The tag is T-1.", "Ann"),
        Review(ids[2], "edit", "Which label?", "The label is T-7.", "Ben"),
    ):
        store.add(row)
    capsys.readouterr()
    assert cli.main(["review", str(run), "--apply"]) == 0
    told = capsys.readouterr().out
    assert "1 edited, 1 struck out; 19 questions locked as version 2" in told
    now = written(run)
    assert ids[0] not in [line["id"] for line in now] and now[0]["id"] == ids[1]
    assert (now[1]["question"], now[1]["reference"]) == ("Which label?", "The label is T-7.")
    capsys.readouterr()
    assert cli.main(["review", str(run), "--apply"]) == 0
    assert "nothing has changed; 19 questions" in capsys.readouterr().out
    assert cli.main(["status", str(run)]) == 0
    assert "Ann and Ben agree on 1 of 2 test questions" in " ".join(capsys.readouterr().out.split())
    assert cli.main(["review", str(run), "--apply", "--pairs"]) == 2


def at_terminal(keys: str, *words: str) -> str:  # noqa: F811
    """What a command shows in a terminal, where somebody types."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "self_evolution", *words]
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        shown = b""
        waits = iter([*keys.split(" "), ""])
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # the terminal is closed
                break
            if not part:
                break
            shown += part
            time.sleep(0.2)  # so that the keys come when they are waited for
            if (
                part.endswith((b": ", b"\n"))
                and b"to review" in shown
                and (typed := next(waits, ""))
            ):
                os.write(master, typed.replace("_", " ").encode())
        assert process.wait(60) == 0, shown
    os.close(master)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.slow
def test_a_keystroke_each_in_the_terminal(run: Path) -> None:  # noqa: F811
    lines = written(run)
    up = "\x1b[A"  # an arrow is no verdict, although it ends in A
    keys = f"{up} a r l e Which_one?\n \n q"
    shown = at_terminal(keys, "review", str(run), "--reviewer", "Ann")
    first, fourth = lines[0], lines[3]
    assert f"{first['question']}\n  → {first['reference']}\n" in shown
    assert f"    | {first['passage'].splitlines()[0][:60]}" in shown
    assert "3 of 20 are reviewed" in shown and f"review {run} --apply` locks them" in shown
    assert [
        (row.item, row.verdict, row.question, row.reference) for row in ReviewStore(run).rows()
    ] == [
        (first["id"], "accept", "", ""),
        (lines[1]["id"], "reject", "", ""),
        (fourth["id"], "edit", "Which one?", fourth["reference"]),
    ]
    shown = at_terminal("q", "review", str(run), "--reviewer", "Ann")
    assert f"{lines[2]['question']}\n" in shown and "17 test questions to review" in shown


# -- over HTTP --------------------------------------------------------------------------------


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return write_script(tmp_path)


@pytest.mark.slow
def test_two_reviewers_over_http(arguments: Arguments, tmp_path: Path) -> None:
    made = finished_run(arguments, tmp_path)
    with served(made, tmp_path) as service, httpx2.Client(base_url=service.url) as http:
        told = http.get("/api/questions").raise_for_status().json()
        assert (told["left"], told["reviewed"], told["fixed"]) == (6, 0, True)
        first, second = told["questions"][:2]
        assert first["reference"] in first["passage"] and first["kind"] == "own"
        for reviewer, verdicts in (("Ann", "accept reject"), ("Ben", "accept accept")):
            for item, verdict in zip((first, second), verdicts.split(), strict=True):
                body = {"item": item["id"], "verdict": verdict, "reviewer": reviewer}
                assert http.post("/api/reviews", json=body).status_code == 201
        told = http.get("/api/questions", params={"reviewer": "Ann"}).json()
        assert (told["left"], told["reviewed"]) == (4, 2)
        agreed = {"reviewers": ["Ann", "Ben"], "both": 2, "same": 1, "kappa": 0.0}
        assert told["agreement"] == [agreed | {"meaning": CHANCE}]
        assert http.get("/api/questions", params={"reviewer": "Cem"}).json()["left"] == 6
        for wrong in (
            {"item": "0123", "verdict": "accept"},
            {"item": first["id"], "verdict": "edit", "question": "Which?"},
            {"item": first["id"], "verdict": "accept", "question": "Which?", "reference": "That."},
            {"item": first["id"], "verdict": "perhaps"},
        ):
            assert http.post("/api/reviews", json=wrong).status_code == 400
        # A pair that one has reviewed waits for the other.
        pair = http.get("/api/pairs", params={"reviewer": "Ann"}).json()["pairs"][0]
        given = {name: pair[name] for name in ("question", "answer", "generation")}
        given |= {"verdict": "right", "fragments": [pair["passage"]["fragment"]]}
        for reviewer, left in (("Ann", 5), ("Ben", 5)):
            assert http.get("/api/pairs", params={"reviewer": reviewer}).json()["left"] == 6
            http.post("/api/feedback", json=given | {"reviewer": reviewer}).raise_for_status()
            assert http.get("/api/pairs", params={"reviewer": reviewer}).json()["left"] == left
        assert http.get("/api/pairs").json()["agreement"][0]["kappa"] is None
    assert len(ReviewStore(made).rows()) == 4 and len(FeedbackStore(made).rows()) == 2
    assert cli.main(["review", str(made), "--apply"]) == 2  # a model has answered them


@pytest.mark.slow
def test_a_run_is_served_before_any_generation_leads(run: Path, tmp_path: Path) -> None:  # noqa: F811
    """So that its test questions can be reviewed before they are answered."""
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    with served(copy, tmp_path) as service, httpx2.Client(base_url=service.url) as http:
        told = http.get("/api/questions", params={"limit": 1}).raise_for_status().json()
        assert (told["left"], told["fixed"]) == (20, False)
        item = told["questions"][0]["id"]
        texts = {"question": "Which label?", "reference": "The label is T-7."}
        body = {"item": item, "verdict": "edit", **texts}
        assert http.post("/api/reviews", json=body).status_code == 201
        assert http.get("/api/run").json()["leader"] is None
        ask = {"question": "Which?", "stream": False}
        assert http.post("/api/ask", json=ask).status_code == 404
        assert http.post("/api/ask", json=ask | {"model": "base"}).is_success
    assert cli.main(["review", str(copy), "--apply"]) == 0
    assert "Which label?" in {row["question"] for row in rows(copy, "item")}
    versions = [row["version"] for row in rows(copy, "lock")]
    assert all(after == before + 1 for before, after in pairwise(versions))
