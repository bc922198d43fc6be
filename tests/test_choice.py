"""The leader is chosen on one part of the questions, and the scores of the other are reported."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import pytest
from conftest import rows
from hypothesis import given
from hypothesis import strategies as st

from self_evolution import cli
from self_evolution.config import Config
from self_evolution.evaluation import scores
from self_evolution.evaluation.choice import _part
from self_evolution.evaluation.predict import _measured
from self_evolution.evaluation.scores import score_answer
from self_evolution.evaluation.tasks import CHOOSING, MAIN, Task, choosing
from self_evolution.ledger import Ledger
from self_evolution.progress import Progress
from self_evolution.records import Item, Prediction, content_id
from self_evolution.report.facts import gather
from self_evolution.report.render.headline import headline
from self_evolution.run import Run
from self_evolution.run.read import read_run
from self_evolution.stages.promote import promote

GENERATIONS, QUESTIONS, SKILL = 6, 60, 0.5
REPEATS = {"domain": 12, "choice": 40}


def _equal_generations(folder: Path, seed: int, suite: str) -> tuple[float, str]:
    """The leader's score on the domain questions, and the report's caveats.

    All generations are equally good. `suite` has the questions that choose: `choice`, or `domain`
    where all serve both purposes.
    """
    folder.mkdir()
    config = {"promote": {"rule": "rises"}, "evaluate": {"resamples": 50}}
    ledger = Ledger(folder / "run.db")
    run = Run(folder, Config.model_validate(config), ledger, Progress())
    rng = random.Random(seed)
    suites = dict.fromkeys((suite, "domain"))
    for name in suites:
        ledger.add(
            Item(content_id(name, i), name, i, f"Passage {i}.", "Which port?", "Port 7.", None)
            for i in range(QUESTIONS)
        )
    for generation in range(GENERATIONS):
        for name in suites:
            ledger.add(
                Prediction(
                    content_id(name, generation, i),
                    generation,
                    content_id(name, i),
                    "closed",
                    f"Port {7 if rng.random() < SKILL else 8}.",
                )
                for i in range(QUESTIONS)
            )
            ledger.add(_measured(run, generation, Task(name, "closed")))
        promote(run, generation)
    leader = ledger.evaluations.leader()
    (found,) = [
        row.mean
        for row in ledger.evaluations.of_generations()
        if (row.generation, Task.of(row), row.metric) == (leader, MAIN, "exact-match")
    ]
    caveats = " ".join(headline(gather(run.config, ledger)).caveats) if seed == 0 else ""
    ledger.close()
    return found, caveats


@pytest.mark.slow
def test_being_chosen_flatters_on_the_same_questions_and_not_on_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six equal generations, of which the one that seems best leads.

    The mean of 40 runs has a standard error of 1.0 points: sqrt(50 * 50 / 60 / 40) in percent. That
    of 12 runs has 1.9 points; there, the leader seems more than 5 points too good.
    """
    # There are two different answers, so each metric has two different scores.
    scored: dict[tuple[str, str], float | None] = {}

    def once(metric: str, item: Item, text: str) -> float | None:
        if (metric, text) not in scored:
            scored[metric, text] = score_answer(metric, item, text)
        return scored[metric, text]

    monkeypatch.setattr(scores, "score_answer", once)
    found = {
        suite: [_equal_generations(tmp_path / f"{suite}{i}", i, suite) for i in range(repeats)]
        for suite, repeats in REPEATS.items()
    }
    same, other = (mean(score for score, _ in some) for some in found.values())
    assert same > 100 * SKILL + 5
    assert abs(other - 100 * SKILL) < 2.5
    assert "on these same questions, so its score is probably a little too" in found["domain"][0][1]
    assert "chosen on 60 other questions, about other documents" in found["choice"][0][1]


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(1, 9), min_size=1),
    st.sampled_from([0.1, 0.25, 0.5, 0.75]),
)
def test_whole_documents_are_set_apart_and_as_many_as_asked_for(
    sizes: dict[str, int], share: float
) -> None:
    clusters = {f"{name} {i}": name for name, size in sizes.items() for i in range(size)}
    marks = {id: content_id(id) for id in clusters}
    chosen = _part(clusters, marks, share)
    inside = {clusters[id] for id in chosen}
    assert inside.isdisjoint({clusters[id] for id in clusters.keys() - chosen})
    assert abs(len(chosen) - share * len(clusters)) <= max(sizes.values())
    assert chosen == _part(dict(reversed(clusters.items())), marks, share)


