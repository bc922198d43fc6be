"""Reading in processes of its own: what a file can do, and what it costs the others."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import psutil
import pytest

from self_evolution.documents.readers.worker import Limits, _restrict
from self_evolution.documents.readers.workers import Reading, Workers

LIMITS = Limits(memory=1 << 30, file=8 << 20, seconds=20.0)


def read(*paths: Path, limits: Limits = LIMITS) -> list[Reading]:
    with Workers(limits, 2) as workers:
        return list(workers.read(paths))


def problems(reading: Reading) -> dict[str, str | None]:
    return {document.path: document.problem for document in reading.documents}


def slow(path: Path, rows: int = 400_000) -> Path:
    """A small file that takes long to read: a document that unpacks to many paragraphs."""
    paragraph = "<w:p><w:r><w:t>word</w:t></w:r></w:p>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "word/document.xml",
            '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
            f"<w:body>{paragraph * rows}</w:body></w:document>",
        )
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="xml" ContentType="application/xml"/></Types>',
        )
    return path


def test_files_come_back_in_order_with_their_text(tmp_path: Path) -> None:
    paths = []
    for i in range(30):
        paths.append(tmp_path / f"{i}.md")
        paths[-1].write_text(f"# Title {i}\n\nText {i}.\n")
    found = read(*paths)
    assert [reading.documents[0].title for reading in found] == [f"Title {i}" for i in range(30)]
    assert [reading.documents[0].parts[0].text for reading in found][:2] == ["Text 0.", "Text 1."]


def test_a_file_that_takes_too_long_costs_itself_alone(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Text.")
    bad = slow(tmp_path / "slow.docx")
    found = read(bad, tmp_path / "a.md", limits=LIMITS._replace(seconds=0.3))
    assert (problems(found[0])[""] or "").startswith("took longer than")
    assert problems(found[1]) == {"": None}


@pytest.mark.slow
def test_a_file_that_needs_too_much_memory_costs_itself_alone(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([f"passage {i}" for i in range(1_500_000)]))
    (tmp_path / "b.md").write_text("Text.")
    limits = Limits(300 << 20, 64 << 20, 60.0)
    found = read(tmp_path / "a.json", tmp_path / "b.md", limits=limits)
    assert "needs more than 300 MB of memory" in (problems(found[0])[""] or "")
    assert problems(found[1]) == {"": None}


@pytest.mark.slow
def test_a_reader_that_is_killed_costs_one_document_of_an_archive(tmp_path: Path) -> None:
    slow(tmp_path / "slow.docx")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a.md", "First.")
        archive.write(tmp_path / "slow.docx", "slow.docx")
        archive.writestr("b.md", "Last.")
    killed = threading.Event()

    def kill() -> None:
        while not killed.is_set():
            for child in psutil.Process().children():
                if child.cpu_times().user > 0.8:  # it is busy with the slow one
                    child.send_signal(signal.SIGSEGV)
                    killed.set()
            time.sleep(0.02)

    thread = threading.Thread(target=kill)
    thread.start()
    (found,) = read(tmp_path / "all.zip")
    killed.set()
    thread.join()
    assert problems(found) == {
        "a.md": None,
        "slow.docx": "its reader crashed (Segmentation fault)",
        "b.md": None,
    }


def test_a_file_without_text_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b" \n ")
    (tmp_path / "b.html").write_text("<html><body><nav>Menu</nav></body></html>")
    found = read(tmp_path / "a.txt", tmp_path / "b.html")
    assert [problems(one)[""] for one in found] == ["no text in it", "no text in it"]


def test_archives_in_archives_are_opened_and_counted(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as archive:
        for name, text in (("deep/c.md", b"Deep."), ("../d.txt", b"Up."), ("e.bin", b"?")):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
        link = tarfile.TarInfo("link.md")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as outer:
        outer.writestr("in.tar.gz", inner.getvalue())
        outer.writestr(".hidden.md", "Hidden.")
        outer.writestr("b.md", "Beside.")
    (found,) = read(tmp_path / "a.zip")
    assert problems(found) == {"in.tar.gz/deep/c.md": None, "in.tar.gz/d.txt": None, "b.md": None}
    assert found.left_out == {".bin": 1}


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(8):
            archive.writestr(f"{i}.md", b"0" * (7 << 20))
        archive.writestr("large.md", b"0" * (9 << 20))
    (found,) = read(tmp_path / "bomb.zip")
    refused = [problem for problem in problems(found).values() if problem]
    assert len(found.documents) == 9
    assert any("the archive unpacks to more than 32 MB" in problem for problem in refused)


def test_too_deep_archives_are_refused(tmp_path: Path) -> None:
    data, name = b"Text.", "a.md"
    for depth in range(6):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(name, data)
        data, name = packed.getvalue(), f"{depth}.zip"
    (tmp_path / name).write_bytes(data)
    (found,) = read(tmp_path / name)
    (problem,) = problems(found).values()
    assert "deeper than 3" in (problem or "")


def test_a_worker_may_not_touch_network_processes_or_files(tmp_path: Path) -> None:
    code = f"""
import os, socket, subprocess, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from self_evolution.documents.readers.worker import Limits, _restrict
_restrict(Limits(1 << 30, 1 << 20, 5.0))
def refused(action):
    try:
        action()
    except PermissionError:
        return
    raise SystemExit(f"allowed: {{action}}")
refused(lambda: socket.create_connection(("127.0.0.1", 9)))
refused(lambda: subprocess.run(["true"]))
refused(lambda: os.system("true"))
refused(lambda: open({str(tmp_path / "x")!r}, "w"))
refused(lambda: os.open({str(tmp_path / "y")!r}, os.O_CREAT | os.O_WRONLY))
refused(lambda: os.remove({str(tmp_path)!r}))
open(os.devnull, "w").close()
open({__file__!r}).close()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert list(tmp_path.iterdir()) == []
    assert _restrict  # what the code above imports


def test_a_worker_ends_with_its_parent(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Text.")
    code = f"""
import sys, os
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from self_evolution.documents.readers.worker import Limits
from self_evolution.documents.readers.workers import Workers
workers = Workers(Limits(1 << 30, 1 << 20, 5.0), 1)
print(next(iter(workers.read([Path({str(tmp_path / "a.md")!r})]))), flush=True)
print(workers._workers[0]._process.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid = int(done.stdout.split()[-1])
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.05)
    else:
        pytest.fail("the worker is still there")


def test_a_module_in_the_working_folder_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('imported')")
    (tmp_path / "a.md").write_text("Text.")
    monkeypatch.chdir(tmp_path)
    (found,) = read(Path("a.md"))
    assert problems(found) == {"": None}
    assert len(list(tmp_path.iterdir())) == 2


def test_being_told_to_end_costs_no_document(tmp_path: Path) -> None:
    """A service that is stopped sends the signal to all its processes, also while they start."""
    paths = [tmp_path / f"{i}.md" for i in range(40)]
    for i, path in enumerate(paths):
        path.write_text(f"Text {i}.")
    over = threading.Event()

    def pester() -> None:
        while not over.wait(0.01):
            for child in psutil.Process().children():
                with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile
                    child.terminate()

    thread = threading.Thread(target=pester)
    thread.start()
    threading.Timer(1.0, over.set).start()
    found = read(*paths)
    over.set()
    thread.join()
    assert [problems(one)[""] for one in found] == [None] * 40
    assert [one.documents[0].parts[0].text for one in found][-1] == "Text 39."
