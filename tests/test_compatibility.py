"""The settings that may change in a run that has begun, and how."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from self_evolution.config import Config, fields
from self_evolution.errors import UserError
from self_evolution.run.compatibility import CHANGES, Change, of_settings


def test_the_table_names_settings_and_sections() -> None:
    keys = {key for key, _ in fields()}
    sections = {key.partition(".")[0] for key in keys if "." in key}
    assert set(CHANGES) <= keys | sections


@pytest.mark.parametrize(
    ("key", "before", "after", "change"),
    [
        ("generations", 2, 5, "free"),
        ("read.workers", 1, 2, "free"),
        ("evaluate.judge", "", "base", "free"),
        ("train.report_to", [], ["tensorboard"], "free"),
        ("read.documents", ["a"], ["b"], "free"),  # the documents themselves are compared
        ("train.steps", [10], [10, 20], "free"),  # it only goes on
        ("train.steps", [10], [20], "accepted"),
        ("train.samples", [], [20], "accepted"),
        ("ask.temperature", 0.5, 0.6, "accepted"),
        ("select.k", 10, 20, "accepted"),
        ("train.rehearsal", 0.1, 0.2, "accepted"),
        ("promote.patience", 2, 3, "accepted"),
        ("seed", 0, 1, "fixed"),
        ("read.limit", 0, 9, "fixed"),
        ("train.rank", 8, 16, "fixed"),
        ("train.rehearsal_file", "", "a.jsonl", "fixed"),
        ("evaluate.top_k", 3, 0, "fixed"),
        ("evaluate.choice", 0.5, 0, "fixed"),
        ("model.name", "a", "b", "fixed"),
        ("split.max_tokens", 512, 256, "fixed"),
    ],
)
def test_a_change(key: str, before: object, after: object, change: Change) -> None:
    old, new = Config().changed({key: before}), Config().changed({key: after})
    for accept in (False, True):
        refused = change == "fixed" or (change == "accepted" and not accept)
        expected = pytest.raises(UserError, match=key) if refused else contextlib.nullcontext()
        with expected:
            of_settings(Path("run"), old, new, accept, begun=True)


@pytest.mark.parametrize("key", ["model.name", "split.max_tokens"])
def test_model_and_splitting_may_change_until_something_is_made_with_them(key: str) -> None:
    of_settings(Path("run"), Config(), Config().changed({key: "7"}), accept=False, begun=False)
