"""Logging back ends are asked for before a run begins."""

from __future__ import annotations

import subprocess
import sys

import pytest
from transformers.integrations import integration_utils

from self_evolution.errors import UserError
from self_evolution.models.training.log_backends import check_report_to


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integration_utils, "get_available_reporting_integrations", list)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wandb", "not installed; install it, usually with `pip install wandb`"),
        ("comet_ml", "`pip install comet-ml`"),
        ("tensorbord", r"no such back end; did you mean `tensorboard`\?"),
    ],
)
def test_a_back_end_that_is_not_there_is_told_by_its_flag(name: str, said: str) -> None:
    with pytest.raises(UserError, match=rf"^--train\.report-to {name}: .*{said}"):
        check_report_to((name,))


def test_a_back_end_that_is_there_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = ["wandb", "mlflow"]
    monkeypatch.setattr(
        integration_utils, "get_available_reporting_integrations", lambda: installed
    )
    check_report_to(("mlflow", "wandb"))
    with pytest.raises(UserError, match="trackio"):
        check_report_to(("mlflow", "trackio"))


def test_to_want_no_back_end_is_cheap() -> None:
    code = (
        "import sys; from self_evolution.models.training.log_backends import check_report_to\n"
        "check_report_to([])\n"
        "assert not {'torch', 'transformers', 'peft'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
