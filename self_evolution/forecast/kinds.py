"""The kinds of replies that a run needs: what is asked, with which settings, and by whom."""

from __future__ import annotations

from typing import NamedTuple

from self_evolution.config import Config
from self_evolution.evaluation.abilities import VARIETY
from self_evolution.evaluation.building import TEMPERATURE, builds
from self_evolution.evaluation.prompts import sampling
from self_evolution.models import SamplingParams

ASKED = ("ask", "exam", "skill", "topic", "template")
"""Kinds of questions. All other kinds are answers."""

BY_AUTHOR = ("ask", "answer", "rewrite", "exam", "exam answer")
"""What a teacher writes, if there is one."""


class Kinds(NamedTuple):
    """{kind: how its tokens are chosen}; those that this run does not need are left out."""

    params: dict[str, SamplingParams]

    @property
    def most(self) -> dict[str, int]:
        """{kind: tokens of its longest reply}."""
        return {kind: params.max_tokens for kind, params in self.params.items()}


def kinds(settings: Config) -> Kinds:
    """All kinds of replies in a run with these settings."""
    ask, answer, rehearse = settings.ask, settings.answer, settings.rehearse
    asking = SamplingParams(ask.temperature, ask.top_p, ask.max_tokens)
    answering = SamplingParams(answer.temperature, answer.top_p, answer.max_tokens)
    agreeing = SamplingParams(TEMPERATURE, answer.top_p, answer.max_tokens)
    greedy = SamplingParams(0.0, 1.0, answer.max_tokens)
    found = {"ask": asking, "answer": answering}
    if ask.rewrites:
        found["rewrite"] = answering
    if builds(settings):
        found |= {"exam": asking, "exam answer": agreeing}
    if settings.evaluate.abilities:
        evaluate = settings.evaluate
        found["skill"] = SamplingParams(VARIETY, ask.top_p, ask.max_tokens)
        found["skill answer"] = SamplingParams(TEMPERATURE, evaluate.top_p, evaluate.max_tokens)
    if settings.train.rehearsal and any(rehearse.counts().values()):
        varied = SamplingParams(rehearse.temperature, ask.top_p, ask.max_tokens)
        found |= {"topic": varied, "topic answer": greedy}
        found |= {"template": varied, "template answer": greedy}
    predicted = sampling(settings.evaluate)
    found |= dict.fromkeys(("closed", "retrieved", "open", "former"), predicted)
    return Kinds(found)
