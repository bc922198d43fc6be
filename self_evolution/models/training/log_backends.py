"""The logging back ends of transformers' Trainer (`train.report_to`)."""

from __future__ import annotations

from collections.abc import Sequence

from self_evolution.errors import UserError, nearest


def check_report_to(names: Sequence[str]) -> None:
    """Raises UserError if transformers does not know a back end, or its package is not installed.

    This is checked before a run begins: the Trainer would fail only after all pairs were made.
    """
    if not names:
        return
    from transformers.integrations import integration_utils

    callbacks = integration_utils.INTEGRATION_TO_CALLBACK
    for name in names:
        if name not in callbacks:
            raise UserError(
                f"--train.report-to {name}: no such back end; {nearest(name, list(callbacks))}"
            )
        if name not in integration_utils.get_available_reporting_integrations():
            raise UserError(
                f"--train.report-to {name}: its package is not installed; install it, usually with "
                f"`pip install {name.replace('_', '-')}`"
            )
