"""The base of the models of results.json.

A model is made from any object that has the attributes of its fields.
"""

from __future__ import annotations

from typing import Any

from pydantic import AliasPath, BaseModel, ConfigDict, Field


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True, use_attribute_docstrings=True)


def of(*path: str) -> Any:
    """A field that is taken from an attribute of an attribute."""
    return Field(validation_alias=AliasPath(path[0], *path[1:]))


class Interval(Model):
    """A mean in percent, or a difference in points, of n items, with its 95% interval."""

    mean: float
    low: float
    high: float
    n: int


class PairedDifference(Interval):
    """`p`: two-sided, of no difference."""

    p: float
