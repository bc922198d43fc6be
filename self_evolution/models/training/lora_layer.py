"""The product of a linear layer with LoRA, in fewer passes over memory than PEFT's layer takes.

PEFT multiplies by A and by B, scales, and adds: each result is written to memory and read again,
and once more for the gradient. Here the product with B is added in place. In float32, where many
tokens meet a layer, its weights with the adapter's are made for this one product, so that the
forward pass costs no more than without an adapter. Neither changes the base's weights.

On weights in bfloat16 the adapter's products are in bfloat16 as well; the adapter itself, its
gradient and the optimizer stay in float32.
"""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora.layer import Linear
from torch import Tensor
from torch.nn.functional import linear


def quicken(tuned: Any) -> None:
    """Let the LoRA layers of PEFT's model `tuned` compute in this way, if they are plain LoRA
    layers."""
    for layer in tuned.modules():
        if type(layer) is Linear and _plain(layer):
            layer.__class__ = QuickLinear


def _plain(layer: Linear) -> bool:
    """Whether a layer of PEFT is W + s·B·A and nothing else, on a weight that is no coded one."""
    return (
        type(layer.get_base_layer()) is torch.nn.Linear
        and len(layer.lora_A) == 1
        and not layer.lora_variant
        and not layer.fan_in_fan_out
        and all(isinstance(one, torch.nn.Identity) for one in layer.lora_dropout.values())
        and all(one.bias is None for one in layer.lora_B.values())
    )


class QuickLinear(Linear):  # type: ignore[misc]
    """PEFT's layer; only the product is computed in another way."""

    def forward(self, x: Tensor, *arguments: Any, **more: Any) -> Tensor:
        if self.disable_adapters or self.merged or arguments or more:
            result: Tensor = super().forward(x, *arguments, **more)
            return result
        (name,) = self.active_adapters
        base, a, b = self.base_layer, self.lora_A[name].weight, self.lora_B[name].weight
        apply: Any = _Product.apply
        product: Tensor = apply(x, base.weight, base.bias, a, b, self.scaling[name])
        return product


class _Product(torch.autograd.Function):
    """x·W' + bias + s·(x·A')·B', for x (…, I), W (O, I), A (R, I), B (O, R)."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float
    ) -> Tensor:
        kind = weight.dtype
        x, a, b = x.to(kind), a.to(kind), b.to(kind)
        ctx.save_for_backward(x, weight, a, b)
        ctx.scale = scale
        ctx.together = _together(x, weight)
        if ctx.together:
            return linear(x, torch.addmm(weight, b, a, alpha=scale), bias)
        rows = x.reshape(-1, x.shape[-1])
        product = linear(rows, weight, bias).addmm_(rows @ a.t(), b.t(), alpha=scale)
        return product.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight, a, b = ctx.saved_tensors
        rows = x.reshape(-1, x.shape[-1])
        slope = gradient.reshape(-1, gradient.shape[-1]).to(weight.dtype)
        inner = slope @ b
        to_x = None
        if ctx.needs_input_grad[0]:
            if ctx.together:
                to_x = slope @ torch.addmm(weight, b, a, alpha=ctx.scale)
            else:
                to_x = (slope @ weight).addmm_(inner, a, alpha=ctx.scale)
            to_x = to_x.view(x.shape)
        to_a = (inner.t() @ rows).float() * ctx.scale
        to_b = (slope.t() @ (rows @ a.t())).float() * ctx.scale
        return to_x, None, None, to_a, to_b, None


def _together(x: Tensor, weight: Tensor) -> bool:
    """Whether it takes less to add B·A to the weights than to multiply each token by both.

    Only in float32: rounded to fewer digits, the sum would lose what a small adapter adds.
    """
    outputs, inputs = weight.shape
    tokens = x.numel() // inputs
    return weight.dtype == torch.float32 and tokens * (inputs + outputs) > inputs * outputs
