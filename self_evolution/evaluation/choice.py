"""The test questions in two parts: one chooses the leader, the scores of the other are reported.

The best of several generations on a set of questions is partly the luckiest on it, so its score
there is too high. Its score on other questions, about other documents, is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from self_evolution.config import Config
from self_evolution.evaluation.statistics import FEW_CLUSTERS
from self_evolution.ledger import Ledger
from self_evolution.records import Item, content_id

SUITE = "choice"
"""The suite of the questions that choose."""

FEWEST_QUESTIONS, FEWEST_CLUSTERS = 100, FEW_CLUSTERS
"""Each part must have at least this many questions, on at least this many documents. With fewer,
differences between generations could hardly be shown any more, and all questions serve both
purposes."""


def chosen_apart(settings: Config, ledger: Ledger, items: Sequence[Item]) -> set[str]:
    """The ids of the domain questions that shall choose; empty if all are to serve both purposes.

    A document has its questions in one part only. Where the document of a question is not known,
    the questions on one passage stay together. Which documents choose follows from the questions
    alone, so that runs on the same file can be compared, with any seed.
    """
    if not settings.evaluate.choice or settings.promote.rule == "always":
        return set()
    places = ledger.sources.find(items)
    clusters = {
        item.id: places[item.id].document_id if item.id in places else item.cluster
        for item in items
    }
    marks = {
        item.id: content_id(SUITE, item.passage.strip(), item.question.strip()) for item in items
    }
    chosen = _part(clusters, marks, settings.evaluate.choice)
    return chosen if all(map(_enough, _sides(clusters, chosen))) else set()


def smaller_part(settings: Config, questions: int, documents: int) -> int:
    """Estimate how many of `questions` on `documents` the smaller part will have; all of them, if
    they will serve both purposes."""
    share = settings.evaluate.choice
    part = min(round(share * questions), questions - round(share * questions))
    if settings.promote.rule == "always" or part < FEWEST_QUESTIONS:
        return questions
    return part if min(share, 1 - share) * documents >= FEWEST_CLUSTERS else questions


def describe_choice(settings: Config, ledger: Ledger) -> str:
    """Which questions choose the leader; empty where nothing is chosen, or nothing is asked."""
    domain, chosen = (len(ledger.items.of_suite(suite)) for suite in ("domain", SUITE))
    if chosen:
        return f"{chosen:,} of {chosen + domain:,} domain questions only choose which one leads"
    if not domain or not settings.evaluate.choice or settings.promote.rule == "always":
        return ""
    return (
        f"the {domain:,} domain questions both choose which generation leads and report on it: "
        f"for one purpose each, {FEWEST_QUESTIONS:,} on {FEWEST_CLUSTERS:,} documents would be "
        "needed on either side"
    )


def _part(clusters: Mapping[str, str], marks: Mapping[str, str], share: float) -> set[str]:
    """Whole clusters that come closest to the share, in the order of the marks of their
    questions."""
    questions: dict[str, list[str]] = defaultdict(list)
    for id, cluster in clusters.items():
        questions[cluster].append(id)
    room = share * len(clusters)
    taken: set[str] = set()
    for ids in sorted(questions.values(), key=lambda ids: sorted(marks[id] for id in ids)):
        if len(ids) <= room + len(ids) / 2:
            taken.update(ids)
            room -= len(ids)
    return taken


def _sides(clusters: Mapping[str, str], chosen: set[str]) -> tuple[list[str], list[str]]:
    """The clusters of the questions that choose, and of the others, one entry for each question."""
    inside = [cluster for id, cluster in clusters.items() if id in chosen]
    return inside, [cluster for id, cluster in clusters.items() if id not in chosen]


def _enough(clusters: Sequence[str]) -> bool:
    return len(clusters) >= FEWEST_QUESTIONS and len(set(clusters)) >= FEWEST_CLUSTERS
