"""Promotion: what is better leads, what is not is rolled back, and copying earns nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import SHARED, rows

from self_evolution import cli
from self_evolution.cli import status
from self_evolution.config import Config
from self_evolution.evaluation.predict import _measured
from self_evolution.evaluation.tasks import MAIN, Task
from self_evolution.ledger import Ledger
from self_evolution.models import Reply
from self_evolution.models.scripted import ScriptedEngine
from self_evolution.progress import Progress
from self_evolution.records import Item, Message, Prediction, content_id
from self_evolution.report.facts import gather
from self_evolution.report.render import html, markdown
from self_evolution.report.render.headline import headline
from self_evolution.run import Run
from self_evolution.run.read import read_run
from self_evolution.stages import train
from self_evolution.stages.promote import promote

Arguments = Callable[..., list[str]]
AIOPS = SHARED / "data" / "aiops_eval.json"


class Judged:
    """A ledger with evaluation questions and the answers of each generation, and their verdicts."""

    def __init__(self, folder: Path, **settings: object) -> None:
        folder.mkdir()
        self.ledger = Ledger(folder / "run.db")
        config = Config.model_validate({"promote": settings, "evaluate": {"resamples": 2000}})
        self.run = Run(folder, config, self.ledger, Progress())

    def items(self, suite: str, texts: list[tuple[str, str, str]]) -> None:
        self.ledger.add(
            Item(content_id(suite, i), suite, i, passage, question, reference, None)
            for i, (passage, question, reference) in enumerate(texts)
        )

    def answers(self, generation: int, suite: str, texts: list[str]) -> None:
        items = self.ledger.items.of_suite(suite)
        self.ledger.add(
            Prediction(content_id(generation, item.id), generation, item.id, "closed", text)
            for item, text in zip(items, texts, strict=True)
        )
        self.ledger.add(_measured(self.run, generation, Task(suite, "closed")))

    def verdict(self, generation: int) -> tuple[bool, str]:
        promote(self.run, generation)
        (row,) = [
            row for row in self.ledger.evaluations.promotions() if row.generation == generation
        ]
        return row.promoted, row.reason


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Callable[..., Judged]]:
    made: list[Judged] = []

    def make(**settings: object) -> Judged:
        made.append(Judged(tmp_path / f"run{len(made)}", **settings))
        return made[-1]

    yield make
    for one in made:
        one.ledger.close()


def ports(count: int, right: range | set[int], suite: str = "port") -> list[str]:
    return [f"The {suite} is {1000 + i if i in right else 7}." for i in range(count)]


def asked(count: int, suite: str = "port") -> list[tuple[str, str, str]]:
    texts = ports(count, range(count), suite)
    return [(f"Passage {i}.", f"Which {suite} has it?", text) for i, text in enumerate(texts)]


# --- the rule -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "right", "promoted"),
    [
        ("significant", range(40), True),
        ("significant", range(23), False),
        ("rises", range(23), True),
        ("rises", range(20), False),
        ("rises", range(5), False),
        ("always", range(5), True),
    ],
)
def test_a_gain_is_judged_by_the_rule(
    judged: Callable[..., Judged], rule: str, right: range, promoted: bool
) -> None:
    one = judged(rule=rule)
    one.items("domain", asked(100))
    one.answers(0, "domain", ports(100, range(20)))
    one.answers(1, "domain", ports(100, right))
    assert one.verdict(0)[0]
    found, reason = one.verdict(1)
    assert found is promoted
    if rule != "always":
        assert f"closed-book exact-match {len(right) - 20:+.1f} [" in reason
        assert "against generation 0" in reason
        assert ("no difference shown" in reason) is (abs(len(right) - 20) < 10)
    assert ("rolled back to generation 0" in reason) is not promoted


def test_equal_gains_count_for_less_on_few_documents(judged: Callable[..., Judged]) -> None:
    """40 questions more, but all of 3 passages: nothing is shown of other passages."""
    one = judged()
    one.items(
        "domain", [(f"Passage {i // 34}.", q, text) for i, (_, q, text) in enumerate(asked(100))]
    )
    one.answers(0, "domain", ports(100, range(20)))
    one.answers(1, "domain", ports(100, range(60)))
    one.verdict(0)
    assert not one.verdict(1)[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "bound", "promoted"),
    [(0, 5.0, True), (2, 5.0, True), (6, 5.0, False), (30, 5.0, False), (30, 100.0, True)],
)
def test_what_was_lost_must_be_shown_to_be_within_the_bound(
    judged: Callable[..., Judged], lost: int, bound: float, promoted: bool
) -> None:
    one = judged(retention_bound=bound)
    one.items("domain", asked(100))
    one.items("retention", asked(150, "code"))
    for generation, right in ((0, range(20)), (1, range(60))):
        one.answers(generation, "domain", ports(100, right))
        kept = range(lost if generation else 0, 150)
        one.answers(generation, "retention", ports(150, kept, "code"))
    one.verdict(0)
    found, reason = one.verdict(1)
    assert found is promoted
    assert ("where at most -5 may be" in reason) is not promoted
    assert "former abilities (closed book)" in reason


# --- copying ------------------------------------------------------------------------------


def _echoes(texts: list[tuple[str, str, str]]) -> list[str]:
    return [question + passage[:100] for passage, question, _ in texts]


@pytest.mark.slow
@pytest.mark.skipif(not AIOPS.exists(), reason="shared/data/aiops_eval.json is not here")
@pytest.mark.parametrize(
    ("metric", "rule", "copied"),
    [
        ("exact-match", "significant", "question"),
        ("exact-match", "rises", "question and start"),
        ("exact-match", "rises", "document"),
        ("bleu-4", "significant", "question and start"),
        ("bleu-4", "rises", "question and start"),
        ("token-f1", "significant", "question"),
        ("chrf", "rises", "document"),
        ("rouge-l", "significant", "document"),
    ],
)
def test_an_echo_earns_no_promotion_although_its_bleu_rises(
    judged: Callable[..., Judged], metric: str, rule: str, copied: str
) -> None:
    """Question and passage start reach 22 BLEU as published, above any model in the paper."""
    texts = [
        (row["instruction"], row["input"], row["output"])
        for row in json.loads(AIOPS.read_text(encoding="utf-8"))
    ]
    one = judged(rule=rule, metric=metric)
    one.items("domain", texts)
    # The base names the right values in one answer of four, and otherwise talks past the matter.
    base = [text if i % 4 == 0 else "请参考产品文档。" for i, (_, _, text) in enumerate(texts)]
    weak = base if metric == "exact-match" else ["请参考产品文档。"] * len(texts)
    one.answers(0, "domain", weak)
    copies = {
        "question": [question for _, question, _ in texts],
        "question and start": _echoes(texts),
        "document": [passage for passage, _, _ in texts],
    }
    one.answers(1, "domain", copies[copied])
    bleu = {
        r.generation: r.mean
        for r in one.ledger.evaluations.of_generations()
        if r.metric == "bleu-4"
    }
    if copied == "question and start":
        assert bleu[1] == pytest.approx(21.96, abs=0.01)
        assert metric == "exact-match" or bleu[1] > bleu[0] + 15
    one.verdict(0)
    promoted, reason = one.verdict(1)
    assert not promoted, reason
    assert metric == "exact-match" or "against mere copies" in reason


# --- rollback -----------------------------------------------------------------------------


@pytest.fixture
def understanding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scripted model that knows a trained fact in other words too."""
    generate = ScriptedEngine.generate

    def asked_otherwise(
        self: ScriptedEngine, prompts: list[list[Message]], *rest: Any
    ) -> list[Reply]:
        reworded = [
            [
                *messages[:-1],
                Message(
                    role="user",
                    content=messages[-1]["content"].replace("Tell me the", "What is the"),
                ),
            ]
            for messages in prompts
        ]
        return generate(self, reworded, *rest)

    monkeypatch.setattr(ScriptedEngine, "generate", asked_otherwise)


