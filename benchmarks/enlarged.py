"""Time and memory of commands on a ledger that is larger than a run could make it in an hour.

    python -m benchmarks.enlarged 20000 50

Makes a run of 20,000 fragments as `benchmarks.growth` does, and writes each row of its ledger fifty
times, with other ids: a million fragments with four million pairs. The new rows lie among each
other, as those of a run do, because ids have no order. Then `select`, `status` and `report` are
made, each in a process of its own. Prints their processor time, their time by the clock, and their
peak memory. The ledger takes 2.6 kB on the disk for each fragment.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

from benchmarks.growth import measure
from self_evolution.ledger import Ledger

TABLES = ("document", "section", "fragment", "question", "answer", "verdict", "score", "likeness")
"""The tables whose rows are copied. Those of `select` are made by the stage."""

IDS = ("id", "document_id", "section_id", "fragment_id", "question_id", "answer_id", "duplicate_of")

COPIED = "substr({0}, 1 + c % 14, 14 - c % 14) || substr({0}, 1, c % 14) || printf('%02x', c)"
"""The id of a copy: the digits of the id begin elsewhere, and end in the number `c` of the copy."""

MOST = 256

COMMANDS = ("select", "status", "report")


def enlarge(source: Path, target: Path, copies: int) -> None:
    """Make the folder of a run with `copies` of each row of the run in `source`."""
    assert 0 < copies <= MOST
    Ledger(source / "run.db").close()  # of today's version
    target.mkdir()
    for path in source.iterdir():
        if path.is_file() and not path.name.startswith("run.db"):
            shutil.copy(path, target)
    Ledger(target / "run.db").close()
    with closing(sqlite3.connect(target / "run.db", isolation_level=None)) as database:
        for setting in ("synchronous = OFF", "foreign_keys = OFF", "cache_size = -500000"):
            database.execute(f"PRAGMA {setting}")
        database.execute("ATTACH ? AS given", (str(source / "run.db"),))
        database.execute("BEGIN")
        _copy(database, copies)
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with closing(Ledger(target / "run.db")) as ledger:
        ledger.sources.note(ledger.items.all())  # as the stage `evaluate` does


def _copy(database: sqlite3.Connection, copies: int) -> None:
    schema = "SELECT name, sql FROM main.sqlite_schema WHERE type = ?"
    triggers = database.execute(schema, ("trigger",)).fetchall()
    for name, _ in triggers:
        database.execute(f"DROP TRIGGER {name}")  # they would count each row, one by one
    database.execute("CREATE TEMP TABLE copy (c INTEGER PRIMARY KEY)")
    database.executemany("INSERT INTO copy VALUES (?)", ((c,) for c in range(copies)))
    (fragments,) = database.execute("SELECT count(*) FROM given.fragment").fetchone()
    for table in TABLES:
        columns = database.execute(f"PRAGMA main.table_info({table})").fetchall()
        values = [_value(table, name, fragments) for _, name, *_ in columns]
        keys = [str(place + 1) for place, *_, key in columns if key]
        database.execute(
            f"""INSERT INTO main.{table} SELECT {", ".join(values)} FROM given.{table}, copy
                ORDER BY {", ".join(keys)}"""
        )
    database.execute(
        f"""INSERT INTO tally SELECT generation, what, kind, rows * {copies} FROM given.tally
            WHERE what <> 'selection'"""
    )
    others = {name for name, _ in database.execute(schema, ("table",))} - {*TABLES, "tally"}
    for name in sorted(others - {"selection"}):
        if not name.startswith(("search", "sqlite")):
            database.execute(f"INSERT INTO main.{name} SELECT * FROM given.{name}")
    database.execute("UPDATE stage SET done = 0 WHERE name = 'select'")
    for _, statement in triggers:
        database.execute(statement)


def _value(table: str, column: str, fragments: int) -> str:
    if column in IDS:
        return COPIED.format(f'"{column}"')
    if (table, column) == ("fragment", "number"):
        return f"number + c * {fragments}"
    if (table, column) == ("document", "path"):
        return "c || '/' || path"
    return f'"{column}"'


def apart(function: Callable[..., object], *arguments: object) -> None:
    """Call a function in a process of its own: the peak memory of a process counts as that of each
    process that it starts."""
    process = get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0


def run(words: Sequence[str]) -> str:
    """Run a command in a process; what it took, in words."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        output.seek(0)
        assert status == 0, output.read().decode()[-3000:]
    wall = time.perf_counter() - began
    cpu = used.ru_utime + used.ru_stime
    return f"{cpu:.1f} s ({wall:.1f} s), {used.ru_maxrss / 1024:.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("fragments", type=int)
    parser.add_argument("copies", type=int, nargs="+", help=f"at most {MOST}")
    parser.add_argument("--source", type=Path, help="a folder in which `measure` made a run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.source or Path(temporary) / "source"
        if not options.source:
            folder.mkdir()
            apart(measure, options.fragments, folder)
        print("| fragments | " + " | ".join(COMMANDS) + " | ledger |")
        print("|--:|" + "--:|" * (len(COMMANDS) + 1))
        for copies in options.copies:
            target = Path(temporary) / f"run-{copies}"
            apart(enlarge, folder / "run", target, copies)
            cells = [
                run([sys.executable, "-m", "self_evolution", command, str(target)])
                for command in COMMANDS
            ]
            size = (target / "run.db").stat().st_size / 1e6
            fragments = options.fragments * copies
            print(f"| {fragments:,} | {' | '.join(cells)} | {size:.0f} MB |", flush=True)
            shutil.rmtree(target)


if __name__ == "__main__":
    main()
