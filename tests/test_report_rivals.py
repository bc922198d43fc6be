"""The report on other models and the judge: numbers, and what is said where they show nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import rows
from test_report import Story

from self_evolution import cli
from self_evolution.config import Config
from self_evolution.records import Evaluation, Judgement, Rival, content_id
from self_evolution.report.facts.others import bench, rivals
from self_evolution.report.render import markdown, results
from self_evolution.report.render.others import (
    describe_standing,
    describe_verdict,
    judge_lines,
    rival_lines,
)
from self_evolution.report.render.results.schema import SCHEMA

URL = "http://127.0.0.1:8000/v1#big/<b>model</b>"


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    """Generation 1 leads with 70 of 100; rival 1 has 40, rival 2 has 69 others; the base has 10."""
    made = Story(tmp_path / "telecom")
    made.config = Config.model_validate({"evaluate": {"judge": URL, "resamples": 2000}})
    made.items()
    made.ledger.set_meta("model", {"model.safetensors": "01"})
    own = content_id({"model.safetensors": "01"})
    made.ledger.add([Rival(-1, URL, URL), Rival(-2, "/models/twin", own)])
    right = {0: range(10), 1: range(70), -1: range(40), -2: range(31, 100)}
    for generation, some in right.items():
        made.predictions(generation, set(some))
        made.evaluated(generation, float(len(some)))
    made.promoted(0, 1, of=1)
    made.done(1)
    yield made
    made.ledger.close()


def _judged(story: Story, verdicts: dict[int, tuple[str, str]], against: int = 0) -> None:
    """`verdicts` by the question's position; all other answers are the same."""
    story.ledger.add(
        Judgement(
            content_id(against, item.id, place),
            URL,
            1,
            against,
            item.id,
            place,
            verdicts.get(item.position, ("tie", "tie"))[place - 1],
            "A" if item.position in verdicts else "",
        )
        for item in story.ledger.items.of_suite("domain")
        for place in (1, 2)
    )


def test_the_leader_is_held_against_each_rival_question_by_question(story: Story) -> None:
    (board,) = story.facts().rivals.boards
    assert (board.task, board.metric) == (("domain", "closed"), "exact-match")
    assert board.leader is not None and board.leader.mean == 70.0
    first, second = board.standings
    assert first.above is not None and second.above is not None
    assert first.above.mean == pytest.approx(30.0) and first.above.n == 100
    assert first.above.shown and describe_standing(first) == "the leader is better"
    assert second.above.mean == pytest.approx(1.0)  # 31 won, 30 lost
    assert not second.above.shown and describe_standing(second) == "no difference shown"
    assert first.above.p_holm and second.above.p_holm
    assert second.above.p_holm >= first.above.p_holm
    page = story.html()
    assert "Against other models" in page and "+30.0 <small>[" in page
    assert "<b>model</b>" not in page  # names are escaped
    assert "Rival 2 (twin) is the base model itself." in page


def test_rivals_are_in_no_table_of_generations(story: Story) -> None:
    facts = story.facts()
    assert set(facts.task_scores[0].rows) == {0, 1}
    assert facts.lead.compared == 1
    assert {generation for generation, _ in facts.lead.changes} <= {1}


def test_a_line_for_each_rival_in_the_terminal(story: Story) -> None:
    first, second = rival_lines(rivals(story.config, story.ledger))
    assert first.startswith("rival 1, big/<b>model</b> at 127.0.0.1:8000: domain closed 40.0 [")
    assert "; generation 1 against it: +30.0 [" in first and first.endswith("book closed")
    assert second.endswith("book closed: no difference shown")


def test_a_rival_that_the_deciding_metric_does_not_apply_to(story: Story) -> None:
    story.ledger.add(
        [
            Evaluation(generation, "retention", "open", "token-f1", mean, 1.0, 99.0, 5, "s")
            for generation, mean in ((-1, 60.0), (1, 50.0))
        ]
    )
    board = story.facts().rivals.boards[-1]
    assert (board.task.suite, board.metric) == ("retention", "token-f1")
    assert board.standings[0].score.mean == 60.0 and board.standings[0].above is None


def test_before_the_leader_is_evaluated_there_is_no_difference(tmp_path: Path) -> None:
    made = Story(tmp_path / "early")
    made.items()
    made.ledger.add([Rival(-1, "/models/one", "x")])
    made.predictions(-1, {0, 1})
    made.evaluated(-1, 2.0)
    (board,) = made.facts().rivals.boards
    assert board.leader is None and board.standings[0].above is None
    assert "/models/one" in made.html()
    made.ledger.close()


