"""Reading a run: beside a process that writes it, from several threads, on a read-only disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from conftest import exported
from drills import KILLS

from self_evolution import cli, report
from self_evolution.cli import status
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.progress import Progress
from self_evolution.records import Event
from self_evolution.run.open import Request, open_run
from self_evolution.run.read import RunReader, read_run

Arguments = Callable[..., list[str]]
OF_SQLITE = {"run.db-shm", "run.db-wal"}


@pytest.fixture
def run(copied: Callable[..., Path]) -> Path:
    """A finished run of two generations."""
    return copied()


def files(folder: Path) -> dict[str, str]:
    """{name: digest} of all files, but for those that SQLite makes to read beside a writer."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in OF_SQLITE
    }


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["watch"],
        ["inspect"],
        ["chat", "Which port has server Alpha?"],
        ["related", "server Alpha"],
        ["review", "-o", "{}"],
        ["dump", "-o", "{}"],
        ["compare", "{run}"],
    ],
    ids=lambda words: words[0],
)
def test_a_command_that_looks_writes_nothing_in_the_run(
    run: Path, tmp_path: Path, words: list[str]
) -> None:
    before = files(run)
    command, *more = words
    filled_in = [word.format(tmp_path / "out", run=run) for word in more]
    assert cli.main([command, str(run), *filled_in]) == 0
    assert files(run) == before


def test_no_row_can_be_written(run: Path) -> None:
    with read_run(run) as reader:
        for write in (
            lambda: reader.ledger.set_meta("key", 1),
            lambda: reader.ledger.add([Event(9, "d", "withdrawn")]),
            lambda: reader.ledger.search.index([(99, "term")]),
            lambda: reader.ledger.reopen("split"),
        ):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                write()


def test_what_is_read_together_is_of_one_moment(run: Path) -> None:
    """The writer goes on at once, and what it adds is seen by the next snapshot."""
    with closing(Ledger(run / "run.db")) as writer, closing(RunReader(run)) as reader:
        with reader.snapshot():
            before = reader.ledger.count("event")
            writer.add([Event(before, writer.documents.all()[0].id, "changed")])
            assert writer.count("event") == before + 1
            assert reader.ledger.count("event") == before
            with reader.snapshot():
                assert reader.ledger.count("event") == before
        assert reader.ledger.count("event") == before + 1


def test_any_thread_may_read(run: Path) -> None:
    with closing(RunReader(run)) as reader:
        expected = [one.id for one in reader.search.find("the port of server Alpha", 3)]
        meet = threading.Barrier(4, timeout=60)

        def look(_: int) -> tuple[list[str], int, str]:
            meet.wait()  # all four at once
            with reader.snapshot():
                found = [one.id for one in reader.search.find("the port of server Alpha", 3)]
                ask = reader.prompts.closed("Which port?", "en")
                return found, reader.ledger.count("prediction"), str(ask)

        for _ in range(3):  # with new threads each time
            with ThreadPoolExecutor(4) as pool:
                answers = set(map(str, pool.map(look, range(4))))
            assert len(answers) == 1 and str(expected) in answers.pop()
        assert expected


def test_the_search_finds_what_the_run_finds(run: Path) -> None:
    question = "Which colour of alarm Brake is checked every morning?"
    with open_run(run, Request(), Progress(quiet=True)) as writer, read_run(run) as reader:
        assert reader.search.find(question, 5) == writer.search.find(question, 5) != []


def test_what_is_no_run_is_refused(tmp_path: Path, run: Path) -> None:
    with pytest.raises(UserError, match="no run here"), read_run(tmp_path):
        pass
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "run.db").touch()  # as when a process has just begun to make it
    with pytest.raises(UserError, match="begins a run"), read_run(tmp_path / "new"):
        pass
    Ledger(tmp_path / "new" / "run.db").close()
    with pytest.raises(UserError, match="has not begun"), read_run(tmp_path / "new"):
        pass


# --- the index of the search ----------------------------------------------------------------


