"""Likelihoods against a naive computation from the model's own logits."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import ALL

from self_evolution.config import Domain, Score
from self_evolution.models import Weights, likelihood
from self_evolution.models.ifd import Template, by_tokens, measure
from self_evolution.models.likelihood import Likelihood
from self_evolution.models.protocols import Row
from self_evolution.models.transformers_engine import TransformersEngine
from self_evolution.prompts import Prompts

SETTINGS = Score()


def rows_for(engine: TransformersEngine, lengths: list[tuple[int, int]]) -> list[Row]:
    """Random prompts and answers of those lengths; longer than a sliding window among them."""
    chance, size = random.Random(1), len(engine.chat.tokenizer)

    def some(n: int) -> list[int]:
        return [chance.randrange(size) for _ in range(n)]

    return [(some(prompt), some(answer)) for prompt, answer in lengths]


@pytest.mark.parametrize("name", ALL)
def test_nll_is_that_of_the_models_own_logits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mixed lengths padded on the right, several tiles of the vocabulary, adapter off and on."""
    engine = tiny.engine(name)
    rows = rows_for(engine, [(1, 1), (40, 9), (3, 30), (17, 2), (60, 12)])
    base = tiny.model(name)
    expected = [tiny.naive_nll(base, row) for row in rows]
    assert engine.nll(rows, "base") == pytest.approx(expected, abs=1e-5)

    monkeypatch.setattr(likelihood, "TILE_NUMBERS", 1)  # tiles of 256 tokens
    assert engine.nll(rows, "base") == pytest.approx(expected, abs=1e-5)

    engine.set_adapter(tiny.adapter(name, tmp_path / "gen-1"))
    model = tiny.tuned(name, tmp_path / "gen-1")
    tuned = [tiny.naive_nll(model, row) for row in rows]
    assert max(abs(a - b) for a, b in zip(tuned, expected, strict=True)) > 0.01
    assert engine.nll(rows, "current") == pytest.approx(tuned, abs=1e-5)
    assert engine.nll(rows, "base") == pytest.approx(expected, abs=1e-5)


def test_which_architectures_are_scored_in_tiles() -> None:
    """The others scale their logits in a way of their own: theirs are taken."""
    tiled = {name: Likelihood(tiny.model(name)).tiled for name in ALL}
    assert tiled == dict.fromkeys(ALL, True) | {"granite": False, "cohere": False}


def test_a_token_that_is_impossible_costs_no_digits() -> None:
    """Some models give tokens that are never said a very large negative logit, not -inf."""
    base: Any = tiny.model("qwen2")
    size, width = base.get_output_embeddings().weight.shape
    bias = torch.zeros(size)
    bias[0] = -1e8
    outputs = Likelihood(base)
    head = SimpleNamespace(weight=base.get_output_embeddings().weight, bias=bias)
    outputs._head = head  # type: ignore[assignment]
    states, wanted = torch.randn(5, width), torch.arange(1, 6)
    with torch.no_grad():
        expected = torch.nn.functional.cross_entropy(
            outputs.logits(states), wanted, reduction="none"
        )
        assert outputs._token_nll(states, wanted) == pytest.approx(expected, abs=1e-5)


def test_a_scale_is_seen_also_where_all_logits_are_near_zero(tmp_path: Path) -> None:
    """The losses of such a model are ln V at any scale, so comparing losses would not do."""
    path = tiny.make(tiny.MORE["cohere"], tmp_path / "m", initializer_range=0.001)
    assert not Likelihood(tiny.model(path)).tiled


def test_memory_that_does_not_hold_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny.engine("qwen2")
    rows = rows_for(engine, [(5, n) for n in range(1, 8)])
    expected = engine.nll(rows, "base")
    monkeypatch.setattr(Likelihood, "nll", _small_memory(Likelihood.nll))
    assert engine.nll(rows, "base") == pytest.approx(expected, abs=1e-5)


def _small_memory(nll: Callable[..., list[float]]) -> Callable[..., list[float]]:
    def limited(self: Likelihood, rows: list[Row], pad: int) -> list[float]:
        if len(rows) > 2:
            raise torch.OutOfMemoryError("too much")
        return nll(self, rows, pad)

    return limited


def scored(engine: TransformersEngine, pairs: list[tuple[str, str]], settings: Score = SETTINGS):
    template = Template(engine, Prompts(Domain()))
    return template, measure(engine, template, pairs, settings, "base")


