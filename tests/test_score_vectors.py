"""IFD against the numbers of the published implementation, which scores one pair at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny

from self_evolution import config
from self_evolution.cli import main
from self_evolution.models.ifd import Measure, Template, measure, read_template
from self_evolution.prompts import Prompts

VECTORS = Path(__file__).resolve().parents[1].parent / "shared" / "vectors"
pytestmark = pytest.mark.skipif(
    not (VECTORS / "ifd.json").is_file(),
    reason="the published IFD vectors (shared/vectors beside the repository) are not here",
)
WINDOW = 1024  # of the published implementation
KEYS = ("ifd", "nll_given_question", "nll_alone")


@pytest.fixture(scope="module")
def pairs() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((VECTORS / "ifd.json").read_text("utf-8"))["pairs"]
    return rows


@pytest.fixture(scope="module")
def measured(pairs: list[dict[str, Any]]) -> list[Measure]:
    engine = tiny.engine(VECTORS / "ifd_model")
    words = read_template(str(VECTORS / "ifd_template.json"))
    template = Template(engine, Prompts(config.Domain()), words)
    texts = [(pair["question"], pair["answer"]) for pair in pairs]
    return measure(engine, template, texts, config.Score(max_tokens=WINDOW), "base")


def kind(pair: dict[str, Any]) -> str:
    """Return the kind of a pair by its note: `same` where the published number must be met."""
    if pair["boundary_merged"]:
        return "merged"  # they find the answer in the text; we join token ids
    if not pair["answer"]:
        return "empty"
    return "long" if "1024" in pair["note"] or "truncated" in pair["note"] else "same"


def test_every_kind_is_there(pairs: list[dict[str, Any]]) -> None:
    kinds = [kind(pair) for pair in pairs]
    counts = {name: kinds.count(name) for name in set(kinds)}
    assert counts == {"same": 55, "long": 3, "empty": 1, "merged": 1}


@pytest.mark.slow
def test_the_published_numbers(pairs: list[dict[str, Any]], measured: list[Measure]) -> None:
    for pair, one in zip(pairs, measured, strict=True):
        if kind(pair) == "same":
            found = {key: getattr(one, key) for key in KEYS}
            assert found == pytest.approx({key: pair[key] for key in KEYS}, abs=1e-4), pair["note"]
            assert one.answer_tokens == pair["answer_tokens"], pair["note"]
            single = pair["note"] == "one-char answer"
            assert one.outcome == ("one_token" if single else "scored"), pair["note"]


def test_what_they_score_as_one_or_cut_off_has_no_number(
    pairs: list[dict[str, Any]], measured: list[Measure]
) -> None:
    outcomes = {"empty": "empty_answer", "long": "answer_too_long"}
    for pair, one in zip(pairs, measured, strict=True):
        if wanted := outcomes.get(kind(pair)):
            if "no answer tokens left" in pair["note"]:
                wanted = "question_too_long"
            assert (one.outcome, one.ifd) == (wanted, None), pair["note"]


def test_an_answer_that_merges_with_its_prompt_is_still_near(
    pairs: list[dict[str, Any]], measured: list[Measure]
) -> None:
    """Ours has one token more: the published text tokenizes its first one with the colon."""
    ((pair, one),) = [
        (pair, one) for pair, one in zip(pairs, measured, strict=True) if kind(pair) == "merged"
    ]
    assert one.outcome == "scored"
    assert one.ifd == pytest.approx(pair["ifd"], abs=0.05)


@pytest.mark.slow
def test_the_filter_on_files(pairs: list[dict[str, Any]], tmp_path: Path) -> None:
    source, output = tmp_path / "pairs.jsonl", tmp_path / "scored.jsonl"
    lines = [{"id": i, **pair, "published": pair["ifd"]} for i, pair in enumerate(pairs)]
    source.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    model, template = str(VECTORS / "ifd_model"), str(VECTORS / "ifd_template.json")
    command = ["score", str(source), "--model", model, "--score.template", template]
    assert main([*command, "--model.device", "cpu", "-o", str(output)]) == 0
    found = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert [row["id"] for row in found] == list(range(len(pairs)))
    for row, pair in zip(found, pairs, strict=True):
        if kind(pair) == "same":
            assert row["ifd"] == pytest.approx(row["published"], abs=1e-4)
            assert row["question"] == pair["question"]
    assert [row["outcome"] for row in found if not row["answer"]] == ["empty_answer"]
