"""Hundreds of broken and hostile files through one run: it ends, small, and accounts for each."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from conftest import rows
from hostile import write

from self_evolution import cli

MEMORY_MB = 768
SECONDS = 4


class Watch(threading.Thread):
    """The largest memory of any child, and of all together with this process, in MB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.child = self.parent = 0
        self.over = threading.Event()
        self.before = psutil.Process().memory_info().rss >> 20

    def run(self) -> None:
        me = psutil.Process()
        while not self.over.wait(0.05):
            self.parent = max(self.parent, me.memory_info().rss >> 20)
            for child in me.children(recursive=True):
                try:
                    # Between fork and exec a child shows the memory of this process.
                    words = child.cmdline()
                    if "self_evolution.documents.readers.worker" in words or "--sandbox" in words:
                        self.child = max(self.child, child.memory_info().rss >> 20)
                except psutil.NoSuchProcess:
                    continue


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutations", [100, pytest.param(800, marks=pytest.mark.drill)])
def test_every_hostile_file_is_read_or_refused_and_the_others_are_not_harmed(
    mutations: int,
    arguments: Callable[..., list[str]],
    documents: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = documents / "bad"
    names = write(bad, mutations)
    watch = Watch()
    watch.start()
    start = time.monotonic()
    words = ["--read.memory-mb", str(MEMORY_MB), "--read.seconds", str(SECONDS)]
    assert cli.main(["read", *arguments("run")[1:], *words]) == 0
    seconds = time.monotonic() - start
    watch.over.set()
    watch.join()
    said = capsys.readouterr().err
    print(f"{names} files in {seconds:.0f} s, largest child {watch.child} MB", file=sys.stderr)

    found = rows(tmp_path / "run", "document")
    inside = bad.as_posix()
    own = {str(row["path"]) for row in found if row["container"] is None}
    mine = {path for path in own if path.startswith(inside)}
    copies = names - len(mine)
    # Mutations that give equal bytes are read once, and counted.
    assert copies == 0 or f"equal to others, read once: {copies:,}" in said
    reasons = [str(row["problem"]) for row in found if row["problem"]]
    assert all(reason.strip() for reason in reasons)
    assert sum("its reader crashed" in reason for reason in reasons) <= 5
    assert not any("PermissionError" in reason for reason in reasons)
    # The good ones beside them are whole.
    good = {Path(path).name for path in own} & {"a.md", "b.txt", "c.html"}
    assert good == {"a.md", "b.txt", "c.html"}
    texts = " ".join(str(row["text"]) for row in rows(tmp_path / "run", "section"))
    assert "root:" not in texts  # of /etc/passwd
    assert "\x1b" not in said and "line\nbreak" not in said
    assert watch.child <= MEMORY_MB
    assert watch.parent - watch.before <= MEMORY_MB
    assert not psutil.Process().children()
    refused = {Path(str(row["path"])).name: str(row["problem"]) for row in found if row["problem"]}
    assert refused["pipe.pdf"] == "no regular file"
    assert refused["sparse.csv"].startswith("2,048 MB: larger than")
    assert "out of the folder" in refused["passwd.txt"]
    assert refused["self.md"]
