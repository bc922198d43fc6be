"""Models: their abilities (`protocols`), and the programs that run them (`engines`)."""

from self_evolution.models.engines import open_engine
from self_evolution.models.protocols import Engine, Generator, SamplingParams, Scorer, Weights
from self_evolution.models.reply import TOO_LONG, Reply
from self_evolution.models.training.job import TrainingJob

__all__ = [
    "TOO_LONG",
    "Engine",
    "Generator",
    "Reply",
    "SamplingParams",
    "Scorer",
    "TrainingJob",
    "Weights",
    "open_engine",
]