def test_a_model_that_knows_nothing_has_ifd_one_and_nll_ln_v(tmp_path: Path) -> None:
    def forget(model: Any) -> None:
        model.get_output_embeddings().weight.zero_()

    engine = tiny.engine(tiny.changed("llama3", tmp_path / "model", forget))
    _, (one,) = scored(engine, [("Which alarm?", "Alarm 4711.")])
    size = len(engine.chat.tokenizer)
    assert one.nll_alone == pytest.approx(math.log(size), abs=1e-5)
    assert one.nll_given_question == pytest.approx(math.log(size), abs=1e-5)
    assert one.ifd == pytest.approx(1.0, abs=1e-6)
    assert one.outcome == "scored"


def test_two_tokens_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probabilities 1/2 and 1/4 with the question, 1/8 and 1/8 without: IFD = 1.5/3 = 1/2."""
    engine = tiny.engine("qwen2")
    template = Template(engine, Prompts(Domain()))
    answer = template.answer("The pump")
    assert len(answer) == 2
    table = {"given": (1 / 2, 1 / 4), "alone": (1 / 8, 1 / 8)}
    size = len(engine.chat.tokenizer)

    class Hand(torch.nn.Module):
        """A model whose hidden states are its logits: log-probabilities, the head the identity."""

        config = tiny.model("qwen2").config
        get_decoder = lambda self: self._hidden  # noqa: E731

        def get_output_embeddings(self) -> torch.nn.Module:
            head = torch.nn.Linear(size, size, bias=False)
            head.weight.data = torch.eye(size)
            return head

        def forward(self, input_ids: torch.Tensor, **_: object) -> Any:
            return SimpleNamespace(logits=self._hidden(input_ids)[0])

        def _hidden(self, input_ids: torch.Tensor, **_: object) -> tuple[torch.Tensor]:
            hidden = torch.zeros(*input_ids.shape, size)
            for row, ids in enumerate(input_ids.tolist()):
                kind = "alone" if ids[: len(template.alone)] == template.alone else "given"
                starts = [i - 1 for i in range(len(ids)) if ids[i : i + 2] == answer]
                for start in starts[:1]:
                    for step, wished in enumerate(table[kind]):
                        rest = (1 - wished) / (size - 1)
                        hidden[row, start + step] = math.log(rest)
                        hidden[row, start + step, answer[step]] = math.log(wished)
            return (hidden,)

    by_hand = Likelihood(Hand())
    monkeypatch.setattr(engine, "nll", lambda rows, weights: by_hand.nll(rows, engine.chat.pad))
    (one,) = measure(engine, template, [("Which?", "The pump")], SETTINGS, "base")
    assert one.nll_given_question == pytest.approx(1.5 * math.log(2), abs=1e-5)
    assert one.nll_alone == pytest.approx(3 * math.log(2), abs=1e-5)
    assert one.ifd == pytest.approx(0.5, abs=1e-5)


def test_outcomes_of_what_cannot_be_scored() -> None:
    engine = tiny.engine("mistral")
    pairs = [("Which?", ""), ("Which?", "The"), ("Which?", "pump " * 90), ("pump " * 90, "The")]
    _, found = scored(engine, [*pairs, ("Which?", "The pump.")], Score(max_tokens=64))
    outcomes = [one.outcome for one in found]
    assert outcomes == [
        *("empty_answer", "one_token", "answer_too_long", "question_too_long", "scored")
    ]
    assert [one.ifd is None for one in found] == [True, False, True, True, False]
    assert found[0].answer_tokens == 0


def test_a_broken_model_is_not_finite(tmp_path: Path) -> None:
    def destroy(model: Any) -> None:
        model.get_input_embeddings().weight.fill_(math.nan)

    engine = tiny.engine(tiny.changed("qwen2", tmp_path / "model", destroy))
    _, (one,) = scored(engine, [("Which?", "The pump.")])
    assert one[:4] == ("not_finite", None, None, None)


def test_an_answer_that_needs_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny.engine("qwen2")

    def nll(rows: list[Row], weights: Weights) -> list[float]:
        return [0.0005 if len(prompt) < 12 else 0.2 for prompt, _ in rows]

    monkeypatch.setattr(engine, "nll", nll)
    _, (one,) = scored(engine, [("Which alarm is it?", "The pump.")])
    assert one[:4] == ("near_zero_alone", None, 0.2, 0.0005)


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(1, 200))
def test_batches_hold_every_row_once_and_keep_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(by_tokens(lengths, budget))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = max(lengths[i] for i in batch) * len(batch)
        assert padded <= budget or len(batch) == 1
