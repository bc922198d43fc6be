"""A whole generation, from documents to a promoted adapter, on each architecture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny

from self_evolution.evolve import evolve
from self_evolution.models.ifd import Template, measure
from self_evolution.progress import Progress
from self_evolution.run.open import Request, open_run
from self_evolution.schedule import plan

DOCUMENTS = {
    "pumps.md": "# Pumps\n\nThe pump at North Station stops when alarm 4711 is raised.\n",
    "valves.md": "# Valves\n\nThe valve opens before the pump starts; the default rate is 250.\n",
    "alarms.md": "# Alarms\n\n## Reset\n\nThe operator resets alarm 4711 at the station.\n",
    "参数.md": "# 参数\n\n如何查询可用的加密套件集名称？使用命令查询参数的默认值即可完成操作。\n",
}
EXAM = [
    ("The pump stops on alarm 4711.", "Which alarm stops the pump?", "Alarm 4711."),
    ("", "What is the default rate?", "250"),
    ("", "如何查询参数？", "使用命令查询。"),
]
PAIRS = [("Which alarm stops the pump?", "Alarm 4711."), ("如何查询参数？", "使用命令查询。")]
SETTINGS = {
    "train.rehearsal": 0.0,
    "generations": 1,
    "model.device": "cpu",
    "model.batch_size": 8,
    "ask.per_fragment": 2,
    "ask.temperature": 1.0,
    "ask.max_tokens": 10,
    "answer.temperature": 1.0,
    "answer.max_tokens": 10,
    "check.enabled": False,  # the words are noise
    "train.rank": 4,
    "train.epochs": 6,  # with fewer steps, the noise of the words can hide that the loss falls
    "train.batch_size": 4,
    "train.learning_rate": 5e-3,
    "evaluate.abilities": 2,
    "evaluate.max_tokens": 8,
    "evaluate.resamples": 50,
    "promote.metric": "rouge-l",
}


def request_for(name: str, folder: Path) -> Request:
    (folder / "docs").mkdir()
    for file, text in DOCUMENTS.items():
        (folder / "docs" / file).write_text(text, encoding="utf-8")
    keys = ("instruction", "input", "output")
    items = [dict(zip(keys, item, strict=True)) for item in EXAM]
    (folder / "exam.json").write_text(json.dumps(items), encoding="utf-8")
    own = {"model.name": str(tiny.folder(name)), "evaluate.file": str(folder / "exam.json")}
    return Request("default", SETTINGS | own, (str(folder / "docs"),))


@pytest.mark.slow
@pytest.mark.parametrize("name", tiny.SIX)
def test_a_generation(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    request = request_for(name, tmp_path)
    with open_run(folder, request, Progress(quiet=True), new=True) as run:
        template = Template(run.engine, run.prompts)
        before = measure(run.engine, template, PAIRS, run.config.score, "base")
        evolve(run)
        after = measure(run.engine, template, PAIRS, run.config.score, "base")
        tuned = measure(run.engine, template, PAIRS, run.config.score, "current")

        assert all(run.ledger.stage_done(*step) for step in plan(1, run.config))
        tables = {table: list(lines) for table, lines in run.ledger.export()}
        (adapter,) = run.ledger.training.adapters()

    assert len(tables["question"]) == len(tables["answer"]) == 2 * len(DOCUMENTS)
    assert len(tables["selection"]) == adapter.examples >= 4
    assert adapter.last_loss < adapter.first_loss
    outcomes = {json.loads(line)["outcome"] for line in tables["score"]}
    assert "scored" in outcomes
    assert outcomes <= {"scored", "one_token"}
    # twice: closed, with search, and the one passage
    assert len(tables["prediction"]) == 2 * (2 * len(EXAM) + 1)
    assert [json.loads(line)["generation"] for line in tables["promotion"]] == [0, 1]

    assert [one.outcome for one in before] == ["scored", "scored"]
    for first, second, third in zip(before, after, tuned, strict=True):
        assert second[1:] == pytest.approx(first[1:], abs=1e-5)
        assert third.ifd != first.ifd

    left = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    files = ["adapter_config.json", "adapter_model.safetensors"]
    adapters = ["adapters", "adapters/gen-1", *(f"adapters/gen-1/{file}" for file in files)]
    assert [path for path in left if path.startswith("adapters")] == adapters
    assert {path.split("/")[0] for path in left} <= {"adapters", "recipe.yaml", "run.db"}
