"""Files and folders appear under their name when they are complete, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest

from self_evolution.files import complete


def test_a_file_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old", encoding="utf-8")
    with complete(path) as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "gen-1"
    path.mkdir()
    (path / "old").write_text("old", encoding="utf-8")
    with complete(path) as temporary:
        temporary.mkdir()
        (temporary / "new").write_text("new", encoding="utf-8")
    assert [one.name for one in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("concurrent", [False, True])
def test_a_failure_leaves_the_earlier_file_and_nothing_else(
    concurrent: bool, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError), complete(path, concurrent=concurrent) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_no_part_of_the_result(tmp_path: Path) -> None:
    path = tmp_path / "gen-1"
    stale = tmp_path / "gen-1.tmp"
    stale.mkdir()
    (stale / "half").write_text("half", encoding="utf-8")
    with complete(path) as temporary:
        temporary.mkdir()
        (temporary / "whole").write_text("whole", encoding="utf-8")
    assert [one.name for one in path.iterdir()] == ["whole"]
    assert list(tmp_path.iterdir()) == [path]
