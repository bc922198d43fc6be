"""A command that torchrun starts in several processes: the first one does the work of the command.

The others have nothing to do and end at once. `self-evolution run` is one process except in the
stage `train`, for which it starts as many processes as torchrun was told to start.
"""

from __future__ import annotations

import argparse
import os

from self_evolution.cli.commands import COMMANDS
from self_evolution.errors import UserError

_STARTED = "TORCHELASTIC_RUN_ID"
"""torchrun sets this variable for every process that it starts."""


def leads(options: argparse.Namespace) -> bool:
    """Whether this process does the work of the command.

    If torchrun has started it, `train.processes` becomes their number, unless the command line
    gives another one. Raises UserError if torchrun starts processes on several machines.
    """
    if _STARTED not in os.environ:
        return True
    if os.environ["RANK"] != "0":
        return False
    if os.environ["GROUP_WORLD_SIZE"] != "1":
        raise UserError(
            "torchrun starts processes on several machines, but a run trains on one machine; "
            "leave out --nnodes"
        )
    command = COMMANDS[options.command]
    if command.common is not None and (not command.sections or "train" in command.sections):
        options.overrides.setdefault("train.processes", os.environ["LOCAL_WORLD_SIZE"])

    from self_evolution.models.training.rank import LAUNCHERS

    for name in (*LAUNCHERS, _STARTED):  # a training in this process would wait for the others
        os.environ.pop(name, None)
    return True
