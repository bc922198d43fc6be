"""The command `self-evolution`: parse the command line, call a function, print errors.

Exit status 2 is a mistake of the user, 130 is Ctrl-C.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import shlex
import sys
import traceback
from pathlib import Path

from self_evolution.cli import parser, torchrun
from self_evolution.errors import Stopped, UserError

_FULL = "the disk is full: free some space and run the same command again; nothing is lost"


def _is_filter(options: argparse.Namespace) -> bool:
    """Whether the command turns files into files, so that nothing of its work is kept if it
    stops."""
    if options.command == "read":
        return bool(options.output)
    return options.function.startswith("filters.") and Path(options.source).is_file()


def program() -> int:
    """The command as a process of its own, which ends soon after its work.

    Python looks for garbage once more at the end of a process. In all that a model brings with it,
    this takes seconds, and frees nothing that is not freed a moment later anyway.
    """
    status = main()
    gc.freeze()
    return status


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    options = parser.parse([word for word in given if word != "--debug"])
    try:
        if not torchrun.leads(options):
            return 0
        module, _, function = options.function.partition(".")
        found = importlib.import_module(f"self_evolution.cli.{module}")
        status: int = getattr(found, function)(options)
        return status
    except UserError as error:
        if debug:
            traceback.print_exc()
        print(f"self-evolution: {error}", file=sys.stderr)
        return 2
    except (Stopped, KeyboardInterrupt):
        if _is_filter(options):
            print("stopped; nothing was written", file=sys.stderr)
            return 130
        again = "self-evolution " + shlex.join(given)
        print(f"stopped; what is done is kept. Go on with: {again}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except Exception as error:
        if debug:
            raise
        if "No space left" in str(error):  # an OSError, or what a library made of one
            print(f"self-evolution: {error}\n{_FULL}", file=sys.stderr)
            return 2
        print(
            f"self-evolution: unexpected {type(error).__name__}: {error}\n"
            "what is done is kept; run the same command with --debug to see where",
            file=sys.stderr,
        )
        return 1
