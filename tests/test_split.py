"""Sections into fragments: limits, duplicates, languages, and how the work is counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import SHARED, rows

from self_evolution import cli, config
from self_evolution.errors import Stopped
from self_evolution.evaluation.pair_checks import Case, wrong_language
from self_evolution.prompts import load
from self_evolution.records import Pair
from self_evolution.run import Run
from self_evolution.stages import split as stage
from self_evolution.text.language import detect as language


def test_long_sections_are_split_to_the_limit(
    arguments: Callable[..., list[str]], documents: Path, tmp_path: Path
) -> None:
    sentences = [f"Valve {i} of the plant closes after {i} seconds." for i in range(200)]
    (documents / "long.md").write_text("# Valves\n\n" + " ".join(sentences))
    cli.main(["read", *arguments("run", "--split.max-tokens", "60")[1:]])
    assert cli.main(["split", str(tmp_path / "run")]) == 0
    long = [row for row in rows(tmp_path / "run", "fragment") if "Valve " in str(row["text"])]
    long.sort(key=lambda row: int(str(row["position"])))
    assert len(long) > 20 and all(int(str(row["tokens"])) <= 60 for row in long)
    content = (documents / "long.md").read_text()
    for row in long:
        assert content[int(str(row["start"])) : int(str(row["end"]))] == row["text"]
    assert " ".join(str(row["text"]).strip() for row in long) == " ".join(sentences)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("在申请License时，合同号如何填写？", "zh"),
        ("ADD NGSECURITYPOLICYRULE的作用？", "zh"),
        ("大众の选择是什么样的产品系列型号", "zh"),
        ("The port of server Alpha", "en"),
        ("What does 告警 mean for an operator?", "en"),
        ("サーバAlphaのポート番号は4711です。", "ja"),
        ("設定変更手順の確認", "ja"),
        ("서버 Alpha의 포트는 4711입니다.", "ko"),
        ("서버(伺服器)의 설정(設定)을 변경합니다.", "ko"),
        ("Die Pumpe wird jeden Morgen von der Schicht geprüft.", "de"),
        ("", "en"),
    ],
)
def test_language(text: str, expected: str) -> None:
    assert language(text) == expected


@pytest.mark.parametrize(
    ("fragment", "question", "wanted", "rejected"),
    [
        ("端口是4711。", "端口是多少？", "", False),
        ("端口是4711。", "What is the port?", "", True),
        ("端口是4711。", "PORT NO?", "", True),
        ("The port is 4711.", "What is the port?", "", False),
        ("The port is 4711.", "端口是多少？", "", True),
        ("設定変更の手順を確認する。", "設定変更手順確認方法？", "", False),
        ("설정을 변경합니다.", "端口是多少？", "", True),
        ("ADD RULE NAME PORT TYPE TEXT 规则", "端口是多少？", "", False),
        ("端口是4711。", "端口是多少？", "en", True),
        ("The port is 4711.", "端口是多少？", "zh", False),
    ],
)
def test_only_clear_cases_are_in_the_wrong_language(
    fragment: str, question: str, wanted: str, rejected: bool
) -> None:
    pair = Pair("a", 1, "f", question, "4711", "stop", fragment, language(fragment))
    case = Case(pair, "stop", load("en"), wanted or pair.language, config.Check())
    assert (wrong_language(case) is not None) == rejected


def test_the_same_words_under_another_heading_are_another_fact(
    arguments: Callable[..., list[str]], documents: Path, tmp_path: Path
) -> None:
    text = "The port of it is 4711. It is checked every morning.\n\n"
    for name, headings in (("d", ("Golf", "Hotel")), ("e", ("Golf",))):
        content = "".join(f"# {heading}\n\n{text}" for heading in headings)
        (documents / f"{name}.md").write_text(content)
    cli.main(["read", *arguments("run")[1:]])
    assert cli.main(["split", str(tmp_path / "run")]) == 0
    found = [row for row in rows(tmp_path / "run", "fragment") if "port of it" in str(row["text"])]
    firsts = {str(row["heading"]): row["id"] for row in found if row["duplicate_of"] is None}
    assert set(firsts) == {"['Golf']", "['Hotel']"}
    assert [row["duplicate_of"] for row in found if row["duplicate_of"]] == [firsts["['Golf']"]]


def test_an_interrupted_split_goes_on_with_all_sections_in_sight(
    arguments: Callable[..., list[str]],
    documents: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (documents / "d.md").write_text("Short.")
    monkeypatch.setattr(stage, "UNITS_A_BATCH", 1)
    seen: list[Any] = []
    batches = Run.batches

    def watched(self: Run, *words: Any, **named: Any) -> Any:
        seen.append((words[3].total, words[3].done))
        yield from batches(self, *words, **named)

    def stopped(self: Run) -> None:
        if self.ledger.count("fragment"):
            raise Stopped

    cli.main(["read", *arguments("run")[1:]])
    monkeypatch.setattr(Run, "batches", watched)
    with monkeypatch.context() as patch:
        patch.setattr(Run, "raise_if_stopped", stopped)
        assert cli.main(["split", str(tmp_path / "run")]) == 130
    capsys.readouterr()
    assert cli.main(["split", str(tmp_path / "run")]) == 0
    assert seen == [(4, 0), (4, 1)]
    assert "7 fragments, 1 of them duplicates: 6 to ask about; 1 too short" in (
        capsys.readouterr().err
    )


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the telecom passages (../shared) are not here")
def test_the_telecom_passages_have_their_duplicates_found_and_their_overlaps_mended(
    arguments: Callable[..., list[str]], tmp_path: Path
) -> None:
    words = arguments("run", "--split.max-tokens", "300")
    words[1] = str(SHARED / "data" / "aiops_fragments.json")
    cli.main(["read", *words[1:]])
    cli.main(["split", str(tmp_path / "run")])
    sections = {str(row["id"]): row for row in rows(tmp_path / "run", "section")}
    assert len(sections) == 4000
    overlaps = [int(str(row["overlap"])) for row in sections.values() if row["overlap"]]
    assert len(overlaps) > 900 and 50 < sum(overlaps) / len(overlaps) < 96
    fragments = rows(tmp_path / "run", "fragment")
    passages = {str(row["text"]) for row in sections.values()}
    again = [
        row
        for row in fragments
        if row["duplicate"] in ("exact", "passage") and row["text"] in passages
    ]
    assert len(again) == 1121
    live = [row for row in fragments if row["duplicate"] is None]
    assert all(int(str(row["tokens"])) <= 300 for row in live)
    # Nothing is lost: each passage that is no copy stands in the fragments that cover it.
    assert len(live) < 2879 - len(overlaps) / 2
    assert {row["language"] for row in fragments} >= {"zh"}
