"""Settings, recipes and prompts: every shipped one is read, every mistake is named."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from self_evolution import config, prompts
from self_evolution.config.earlier import EARLIER
from self_evolution.errors import UserError
from self_evolution.evaluation.metrics import METRICS
from self_evolution.records import Fragment
from self_evolution.strategies import STRATEGIES

RECIPES = sorted(path.stem for path in config.RECIPES.glob("*.yaml"))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_read_and_survives_a_round_trip(name: str, tmp_path: Path) -> None:
    recipe = config.load(name)
    assert recipe.recipe == name
    (tmp_path / "again.yaml").write_text(config.dump(recipe), encoding="utf-8")
    assert config.load(str(tmp_path / "again.yaml")) == recipe


def test_the_default_recipe_is_the_defaults() -> None:
    assert config.load("default") == config.Config()


def test_the_paper_recipe_is_as_published() -> None:
    """Zhang et al. 2024: what DESIGN calls the published recipe, number by number."""
    paper = config.load("paper")
    flat = paper.flat()
    assert (paper.generations, flat["ask.per_fragment"]) == (8, 1)
    assert (flat["ask.temperature"], flat["ask.top_p"], flat["ask.asker"]) == (0.5, 0.95, "current")
    assert (flat["select.k"], flat["train.learning_rate"], flat["train.epochs"]) == (2000, 1e-6, 1)
    assert (flat["train.rank"], paper.train.lora_alpha, flat["train.batch_size"]) == (8, 16, 16)
    assert (flat["train.schedule"], flat["train.max_tokens"]) == ("cosine", 1024)
    assert (flat["evaluate.temperature"], flat["evaluate.top_p"]) == (0.95, 0.7)
    assert (flat["score.scorer"], flat["check.enabled"], flat["promote.rule"]) == (
        "base",
        False,
        "always",
    )


def test_names_in_the_settings_are_those_of_the_tables() -> None:
    strategy = config.Select.model_fields["strategy"].annotation
    metric = config.Promote.model_fields["metric"].annotation
    assert set(get_args(strategy)) == set(STRATEGIES)
    # A metric that is low where it is good, or that a copy of the document raises, decides nothing.
    good = {name for name, metric in METRICS.items() if metric.aim == "high"}
    assert set(get_args(metric)) <= good - {"nugget-recall"}


def test_every_setting_has_help() -> None:
    assert [key for key, field in config.fields() if not field.description] == []


def test_a_setting_given_as_text_becomes_its_type() -> None:
    changed = config.Config().changed({"train.learning_rate": "2e-3", "check.enabled": "false"})
    assert changed.train.learning_rate == 2e-3
    assert changed.check.enabled is False


@pytest.mark.parametrize(
    ("earlier", "today"),
    [
        (
            {"promote": {"rollback": False, "on_failure": "both"}},
            {"promote.on_failure": "continue"},
        ),
        ({"promote": {"rollback": True, "on_failure": "both"}}, {"promote.on_failure": "both"}),
        ({"promote": {"rollback": True}}, {"promote.on_failure": "lower-rate"}),
        ({"train": {"rank": 16, "alpha": 32}}, {"train.rank": 16, "train.alpha": 0}),
        ({"train": {"alpha": 64}}, {"train.rank": 32, "train.alpha": 0}),
        ({"train": {"rank": 8, "alpha": 32}}, {"train.rank": 8, "train.alpha": 32}),
        ({"train": {"weight_decay": 0.0, "dropout": 0.0}}, {}),
        ({"check": {"max_question_chars": 400}, "split": {"min_chars": "20"}}, {}),
    ],
)
def test_a_recipe_of_an_earlier_version_means_the_same(
    earlier: dict[str, dict[str, Any]], today: dict[str, Any]
) -> None:
    given = copy.deepcopy(earlier)
    read = config.parse(earlier, "mine.yaml")
    assert read.flat() == config.Config().flat() | today
    assert earlier == given, "what was given is not changed"


def test_every_earlier_setting_is_gone_or_has_another_meaning_today() -> None:
    today = {key for key, _ in config.fields()}
    assert {key for key in EARLIER if key in today} == {"train.alpha"}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"train": {"weight_decay": 0.1}}, "mine.yaml: train.weight_decay 0.1: it is always 0"),
        ({"promote": {"rollback": "maybe"}}, "promote.rollback 'maybe': expected true or false"),
        ({"train": {"rank": "many", "alpha": 4}}, "train.rank 'many': expected a valid integer"),
        ({"train": 3}, "train 3: expected a valid dictionary"),
    ],
)
def test_an_earlier_setting_that_cannot_be_followed_is_refused(
    section: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        config.parse(section, "mine.yaml")


def _fragment(text: str, language: str = "en") -> Fragment:
    return Fragment("f", "d", "s", 0, ("Book", "Chapter"), text, 0, len(text), 1, 9, language, 0)


@pytest.mark.parametrize("path", sorted(prompts.FOLDER.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_profile_fills_in_the_fragment(path: Path) -> None:
    talk = prompts.Prompts(config.Domain(name="pumps", prompts=path.stem))
    fragment = _fragment("Braces {like} these {0} stay as they are.")
    first = talk.ask(fragment, [])
    assert fragment.text in first[-1]["content"]
    later = talk.ask(fragment, ["Q1?", "Q2?"])
    assert [turn["role"] for turn in later[-4:]] == ["assistant", "user", "assistant", "user"]
    assert later[: len(first)] == first
    answer = talk.answer(fragment.heading, fragment.text, "What {is} it?", "en")
    assert fragment.text in answer[-1]["content"] and "What {is} it?" in answer[-1]["content"]
    closed = talk.closed("What {is} it?", "en")
    assert closed == [{"role": "user", "content": "What {is} it?"}]


def test_the_language_of_the_prompts_follows_the_fragment_unless_told() -> None:
    auto = prompts.Prompts(config.Domain())
    assert "片段" in auto.ask(_fragment("端口", "zh"), [])[-1]["content"]
    assert "passage" in auto.ask(_fragment("port", "en"), [])[-1]["content"]
    german = auto.ask(_fragment("Anschluss", "de"), ["Q?"])
    assert "in German" in " ".join(german[-3]["content"].split())
    assert "in German" in german[-1]["content"]
    assert "in German" in auto.answer((), "Anschluss", "Q?", "de")[-1]["content"]
    told = prompts.Prompts(config.Domain(language="zh"))
    assert "片段" in told.ask(_fragment("port", "en"), [])[-1]["content"]


def test_a_broken_profile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    good = {"ask": "{fragment}", "ask_another": "more", "answer": "{fragment} {question}"}
    for bad in ({"ask": "{nothing}"}, {"leaks": ["("]}, {"asks": "x"}, {"answer": 3}):
        path.write_text(yaml.safe_dump(good | bad), encoding="utf-8")
        with pytest.raises(UserError, match="not a prompt profile"):
            prompts.load(str(path))
    path.write_text(json.dumps(good), encoding="utf-8")
    assert prompts.load(str(path)).closed == "{question}"
