"""Logging back ends are asked for before a run begins."""

from __future__ import annotations

import subprocess
import sys

import pytest
from transformers import integrations

from self_evolution.errors import UserError
from self_evolution.models.reporting import check_report_to


@pytest.mark.parametrize(
    ("name", "installed", "said"),
    [
        ("tensorboard", [], r"mostly by `pip install tensorboard` \(there is: none\)"),
        ("wandb", ["mlflow", "tensorboard"], r"\(there is: mlflow, tensorboard\)"),
        ("tensorbord", ["tensorboard"], r"no such back end; did you mean `tensorboard`"),
    ],
)
def test_a_back_end_that_is_not_there_is_refused(
    name: str, installed: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrations, "get_available_reporting_integrations", lambda: installed)
    with pytest.raises(UserError, match=rf"--train\.report-to {name}: .*{said}"):
        check_report_to([name])


def test_back_ends_that_are_installed_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    there = ["mlflow", "tensorboard"]
    monkeypatch.setattr(integrations, "get_available_reporting_integrations", lambda: there)
    check_report_to(there)


def test_a_run_without_back_ends_does_not_load_transformers_for_it() -> None:
    code = (
        "import sys; from self_evolution.models.reporting import check_report_to\n"
        "check_report_to(())\n"
        "assert not {'torch', 'transformers', 'peft'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
