"""Promote: does this generation take the lead? The leader is served, never just the last one."""

from __future__ import annotations

from self_evolution.records import Promotion
from self_evolution.run import Run
from self_evolution.stages.outcome import Outcome


def promote(run: Run, generation: int) -> Outcome:
    there = [row for row in run.ledger.promotions() if row.generation == generation]
    if not there:
        there = [Promotion(generation, *_verdict(run, generation))]
        run.ledger.add(there)
    promoted, reason = there[0].promoted, there[0].reason
    return Outcome(1, f"{'takes the lead' if promoted else 'not promoted'}: {reason}")


def _verdict(run: Run, generation: int) -> tuple[bool, str]:
    if generation == 0:
        return True, "the base, which every generation is measured against"
    if run.config.promote.rule == "always":
        return True, "rule: always"
    metric = run.ledger.deciding_metric(run.config.promote.metric)
    scores = {
        row.generation: row.mean
        for row in run.ledger.evaluations()
        if (row.suite, row.mode, row.metric) == ("domain", "closed", metric)
    }
    if generation not in scores:
        return True, "taken on trust: there is no evaluation set"
    leader = max(row.generation for row in run.ledger.promotions() if row.promoted)
    mine, best = scores[generation], scores[leader]
    return mine > best, f"closed-book {metric} {mine:.1f}, leader generation {leader} {best:.1f}"
