"""The base class of the sections of settings, and the kinds of numbers in them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
TopP = Annotated[float, Field(gt=0.0, le=1.0)]
Points = Annotated[float, Field(ge=0.0, le=100.0)]
ShareBelowOne = Annotated[float, Field(ge=0.0, lt=1.0)]

StrategyName = Literal[
    "hard",
    "easy",
    "even",
    "random",
    "all",
    "none",
]
"""The names in `STRATEGIES`."""

MetricName = Literal[
    "exact-match",
    "token-f1",
    "bleu-4",
    "rouge-1",
    "rouge-2",
    "rouge-l",
    "sacrebleu",
    "chrf",
]
"""The names in `METRICS` of those that may decide a promotion.

A metric whose high scores are bad, or which copying the document raises, must not be among them.
"""


class Settings(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )
