"""The flags of settings, made from the fields of the configuration."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from pydantic.fields import FieldInfo

from self_evolution import config
from self_evolution.cli.command import Command
from self_evolution.config.earlier import EARLIER

WORDS = {
    "model.name": "MODEL",
    "model.generator": "URL",
    "model.device": "DEVICE",
    "model.chat_template": "FILE",
    "cluster.address": "ADDRESS",
    "domain.name": "TEXT",
    "domain.description": "TEXT",
    "domain.language": "CODE",
    "domain.prompts": "NAME|FILE",
    "ask.pairs": "FILE",
    "ask.teacher": "MODEL",
    "score.template": "FILE",
    "train.rehearsal_file": "FILE",
    "evaluate.file": "FILE",
    "evaluate.retention_file": "FILE",
    "evaluate.judge": "MODEL",
}
"""{setting: the word for its value in the help}, where the value is a text; elsewhere NAME."""

LONGEST_CHOICES = 50
"""Characters of choices that stand beside a flag; longer lists of choices stand in its help."""


def add(parser: argparse.ArgumentParser, command: Command, everything: bool) -> list[str]:
    """Add a flag for each setting that `command` takes, and return the flags.

    Its help shows the common settings of the command, or `everything`.
    """
    fields = {key: field for key, field in config.fields() if _takes(command, key)}
    titles = _titles(fields, command, everything)
    groups = {title: parser.add_argument_group(title) for title in titles.values()}
    flags = []
    for key in (*titles, *(key for key in fields if key not in titles)):
        field, long, short = fields[key], _flag(key), command.short.get(key)
        helps: dict[str, str] = {}
        if everything:
            helps = {long: _help(field), short or "": f"Short for {long}."}
        elif key in titles:
            helps = {short or long: _help(field)}
        for flag in filter(None, (long, short)):
            flags.append(flag)
            groups.get(titles.get(key, ""), parser).add_argument(
                flag,
                dest=f"set:{key}",
                default=argparse.SUPPRESS,
                metavar=_metavar(key, field),
                type=_split if isinstance(field.default, tuple) else str,
                help=helps.get(flag, argparse.SUPPRESS).replace("%", "%%"),
            )
    for key in EARLIER:
        if key not in fields and _takes(command, key):
            hidden, dest = argparse.SUPPRESS, f"set:{key}"
            parser.add_argument(_flag(key), dest=dest, default=hidden, help=hidden)
    return flags


def _takes(command: Command, key: str) -> bool:
    section = key.rpartition(".")[0]
    return key not in ("recipe", "read.documents") and (
        not command.sections or section in command.sections
    )


def _titles(fields: Iterable[str], command: Command, everything: bool) -> dict[str, str]:
    """Return {setting: title of its group} of the settings that help shows, in the order in which
    it shows them."""
    if everything:
        return {key: f"{key.rpartition('.')[0] or 'loop'} settings" for key in fields}
    return {
        key: title
        for title, names in (command.common or {}).items()
        for name in names
        for key in fields
        if key == name or key.startswith(f"{name}.")
    }


def _flag(key: str) -> str:
    return "--" + key.replace("_", "-")


def _help(field: FieldInfo) -> str:
    """The setting's docstring and its default; an empty default is explained by the docstring."""
    text = field.description or ""
    choices = _choices(field)
    if len("|".join(choices)) > LONGEST_CHOICES:
        text += f" Choices: {', '.join(choices)}."
    default = str(field.default).lower() if isinstance(field.default, bool) else field.default
    return f"{text} (default: {default})" if default not in ("", ()) else text


def _metavar(key: str, field: FieldInfo) -> str:
    choices = "|".join(_choices(field))
    if choices and len(choices) <= LONGEST_CHOICES:
        return choices
    if isinstance(field.default, tuple):
        return "A,B,…"
    names: dict[Any, str] = {int: "N", float: "X", bool: "true|false"}
    return names.get(field.annotation, WORDS.get(key, "NAME"))


def _choices(field: FieldInfo) -> list[str]:
    """The words that a setting accepts; none for numbers, names and lists."""
    found = getattr(field.annotation, "__args__", ())
    return [one for one in found if isinstance(one, str)]


def _split(text: str) -> list[str]:
    return [part for part in text.split(",") if part]
