"""The life of documents: added, changed, moved, withdrawn, back again."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from conftest import rows

from self_evolution import cli
from self_evolution.ledger import Ledger
from self_evolution.records import Judgement

Arguments = Callable[..., list[str]]


def _read(arguments: Arguments, *more: str) -> int:
    return cli.main(["read", *arguments("run")[1:], *more])


def _paths(run: Path) -> dict[str, str]:
    """{file name: what its document is now} by the last event."""
    last = {str(row["document_id"]): str(row["kind"]) for row in rows(run, "event")}
    return {
        Path(str(row["path"])).name: last.get(str(row["id"]), "read")
        for row in sorted(rows(run, "document"), key=lambda row: str(row["id"]) in last)
    }


def _live_texts(run: Path) -> list[str]:
    gone = {(str(row["table"]), str(row["id"])) for row in rows(run, "withdrawn")}
    return [
        str(row["text"])
        for row in rows(run, "fragment")
        if ("fragment", str(row["id"])) not in gone and row["duplicate"] is None
    ]


def test_an_unchanged_folder_is_not_read_again(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _read(arguments) == 0
    before = rows(tmp_path / "run", "document")
    assert _read(arguments) == 0
    assert "read: nothing has changed" in capsys.readouterr().out
    assert rows(tmp_path / "run", "document") == before


@pytest.mark.slow
def test_only_what_changed_is_read_and_only_changed_text_is_new(
    arguments: Arguments, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("run", "--generations", "1")) == 0
    run = tmp_path / "run"
    asked = len(rows(run, "question"))
    page = documents / "a.md"
    page.write_text(page.read_text().replace("4711", "4712"), encoding="utf-8")
    capsys.readouterr()
    assert _read(arguments) == 0
    assert "changed since: 1, set aside" in capsys.readouterr().err
    assert cli.main(["run", "--run", str(run), "--generations", "2"]) == 0
    texts = [text for text in _live_texts(run) if "server Alpha" in text]
    # b.txt has the section with the old number too, so that the old fragment lives on in it.
    assert sorted(text.split()[6] for text in texts) == ["4711.", "4712."]
    questions = rows(run, "question")
    fragments = {str(row["id"]): row for row in rows(run, "fragment")}
    second = {str(q["fragment_id"]) for q in questions if q["generation"] == 2}
    assert len(questions) == asked + 2 * len(second)
    # The unchanged sections are asked about under their first fragments, the new one too.
    assert len(second) == 7 and all(fragments[id]["duplicate"] is None for id in second)


@pytest.mark.slow
def test_a_withdrawn_document_leaves_the_work_and_status_says_what_was_learnt_from_it(
    arguments: Arguments, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("run", "--generations", "1", "--promote.rule", "always")) == 0
    run = tmp_path / "run"
    (documents / "c.html").unlink()
    assert cli.main(arguments("run", "--generations", "2")) == 2
    told = capsys.readouterr().err
    assert "1 gone (" in told and "--accept-change" in told
    assert _read(arguments) == 0
    assert cli.main(["run", "--run", str(run), "--generations", "2"]) == 0
    capsys.readouterr()
    assert cli.main(["status", str(run)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 document changed or withdrawn since they were read; of the examples" in shown
    assert "that generation 2 was trained on, 1 of 11 (9.1%) are from them" in shown
    gone = {(str(row["table"]), str(row["id"])) for row in rows(run, "withdrawn")}
    kinds = [table for table, _ in gone]
    assert kinds.count("document") == 1 and kinds.count("fragment") == 1
    assert kinds.count("question") == kinds.count("answer") == 2
    # Both generations stand on it: all their predictions are marked. Of the base's, those alone
    # that were given its text.
    predictions = rows(run, "prediction")
    marked = [row for row in predictions if ("prediction", str(row["id"])) in gone]
    assert [row for row in predictions if row["generation"]] == [
        row for row in marked if row["generation"]
    ]
    (fragment,) = [id for table, id in gone if table == "fragment"]
    shown_it = [row for row in predictions if fragment in row["sources"]]  # type: ignore[operator]
    assert [row for row in marked if row["generation"] == 0] == [
        row for row in shown_it if row["generation"] == 0
    ]
    assert {row["generation"] for row in shown_it} == {0, 1}
    selected = [row["answer_id"] for row in rows(run, "selection") if row["generation"] == 2]
    assert not [id for id in selected if ("answer", str(id)) in gone]


@pytest.mark.slow
def test_what_was_said_of_a_withdrawn_document_is_listed_too(
    arguments: Arguments, documents: Path, script: Path, tmp_path: Path
) -> None:
    """The list has a rival's answers with it, and a judge's verdicts on models trained on it."""
    other = tmp_path / "other.json"
    other.write_text(script.read_text(encoding="utf-8").replace("ultramarine 99", "blue"))
    named = ("--against", str(other), "--evaluate.top-k", "1")
    assert cli.main(arguments("run", *named, "--generations", "1")) == 0
    run = tmp_path / "run"
    item = str(rows(run, "item")[0]["id"])
    with closing(Ledger(run / "run.db")) as ledger:
        ledger.add(
            Judgement(f"of {generation}", "judge", generation, 0, item, 1, "better", "A")
            for generation in (1, 9)
        )
    assert not rows(run, "withdrawn")
    (documents / "c.html").unlink()
    assert _read(arguments, *named) == 0
    gone = {(row["table"], row["id"]) for row in rows(run, "withdrawn")}
    (fragment,) = [id for table, id in gone if table == "fragment"]
    by_generation: dict[object, list[dict[str, object]]] = {}
    for row in rows(run, "prediction"):
        by_generation.setdefault(row["generation"], []).append(row)
    for generation, answers in by_generation.items():
        told = [row for row in answers if fragment in row["sources"]]  # type: ignore[operator]
        marked = [row for row in answers if ("prediction", row["id"]) in gone]
        assert told and marked == (answers if generation == 1 else told)
    assert by_generation.keys() == {-1, 0, 1}
    assert {id for table, id in gone if table == "judgement"} == {"of 1"}


def test_what_comes_back_is_not_read_anew(
    arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    page = documents / "c.html"
    content = page.read_bytes()
    assert _read(arguments) == 0
    page.unlink()
    assert _read(arguments) == 0
    assert _paths(tmp_path / "run")["c.html"] == "withdrawn"
    page.write_bytes(content)
    assert _read(arguments) == 0
    assert _paths(tmp_path / "run")["c.html"] == "returned"
    assert len(rows(tmp_path / "run", "document")) == 3


def test_a_moved_document_is_the_same_document(
    arguments: Arguments, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _read(arguments) == 0
    (documents / "a.md").rename(documents / "z.md")
    capsys.readouterr()
    assert _read(arguments) == 0
    assert "read: nothing has changed" in capsys.readouterr().out


def test_more_than_half_gone_is_asked_about(
    arguments: Arguments, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _read(arguments) == 0
    (documents / "a.md").unlink()
    (documents / "b.txt").unlink()
    assert _read(arguments) == 2
    assert "2 gone (" in capsys.readouterr().err
    assert _read(arguments, "--accept-change") == 0
    assert _paths(tmp_path / "run")["a.md"] == "withdrawn"


def test_members_of_an_archive_go_and_come_with_it(
    arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    def pack(names: dict[str, str]) -> None:
        with zipfile.ZipFile(documents / "more.zip", "w") as archive:
            for name, text in names.items():
                archive.writestr(name, text)

    pack({"one.md": "# One\n\nThe size of valve Golf is 12.", "x.bin": "?", "two.md": "Two twos."})
    assert _read(arguments) == 0
    run = tmp_path / "run"
    assert {"one.md", "two.md", "more.zip"} <= set(_paths(run))
    (archive,) = (row for row in rows(run, "document") if row["format"] == "zip")
    assert archive["note"] == "left out: 1 .bin: no reader for these"
    pack({"one.md": "# One\n\nThe size of valve Golf is 12.", "two.md": "Two threes."})
    assert _read(arguments) == 0
    states = [
        (Path(str(row["path"])).name, row["id"])
        for row in rows(run, "document")
        if row["container"]
    ]
    last = {row["document_id"]: row["kind"] for row in rows(run, "event")}
    assert sorted((name, last.get(id, "read")) for name, id in states) == [
        ("one.md", "changed"),
        ("one.md", "read"),
        ("two.md", "changed"),
        ("two.md", "read"),
    ]


def test_what_could_not_be_read_is_tried_again_when_asked(
    arguments: Arguments, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (documents / "d.md").write_text("# D\n\n" + "The size of valve Golf is 12.\n" * 50_000)
    assert _read(arguments, "--read.max-file-mb", "1") == 0
    told = capsys.readouterr().err
    assert "d.md: 1 MB: larger than --read.max-file-mb 1" in told
    assert _read(arguments, "--read.max-file-mb", "2") == 0
    found = {Path(str(row["path"])).name: row for row in rows(tmp_path / "run", "document")}
    assert len(found) == 4
    assert any("valve Golf" in str(row["text"]) for row in rows(tmp_path / "run", "section"))


def _zip(path: Path, names: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in names.items():
            archive.writestr(name, text)


def test_an_archive_that_took_the_name_of_another_keeps_its_members(
    arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    _zip(documents / "log.zip", {"one.md": "The size of valve Golf is 12."})
    assert _read(arguments) == 0
    (documents / "log.zip").rename(documents / "log1.zip")
    _zip(documents / "log.zip", {"two.md": "The size of valve Hotel is 13."})
    assert _read(arguments) == 0
    (documents / "log1.zip").unlink()
    assert _read(arguments) == 0
    assert cli.main(["split", str(tmp_path / "run")]) == 0
    texts = " ".join(_live_texts(tmp_path / "run"))
    assert "valve Hotel" in texts and "valve Golf" not in texts


def test_what_is_read_better_the_second_time_comes_back_as_that(
    arguments: Arguments, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _zip(documents / "big.zip", {"big.md": "# Big\n\n" + "The size of it is 12.\n" * 60_000})
    content = (documents / "big.zip").read_bytes()
    assert _read(arguments, "--read.max-file-mb", "1") == 0
    assert "big.zip/big.md: larger than 1 MB" in capsys.readouterr().err
    assert _read(arguments, "--read.max-file-mb", "2") == 0  # nothing that was refused is new
    assert "nothing has changed" in capsys.readouterr().out
    assert _read(arguments, "--read.max-file-mb", "2", "--again") == 0
    assert "could not be read" not in capsys.readouterr().err
    (documents / "big.zip").unlink()
    assert _read(arguments) == 0
    (documents / "big.zip").write_bytes(content)
    assert _read(arguments, "--read.max-file-mb", "2") == 0
    assert "could not be read" not in capsys.readouterr().err


def test_a_withdrawn_passage_does_not_live_on_in_what_it_was_joined_to(
    arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    words = [f"The size of valve {i} is {100 + i} bar in the plant." for i in range(12)]
    text = " ".join(words)
    passages = [text[:300], text[250:]]
    (documents / "x.json").write_text(json.dumps(passages))
    again = [passages[0], passages[0][-40:] + " And more of it is known."]
    (documents / "y.json").write_text(json.dumps(again))
    assert _read(arguments) == 0
    assert cli.main(["split", str(tmp_path / "run")]) == 0
    kinds = {row["duplicate"] for row in rows(tmp_path / "run", "fragment")}
    assert "passage" in kinds
    (documents / "x.json").unlink()
    assert _read(arguments) == 0
    assert cli.main(["split", str(tmp_path / "run")]) == 0
    gone = {row["id"] for row in rows(tmp_path / "run", "withdrawn")}
    first = [f for f in rows(tmp_path / "run", "fragment") if "valve 11" in str(f["text"])]
    assert first and all(f["id"] in gone for f in first)


@pytest.mark.slow
def test_nothing_of_a_document_is_trained_on_once_it_is_withdrawn(
    arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    words = arguments("run", "--generations", "1")
    assert cli.main(["read", *words[1:]]) == 0
    run = str(tmp_path / "run")
    before = (
        "split",
        "build",
        "evaluate",
        "promote",
        "ask",
        "answer",
        "check",
        "score",
        "select",
    )
    for stage in before:
        assert cli.main([stage, run]) == 0
    (documents / "c.html").unlink()
    assert _read(arguments, "--generations", "1") == 0
    for stage in ("split", "train"):
        assert cli.main([stage, run]) == 0
    (adapter,) = rows(tmp_path / "run", "adapter")
    assert len(rows(tmp_path / "run", "selection")) == 6 and adapter["examples"] == 5


def test_the_limit_counts_what_is_here(
    arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    assert _read(arguments, "--limit", "3") == 0
    page = documents / "a.md"
    page.write_text(page.read_text().replace("4711", "4712"), encoding="utf-8")
    assert _read(arguments, "--limit", "3", "--accept-change") == 0
    texts = [str(row["text"]) for row in rows(tmp_path / "run", "section")]
    assert len(texts) == 6 and any("4712" in text for text in texts)


def test_a_moved_folder_is_read_from_where_it_is_now(
    arguments: Arguments,
    documents: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _read(arguments) == 0
    moved = documents.rename(tmp_path / "moved")
    words = arguments("run")
    words[1] = str(moved)
    capsys.readouterr()
    assert cli.main(["read", *words[1:]]) == 0
    assert "nothing has changed" in capsys.readouterr().out
    assert cli.main(["read", str(tmp_path / "run")]) == 0
    assert cli.main(["inspect", str(tmp_path / "run"), "moved/a.md"]) == 0
    assert f"{moved}/a.md" in capsys.readouterr().out.replace("\n", "")


@pytest.mark.slow
def test_a_changed_document_is_asked_about_as_if_it_were_new(
    arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    always = ("--promote.rule", "always")
    assert cli.main(arguments("run", "--generations", "1", *always)) == 0
    page = documents / "a.md"
    page.write_text(page.read_text().replace("every morning", "at noon"), encoding="utf-8")
    assert _read(arguments, *always) == 0
    words = ["run", "--run", str(tmp_path / "run"), "--generations", "2"]
    assert cli.main(words) == 0
    fragments = {row["id"]: str(row["text"]) for row in rows(tmp_path / "run", "fragment")}
    answers = {row["id"]: row["question_id"] for row in rows(tmp_path / "run", "answer")}
    questions = {row["id"]: row["fragment_id"] for row in rows(tmp_path / "run", "question")}
    trained = [
        fragments[questions[answers[row["answer_id"]]]]
        for row in rows(tmp_path / "run", "selection")
        if row["generation"] == 2
    ]
    # The fact is the same, its old pair has gone with the old text, and the new pair is taken.
    assert sum("alarm Brake" in text and "at noon" in text for text in trained) == 1
    assert not any("alarm Brake" in text and "every morning" in text for text in trained)