def test_what_the_judge_said_is_counted(story: Story) -> None:
    won = dict.fromkeys(range(30), ("better", "better"))
    torn = dict.fromkeys(range(30, 40), ("better", "worse"))
    _judged(story, won | torn)
    (row,) = story.facts().judged.rows
    assert row.found.wins.mean == pytest.approx((30 * 100 + 70 * 50) / 100)
    assert row.found.asked == 40 and describe_verdict(row) == "generation 1 preferred"
    assert row.found.agreement and row.found.first
    assert row.found.agreement.mean == pytest.approx(75.0)
    assert row.found.first.mean == pytest.approx(100 * (30 + 10 + 10) / 80)
    (line,) = judge_lines(bench(story.config, story.ledger), URL, leader=1)
    assert "generation 1 wins 65.0% [" in line and "both orders agree on 75%" in line
    page = story.html()
    assert "A model as judge" in page and "The judge decides nothing" in page
    assert "The judge is rival 1 (big/&lt;b&gt;model&lt;/b&gt; at 127.0.0.1:8000)" not in page
    story.ledger.set_meta("judges", {URL: URL})
    assert "The judge is rival 1 (big/&lt;b&gt;model&lt;/b&gt; at 127.0.0.1:8000)" in story.html()


def test_a_judge_that_prefers_a_place_shows_nothing(story: Story) -> None:
    _judged(story, dict.fromkeys(range(100), ("better", "worse")), against=-2)
    (row,) = story.facts().judged.rows
    assert (describe_verdict(row), row.opponent) == ("no difference shown", "twin")
    assert row.found.agreement and row.found.first
    assert (row.found.wins.mean, row.found.agreement.mean, row.found.first.mean) == (50, 0, 100)


def test_a_judge_that_is_the_base_is_called_so(story: Story) -> None:
    _judged(story, {})
    own = content_id({"model.safetensors": "01"})
    story.ledger.set_meta("judges", {URL: own})
    assert "The judge is the base model itself" in story.html()


def test_a_run_without_others_says_nothing_of_them(
    arguments: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("run", "--generations", "1")) == 0
    shown = capsys.readouterr()
    page = (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")
    assert "Against other models" not in page and "A model as judge" not in page
    assert "<td>rivals</td>" not in page and "<td>judge</td>" not in page
    assert "rival" not in shown.out + shown.err and "judge" not in shown.out + shown.err
    assert not rows(tmp_path / "run", "rival")


def test_programs_and_wikis_are_told_too(story: Story) -> None:
    _judged(story, dict.fromkeys(range(30), ("better", "better")))
    facts = story.facts()
    found = json.loads(results.render(facts))
    assert [one["generation"] for one in found["rivals"]] == [-1, -2]
    first, second = found["standings"]
    assert (first["generation"], first["mean"], first["leader"]) == (-1, 40.0, 1)
    assert first["leader_above"]["mean"] == pytest.approx(30.0)
    assert second["verdict"] == "no difference shown"
    (judged,) = found["judged"]
    assert judged["wins"]["mean"] == pytest.approx(65.0) and judged["agreement"]["mean"] == 100.0
    ratios = {
        one["reference"]: one["ratio"]
        for one in found["relative"]
        if (one["suite"], one["mode"], one["metric"]) == ("domain", "closed", "exact-match")
    }
    assert ratios == pytest.approx({0: 7.0, -1: 70 / 40, -2: 70 / 69})
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    pytest.importorskip("jsonschema").validate(found, schema)
    page = markdown.render(facts)
    assert "### Against other models" in page and "| +30.0 \\[" in page
    assert "### A model as judge" in page and "generation 1 preferred" in page
    assert "<b>" not in page


def test_a_judge_that_says_nothing_clear_is_no_judge(story: Story) -> None:
    _judged(story, dict.fromkeys(range(60), ("unclear", "unclear")))
    (row,) = story.facts().judged.rows
    assert describe_verdict(row) == "most replies of this judge are unclear"
    (line,) = judge_lines(bench(story.config, story.ledger), URL, leader=1)
    assert "of 60 asked (40 answers are the same)" in line and "unclear are 100%" in line
