"""A run on a tiny model that knows its questions by heart, so that an export has much to lose."""

from __future__ import annotations

import json
from pathlib import Path
from unittest import mock

from self_evolution.evolve import evolve
from self_evolution.progress import Progress
from self_evolution.run.open import Request, open_run

FACTS = {
    "Which alarm stops the pump?": "Alarm 4711.",
    "What is the default rate?": "250",
    "What resets the alarm?": "The operator.",
    "如何查询参数？": "使用命令查询。",
    "Where is the pump?": "North Station.",
    "What opens before the pump?": "The valve.",
}
SETTINGS = {
    "train.rehearsal": 0.0,
    "generations": 1,
    "model.device": "cpu",
    "model.batch_size": 8,
    "ask.per_fragment": 0,
    "check.enabled": False,
    "train.rank": 8,
    "train.epochs": 60,
    "train.batch_size": 6,
    "train.learning_rate": 2e-2,
    "evaluate.abilities": 0,
    "evaluate.max_tokens": 12,
    "evaluate.top_k": 0,
    "evaluate.resamples": 200,
    "promote.rule": "always",
    "promote.metric": "exact-match",
}
BOUND = 45.0
"""Points of loss that six questions can exclude."""


def learnt(model: Path, folder: Path, **settings: object) -> Path:
    """A run in `folder/run` whose generation 1 was trained on its own test questions."""
    pairs = [{"question": question, "answer": answer} for question, answer in FACTS.items()]
    items = [
        {"instruction": "", "input": question, "output": answer, "values": [answer]}
        for question, answer in FACTS.items()
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "exam.json").write_text(json.dumps(items), encoding="utf-8")
    lines = "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs)
    (folder / "pairs.jsonl").write_text(lines, encoding="utf-8")
    own = {
        "model.name": str(model),
        "evaluate.file": str(folder / "exam.json"),
        "ask.pairs": str(folder / "pairs.jsonl"),
    }
    request = Request("default", SETTINGS | own | settings, ())
    # The stage that keeps test questions out of training is left out on purpose here.
    with (
        mock.patch("self_evolution.stages.check.ContaminationCheck.match", lambda *_: None),
        open_run(folder / "run", request, Progress(quiet=True), new=True) as run,
    ):
        evolve(run)
    return folder / "run"
