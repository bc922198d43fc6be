"""Which replies of a probe a run would use: its own checks judge them."""

from __future__ import annotations

import time
from itertools import pairwise

from self_evolution.evaluation import abilities, candidates
from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.evaluation.metrics import METRICS
from self_evolution.evaluation.pair_checks import Case, first_objection
from self_evolution.forecast.asking import Round
from self_evolution.forecast.sample import Sample, Tally
from self_evolution.records import Pair
from self_evolution.run import Run


def judge(run: Run, found: Round, sample: Sample) -> None:
    """Count in `sample` what was taken, and the reasons against the rest."""
    contamination = ContaminationCheck(run.ledger.items.all())
    start = time.process_time()
    for one, asked, answer in zip(found.wanted, found.asked, found.answered, strict=True):
        finish = answer.finish_reason
        pair = Pair("", 1, one.id, asked.text, answer.text, finish, one.askable, one.language)
        match = contamination.match(asked.text, answer.text, one.askable)
        case = Case(
            pair,
            asked.finish_reason,
            run.prompts.profile(one.language),
            run.prompts.wanted(one.language),
            run.config.check,
            heading=" > ".join(one.heading),
        )
        reason, _ = first_objection(case, set(), match)
        _count(sample, sample.pairs, reason)
    if found.asked:
        sample.other.check = (time.process_time() - start) / len(found.asked)
    places = {one.id: i for i, one in enumerate(found.tested)}
    for row in candidates.judged(
        run, "seen", found.tested, found.exams, found.exam_answers, places
    ):
        _count(sample, sample.candidates, row.reason)
    language = run.ledger.fragments.main_language()
    topics = dict.fromkeys(found.topics, 0)
    for row in abilities.judged(
        run, language, found.topics, found.skills, found.skill_answers, topics
    ):
        _count(sample, sample.abilities, row.reason)
    _scoring(found, sample)


def _count(sample: Sample, tally: Tally, reason: str | None) -> None:
    tally.of += 1
    tally.taken += reason is None
    if reason:
        sample.reasons[reason] += 1


def _scoring(found: Round, sample: Sample) -> None:
    """Measure what it costs to score an answer by all metrics, with one that is like it."""
    replies = [reply.text for reply in found.answered if reply.text]
    if len(replies) < 2:
        return
    for metric in METRICS.values():  # once, so that its libraries are loaded
        metric.score(replies[0], replies[1], question="", values=None)
    start = time.process_time()
    for text, other in pairwise(replies):
        for metric in METRICS.values():
            metric.score(text, other, question="", values=None)
    sample.other.score = (time.process_time() - start) / (len(replies) - 1)