def test_runs_on_the_same_questions_choose_by_the_same_ones(
    arguments: Callable[..., list[str]], tmp_path: Path
) -> None:
    """With another seed, and where a document has changed."""
    docs, questions = _manual(tmp_path, documents=24, each=10)
    chosen = []
    for seed in ("0", "1"):
        words = [*_words(arguments, docs, questions), "--seed", seed]
        words[words.index("--run") + 1] = run = str(tmp_path / seed)
        assert cli.main(["read", *words[1:]]) == 0
        for stage in ("split", "build"):
            assert cli.main([stage, run]) == 0
        items = rows(tmp_path / seed, "item")
        chosen.append({item["question"] for item in items if item["suite"] == "choice"})
        page = docs / "07.md"
        page.write_text(page.read_text("utf-8") + "\nIt was checked in May.\n", "utf-8")
    assert len(chosen[0]) == 120 and chosen[0] == chosen[1]


def _manual(folder: Path, documents: int, each: int) -> tuple[Path, Path]:
    """Documents with a fact a line, and a question on each fact."""
    docs, questions = folder / "manual", folder / "many.jsonl"
    docs.mkdir()
    lines = []
    for number in range(documents):
        facts = [
            f"The port of server N{number}x{i} is {1000 + 100 * number + i}." for i in range(each)
        ]
        (docs / f"{number:02}.md").write_text("# Ports\n\n" + " ".join(facts) + "\n", "utf-8")
        for i, fact in enumerate(facts):
            question = f"Tell me the port of server N{number}x{i}?"
            lines.append({"instruction": " ".join(facts), "input": question, "output": fact})
    questions.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return docs, questions


def _words(arguments: Callable[..., list[str]], docs: Path, questions: Path) -> list[str]:
    words = arguments("run", "--generations", "1")
    words[1] = str(docs)
    words[words.index("--eval") + 1] = str(questions)
    return [*words, "--evaluate.top-k", "0"]


def test_half_of_the_questions_only_choose(
    arguments: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = _words(arguments, *_manual(tmp_path, documents=24, each=10))
    assert cli.main(words) == 0
    assert "120 of 240 domain questions only choose which one leads" in " ".join(
        capsys.readouterr().err.split()
    )
    run = tmp_path / "run"
    items = rows(run, "item")
    documents = {
        suite: {str(item["passage"]) for item in items if item["suite"] == suite}
        for suite in ("domain", "choice")
    }
    assert documents["domain"].isdisjoint(documents["choice"])
    assert {suite: len(passages) for suite, passages in documents.items()} == {
        "domain": 12,
        "choice": 12,
    }
    asked = {(row["suite"], row["mode"]) for row in rows(run, "evaluation")}
    assert asked == {("domain", "closed"), ("domain", "open"), ("choice", "closed")}
    with read_run(run) as reader:
        assert choosing(reader.ledger) == CHOOSING
        facts = gather(reader.config, reader.ledger)
    assert facts.lead.main and facts.lead.main.task == MAIN
    assert (facts.state.choosing, facts.state.questions) == (120, 120)


@pytest.mark.slow
def test_a_rival_is_compared_though_it_is_not_asked_what_chooses(
    arguments: Callable[..., list[str]],
    tmp_path: Path,
    script: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = _words(arguments, *_manual(tmp_path, documents=24, each=10))
    other = tmp_path / "other.json"
    other.write_bytes(script.read_bytes())
    assert cli.main([*words, "--against", str(other)]) == 0
    capsys.readouterr()
    assert cli.main(["compare", str(tmp_path / "run")]) == 0
    shown = capsys.readouterr().out
    assert "rival 1, other" in shown and "left out" not in shown


@pytest.mark.parametrize(
    ("documents", "each", "more", "told"),
    [
        (20, 4, (), "the 80 domain questions both choose which generation leads and report on it"),
        (6, 40, (), "the 240 domain questions both choose"),
        (24, 10, ("--evaluate.choice", "0"), ""),
        (24, 10, ("--promote.rule", "always"), ""),
    ],
)
def test_too_few_questions_serve_both_purposes(
    arguments: Callable[..., list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    documents: int,
    each: int,
    more: tuple[str, ...],
    told: str,
) -> None:
    words = _words(arguments, *_manual(tmp_path, documents, each))
    assert cli.main([*words, *more]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert told in said and "only choose which one leads" not in said
    assert not [item for item in rows(tmp_path / "run", "item") if item["suite"] == "choice"]
