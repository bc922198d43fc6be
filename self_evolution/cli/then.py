"""The command that `run --then` starts when a run ends, whether it is complete, was stopped or
failed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from self_evolution.errors import Stopped


@contextmanager
def then(command: str | None, folder: Path) -> Iterator[None]:
    """Start `command` in a shell after the block, if there is one.

    The command finds in its environment SELF_EVOLUTION_RUN (the run's folder) and
    SELF_EVOLUTION_OUTCOME: `complete`, `stopped` (by Ctrl-C or SIGTERM) or `failed`. If the command
    itself fails, a message says so; the run and its exit status do not change.
    """
    outcome = "failed"
    try:
        yield
        outcome = "complete"
    except (Stopped, KeyboardInterrupt):
        outcome = "stopped"
        raise
    finally:
        if command:
            _start(command, folder, outcome)


def _start(command: str, folder: Path, outcome: str) -> None:
    sys.stdout.flush()
    told = {"SELF_EVOLUTION_RUN": str(folder.absolute()), "SELF_EVOLUTION_OUTCOME": outcome}
    try:
        # The user wrote this command for a shell, in the same call as everything else of the run.
        done = subprocess.run(command, shell=True, check=False, env=os.environ | told)
    except OSError as error:
        print(f"--then: {error.strerror}; the run is not touched by this", file=sys.stderr)
        return
    if done.returncode:
        print(
            f"--then: the command ended with status {done.returncode}; the run is not touched by "
            "this",
            file=sys.stderr,
        )
