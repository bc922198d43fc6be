"""A real chat model, SmolLM2-135M-Instruct: what must hold for any model (`make test-real`)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from self_evolution import cli, miniature
from self_evolution.config import Model
from self_evolution.errors import UserError
from self_evolution.models.protocols import SamplingParams
from self_evolution.run.read import read_run
from self_evolution.text.values import extract_values, stands_in
from tools import smollm2

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
OFFICIAL = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    "<|im_end|>\n<|im_start|>user\nWhat is the capital of France?<|im_end|>\n"
    "<|im_start|>assistant\n"
)
# fmt: off
OFFICIAL_IDS = [
    1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 3365, 3511, 308, 34519, 28, 7018, 411, 407,
    19712, 8182, 2, 198, 1, 4093, 198, 1780, 314, 260, 3575, 282, 4649, 47, 2, 198, 1, 520, 9531,
    198,
]
# fmt: on
FEW = ("--evaluate.limit", "8", "--rehearse.topics", "6", "--rehearse.fragments", "0")


@pytest.fixture(scope="module")
def model() -> str:
    pytest.importorskip("gguf", reason="the package gguf (extra `gguf`) is not installed")
    try:
        return str(smollm2.fetch())
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def engine(model: str) -> Any:
    from self_evolution.models.transformers_engine import TransformersEngine

    return TransformersEngine(Model(name=model))


def test_one_generation(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Documents, a few pairs of one's own and a few questions of its own: all of it is used."""
    pairs = tmp_path / "pairs.jsonl"
    lines = miniature.FAQ.read_text(encoding="utf-8").splitlines()[:16]
    pairs.write_text("\n".join(lines), encoding="utf-8")
    document = str(miniature.HANDBOOK / "nodes-coast.md")
    folder = tmp_path / "run"
    command = ["run", document, "--recipe", "demo", "--model", model, "--run", str(folder), *FEW]
    command += ["--pairs", str(pairs), "--ask.per-fragment", "1", "--train.epochs", "3"]
    command += ["--eval", str(miniature.FAQ_EVALUATION)]
    assert cli.main(command) == 0
    with read_run(folder) as run:
        funnel = {row["generation"]: row for row in run.ledger.pairs.funnel()}[1]
        (adapter,) = run.ledger.training.adapters()
        evaluations = run.ledger.evaluations.of_generations()
        conversations = run.ledger.training.conversations("topics")
        pairs_of = list(run.ledger.pairs.by_fragment(1, "trusted"))
    assert len(pairs_of) == 16 and funnel["new"] >= 16 and funnel["rehearsal"] > 0
    assert all(0 <= row.mean <= 100 for row in evaluations if row.metric == "exact-match")
    for generation in (0, 1):
        tasks = {(row.suite, row.mode) for row in evaluations if row.generation == generation}
        assert tasks == {
            ("domain", "closed"),
            ("domain", "retrieved"),
            ("domain", "open"),
            ("retention", "closed"),
        }
    for row in conversations:
        assert not any("<|im_" in turn["content"] for turn in row.messages)
    assert adapter.last_loss < adapter.first_loss
    assert adapter.divergence is not None and adapter.divergence > 0
    results = json.loads((folder / "report" / "results.json").read_text(encoding="utf-8"))
    assert {row["generation"] for row in results["evaluations"]} == {0, 1}
    capsys.readouterr()
    assert cli.main(command) == 0  # a second time, there is nothing left to do
    assert "is complete: nothing to do" in capsys.readouterr().err
    assert cli.main(["chat", str(folder), "What is the capital of France?", "--model", "1"]) == 0
    assert re.search(r"\w", capsys.readouterr().out)


def test_its_prompts_are_those_of_the_official_template(engine: Any) -> None:
    ids = engine.prompt_ids(QUESTION)
    assert engine.chat.tokenizer.decode(ids) == OFFICIAL
    assert ids == OFFICIAL_IDS  # one start token a turn, and none before the first
    assert engine.chat.tokenizer.decode(engine.opening_ids()) == "<|im_start|>assistant\n"
    assert engine.chat.stops == [2]
    conversation = [*QUESTION, {"role": "assistant", "content": "Paris."}]
    ids, labels = engine.chat.example(conversation)
    assert engine.chat.tokenizer.decode(ids) == f"{OFFICIAL}Paris.<|im_end|>"
    assert labels[: len(OFFICIAL_IDS)] == [-100] * len(OFFICIAL_IDS)


def test_it_knows_the_capital_of_france(engine: Any) -> None:
    (reply,) = engine.generate([QUESTION], SamplingParams(0.0, 1.0, 24), 0, "base")
    assert "Paris" in reply.text and reply.finish_reason == "stop"
    right, wrong = (
        (engine.prompt_ids(QUESTION), engine.text_ids(f"The capital of France is {city}."))
        for city in ("Paris", "Madrid")
    )
    likely, unlikely = engine.nll([right, wrong], "base")
    assert likely < 0.5 < unlikely


def test_it_writes_rewrites_of_a_fragment(model: str, tmp_path: Path) -> None:
    """Each kind is written, by the prompts that ship; what is kept has no value of its own."""
    document = miniature.HANDBOOK / "nodes-coast.md"
    folder = tmp_path / "run"
    command = ["run", str(document), "--model", model, "--run", str(folder), *FEW]
    command += ["--pairs", str(miniature.FAQ), "--ask.per-fragment", "0", "--ask.rewrites", "5"]
    command += ["--eval", str(miniature.FAQ_EVALUATION), "--evaluate.abilities", "0"]
    command += ["--train.rehearsal", "0", "--limit", "2", "--answer.max-tokens", "64"]
    assert cli.main(["read", *command[1:]]) == 0
    for stage in ("split", "build", "evaluate", "promote", "ask", "answer", "rewrite"):
        assert cli.main([stage, str(folder)]) == 0
    with read_run(folder) as run:
        counts = run.ledger.rewrites.counts()
        ids = [id for id, _ in run.ledger.rewrites.written()]
        texts = run.ledger.rewrites.of_fragments(ids)
        fragments = {one.id: one for one in run.ledger.fragments.get(ids)}
    kinds = ["facts", "explanation", "summary", "rephrasing", "verbatim"]
    assert [one.kind for one in counts] == kinds and all(one.written == len(ids) for one in counts)
    for id, found in texts.items():
        for row in found:
            if row.reason is None:
                about = fragments[id].titled(fragments[id].text)
                assert all(stands_in(one, about, about) for one in extract_values(row.text))
