"""What can be said on the command line. Only the settings of a command that takes them are built,

so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, NamedTuple, NoReturn

from self_evolution import __version__
from self_evolution.errors import nearest
from self_evolution.schedule import STAGES


class Command(NamedTuple):
    """A command: what it is for, who does it, and whether it takes the settings of a run."""

    help: str
    module: str
    function: str
    settings: bool = False


# Stages whose command does more than that stage.
_DONE_BY = {
    "read": ("runs", "read"),
    "score": ("filters", "score"),
    "select": ("filters", "select"),
}

COMMANDS = {
    "run": Command("documents in, a tuned and evaluated model out", "runs", "run", True),
    "status": Command("how far a run is, and what it found", "runs", "status"),
    "inspect": Command("how the documents of a run were read and split", "inspect", "inspect"),
    "review": Command("the test questions as a file to edit, and back", "review", "review"),
    "report": Command("write a run's report again", "runs", "report"),
    "export": Command("all rows of a run as JSON lines, a file a table", "runs", "export"),
    "compare": Command("runs on the same questions, with intervals", "compare", "compare"),
    "ablate": Command("variants of a run with several seeds, compared", "ablate", "ablate", True),
    "metrics": Command("score a file of predictions against references", "filters", "metrics"),
} | {
    stage.name: Command(f"stage: {stage.help}", *_DONE_BY.get(stage.name, ("runs", "stage")), True)
    for stage in STAGES.values()
}

# Short names of settings, by command.
SHORT = {
    "run": {
        "--model": "model.name",
        "--eval": "evaluate.file",
        "--limit": "read.limit",
        "--against": "evaluate.against",
        "--judge": "evaluate.judge",
    },
    "score": {"--model": "model.name"},
    "select": {"--strategy": "select.strategy", "--k": "select.k"},
}
SHORT["read"] = SHORT["ablate"] = SHORT["run"]

# Settings that have a short name and are lists.
LISTS = {"evaluate.against"}

# Commands that take some sections of the settings only.
OWN = {"score": ("model", "domain", "score"), "select": ("", "select")}

_EPILOG = """\
examples:
  self-evolution run --recipe embedded                 try the loop on the miniature that ships
  self-evolution run docs/ --model ~/models/Qwen3-8B --eval questions.jsonl --run runs/night
  self-evolution status runs/night
