"""Our product of a linear layer with LoRA against PEFT's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora.layer import Linear

from self_evolution.models.training.lora_layer import QuickLinear, quicken


def tuned(dtype: torch.dtype = torch.float32, **more: Any) -> Any:
    torch.manual_seed(0)
    base = torch.nn.Sequential(torch.nn.Linear(24, 16), torch.nn.Linear(16, 40, bias=False))
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["0", "1"], **more)
    model = get_peft_model(base.to(dtype), config)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    return model


def results(model: Any, x: torch.Tensor) -> list[torch.Tensor]:
    """The output, and the gradients of the input and of the adapter."""
    model.zero_grad()
    x = x.clone().requires_grad_()
    found = model(x)
    (found.float() ** 2).sum().backward()
    return [found.detach(), x.grad, *(one.grad for one in model.parameters() if one.requires_grad)]  # type: ignore[list-item]


def apart(found: list[torch.Tensor], expected: list[torch.Tensor]) -> float:
    """The largest difference of a result, as a part of its size."""
    assert [one.dtype for one in found] == [one.dtype for one in expected]
    pairs = zip(found, expected, strict=True)
    return max(float((a - b).norm() / b.norm()) for a, b in pairs)


@pytest.mark.parametrize("tokens", [1, 60], ids=["few tokens", "many"])
def test_the_product_and_its_gradient_are_those_of_peft(tokens: int) -> None:
    model, x = tuned(), torch.randn(3, tokens, 24)
    expected = results(model, x)
    quicken(model)
    assert sum(type(layer) is QuickLinear for layer in model.modules()) == 2
    assert apart(results(model, x), expected) < 1e-5


def test_rounded_weights_lose_no_more_than_rounding() -> None:
    model, x = tuned(torch.bfloat16), torch.randn(3, 60, 24, dtype=torch.bfloat16)
    expected = results(model, x)
    quicken(model)
    assert apart(results(model, x), expected) < 1e-2


def test_without_the_adapter_it_is_the_base() -> None:
    model, x = tuned(), torch.randn(3, 24)
    with model.disable_adapter():
        expected = model(x)
        quicken(model)
        assert torch.equal(model(x), expected)
    assert not torch.equal(model(x), expected)


def test_the_weights_of_the_base_stay_as_they_are() -> None:
    model = tuned()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    quicken(model)
    results(model, torch.randn(3, 60, 24))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("more", [{"lora_dropout": 0.5}, {"use_dora": True}])
def test_a_layer_that_does_more_is_left_to_peft(more: dict[str, Any]) -> None:
    model = tuned(**more)
    quicken(model)
    assert not any(type(layer) is QuickLinear for layer in model.modules())
    assert any(type(layer) is Linear for layer in model.modules())