def test_split_makes_the_index_and_read_follows_it(
    arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    assert cli.main(["read", *arguments("run", "--evaluate.top-k", "0")[1:]]) == 0
    with read_run(folder) as reader, pytest.raises(UserError, match=r"self-evolution split .*run"):
        _ = reader.search
    assert cli.main(["split", str(folder)]) == 0

    def found(question: str) -> list[str]:
        with read_run(folder) as reader:
            return [one.text.partition(". ")[0] for one in reader.search.find(question, 1)]

    assert found("limit of queue Foxtrot") == ["The limit of queue Foxtrot is 512"]
    (documents / "c.html").unlink()
    assert cli.main(["read", str(folder)]) == 0
    assert found("Foxtrot") == []


def test_a_run_from_before_gets_its_index_from_the_next_command_that_works_on_it(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Earlier versions made the index when something was first searched for."""
    before = exported(run)
    with closing(Ledger(run / "run.db")) as ledger:
        gone, new = ledger.search.changes()
        assert (gone, new) == ([], [])
        _forget_the_index(ledger)
    with read_run(run) as reader, pytest.raises(UserError, match="are not indexed"):
        _ = reader.search
    assert cli.main(["status", str(run)]) == 0  # which needs none
    capsys.readouterr()
    assert cli.main(["split", str(run)]) == 0
    assert "search index" in capsys.readouterr().err
    with read_run(run) as reader:
        assert reader.search.find("Foxtrot", 1)
    assert exported(run) == before


def _forget_the_index(ledger: Ledger) -> None:
    ledger.execute("INSERT INTO search (search) VALUES ('delete-all')")
    ledger.set_meta("indexed", None)


# --- a disk that cannot be written ------------------------------------------------------------


@pytest.fixture
def seen_read_only(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Mount the folder read-only at a second place; this needs the right to mount."""
    places: list[Path] = []

    def make(folder: Path) -> Path:
        place = tmp_path / f"read-only-{len(places)}"
        place.mkdir()
        commands = [
            ["mount", "--bind", str(folder), str(place)],
            ["mount", "-o", "remount,bind,ro", str(place)],
        ]
        try:
            for command in commands:
                subprocess.run(command, check=True, capture_output=True)
                places.append(place)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no folder can be mounted read-only here: {error}")
        return place

    yield make
    for place in dict.fromkeys(places):
        subprocess.run(["umount", str(place)], check=True, capture_output=True)


def test_a_run_is_read_on_a_read_only_disk(
    run: Path, tmp_path: Path, seen_read_only: Callable[[Path], Path]
) -> None:
    expected = exported(run)  # leaves what SQLite leaves of a reader
    assert {path.name for path in run.iterdir()} >= OF_SQLITE
    place = seen_read_only(run)
    assert not os.access(place, os.W_OK)
    for left in (True, False):
        if not left:
            for name in OF_SQLITE:
                (run / name).unlink()
        assert cli.main(["status", str(place)]) == 0
        assert cli.main(["dump", str(place), "-o", str(tmp_path / f"out-{left}")]) == 0
        found = {path.name: path.read_bytes() for path in (tmp_path / f"out-{left}").iterdir()}
        assert found == expected
        with read_run(place) as reader:
            assert reader.search.find("Foxtrot", 1)


def test_a_writer_elsewhere_is_seen_from_a_read_only_disk(
    run: Path, seen_read_only: Callable[[Path], Path]
) -> None:
    place = seen_read_only(run)
    with closing(Ledger(run / "run.db")) as writer:
        writer.set_meta("added", 1)  # in run.db-wal, not in run.db yet
        with read_run(place) as reader:
            assert reader.ledger.meta("added") == 1
    with read_run(place) as reader:
        assert reader.ledger.meta("added") == 1


def test_a_log_that_cannot_be_read_without_writing_is_an_error_for_people(
    run: Path, tmp_path: Path, seen_read_only: Callable[[Path], Path]
) -> None:
    """A copy of a run at work may lack one of its files."""
    copy = tmp_path / "copy"
    with closing(Ledger(run / "run.db")) as writer:
        writer.set_meta("added", 1)
        shutil.copytree(run, copy, ignore=shutil.ignore_patterns("run.db-shm"))
    with (
        pytest.raises(UserError, match="a copy of the run in one"),
        read_run(seen_read_only(copy)),
    ):
        pass
    with read_run(copy) as reader:
        assert reader.ledger.meta("added") == 1


# --- beside a run at work -----------------------------------------------------------------------


@pytest.mark.drill
@pytest.mark.timeout(3600)
def test_reading_beside_a_run_at_work_disturbs_nothing(tmp_path: Path) -> None:
    """Status, search and the report, again and again, while the miniature is at work."""
    words = ["--recipe", "embedded", "--generations", "1", "--read.limit", "12"]
    words += ["--evaluate.limit", "60", "--rehearse.topics", "60", "--rehearse.fragments", "12"]
    alone, beside = tmp_path / "alone", tmp_path / "beside"
    command = [sys.executable, "-m", "self_evolution", "run", *words, "--run"]
    subprocess.run([*command, str(alone)], check=True, capture_output=True)
    with subprocess.Popen(
        [*command, str(beside)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        reader = [sys.executable, __file__, str(beside), str(25 * KILLS), str(KILLS)]
        counts = json.loads(subprocess.run(reader, check=True, stdout=subprocess.PIPE).stdout)
        output, _ = process.communicate()
    assert process.returncode == 0, output.decode()
    assert counts["reports"] == KILLS and counts["status"] == counts["searches"] == 25 * KILLS
    assert counts["at_work"] >= 20, "the run was over too soon to be watched"
    assert exported(alone) == exported(beside)
    made = {path.name for path in beside.iterdir()} - OF_SQLITE
    assert made == {path.name for path in alone.iterdir()} - OF_SQLITE


def watch(folder: Path, times: int, reports: int) -> dict[str, int]:
    """Read a run so many times from its split on, and count what was read, and when."""
    import contextlib
    import io
    import tempfile
    import time

    done = {"status": 0, "searches": 0, "reports": 0, "at_work": 0}
    with tempfile.TemporaryDirectory() as elsewhere:
        page = Path(elsewhere) / "run" / "report" / "index.html"
        while done["status"] < times:
            if not (folder / "run.db").is_file():
                time.sleep(0.01)
                continue
            try:
                with read_run(folder) as run:
                    if not run.ledger.stage_done(0, "split"):
                        time.sleep(0.01)
                        continue
                    with contextlib.redirect_stdout(io.StringIO()) as shown:
                        status.show(run.config, run.ledger)
                        status.show_next(run.config, run.ledger)
                    at_work = "next:" in shown.getvalue()
                    assert at_work or "complete: 1 generation" in shown.getvalue()
                    done["at_work"] += at_work
                    done["status"] += 1
                    assert len(run.search.find("Which alarm has the node?", 3)) == 3
                    done["searches"] += 1
                    if done["status"] % (times // reports) == 0:
                        report.write(run.config, run.ledger, page)
                        assert page.stat().st_size > 10_000
                        done["reports"] += 1
            except UserError as error:
                assert "begin" in str(error), error  # the run was being made
                time.sleep(0.01)
    return done


if __name__ == "__main__":
    print(json.dumps(watch(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
