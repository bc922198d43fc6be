"""The batches of a stage, in order. Each is committed as a whole, whichever process does the
work."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing
from typing import TypeVar

from self_evolution.ledger import Queue
from self_evolution.progress import Bar
from self_evolution.records import seed_of

Kept = TypeVar("Kept")
Job = TypeVar("Job")
Result = TypeVar("Result")


class Batches:
    """The batches of a queue, as `Run.batches` describes them.

    Iterating over them does one after the other. `results` may have several in work at once.
    """

    def __init__(
        self,
        queue: Queue,
        size: int,
        seed: int,
        bar: Callable[[], AbstractContextManager[Bar]],
        begin: Callable[[], None],
        end: Callable[[], None],
    ) -> None:
        """`begin` is called before a batch is made ready, `end` after it was committed."""
        self._queue, self._size, self._seed = queue, size, seed
        self._bar, self._begin, self._end = bar, begin, end

    def __iter__(self) -> Iterator[tuple[list[str], list[int]]]:
        """Yield (ids still to do, a seed for each) of each batch; the caller commits it as one."""
        return self.results(lambda ids, seeds: (ids, seeds), lambda seeds: seeds)

    def results(
        self,
        prepare: Callable[[list[str], list[int]], tuple[Kept, Job]],
        work: Callable[[Iterator[Job]], Iterator[Result]],
    ) -> Iterator[tuple[Kept, Result]]:
        """Yield what the caller keeps of each batch, and the result of the batch's job. The caller
        commits both.

        `prepare(ids, seeds)` returns the two. It must not need what the batches before it have
        added, because `work` may read jobs ahead; their results come in order.
        """
        if self._queue.done == self._queue.total:
            return
        waiting: deque[tuple[int, Kept]] = deque()

        def jobs() -> Generator[Job, None, None]:
            for ids in self._queue.batches(self._size):
                self._begin()
                kept, job = prepare(ids, [seed_of(self._seed, id) for id in ids])
                waiting.append((len(ids), kept))
                yield job

        # A generator that is left early is closed at once: what is ahead is given up.
        with self._bar() as bar, closing(jobs()) as source:
            for result in work(source):
                size, kept = waiting.popleft()
                yield kept, result
                bar.advance(size)
                self._end()