"""


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}\n`{self.prog} --help` lists what it takes", file=sys.stderr)
        raise SystemExit(2)


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of a command line; `overrides` holds the settings it gives, by flat key."""
    name = next((word for word in arguments if not word.startswith("-")), "")
    parser = _Parser(
        prog="self-evolution",
        description="Private documents in, a small language model that knows them out.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"self-evolution {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for key, command in COMMANDS.items():
        sub = commands.add_parser(key, help=command.help, description=command.help + ".")
        sub.set_defaults(command=key, module=command.module, function=command.function)
        if key == name:
            _describe(sub, key, command)
    if name and name not in COMMANDS:
        parser.error(f"unknown command `{name}`; {nearest(name, list(COMMANDS))}")
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        word = unknown[0].split("=")[0]
        known = [flag for flag in _flags(commands.choices[name]) if len(flag) > 2]
        _Parser(prog=f"self-evolution {name}").error(f"unknown {word}; {nearest(word, known)}")
    options.overrides = {
        key.removeprefix("set:"): value
        for key, value in vars(options).items()
        if key.startswith("set:")
    }
    return options


def _describe(parser: argparse.ArgumentParser, name: str, command: Command) -> None:
    add = parser.add_argument
    if name in ("run", "read"):
        add("documents", nargs="*", metavar="DOCS", help="files, folders and patterns to read")
        add("--run", metavar="FOLDER", help="the run's folder (runs/RECIPE)")
        add("--recipe", metavar="NAME|FILE", default="", help="default, paper, embedded, or YAML")
        if name == "read":
            add("-o", "--output", metavar="FILE", help="no run, but fragments as JSON lines")
            add("--again", action="store_true", help="read once more what could not be read")
    elif name == "ablate":
        known = "a recipe (its name, or a YAML file), then files and folders to read"
        add("documents", nargs="*", metavar="RECIPE DOCS", help=known)
        add("--recipe", metavar="NAME|FILE", default="", help="the recipe, if not the first word")
        known = "a setting and its values; the first is what the others are held against"
        add("--vary", metavar="KEY=A,B,…", action="append", required=True, help=known)
        add("--seeds", type=int, default=5, metavar="N", help="runs of each variant (5)")
        known = "what is made equal to the first variant, by generation and seed (steps)"
        add("--match", choices=("steps", "samples", "nothing"), default="steps", help=known)
        add("--run", metavar="FOLDER", help="where all runs go (runs/ablation-RECIPE)")
    elif name in ("score", "select"):
        add("source", metavar="RUN|FILE", help="a run's folder, or a JSONL file of pairs")
        add("-o", "--output", metavar="FILE", help="for a file: where to write (standard output)")
    elif name == "metrics":
        add("source", metavar="FILE", help='JSONL of {"prediction", "reference"}')
        add(
            "--resamples", type=int, default=10_000, metavar="N", help="bootstrap resamples (10000)"
        )
        add("--seed", type=int, default=0, metavar="N", help="seed of the bootstrap (0)")
    elif name == "compare":
        add(
            "sources",
            nargs="+",
            metavar="RUN",
            help="all against the first; one: against its rivals",
        )
        known = "of each run: leader, last, or a number (leader)"
        add("--generation", metavar="leader|last|N", default="leader", help=known)
        add("-o", "--output", metavar="FILE", help="write the comparison as JSON too")
    else:
        add("source", metavar="RUN", help="the run's folder")
    if name == "inspect":
        add("document", nargs="?", metavar="DOCUMENT", help="its path, or a part of that")
    if name == "review":
        add("-o", "--output", metavar="FILE", help="where to write JSON lines (standard output)")
        add("--import", dest="imported", metavar="FILE", help="take the edited lines back")
    if name == "export":
        add("-o", "--output", metavar="FOLDER", required=True, help="where to write")
    for flag, key in SHORT.get(name, {}).items():
        known = f"short for --{key.replace('_', '-')}"
        type = _split if key in LISTS else str
        add(flag, dest=f"set:{key}", default=argparse.SUPPRESS, metavar="…", type=type, help=known)
    if command.settings:
        add("--accept-change", action="store_true", help="go on with changed settings or documents")
        _add_settings(parser, OWN.get(name))


def _add_settings(parser: argparse.ArgumentParser, sections: tuple[str, ...] | None) -> None:
    """A flag for each setting, or for those of `sections` only ("" is the loop's own)."""
    from self_evolution import config

    defaults = config.Config().flat()
    groups: dict[str, Any] = {}
    for key, field in config.fields():
        section = key.rpartition(".")[0]
        if key in ("recipe", "read.documents") or (sections and section not in sections):
            continue
        if section not in groups:
            groups[section] = parser.add_argument_group(f"{section or 'loop'} settings")
        default = defaults[key]
        shown = ", ".join(default) if isinstance(default, list) else str(default)
        groups[section].add_argument(
            "--" + key.replace("_", "-"),
            dest=f"set:{key}",
            default=argparse.SUPPRESS,
            metavar=_metavar(field.annotation),
            type=_split if isinstance(default, list) else str,
            help=f"{field.description or ''} ({shown or 'none'})".replace("%", "%%"),
        )


def _split(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _metavar(annotation: Any) -> str:
    choices = getattr(annotation, "__args__", None)
    if choices and all(isinstance(choice, str) for choice in choices):
        return "|".join(choices)
    names = {int: "N", float: "X", bool: "true|false", str: "TEXT"}
    return names.get(annotation, "A,B" if choices else "X")


def _flags(parser: argparse.ArgumentParser) -> list[str]:
    return [flag for action in parser._actions for flag in action.option_strings]
