"""Ablations on scripted answers: what is shared, what is matched, what is drawn and said."""

from __future__ import annotations

import json
import os
import re
import signal
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import exported, rows

from self_evolution import cli
from self_evolution.config import Config
from self_evolution.errors import UserError
from self_evolution.experiments.ablation import variants
from self_evolution.experiments.ablation.making import chain
from self_evolution.forecast.probe import Probe
from self_evolution.ledger import Ledger
from self_evolution.models.scripted import ScriptedEngine

Arguments = Callable[..., list[str]]
VARY = ("--vary", "select.strategy=hard,all", "--seeds", "2", "--train.batch-size", "2")


@pytest.fixture
def ablate(arguments: Arguments) -> Callable[..., list[str]]:
    """The command line of an ablation in `tmp_path/NAME`."""
    return lambda name, *more: ["ablate", *arguments(name)[1:], *more]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Record how many prompts the engine got, one number a call."""
    generate = ScriptedEngine.generate
    found: list[int] = []

    def counted(self: ScriptedEngine, prompts: Any, *rest: Any) -> Any:
        found.append(len(prompts))
        return generate(self, prompts, *rest)

    monkeypatch.setattr(ScriptedEngine, "generate", counted)
    monkeypatch.setattr(Probe, "beside", lambda self: None)  # a forecast asks besides
    yield found


def _of(run: Path, table: str, generation: int) -> list[dict[str, object]]:
    return [row for row in rows(run, table) if row["generation"] == generation]


@pytest.mark.slow
def test_what_is_equal_is_made_once(
    ablate: Callable[..., list[str]], arguments: Arguments, tmp_path: Path, calls: list[int]
) -> None:
    words = ablate("vary", *VARY)
    assert cli.main(words) == 0
    folder, asked = tmp_path / "vary", sum(calls)
    calls.clear()
    assert cli.main(arguments("alone", "--train.batch-size", "2")) == 0
    alone = sum(calls)
    base = 3 * 6  # modes, questions
    first = 2 * 2 * 6  # questions and answers, samples, fragments
    assert asked == 4 * alone - 2 * (base + first)  # two variants share, for two seeds
    for seed in (0, 1):
        one, two = (folder / f"strategy={name}" / f"seed-{seed}" for name in ("hard", "all"))
        shared = folder / "shared" / f"seed-{seed}"
        assert _of(one, "question", 1) == _of(two, "question", 1) == _of(shared, "question", 1)
        assert len(_of(one, "question", 1)) == 12 and rows(one, "score")
        assert _of(one, "prediction", 0) == _of(two, "prediction", 0)
    documents = folder / "shared" / "documents"
    assert rows(documents, "fragment") == rows(one, "fragment") and not rows(documents, "question")
    # A run that began as a copy is what it would have been by itself.
    calls.clear()
    more = ("--select.strategy", "hard", "--train.batch-size", "2", "--promote.patience", "0")
    assert cli.main(arguments("same", *more)) == 0
    assert exported(tmp_path / "same") == exported(folder / "strategy=hard" / "seed-0")
    calls.clear()
    before = exported(one)
    assert cli.main(words) == 0
    assert not calls and exported(one) == before


@pytest.mark.slow
@pytest.mark.parametrize("match", ["steps", "samples", "nothing"])
def test_training_is_matched(
    ablate: Callable[..., list[str]],
    tmp_path: Path,
    match: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("--vary", "select.strategy=none,all", "--seeds", "1", "--train.batch-size", "2")
    unlike = ("--check.duplicates", "false")  # so that generation 2 has new pairs
    assert cli.main(ablate("vary", *words, *unlike, "--match", match)) == 0
    none, every = (
        rows(tmp_path / "vary" / f"strategy={name}" / "seed-0", "adapter")
        for name in ("none", "all")
    )
    column = "examples" if match == "samples" else "steps"
    alike = [row[column] for row in none] == [row[column] for row in every]
    assert alike is (match != "nothing")
    assert [row["steps"] for row in none] == [3, 3]
    found = json.loads((tmp_path / "vary" / "ablation.json").read_text())
    told = {"steps": "Step-matched", "samples": "Sample-matched", "nothing": "Not matched"}[match]
    assert found["matching"].startswith(told) and told in capsys.readouterr().out
    steps = {one["variant"]: one["steps"]["0"] for one in found["variants"]}
    assert steps["strategy=all"] == ([3, 6] if match == "nothing" else [3, 3])


@pytest.mark.slow
def test_figures_and_numbers(
    ablate: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(ablate("vary", *VARY)) == 0
    shown = capsys.readouterr().out
    assert "no difference shown" in shown and "figures: " in shown
    page = (tmp_path / "vary" / "ablation.html").read_text()
    for name in ("course", "metrics"):
        figure = ET.parse(tmp_path / "vary" / f"{name}.svg").getroot()
        assert figure.tag == "{http://www.w3.org/2000/svg}svg"
        style = next(iter(figure))
        assert "--paper: #fdfdfb" in style.text and "--paper: #15181b" in style.text
        assert ".chart .line" in style.text and "url(" not in style.text
    assert "http" not in page.replace("http-equiv", "") and "<script" not in page
    figures = [
        ET.fromstring("<svg" + part.split("</svg>")[0] + "</svg>")
        for part in page.split("<svg")[1:]
    ]
    lines, bars = figures[0], figures[-1]
    kinds = [element.get("class", "") for element in lines.iter()]
    assert [kind for kind in kinds if kind.startswith("line ")] == ["line a", "line b"]
    assert [kind for kind in kinds if kind.startswith("band ")] == ["band a", "band b"]
    assert [kind for kind in kinds if kind.startswith("base ")] == ["base a"]
    columns = [e for e in bars.iter() if e.get("class", "").startswith("column ")]
    found = json.loads((tmp_path / "vary" / "ablation.json").read_text())
    first, second = found["variants"]
    assert len(columns) == len(first["bars"]) + len(second["bars"]) >= 8
    assert len({element.get("id") for f in figures for element in f if element.get("id")}) == 2 * (
        3 + 1
    )
    assert {one["generation"] for one in first["curves"]} == {0, 1, 2}
    assert all(one["lowest_seed"] <= one["mean"] <= one["highest_seed"] for one in second["curves"])
    assert first["differences"] == []
    gaps = {(one["suite"], one["mode"]): one for one in second["differences"]}
    assert set(gaps) == {("domain", mode) for mode in ("closed", "retrieved", "open")}
    assert all(one["n"] == 2 * 6 and one["p_holm"] >= one["p"] for one in gaps.values())
    assert {one["verdict"] for one in gaps.values()} == {"no difference shown"}
    assert "no difference shown: strategy=all" in found["sentence"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "kill_at", [15, *(pytest.param(n, marks=pytest.mark.drill) for n in (3, 30, 50))]
)
def test_killed_and_gone_on_with(
    ablate: Callable[..., list[str]], tmp_path: Path, kill_at: int
) -> None:
    words = ("--vary", "select.strategy=hard,all", "--seeds", "1")
    assert cli.main(ablate("whole", *words)) == 0
    child = os.fork()
    if not child:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            add, count = Ledger.add, iter(range(1, 10_000))

            def killing(self: Ledger, some: Any) -> None:
                add(self, some)
                if next(count) == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

            Ledger.add = killing  # type: ignore[method-assign]
            cli.main(ablate("killed", *words))
        finally:
            os._exit(99)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert cli.main(ablate("killed", *words)) == 0
    for name in ("hard", "all"):
        run = Path(f"strategy={name}", "seed-0")
        assert exported(tmp_path / "killed" / run) == exported(tmp_path / "whole" / run)
    one, two = (
        json.loads((tmp_path / name / "ablation.json").read_text()) for name in ("killed", "whole")
    )
    assert one == two


@pytest.mark.slow
def test_ctrl_c_stops_all_of_it(
    ablate: Callable[..., list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    add, count = Ledger.add, iter(range(1, 10_000))

    def interrupted(self: Ledger, some: Any) -> None:
        if next(count) == 20:
            os.kill(os.getpid(), signal.SIGINT)
        add(self, some)

    monkeypatch.setattr(Ledger, "add", interrupted)
    words = ablate("vary", "--vary", "select.strategy=hard,all", "--seeds", "1")
    assert cli.main(words) == 130
    assert "Go on with: self-evolution ablate" in capsys.readouterr().err
    assert not (tmp_path / "vary" / "ablation.json").exists()
    monkeypatch.undo()
    assert cli.main(words) == 0


@pytest.mark.slow
def test_a_copy_that_was_cut_off_is_made_again(
    ablate: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Ledger.copy

    def cut_off(self: Ledger, path: Path) -> None:
        copy(self, path)
        if "strategy=all" in str(path):
            raise KeyboardInterrupt

    monkeypatch.setattr(Ledger, "copy", cut_off)
    words = ablate("vary", "--vary", "select.strategy=hard,all", "--seeds", "1")
    assert cli.main(words) == 130
    monkeypatch.undo()
    assert cli.main(words) == 0
    assert [path.name for path in (tmp_path / "vary" / "strategy=all").iterdir()] == ["seed-0"]


@pytest.mark.slow
def test_more_generations_go_on_with_all_runs(
    ablate: Callable[..., list[str]], tmp_path: Path
) -> None:
    words = ("--vary", "select.strategy=hard,all", "--seeds", "1", "--train.batch-size", "2")
    assert cli.main(ablate("vary", *words, "--generations", "1")) == 0
    assert cli.main(ablate("vary", *words, "--generations", "2")) == 0
    assert cli.main(ablate("whole", *words)) == 0
    for name in ("hard", "all"):
        run = Path(f"strategy={name}", "seed-0")
        assert exported(tmp_path / "vary" / run) == exported(tmp_path / "whole" / run)


def test_without_an_evaluation_set_nothing_is_trained(
    ablate: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ablate("vary", *VARY)
    at = words.index("--eval")
    assert cli.main(words[:at] + words[at + 2 :]) == 2
    assert "no evaluation set, so nothing would show" in capsys.readouterr().err
    assert not list((tmp_path / "vary").glob("strategy=*"))


def test_a_folder_of_something_else_is_refused(
    ablate: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "vary").mkdir()
    for name, told in (("notes.txt", "not empty"), ("run.db", "a run, not an ablation")):
        (tmp_path / "vary" / name).write_text("mine")
        assert cli.main(ablate("vary", *VARY)) == 2
        assert told in capsys.readouterr().err


# --- what is varied -----------------------------------------------------------------------


def _chain(tmp_path: Path, *vary: str) -> list[tuple[str, str]]:
    """(folder, last stage) of the shared runs of the first variant."""
    chosen = variants(vary, Config())
    found = chain(tmp_path, chosen[0], 3)
    return [(one.folder.relative_to(tmp_path).as_posix(), one.last[1]) for one in found]


def test_no_more_is_shared_than_is_equal(tmp_path: Path) -> None:
    split, documents = ("shared/documents", "split"), ("shared/documents", "build")
    scored = ("shared/seed-3", "score")
    assert _chain(tmp_path, "select.k=1,2") == [documents, scored]
    assert _chain(tmp_path, "train.learning-rate=1e-4,2e-4", "promote.rule=rises,always") == [
        documents,
        scored,
    ]
    # A test set that is built is asked, answered and checked by these settings too.
    assert _chain(tmp_path, "check.grounding=0.5,0.6") == [split]
    assert _chain(tmp_path, "ask.temperature=0.5,1", "select.k=1,2") == [
        split,
        ("shared/temperature=0.5/seed-3", "score"),
    ]
    rehearsed = ("shared/seed-3", "rehearse")
    assert _chain(tmp_path, "evaluate.max_tokens=8,9") == [documents, rehearsed]
    assert _chain(tmp_path, "split.max_tokens=64,128") == [("shared/documents", "read")]
    for key in ("model.dtype=float32,bfloat16", "domain.language=de,en", "read.limit=1,2"):
        assert _chain(tmp_path, key) == []
    assert _chain(tmp_path, "train.rehearsal_file=a,b") == []


def test_several_settings_give_their_product() -> None:
    found = variants(["ask.temperature=0.5,1", "answer.temperature=0,1"], Config())
    assert [one.name for one in found] == [
        f"ask.temperature={a},answer.temperature={b}" for a in ("0.5", "1") for b in "01"
    ]


@pytest.mark.parametrize(
    ("vary", "told"),
    [
        ("select.strategi=hard,easy", "did you mean `select.strategy`?"),
        ("select.strategy", "expected SETTING=VALUE"),
        ("select.strategy=hard", "one value given, expected two"),
        ("select.strategy=hard,hard", "given twice"),
        ("select.strategy=hard,heavy", "--select.strategy 'heavy': expected"),
        ("seed=1,2", "--seeds N gives the seeds"),
        ("evaluate.limit=1,2", "scores on other questions"),
        ("evaluate.choice=0,0.5", "scores on other questions"),
    ],
)
def test_what_cannot_be_varied_is_named(vary: str, told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        variants([vary], Config())


@pytest.mark.slow
def test_other_settings_in_the_same_folder_are_refused(
    ablate: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--vary", "select.strategy=hard,all", "--seeds", "1", "--generations", "1")
    assert cli.main(ablate("vary", *words)) == 0
    capsys.readouterr()
    assert cli.main(ablate("vary", *words, "--ask.temperature", "0.1")) == 2
    assert "strategy=hard/seed-0: this run began with other settings" in capsys.readouterr().err
    more = ("--train.steps", "3")
    assert cli.main(ablate("other", *words, *more)) == 2
    assert "--train.steps and --match steps exclude each other" in capsys.readouterr().err
