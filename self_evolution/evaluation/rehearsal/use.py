"""The conversations that may be rehearsed, and how much of the evaluation's facts is in them."""

from __future__ import annotations

from collections import defaultdict

from self_evolution.evaluation.contamination import ContaminationCheck, names
from self_evolution.evaluation.scores import score_answer
from self_evolution.evaluation.tasks import FORMER
from self_evolution.records import Conversation
from self_evolution.run import Run


def pairs(row: Conversation) -> list[tuple[str, str]]:
    """Each question of a conversation, without any passage, and the answer to it.

    If the base only asks about a fragment, the questions are its replies, and have no answers.
    """
    asked = [turn["content"] for turn in row.messages if turn["role"] == "user"]
    told = [turn["content"] for turn in row.messages if turn["role"] == "assistant"]
    if row.question:
        return [(row.question, told[-1])]
    if row.origin == "fragments":
        return [(question, "") for question in told]
    return list(zip(asked, told, strict=False))


def leaks(row: Conversation, contamination: ContaminationCheck, passage: str) -> bool:
    """Whether one of the conversation's questions is a test question, or nearly one."""
    matches = (contamination.match(*pair, passage) for pair in pairs(row))
    return any(match and match.leaks for match in matches)


def usable(run: Run) -> list[Conversation]:
    """Return the conversations that contain no test question of the present set."""
    contamination = ContaminationCheck(run.ledger.items.all())
    rows = run.ledger.training.rehearsal()
    ids = sorted({row.fragment_id for row in rows if row.fragment_id})
    texts = {fragment.id: fragment.text for fragment in run.ledger.fragments.get(ids)}
    return [
        row for row in rows if not leaks(row, contamination, texts.get(row.fragment_id or "", ""))
    ]


def restated(run: Run) -> tuple[int, int]:
    """Count the questions on former abilities whose fact occurs in the rehearsal, and all of them.

    A fact occurs if the rehearsal has a question with the same names, and an answer that would be
    right. Questions without a name, and answers without a value, cannot show it; they are not
    counted at all.
    """
    by_name: dict[str, list[tuple[frozenset[str], str]]] = defaultdict(list)
    for row in usable(run):
        for question, answer in pairs(row):
            known = names(question)
            for name in known:
                by_name[name].append((known, answer))
    items = [item for suite in FORMER for item in run.ledger.items.of_suite(suite)]
    found = total = 0
    for item in items:
        wanted = names(item.question)
        valued = score_answer("exact-match", item, item.reference) is not None
        if item.passage or not wanted or not valued:
            continue
        total += 1
        near = by_name[min(wanted)]
        found += any(
            wanted <= known and score_answer("exact-match", item, a) == 100 for known, a in near
        )
    return found, total
