"""The stage `check` keeps a pair, or rejects it with a reason that is counted and kept."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from self_evolution.evaluation import contradictions
from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.evaluation.corrections.judging import Contradictions
from self_evolution.evaluation.pair_checks import Case, first_objection, key
from self_evolution.ledger import FileRow
from self_evolution.records import Contradiction, Likeness, Verdict
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome, describe_kept

PAIRS_A_BATCH = 256


def check(run: Run, generation: int) -> Outcome:
    """Keep or reject all pairs of the generation that have no verdict yet, then find
    contradictions."""
    # Trusted pairs first: of a trusted pair and a generated one that are equal, the first is kept.
    # Pairs about the same fragment stand together, so that it is taken apart only once.
    queues = {
        origin: run.ledger.queue(
            run.ledger.pairs.by_fragment(generation, origin), run.ledger.pairs.checked(generation)
        )
        for origin in ("trusted", "generated")
    }
    # Both sets are rebuilt from the ledger, so an interrupted stage goes on with the same verdicts.
    seen = {key(*texts) for texts in run.ledger.pairs.kept_texts(before=generation + 1)}
    contamination = ContaminationCheck(run.ledger.items.all())
    corrections = Contradictions(run.ledger.corrections.live())
    batches = chain.from_iterable(
        run.batches("check", generation, "pairs", queue, PAIRS_A_BATCH, title=title)
        for title, queue in zip(("check own", ""), queues.values(), strict=True)
    )
    for ids, _ in batches:
        found: list[Verdict | Likeness] = []
        for case in _cases(run, ids):
            pair = case.pair
            match = contamination.leak(pair.turns, pair.fragment) or contamination.match(
                pair.question, pair.answer, pair.fragment
            )
            reason, detail = first_objection(case, seen, match)
            if reason is None and pair.origin == "generated":
                contrary = corrections.find(pair.question, pair.answer)
                if contrary:
                    reason, detail = "corrected", f"correction {contrary.position} says otherwise"
            found.append(Verdict(pair.answer_id, reason, detail))
            if reason is None:
                seen.add(key(pair.question, pair.answer))
                if match:
                    found.append(Likeness(pair.answer_id, match.item.id, match.share))
        run.ledger.add(found)
    left_out = _contradictions(run, generation)
    total = sum(queue.total for queue in queues.values())
    reasons: dict[str | None, int] = {
        reason: n for g, reason, n in run.ledger.pairs.reasons() if g == generation
    }
    reasons[None] = total - sum(reasons.values())
    note = describe_kept(reasons, "pairs kept")
    if left_out:
        note += f"; {left_out:,} of all generations left out, because pairs contradict each other"
    return Outcome(total, note)


def _contradictions(run: Run, generation: int) -> int:
    """Look through the kept pairs of all generations for contradictions.

    Returns the number of pairs that are left out of training. Their verdicts stay as they are:
    once the other document is corrected or withdrawn, they are used again.
    """
    if not run.config.check.contradictions:
        return 0
    if not run.ledger.contradictions.found(generation):
        files = run.ledger.documents.files()
        found: list[Contradiction] = []
        for sources in run.ledger.contradictions.groups(contradictions.question_key):
            claims = [
                contradictions.Claim(source, _modified(source.path, files)) for source in sources
            ]
            found += contradictions.losers(generation, claims, run.config.check.prefer)
        run.ledger.add(found)
    return run.ledger.contradictions.found(generation)


def _modified(path: str, files: Mapping[str, FileRow]) -> int:
    """When the file of a document was written last; of one in an archive or mail, that file."""
    while path not in files and "/" in path:
        path = path.rpartition("/")[0]
    return files[path].mtime_ns if path in files else 0


def _cases(run: Run, ids: list[str]) -> list[Case]:
    pairs = run.ledger.pairs.get(ids)
    held = run.ledger.pairs.held_out(ids)
    asked_as = run.ledger.pairs.asked_as(ids)
    cases = []
    for pair in pairs:
        finish, heading = asked_as[pair.answer_id]
        cases.append(
            Case(
                pair,
                finish,
                run.prompts.profile(pair.language),
                run.prompts.wanted(pair.language),
                run.config.check,
                pair.answer_id in held,
                heading,
            )
        )
    return cases
