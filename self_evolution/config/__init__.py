"""The configuration of a run: settings in sections, read from a recipe and the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import PositiveInt, ValidationError
from pydantic.fields import FieldInfo

from self_evolution.config.earlier import translated
from self_evolution.config.evaluation import Evaluate, Promote
from self_evolution.config.pairs import Answer, Ask, Check, Rehearse
from self_evolution.config.sections import Cluster, Domain, Model, Read, Score, Select, Split
from self_evolution.config.training import Train
from self_evolution.config.types import Settings
from self_evolution.errors import UserError, nearest

__all__ = [
    "COMMAND_LINE",
    "RECIPES",
    "Answer",
    "Ask",
    "Check",
    "Cluster",
    "Config",
    "Domain",
    "Evaluate",
    "Model",
    "Promote",
    "Read",
    "Score",
    "Select",
    "Split",
    "Train",
    "dump",
    "fields",
    "load",
    "parse",
]

COMMAND_LINE = "the command line"
RECIPES = Path(__file__).parents[1] / "recipes"


class Config(Settings):
    recipe: str = "default"
    """Name of the recipe that the settings come from."""
    seed: int = 0
    """Number from which every random choice follows."""
    generations: PositiveInt = 5
    """Rounds of asking, answering, training and evaluating."""
    model: Model = Model()
    cluster: Cluster = Cluster()
    domain: Domain = Domain()
    read: Read = Read()
    split: Split = Split()
    rehearse: Rehearse = Rehearse()
    ask: Ask = Ask()
    answer: Answer = Answer()
    check: Check = Check()
    score: Score = Score()
    select: Select = Select()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    promote: Promote = Promote()

    def flat(self) -> dict[str, Any]:
        """{"train.learning_rate": 0.0002, …} in the order of definition, with JSON values."""
        values: dict[str, Any] = {}
        for name, value in self.model_dump(mode="json").items():
            if isinstance(value, dict):
                values |= {f"{name}.{inner}": one for inner, one in value.items()}
            else:
                values[name] = value
        return values

    def changed(self, values: dict[str, Any]) -> Config:
        """Return a copy with these flat `values`, such as {"select.k": "100"}. A text is converted
        to the type of its setting."""
        nested = self.model_dump(mode="json")
        for key, value in values.items():
            section, _, name = key.rpartition(".")
            (nested[section] if section else nested)[name] = value
        return parse(nested, COMMAND_LINE)


def fields() -> Iterator[tuple[str, FieldInfo]]:
    """Every setting as ("train.learning_rate", field), in the order of definition."""
    for name, field in Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            for inner, inner_field in field.annotation.model_fields.items():
                yield f"{name}.{inner}", inner_field
        else:
            yield name, field


def parse(values: Any, origin: str) -> Config:
    """Return the settings of nested values, which an earlier version may have written.

    Raises UserError that names the key, the value and what was expected.
    """
    if not isinstance(values, dict):
        raise UserError(f"{origin}: expected settings as `section: {{key: value}}`")
    try:
        return Config.model_validate(translated(values, origin))
    except ValidationError as error:
        raise UserError("\n".join(_explain(origin, one) for one in error.errors())) from None


def load(recipe: str) -> Config:
    """The recipe of that name, or in that YAML file. Raises UserError if there is none."""
    shipped = {path.stem: path for path in sorted(RECIPES.glob("*.yaml"))}
    path = shipped.get(recipe, Path(recipe))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UserError(
            f"--recipe {recipe}: no such recipe or readable file; shipped: {', '.join(shipped)}"
        ) from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    values = {} if values is None else values
    if isinstance(values, dict):
        values.setdefault("recipe", path.stem)
    return parse(values, str(path))


def dump(config: Config) -> str:
    """The whole configuration as YAML that `load` reads back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _explain(origin: str, error: Any) -> str:
    path = [str(part) for part in error["loc"]]
    key = ".".join(path)
    if error["type"] == "extra_forbidden":
        known = [name for name, _ in fields()]
        if len(path) == 1:
            close = nearest(key, list(Config.model_fields))
        else:
            close = nearest(key, [name for name in known if name.startswith(path[0] + ".")])
        return f"{origin}: unknown setting `{key}`; {close}"
    if origin == COMMAND_LINE:
        origin, key = "", "--" + key.replace("_", "-")
    expected = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{origin}{': ' if origin else ''}{key} {error['input']!r}: expected {expected}"
