"""results.json keeps to its schema and to the ledger; report.md shows texts as they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_report import HOSTILE, Story

from self_evolution import cli
from self_evolution.evaluation.statistics import Ratio, paired
from self_evolution.ledger import Ledger, StageRow
from self_evolution.records import Difference
from self_evolution.report.facts import gather
from self_evolution.report.facts.relative import relative
from self_evolution.report.render.headline import headline
from self_evolution.report.render.markdown import escape
from self_evolution.report.render.results.schema import SCHEMA, VERSION, schema

Arguments = Callable[..., list[str]]


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path / "run")
    yield made
    made.ledger.close()


def results(story: Story) -> dict[str, Any]:
    story.html()
    found = json.loads(story.page.with_name("results.json").read_text(encoding="utf-8"))
    keep_to_schema(found)
    return dict(found)


def keep_to_schema(found: Any) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(found, schema, cls=jsonschema.Draft202012Validator)


def markdown(story: Story) -> str:
    story.html()
    return story.page.with_name("report.md").read_text(encoding="utf-8")


# --- results.json ---------------------------------------------------------------------------


def test_an_empty_run_has_results_too(story: Story) -> None:
    found = results(story)
    assert found["schema"] == VERSION
    assert found["evaluations"] == found["differences"] == found["relative"] == found["cost"] == []
    assert found["tests"]["lock"] is None and found["leaks"]["all"] is None
    assert found["headline"]["sentence"].startswith("The documents are not read yet")


def test_a_full_run_says_all_its_numbers(story: Story) -> None:
    story.fill()
    found = results(story)
    assert len(found["evaluations"]) == len(story.ledger.evaluations.of_generations())
    exact = [row for row in found["evaluations"] if row["metric"] == "exact-match"]
    assert [row["mean"] for row in exact[:6]] == [0.0, 11.0, 67.0, 80.0, 83.0, 82.0]
    assert exact[0]["n"] == 100 and exact[0]["signature"].startswith("exact-match|")
    assert found["headline"]["leader"] == 4
    assert [row["promoted"] for row in found["promotions"]] == [True] * 5 + [False]
    assert found["run"]["settings_changed"]["train.rank"]["value"] == 64
    assert found["model"]["files"] == {"model.safetensors": "0123456789abcdef"}
    assert found["changes"][0] == {
        "suite": "domain", "mode": "closed", "metric": "exact-match", "generation": 4,
        "asked": 100, "won": 83, "lost": 2,
    }  # fmt: skip
    assert found["mastery"]["unplaced"] == 100 and found["mastery"]["documents"] == []
    assert len(found["cost"]) == 46 and found["cost"][1]["seconds"] > 0


def test_the_shipped_schema_is_that_of_the_models() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema(), "`make schema` writes it anew"


FREE = ("versions", "files", "settings_changed", "documents", "covered")
"""Objects whose keys are names, of which there may be others."""


def _objects(value: Any, name: str = "") -> Iterator[dict[str, Any]]:
    """The objects in JSON values whose keys the schema fixes."""
    if isinstance(value, list):
        for inner in value:
            yield from _objects(inner, name)
    elif isinstance(value, dict):
        if name not in FREE or "asked" in value:
            yield value
        for key, inner in value.items():
            yield from _objects(inner, key)


def test_the_schema_forbids_what_it_does_not_describe_and_requires_the_rest(story: Story) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    validator = jsonschema.Draft202012Validator(json.loads(schema()))
    story.fill()
    found = results(story)
    seen: set[tuple[str, ...]] = set()
    for one in _objects(found):
        if (kind := tuple(one)) in seen:
            continue
        seen.add(kind)
        one["beyond"] = 1
        assert not validator.is_valid(found), kind
        del one["beyond"]
        for key in kind:
            kept = one.pop(key)
            assert not validator.is_valid(found), key
            one[key] = kept
    assert validator.is_valid(found) and len(seen) > 12


def test_p_is_adjusted_among_comparisons_of_one_kind(story: Story) -> None:
    story.items()
    task = ("domain", "closed", "exact-match")
    p_values = {(1, 0): 0.03, (2, 0): 0.02, (2, 1): 0.04, (2, -1): 0.01, (2, -2): 0.02}
    story.ledger.add(
        Difference(generation, against, *task, 3.0, 1.0, 5.0, 100, p)
        for (generation, against), p in p_values.items()
    )
    found = {(row["generation"], row["against"]): row for row in results(story)["differences"]}
    adjusted = {key: row["p_holm"] for key, row in found.items()}
    assert adjusted == {(1, 0): 0.04, (2, 0): 0.04, (2, 1): 0.04, (2, -1): 0.01, (2, -2): 0.02}
    assert {row["verdict"] for row in found.values()} == {"rose"}


def test_a_loss_that_diverged_is_null(story: Story) -> None:
    from self_evolution.records import Adapter

    story.ledger.add([Adapter(1, 0, "adapters/gen-1", "ab" * 32, 1, 1, 2.0, float("inf"))])
    (row,) = results(story)["training"]
    assert (row["first_loss"], row["last_loss"]) == (2.0, None)


@pytest.mark.slow
def test_equal_runs_have_equal_results_but_for_the_cost(
    arguments: Arguments, tmp_path: Path
) -> None:
    found = []
    for name in ("one", "two"):
        assert cli.main(arguments(name)) == 0
        text = (tmp_path / name / "report" / "results.json").read_text(encoding="utf-8")
        found.append(json.loads(text))
        keep_to_schema(found[-1])
    costs = [one.pop("cost") for one in found]
    assert json.dumps(found[0]) == json.dumps(found[1])
    assert [row["stage"] for row in costs[0]] == [row["stage"] for row in costs[1]]
    with closing(Ledger(tmp_path / "one" / "run.db")) as ledger:
        assert len(found[0]["evaluations"]) == len(ledger.evaluations.of_generations())
    mastery = found[0]["mastery"]
    assert (mastery["placed"], mastery["unplaced"]) == (6, 0)
    assert {one["path"].rpartition("/")[2] for one in mastery["documents"]} == {
        "a.md", "b.txt", "c.html",
    }  # fmt: skip


def test_stages_that_had_nothing_to_do_are_left_out(story: Story) -> None:
    for generation, name, items, note in (
        (0, "read", 3, ""), (0, "build", 0, ""), (1, "train", 0, "nothing to train on"),
    ):  # fmt: skip
        story.ledger.log_stage(StageRow(generation, name, items, 0.01, 0.01, True, note))
    assert story.facts().stages.names == ["read", "train"]


# --- relative scores ------------------------------------------------------------------------


def test_relative_scores_are_ratios_of_means_on_the_same_items(story: Story) -> None:
    story.items()
    story.predictions(0, set(range(40)))
    story.predictions(1, set(range(20, 100)))

    def found(metric: str) -> dict[str, Ratio]:
        rows = relative(story.ledger, 1, {0: "the base"}, metric)
        return {one.metric: one.ratio for one in rows}

    exact = found("exact-match")["exact-match"]
    assert exact.value == pytest.approx(2.0) and exact.n == 100 and exact.shown
    change = paired(
        [100.0] * 40 + [0.0] * 60, [0.0] * 20 + [100.0] * 80, [f"domain{n}" for n in range(100)]
    )
    assert exact.low is not None and exact.high is not None
    assert 1 < exact.low < 1 + change.mean / 40 < exact.high
    none = found("abstention")["abstention"]
    assert none.value is None and "above 0" in none.undefined
    assert set(found("bleu-4")) == {"bleu-4", "rouge-l"}
    assert relative(story.ledger, 0, {0: "the base"}, "exact-match") == []


@pytest.mark.slow
def test_relative_scores_stand_in_the_reports(story: Story) -> None:
    story.items()
    for generation, right in ((0, set(range(40))), (1, set(range(20, 100)))):
        story.predictions(generation, right)
        story.evaluated(generation, float(len(right)))
    story.promoted(0, 1, of=1)
    page = story.html()
    assert "Scores relative to the base" in page
    assert "<td>exact-match</td>" in page and ">2.00 <small>[" in page
    assert "| the base | exact-match | 100 | 2.00 \\[" in markdown(story)
    (row,) = [one for one in results(story)["relative"] if one["metric"] == "exact-match"]
    assert row["ratio"] == pytest.approx(2.0) and row["undefined"] == ""


# --- report.md ------------------------------------------------------------------------------


def test_the_markdown_says_what_the_page_says(story: Story) -> None:
    story.fill()
    facts, text = gather(story.config, story.ledger), markdown(story)
    assert text.startswith(
        "# Self-Evolution report: 运营商网络告警 (run run)\n\n**The model knows 83%"
    )
    assert headline(facts).status in text and "Lost elsewhere: former abilities" in text
    assert "| 4, leads | " in text and "| 83.0 \\[75.6–90.4\\] |" in text
    assert "| `train.rank` | 64 | " in text
    assert "- manuals/扫描件.pdf: no text: scanned" in text
    assert "### Domain questions, book closed: 83 won, 2 lost" in text
    tables = [line.split() for line in text.splitlines() if line.startswith("|")]
    assert len(tables) > 30
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        bars = {line.replace("\\|", "").count("|") for line in lines}
        assert len(bars) <= 1, block  # each row has as many cells as its head


def _shown(text: str) -> str:
    """Return a paragraph of Markdown as a reader sees it; markup that is not text fails."""
    markdown_it = pytest.importorskip("markdown_it")
    parser = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
    html = parser.render(text)
    assert html.startswith("<p>") and html.endswith("</p>\n"), html
    inside = html[3:-5]
    assert "<" not in inside, html
    return unescape(inside)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60))
@example(HOSTILE)
@example("1. [a](http://evil.test) ![b](c.png) `d` **e** _f_ ~~g~~ | h")
@example("- a")
@example("12) a")
@example("www.evil.test a@evil.test #3 $x$ <!-- x --> &lt; \\* \\")
@example("=")
@example("+ a\n\n    b\n```\n\u202eevil")
def test_markdown_shows_any_text_as_it_is(text: str) -> None:
    escaped = escape(text)
    assert "\n" not in escaped
    plain = escaped and _shown(f"{escaped}\n")
    kept = " ".join(plain.split())
    assert kept == escape_free(text)
    cell = _cell(escaped)
    assert " ".join(cell.split()) == kept


def escape_free(text: str) -> str:
    """The text in one line, without what is never shown."""
    hidden = {*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x2028, 0x202F), 0xFEFF}
    hidden |= {*range(0x2066, 0x206A)}
    return " ".join("".join(" " if ord(c) in hidden else c for c in text).split())


def _cell(escaped: str) -> str:
    markdown_it = pytest.importorskip("markdown_it")
    parser = markdown_it.MarkdownIt("commonmark").enable("table")
    html = parser.render(f"| a | b |\n|---|---|\n| {escaped} | end |\n")
    first, second = html.partition("<tbody>")[2].split("<td>")[1:]
    assert second.startswith("end</td>")
    return unescape(first.partition("</td>")[0])


def test_hostile_texts_stay_texts_in_markdown(story: Story) -> None:
    story.items(question=f"{HOSTILE}\n\n# Heading | [link](http://evil.test)")
    for generation, right in ((0, set[int]()), (1, {1})):
        story.predictions(generation, right)
        story.evaluated(generation, 50.0 * generation)
    story.promoted(0, 1, of=1)
    text = markdown(story)
    assert "\n# Heading" not in text and "<script" not in text.replace("\\<", "")
    assert "[link" not in text.replace("\\[", "") and "http\\://evil" in text