def _closed(run: Path) -> dict[int, float]:
    return {
        int(str(row["generation"])): float(str(row["mean"]))
        for row in rows(run, "evaluation")
        if (row["suite"], row["mode"], row["metric"]) == ("domain", "closed", "exact-match")
    }


@pytest.mark.slow
@pytest.mark.usefixtures("understanding")
def test_a_sabotaged_generation_is_rolled_back_and_the_run_goes_on(
    arguments: Arguments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Generation 2 is trained on the answers of others' questions."""
    honest = train._lessons

    def sabotaged(run: Run, generation: int) -> list[train._Lesson]:
        found = honest(run, generation)
        if generation != 2:
            return found
        answers = [lesson.messages[-1] for lesson in found]
        return [
            lesson._replace(messages=[*lesson.messages[:-1], answer])
            for lesson, answer in zip(found, answers[1:] + answers[:1], strict=True)
        ]

    monkeypatch.setattr(train, "_lessons", sabotaged)
    words = arguments("run", "--generations", "4", "--promote.patience", "2")
    assert cli.main(words) == 0
    run = tmp_path / "run"
    assert _closed(run) == {0: 0.0, 1: 100.0, 2: 0.0, 3: 100.0}
    promotions = {row["generation"]: row for row in rows(run, "promotion")}
    assert [promotions[g]["promoted"] for g in range(4)] == [True, True, False, False]
    assert "-100.0 [-100.0 to -8.1] against generation 1; rolled back to generation 1" in str(
        promotions[2]["reason"]
    )
    assert "+0.0 [-45.9 to +45.9], no difference shown, against" in str(promotions[3]["reason"])
    further = "from where a further generation starts with"
    assert f"{further} 0.5 of the learning rate" in str(promotions[2]["reason"])
    assert f"{further} 0.25 of the learning rate" in str(promotions[3]["reason"])
    assert [row["parent"] for row in rows(run, "adapter")] == [0, 1, 1]
    shown = capsys.readouterr()
    assert "at 0.5 of the learning rate, after what was rolled back" in shown.err
    # Two generations in a row were no better: the fourth is not made.
    assert "stopped: 2 generations in a row were not promoted" in shown.out
    assert cli.main(words) == 0
    assert "is complete: nothing to do" in capsys.readouterr().err
    assert cli.main(["train", str(run)]) == 0
    assert "done in every generation up to 3" in capsys.readouterr().out
    with read_run(run) as reader:
        facts = gather(reader.config, reader.ledger)
    assert "stopped before generation 4" in headline(facts).status
    assert (facts.lead.leader, facts.lead.changes[2, MAIN].shown) == (1, False)
    assert facts.lead.changes[1, MAIN].mean == 100.0
    assert cli.main([*words, "--promote.patience", "3", "--accept-change"]) == 0
    assert [row["parent"] for row in rows(run, "adapter")] == [0, 1, 1, 1]


@pytest.mark.usefixtures("understanding")
def test_without_rollback_a_generation_continues_the_one_before(
    arguments: Arguments, tmp_path: Path
) -> None:
    words = arguments("run", "--generations", "3", "--promote.on-failure", "continue")
    assert cli.main([*words, "--promote.patience", "0"]) == 0
    assert [row["parent"] for row in rows(tmp_path / "run", "adapter")] == [0, 1, 2]
    assert not any(
        "rolled back" in str(row["reason"]) for row in rows(tmp_path / "run", "promotion")
    )


@pytest.mark.slow
def test_the_report_says_the_change_with_its_interval(
    arguments: Arguments, tmp_path: Path, understanding: None
) -> None:
    assert cli.main(arguments("run")) == 0
    page = (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")
    assert "Change since the base" in page and "no difference shown" in page
    assert "+100.0 <small>[+8.1 to +100.0]</small>" in page


def test_a_loss_in_a_set_without_values_is_told_in_its_own_metric(
    judged: Callable[..., Judged], capsys: pytest.CaptureFixture[str]
) -> None:
    """References without a value are decided in token-f1: so the report and the table are too."""
    one = judged(retention_bound=100.0)
    one.items("domain", asked(100))
    one.items(
        "retention", [("", "Why?", f"Because it rains there, {'so' * i}.") for i in range(40)]
    )
    for generation, right in ((0, range(20)), (1, range(60))):
        one.answers(generation, "domain", ports(100, right))
        kept = [item.reference for item in one.ledger.items.of_suite("retention")]
        one.answers(generation, "retention", ["Nobody knows."] * 40 if generation else kept)
        one.verdict(generation)
    (reason,) = [row.reason for row in one.ledger.evaluations.promotions() if row.generation == 1]
    assert "former abilities (closed book, token-f1) -100.0" in reason
    facts = gather(one.run.config, one.ledger)
    assert headline(facts).losses.startswith(
        "Lost elsewhere: former abilities, from memory (token-f1), fell from 100"
    )
    task = Task("retention", "closed")
    assert (facts.lead.metrics[task], facts.lead.changes[1, task].direction) == (
        "token-f1",
        "lower",
    )
    (mine,) = [row for row in facts.changes if row.task == task]
    assert (mine.metric, mine.lost) == ("token-f1", 40)
    page = html.render(facts)
    assert "exact-match (or as named), base → generation 1" in page
    assert "token-f1, former abilities" in page  # the chart
    text = markdown.render(facts)
    assert "| Former abilities, from memory (token-f1) | -100.0" in text
    assert "### Former abilities, from memory (token-f1): 0 won, 40 lost" in text
    status.show(one.run.config, one.ledger)
    assert "token-f1" in capsys.readouterr().out
