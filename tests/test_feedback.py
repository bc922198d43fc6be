"""The store of feedback: what it takes, what it refuses, and that nothing acknowledged is lost."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from self_evolution.errors import UserError
from self_evolution.ledger import Feedback, FeedbackStore
from self_evolution.ledger.feedback import FILE

RIGHT = Feedback("right", "What is the port?", "4711.", generation=2, adapter="a" * 64)
BETTER = Feedback("better", "Who owns it?", "Nobody.", "Team Fox.", ("f1", "f2"), 1, "", "Ann")


def test_rows_come_back_as_they_were_given(tmp_path: Path) -> None:
    store = FeedbackStore(tmp_path)
    assert store.rows() == [] and not store.path.exists()
    assert [store.add(RIGHT), store.add(BETTER)] == [1, 2]
    # Each call closes its connection, and nothing is left of the making.
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    first, second = FeedbackStore(tmp_path).rows()
    assert (first.id, first.verdict, first.generation, first.adapter) == (1, "right", 2, "a" * 64)
    assert (second.better, second.fragments, second.reviewer) == ("Team Fox.", ("f1", "f2"), "Ann")
    assert second.time.endswith("+00:00") and first.time <= second.time
    assert [row.id for row in store.rows(since=1)] == [2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"verdict": "maybe"}, "expected one of right, wrong, better"),
        ({"question": " \n"}, "question is empty"),
        ({"answer": ""}, "answer is empty"),
        ({"better": " "}, "better is empty"),
        ({"verdict": "wrong"}, "without a better answer"),
        ({"question": "x" * 4001}, "question has 4,001 characters; at most 4,000"),
        ({"better": "x" * 20_001}, "better has 20,001 characters"),
        ({"reviewer": "x" * 201}, "reviewer has 201 characters"),
        ({"answer": "\ud800"}, "not valid Unicode"),
        ({"fragments": ("f",) * 65}, "at most 64 fragments"),
    ],
)
def test_what_the_store_does_not_take(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        FeedbackStore(tmp_path).add(dataclasses.replace(BETTER, **changes))
    assert not (tmp_path / FILE).exists()


def test_a_full_store_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("self_evolution.ledger.store.ROWS", 1)
    store = FeedbackStore(tmp_path)
    store.add(RIGHT)
    with pytest.raises(UserError, match="has 1 rows, and takes no more"):
        store.add(RIGHT)


def test_another_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("not a database, but a text that is long enough")
    with pytest.raises(UserError, match="move the file away"):
        FeedbackStore(tmp_path).add(RIGHT)
    (tmp_path / FILE).write_bytes(b"")
    with pytest.raises(UserError, match="not its feedback"):
        FeedbackStore(tmp_path).rows()
    with pytest.raises(UserError, match="No such file"):
        FeedbackStore(tmp_path / "nowhere").add(RIGHT)


def test_threads_that_begin_together_lose_nothing(tmp_path: Path) -> None:
    store, found = FeedbackStore(tmp_path), []
    start = threading.Barrier(8)

    def write() -> None:
        start.wait()
        found.extend(store.add(RIGHT) for _ in range(5))

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [row.id for row in store.rows()] == list(range(1, 41))


WRITER = """
import sys
from pathlib import Path
from self_evolution.ledger import Feedback, FeedbackStore
store = FeedbackStore(Path(sys.argv[1]))
while True:
    print(store.add(Feedback("right", "Which one?", sys.argv[2])), flush=True)
"""


def test_killed_writers_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Two processes write at the same time; each is killed after its eighth acknowledgement."""
    acknowledged: list[int] = []
    for turn in range(2):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(tmp_path), f"{turn} {number}"],
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            acknowledged += [int(writer.stdout.readline()) for _ in range(8)]
            os.kill(writer.pid, signal.SIGKILL)
        for writer in writers:
            rest = writer.communicate()[0]
            acknowledged += [int(line) for line in rest.splitlines() if line]
    there = [row.id for row in FeedbackStore(tmp_path).rows()]
    assert len(acknowledged) == len(set(acknowledged)) >= 32
    assert set(acknowledged) <= set(there)
    assert FeedbackStore(tmp_path).add(RIGHT) == max(there) + 1
