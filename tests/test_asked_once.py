"""What a model has answered is not asked again: prompts of an evaluation that are the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import FACTS, rows

from self_evolution import cli
from self_evolution.models import Reply
from self_evolution.models.scripted import ScriptedEngine

Arguments = Callable[..., list[str]]


def asked(
    arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temperature: str
) -> Counter[str]:
    """How often each prompt was put in the evaluations of two generations, by its text."""
    path = tmp_path / "passages.jsonl"
    items = [
        {
            "instruction": f"The {key} of {thing} is {value}. It is checked every morning.",
            "input": f"Tell me the {key} of {thing}?",
            "output": f"The {key} of {thing} is {value}.",
        }
        for key, thing, value in FACTS
    ]
    path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    found: Counter[str] = Counter()
    generate = ScriptedEngine.generate

    def counting(self: ScriptedEngine, prompts: Sequence[Any], *rest: Any) -> list[Reply]:
        if rest[2] == "current":
            found.update(messages[-1]["content"] for messages in prompts)
        return generate(self, prompts, *rest)

    monkeypatch.setattr(ScriptedEngine, "generate", counting)
    words = ["--generations", "1", "--eval", str(path), "--evaluate.top-k", "1"]
    assert cli.main(arguments("run", *words, "--evaluate.temperature", temperature)) == 0
    return found


def test_the_right_passage_found_by_the_search_is_not_asked_about_again(
    arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = asked(arguments, tmp_path, monkeypatch, "0")
    assert set(found.values()) == {2}  # of the base, and of generation 1
    found_rows = rows(tmp_path / "run", "prediction")
    predictions = {(row["item_id"], row["mode"]): row for row in found_rows if row["generation"]}
    assert len(predictions) == 3 * len(FACTS)
    for (item, mode), row in predictions.items():
        if mode == "open":
            assert row["text"] == predictions[item, "retrieved"]["text"] and not row["sources"]


def test_answers_that_are_drawn_are_drawn_for_each_prompt(
    arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 4 in asked(arguments, tmp_path, monkeypatch, "0.5").values()
