"""The logging back ends of transformers' Trainer, and what each needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from self_evolution.errors import UserError, nearest

# name: (packages that must be there; "a|b" is either), (what to install)
BACK_ENDS = {
    "azure_ml": (("azureml",), "azureml-core"),
    "clearml": (("clearml",), "clearml"),
    "codecarbon": (("codecarbon",), "codecarbon"),
    "comet_ml": (("comet_ml",), "comet-ml"),
    "dagshub": (("dagshub", "mlflow"), "dagshub mlflow"),
    "dvclive": (("dvclive",), "dvclive"),
    "flyte": (("flytekit",), "flytekit"),
    "mlflow": (("mlflow",), "mlflow"),
    "neptune": (("neptune",), "neptune"),
    "swanlab": (("swanlab",), "swanlab"),
    "tensorboard": (("tensorboard|tensorboardX",), "tensorboard"),
    "trackio": (("trackio",), "trackio"),
    "wandb": (("wandb",), "wandb"),
}


def check_report_to(names: Sequence[str]) -> None:
    """Raises UserError if a back end of `train.report_to` is unknown or not installed.

    Asked before a run begins: the Trainer itself would say it only when all pairs are made.
    """
    for name in names:
        if name not in BACK_ENDS:
            raise UserError(
                f"--train.report-to {name}: no such back end; {nearest(name, list(BACK_ENDS))}"
            )
        packages, install = BACK_ENDS[name]
        if not all(map(_installed, packages)):
            raise UserError(
                f"--train.report-to {name}: its package is not installed; `pip install {install}`"
            )


def _installed(package: str) -> bool:
    return any(importlib.util.find_spec(name) is not None for name in package.split("|"))
