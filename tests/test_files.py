"""The search for files: each one is found, refused, or counted."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from self_evolution.documents.readers import ending
from self_evolution.documents.readers.files import Files, find
from self_evolution.errors import UserError


def _find(folder: Path, **options: bool) -> Files:
    return find({"docs": folder}, **options)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/b.PDF", ".pdf"),
        ("a.tar.gz", ".tar.gz"),
        ("a.b.gz", ".gz"),
        ("README", ""),
        (".md", ""),
        ("a.d/b", ""),
    ],
)
def test_the_ending_says_how_a_file_is_read(name: str, expected: str) -> None:
    assert ending(name) == expected


def test_hidden_folders_and_runs_are_no_documents(tmp_path: Path) -> None:
    for name in ("a.md", ".b.md", ".git/c.md", "runs/1/report/d.html", "runs/notes/e.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("Text.")
    (tmp_path / "runs" / "1" / "run.db").touch()
    assert list(_find(tmp_path).paths) == ["docs/a.md", "docs/runs/notes/e.md"]
    with pytest.raises(UserError, match="no readable document"):
        find({"run": tmp_path / "runs" / "1"})


def test_a_file_given_in_two_spellings_is_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("Text.")
    monkeypatch.chdir(tmp_path)
    names = ("docs", "./docs/a.md", str(tmp_path / "docs"))
    assert list(find({name: Path(name) for name in names}).paths) == ["docs/a.md"]


def test_a_pattern_stands_for_what_it_matches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.md", "b.txt", "c.xyz", "deep/d.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Text.")
    monkeypatch.chdir(tmp_path)
    assert list(find({"*.md": Path("*.md")}).paths) == ["a.md"]
    assert list(find({"**/*.md": Path("**/*.md")}).paths) == ["a.md", "deep/d.md"]
    with pytest.raises(UserError, match="no readable document matches"):
        find({"*.pdf": Path("*.pdf")})


def test_what_is_no_file_is_refused_with_its_reason(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (tmp_path / "outside.md").write_text("Text.")
    (tmp_path / "beside").mkdir()
    (folder / "a.md").write_text("Text.")
    os.mkfifo(folder / "pipe.md")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s.txt"))
    (folder / "link.md").symlink_to(tmp_path / "outside.md")
    (folder / "same.md").symlink_to("a.md")
    (folder / "broken.md").symlink_to("nowhere.md")
    (folder / "loop").symlink_to(".")
    (folder / "out").symlink_to(tmp_path / "beside")
    (folder / "line\nbreak.md").write_text("Text.")
    (folder / "x.bin").write_bytes(b"\0")
    found = _find(folder)
    assert list(found.paths) == ["docs/a.md", "docs/line\nbreak.md"]
    assert set(found.refused) == {
        "docs/pipe.md",
        "docs/s.txt",
        "docs/link.md",
        "docs/broken.md",
        "docs/out",
    }
    assert found.refused["docs/pipe.md"] == "no regular file"
    assert "--read.follow-links true" in found.refused["docs/link.md"]
    assert found.refused["docs/broken.md"] == "a link to nowhere"
    assert found.left_out == {".bin": 1}


def test_links_are_followed_when_asked_and_loops_end(tmp_path: Path) -> None:
    folder, outside = tmp_path / "docs", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "a.md").write_text("Text.")
    (outside / "b.md").write_text("Text.")
    (folder / "out").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (outside / "back").symlink_to(folder)
    found = _find(folder, follow_links=True)
    assert list(found.paths) == ["docs/a.md", "docs/out/b.md"]
    assert found.refused == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Text.")
    (tmp_path / "closed").mkdir(mode=0o000)
    assert _find(tmp_path).refused == {"docs/closed": "Permission denied"}


def test_patterns_keep_to_the_rules_of_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "s.md").write_text("Secret.")
    docs = tmp_path / "docs"
    for name in ("a.md", "run/report/page.md", "foreign/b.md", ".hidden/c.md"):
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).write_text(name)
    (docs / "run" / "run.db").touch()
    (docs / "foreign" / "run.db").write_bytes(b"another program's database" * 10)
    (docs / "l.md").symlink_to("../secret/s.md")
    monkeypatch.chdir(tmp_path)
    for pattern in ("docs/**/*.md", str(docs / "**" / "*.md")):
        found = find({pattern: Path(pattern)})
        assert [Path(name).name for name in found.paths] == ["a.md", "b.md"]
        assert [Path(name).name for name in found.refused] == ["l.md"]
    assert list(find({"do*": Path("do*")}).paths) == ["docs/a.md", "docs/foreign/b.md"]


def test_a_link_to_itself_is_refused_when_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Text.")
    (tmp_path / "x.md").symlink_to("x.md")
    found = _find(tmp_path, follow_links=True)
    assert list(found.paths) == ["docs/a.md"]
    assert "links" in found.refused["docs/x.md"]
