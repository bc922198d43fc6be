"""The command line, parsed by argparse as the table of commands describes it.

Only the command that is named on the command line is described in full, so that `--help` answers at
once.
"""

from __future__ import annotations

import argparse
import functools
import shutil
import sys
from typing import Any, NoReturn

from self_evolution import __version__
from self_evolution.cli.command import Command
from self_evolution.cli.commands import ALIASES, COMMANDS
from self_evolution.errors import nearest

WIDEST = 100
"""The largest number of columns that help takes, also in a wide terminal."""

_EXAMPLES = """\
examples:
  self-evolution run --recipe embedded           try the loop on the miniature
  self-evolution run my-documents/ --model models/Qwen3-8B --run runs/night
  self-evolution status runs/night
"""


_SETTINGS = """\
Defaults are those of the recipe `default`. Settings can also be written in a
recipe file, as `section: {key: value}`. --help-all shows every setting.
"""


class _Parser(argparse.ArgumentParser):
    """A parser that reports an error in two lines, and accepts flags only in full."""

    def __init__(self, **options: Any) -> None:
        columns = min(shutil.get_terminal_size().columns, WIDEST)
        shape = functools.partial(
            argparse.RawDescriptionHelpFormatter, max_help_position=30, width=columns - 2
        )
        super().__init__(**options, allow_abbrev=False, formatter_class=shape)

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}\n`{self.prog} --help` lists what it takes", file=sys.stderr)
        raise SystemExit(2)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options of a command line; `overrides` has the settings that it gives, by flat
    key."""
    place = next((i for i, word in enumerate(arguments) if not word.startswith("-")), None)
    name = "" if place is None else ALIASES.get(arguments[place], arguments[place])
    if place is not None:
        arguments = [*arguments[:place], name, *arguments[place + 1 :]]
    parser = _Parser(
        prog="self-evolution",
        description="Private documents in, a small language model out that knows them.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("--version", action="version", version=f"self-evolution {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    known: list[str] = []
    for key, command in COMMANDS.items():
        sub = commands.add_parser(
            key, help=command.help, description=command.help + ".", usage=_usage(key, command)
        )
        sub.set_defaults(command=key, function=command.function)
        if key == name:
            known = _describe(sub, command, "--help-all" in arguments)
    if name and name not in COMMANDS:
        parser.error(f"unknown command `{name}`; {nearest(name, list(COMMANDS))}")
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        word = unknown[0].split("=")[0]
        _Parser(prog=f"self-evolution {name}").error(f"unknown {word}; {nearest(word, known)}")
    options.overrides = {
        key.removeprefix("set:"): value
        for key, value in vars(options).items()
        if key.startswith("set:")
    }
    return options


def _usage(name: str, command: Command) -> str:
    """The words and required flags of a command, without the optional ones."""
    words = ["self-evolution", name]
    for names, details in command.options:
        if details.get("required"):
            words += [names[0], details["metavar"]]
        elif not names[0].startswith("-"):
            many = {"*": "[{}…]", "+": "{}…", "?": "[{}]"}.get(details.get("nargs", ""), "{}")
            words.append(many.format(details["metavar"]))
    return " ".join([*words, "[options]"])


def _describe(parser: argparse.ArgumentParser, command: Command, everything: bool) -> list[str]:
    """Add all that a command takes; returns its flags."""
    for names, keywords in command.options:
        parser.add_argument(*names, **keywords)
    flags = [name for names, _ in command.options for name in names if name.startswith("--")]
    if command.common is not None:
        from self_evolution.cli import settings

        parser.epilog = _SETTINGS
        parser.add_argument("--help-all", action="help", help="show every setting, and exit")
        flags += settings.add(parser, command, everything)
    return flags
