"""Routing: each question is answered from memory, from passages, or not at all."""

from self_evolution.serving.routing.logistic import Reliability
from self_evolution.serving.routing.marks import Mark
from self_evolution.serving.routing.router import (
    MEMORY,
    NOT_FOUND,
    NOTHING,
    PASSAGES,
    Pending,
    Routed,
    Router,
)

__all__ = [
    "MEMORY",
    "NOTHING",
    "NOT_FOUND",
    "PASSAGES",
    "Mark",
    "Pending",
    "Reliability",
    "Routed",
    "Router",
]
