"""Which replies of a probe a run would use: its own checks judge them."""

from __future__ import annotations

import time
from itertools import pairwise

from self_evolution.evaluation import abilities, candidates
from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.evaluation.metrics import METRICS
from self_evolution.evaluation.pair_checks import Case, first_objection
from self_evolution.forecast.asking import Asking, Round
from self_evolution.forecast.sample import Sample, Tally
from self_evolution.records import Candidate, Fragment, Pair
from self_evolution.run import Run


def judge(run: Run, asking: Asking, found: Round, sample: Sample) -> None:
    """Count in `sample` what was taken, and the reasons against the rest.

    Replies that the probe cut off say nothing, and are not counted.
    """
    contamination = ContaminationCheck(run.ledger.items.all())
    checked, start = 0, time.process_time()
    for one, asked, answer in zip(found.wanted, found.asked, found.answered, strict=True):
        if asking.was_cut("ask", asked) or asking.was_cut("answer", answer):
            continue
        finish = answer.finish_reason
        pair = Pair("", 1, one.id, asked.text, answer.text, finish, one.askable, one.language)
        match = contamination.match(asked.text, answer.text, one.askable)
        case = Case(
            pair,
            asked.finish_reason,
            run.prompts.profile(one.language),
            run.prompts.wanted(one.language),
            run.config.check,
        )
        reason, _ = first_objection(case, set(), match)
        _count(sample, sample.pairs, reason)
        checked += 1
    if checked:
        sample.other.check = (time.process_time() - start) / checked
    _candidates(run, asking, found, sample)
    _abilities(run, asking, found, sample)
    _scoring(found, sample)


def _candidates(run: Run, asking: Asking, found: Round, sample: Sample) -> None:
    whole = [
        (one, asked, answers)
        for one, asked, answers in zip(found.tested, found.exams, found.exam_answers, strict=True)
        if not asking.was_cut("exam", asked)
        and not any(asking.was_cut("exam answer", reply) for reply in answers)
    ]
    fragments: list[Fragment] = [one for one, _, _ in whole]
    places = {one.id: i for i, one in enumerate(fragments)}
    asked, answers = [asked for _, asked, _ in whole], [replies for _, _, replies in whole]
    for row in candidates.judged(run, "seen", fragments, asked, answers, places):
        _take(sample, sample.candidates, row)


def _abilities(run: Run, asking: Asking, found: Round, sample: Sample) -> None:
    whole = [
        (topic, asked, answers)
        for topic, asked, answers in zip(
            found.topics, found.skills, found.skill_answers, strict=True
        )
        if not asking.was_cut("skill", asked)
        and not any(asking.was_cut("skill answer", reply) for reply in answers)
    ]
    topics = [topic for topic, _, _ in whole]
    asked, answers = [asked for _, asked, _ in whole], [replies for _, _, replies in whole]
    language = run.ledger.fragments.main_language()
    places = dict.fromkeys(topics, 0)
    for row in abilities.judged(run, language, topics, asked, answers, places):
        _take(sample, sample.abilities, row)


def _take(sample: Sample, tally: Tally, row: Candidate) -> None:
    _count(sample, tally, row.reason)


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
