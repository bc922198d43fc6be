"""Logging back ends are asked for before a run begins."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

from self_evolution.errors import UserError
from self_evolution.models.log_backends import BACK_ENDS, check_report_to


def test_every_back_end_of_the_trainer_is_known() -> None:
    ours = set(BACK_ENDS)
    assert set(INTEGRATION_TO_CALLBACK) - ours <= {"kubeflow"}  # it joins by itself, in a cluster


@pytest.mark.parametrize(
    ("name", "there", "said"),
    [
        ("tensorboard", set(), r"`pip install tensorboard`"),
        ("tensorboard", {"tensorboardX"}, ""),
        ("dagshub", {"dagshub"}, r"`pip install dagshub mlflow`"),
        ("comet_ml", {"comet_ml"}, ""),
        ("tensorbord", set(), r"no such back end; did you mean `tensorboard`"),
    ],
)
def test_a_back_end_needs_its_package(
    name: str, there: set[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda one: one if one in there else None)
    check_report_to(())
    if not said:
        check_report_to((name,))
    else:
        with pytest.raises(UserError, match=rf"--train\.report-to {name}: .*{said}"):
            check_report_to((name,))


def test_asking_is_cheap() -> None:
    code = (
        "import sys; from self_evolution.models.log_backends import check_report_to\n"
        "try: check_report_to(['no such one'])\n"
        "except Exception: pass\n"
        "assert not {'torch', 'transformers', 'peft'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
