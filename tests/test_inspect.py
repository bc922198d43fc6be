"""inspect and read -o: how documents were understood, seen by a person and by other programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from self_evolution import cli

Arguments = Callable[..., list[str]]


@pytest.fixture
def run(arguments: Arguments, tmp_path: Path) -> str:
    assert cli.main(["read", *arguments("run")[1:]]) == 0
    assert cli.main(["split", str(tmp_path / "run")]) == 0
    return str(tmp_path / "run")


def test_inspect_lists_the_documents(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert cli.main(["inspect", run]) == 0
    shown = capsys.readouterr().out
    assert [name for name in ("a.md", "b.txt", "c.html") if name in shown] == [
        "a.md",
        "b.txt",
        "c.html",
    ]
    assert "sections" in shown and "fragments" in shown


def test_inspect_shows_one_document_and_writes_a_page(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert cli.main(["inspect", run, "b.txt"]) == 0
    shown = capsys.readouterr().out
    assert "#1 · Handbook › Pump Echo · " in shown
    assert "The owner of pump Echo is team Fox." in shown
    assert "2 fragments: 2 in en" in shown
    (page,) = (tmp_path / "run" / "report" / "documents").iterdir()
    assert f"page: {page}" in shown
    html = page.read_text(encoding="utf-8")
    assert "Handbook › Pump Echo" in html and "http" not in html.split("</style>")[1]


def test_inspect_names_what_a_fragment_repeats(
    arguments: Arguments, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (documents / "z.md").write_bytes((documents / "a.md").read_bytes() + b"\n\n## More\n\nMore.\n")
    cli.main(["read", *arguments("run")[1:]])
    cli.main(["split", str(tmp_path / "run")])
    capsys.readouterr()
    assert cli.main(["inspect", str(tmp_path / "run"), "z.md"]) == 0
    assert "the same as a fragment of " in capsys.readouterr().out


def test_inspect_refuses_an_unknown_or_unclear_name(
    run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["inspect", run, "nothing.pdf"]) == 2
    assert "no such document in this run" in capsys.readouterr().err
    assert cli.main(["inspect", run, "docs/"]) == 2
    error = capsys.readouterr().err
    assert "3 documents fit; name one of them" in error and "a.md" in error


def test_read_writes_fragments_without_a_run(
    documents: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    out = tmp_path / "fragments.jsonl"
    assert cli.main(["read", "docs", "-o", str(out), "--split.min-tokens", "0"]) == 0
    assert "tokens are counted roughly" in capsys.readouterr().err
    assert set(tmp_path.iterdir()) - before == {out}
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(found) == 7
    first = found[0]
    assert first["document"] == "docs/a.md" and first["heading"] == ["Handbook", "Server Alpha"]
    assert first["text"].startswith("The port of server Alpha is 4711.")
    assert first["tokens"] > 0 and first["language"] == "en" and first["page"] is None
    assert [row["duplicate"] for row in found].count("exact") == 1
    content = (tmp_path / "docs" / "a.md").read_text(encoding="utf-8")
    assert content[first["start"] : first["end"]] == first["text"]


def test_read_counts_tokens_with_the_model_that_is_named(documents: Path, tmp_path: Path) -> None:
    out = tmp_path / "fragments.jsonl"
    words = ["read", str(documents), "-o", str(out), "--model", "embedded"]
    assert cli.main([*words, "--split.min-tokens", "0"]) == 0
    from transformers import AutoTokenizer

    from self_evolution import miniature as embedded

    tokenizer = AutoTokenizer.from_pretrained(str(embedded.MODEL))
    for line in out.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        assert len(tokenizer(row["text"], add_special_tokens=False)["input_ids"]) == row["tokens"]


def test_a_file_that_cannot_be_written_is_found_before_the_reading(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["read", str(documents), "-o", str(tmp_path / "no" / "x.jsonl")]) == 2
    assert "--output" in capsys.readouterr().err


def test_fragments_go_to_the_terminal_or_through_a_link(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["read", str(documents), "-o", "-"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 1 and all(json.loads(line)["text"] for line in lines)
    (tmp_path / "link.jsonl").symlink_to("real.jsonl")
    assert cli.main(["read", str(documents), "-o", str(tmp_path / "link.jsonl")]) == 0
    assert (tmp_path / "link.jsonl").is_symlink()
    assert (tmp_path / "real.jsonl").read_text(encoding="utf-8").splitlines() == lines
    assert cli.main(["read", str(documents), "-o", "-", "--run", str(tmp_path / "r")]) == 2
    assert "give one of them" in capsys.readouterr().err
