"""The order of work: the same batches whatever is done, without the tasks in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_evolution.ledger import Ledger, Task

TASKS = st.dictionaries(st.text(), st.tuples(st.integers(0, 5), st.text(max_size=2)), max_size=40)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path_factory.mktemp("queue") / "run.db")) as made:
        yield made


@given(tasks=TASKS, data=st.data(), size=st.integers(1, 9))
def test_batches_follow_from_all_tasks_and_give_what_is_missing(
    ledger: Ledger, tasks: dict[str, tuple[int, str]], data: st.DataObject, size: int
) -> None:
    done = data.draw(st.sets(st.sampled_from([*tasks, "another"])))
    ordered = sorted(tasks, key=lambda id: (*tasks[id], id))
    batches = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    expected = [missing for one in batches if (missing := [id for id in one if id not in done])]
    queue = ledger.queue(((id, *rest) for id, rest in tasks.items()), done)
    assert (queue.total, queue.done) == (len(tasks), len(done & tasks.keys()))
    assert list(queue.batches(size)) == expected


def test_rows_may_be_added_between_two_batches(ledger: Ledger) -> None:
    tasks: list[Task] = [(f"{number:03}", 1) for number in range(100)]
    seen: list[str] = []
    for ids in ledger.queue(tasks, ["001"]).batches(7):
        ledger.set_meta("last", ids[-1])
        seen += ids
    assert seen == [id for id, _ in tasks if id != "001"]


def test_memory_does_not_grow_with_the_number_of_tasks(ledger: Ledger) -> None:
    def peak(number: int) -> int:
        tracemalloc.start()
        queue = ledger.queue(((f"{i:032}", i % 512) for i in range(number)), ())
        assert sum(len(ids) for ids in queue.batches(64)) == number
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(20_000) < 1.5 * peak(200) + 100_000
