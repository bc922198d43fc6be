"""The logging back ends of transformers' Trainer."""

from __future__ import annotations

from collections.abc import Sequence

from self_evolution.errors import UserError, nearest


def check_report_to(names: Sequence[str]) -> None:
    """Raises UserError if a back end of `train.report_to` is unknown or not installed.

    It is called before a run begins. The Trainer itself finds out only when it trains, after all
    pairs were made.
    """
    if not names:
        return
    from transformers import integrations

    installed = integrations.get_available_reporting_integrations()
    for name in names:
        known = list(integrations.INTEGRATION_TO_CALLBACK)
        if name not in known:
            raise UserError(f"--train.report-to {name}: no such back end; {nearest(name, known)}")
        if name not in installed:
            raise UserError(
                f"--train.report-to {name}: transformers finds no package for it here; install it, "
                f"mostly by `pip install {name}` (there is: {', '.join(installed) or 'none'})"
            )
