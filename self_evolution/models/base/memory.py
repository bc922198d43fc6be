"""How much memory a model takes: computed from its shape, without loading it.

The parts are added up as they stand in memory at the same time. They are estimates: the libraries
take some memory of their own, and a device splits its memory into blocks.
"""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from self_evolution.config import Config, Train
from self_evolution.errors import UserError
from self_evolution.models.base.layers import (
    configuration,
    in_attention,
    linear_layers,
    require_mlps,
    size_of,
    unloaded,
)
from self_evolution.models.base.location import locate

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
QUANTIZED = {"nf4": 0.52, "int8": 1.01}
"""Bytes for each weight that is held in few bits, with the scales of its blocks."""

LIBRARIES = 1.2e9
"""Bytes for Python, torch and the other libraries, on a CPU or on a GPU."""

FILLED = 0.95
"""Share of the memory that a step may fill by this computation."""

_STATES = 16
"""Bytes for each trained weight: itself, its gradient and two averages of AdamW, in float32."""

_LIVE, _LIVE_INNER = 12, 4
"""Numbers that training keeps for each token in a layer, in multiples of the hidden size and of the
inner size of its MLP. Counted on Llama, Qwen 3 and Gemma 3: 7 to 11, and 4."""

_LOGITS = 3 * (64 << 20)
"""Bytes of logits, which training and scoring make for a few tokens at a time."""

_INNER = ("intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size")
"""Names that configurations of several families give to the width of an MLP. If none is there, the
width is four times the hidden size."""


class Shape(NamedTuple):
    """The sizes from which the memory of a model is computed. `linear`: inputs plus outputs of all
    layers with LoRA; `keys`: key heads times their size."""

    parameters: int
    layers: int
    hidden: int
    inner: int
    keys: int
    vocabulary: int
    linear: int
    attention: int
    """The part of `linear` that is in attention."""
    inside: int
    """Weights of all layers with LoRA: those that `model.quantize` holds in few bits."""


class Memory(NamedTuple):
    """The largest number of bytes in each of the two kinds of work, which take turns."""

    generating: int
    training: int

    @property
    def most(self) -> int:
        return max(self.generating, self.training)


def memory_bytes() -> tuple[float, str]:
    """The memory that this process may take, and what limits it."""
    limits = [(float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")), "of the machine")]
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        limits.append((float(soft), "by ulimit -v"))
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        path = Path("/sys/fs/cgroup") / name
        if path.is_file() and (text := path.read_text().strip()).isdecimal():
            limits.append((float(text), "by the container (cgroup)"))
    return min(limits)


def settled(settings: Config) -> Config:
    """The settings with `train.checkpointing` on or off: on, if a step does not fit otherwise.

    It stays open where the model's configuration is not on this machine yet, or not known; nothing
    is saved then.
    """
    from self_evolution.models.base.loading import choose_device

    if settings.train.checkpointing != "auto":
        return settings
    device = choose_device(settings.model.device)
    try:
        found = shape(Path(locate(settings.model.name)))
    except UserError:
        return settings
    # The weights' own format, which `auto` means on a GPU, is half as large in nearly all models.
    dtype = settings.model.dtype if settings.model.dtype in BYTES else "bfloat16"
    fits = memory(found, settings, dtype).training < FILLED * room(device)
    return settings.changed({"train.checkpointing": "off" if fits else "on"})


def check_layers(settings: Config) -> None:
    """Raises UserError if the model has no linear layers for `train.layers`.

    Nothing is raised where the model's configuration is not on this machine yet, or not known.
    """
    if settings.train.layers == "all":
        return
    try:
        folder = Path(locate(settings.model.name))
        with _known(folder):
            layers = linear_layers(unloaded(configuration(folder)))
    except UserError:  # it is raised again when the model is loaded
        return
    require_mlps(layers)


def room(device: str) -> float:
    """Bytes of the device's memory."""
    import torch

    if device == "cpu":
        return memory_bytes()[0]
    if device.startswith("cuda"):
        return float(torch.cuda.mem_get_info(torch.device(device))[1])
    return float(torch.mps.recommended_max_memory())


def shape(folder: Path) -> Shape:
    """The shape of the model in a folder; no weights are read.

    Raises UserError if transformers does not know its architecture.
    """
    with _known(folder):
        return shape_of(configuration(folder))


@contextmanager
def _known(folder: Path) -> Iterator[None]:
    """Raises UserError in place of whatever transformers raises for an architecture that it does
    not know."""
    try:
        yield
    except Exception as error:
        raise UserError(
            f"--model {folder}: its architecture is not known here ({error}); expected a causal "
            "language model that transformers knows without remote code"
        ) from error


def shape_of(config: Any) -> Shape:
    """The shape of a model with this configuration of transformers; nothing is allocated."""
    model = unloaded(config)
    text = config.get_text_config()
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    sizes = {name: size_of(layer) for name, layer in linear_layers(model).items()}
    ends = {name: sum(size) for name, size in sizes.items()}
    named = (getattr(text, name, None) for name in _INNER)
    return Shape(
        parameters=sum(weight.numel() for weight in model.parameters()),
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        inner=next(filter(None, named), 4 * text.hidden_size),
        keys=(getattr(text, "num_key_value_heads", None) or text.num_attention_heads) * head,
        vocabulary=text.vocab_size,
        linear=sum(ends.values()),
        attention=sum(count for name, count in ends.items() if in_attention(name)),
        inside=sum(outputs * inputs for outputs, inputs in sizes.values()),
    )


def stored_dtype(folder: Path) -> str:
    """The number format of the weights in a model's folder, as its configuration names it."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= config.get("text_config") or {}
    return str(config.get("dtype") or config.get("torch_dtype") or "float32")


def adapter_weights(model: Shape, settings: Train) -> int:
    """The numbers in a LoRA adapter."""
    left_out = model.attention if settings.layers == "mlp" else 0
    return settings.rank * (model.linear - left_out)


def memory(model: Shape, settings: Config, dtype: str, parts: int = 1, device: str = "") -> Memory:
    """The memory that a run with these settings takes on one device, with weights in `dtype`.

    In training, the device holds one of so many `parts` of the base's layers. On a `device` "cpu",
    replies are written with keys and values in float32.
    """
    size = BYTES[dtype]
    inside = model.inside * QUANTIZED.get(settings.model.quantize, size)
    weights = (model.parameters - model.inside) * size + inside + LIBRARIES
    train = settings.train
    # Training: one micro-batch of the longest examples.
    tokens = train.micro_batch * train.max_tokens
    layer = tokens * (_LIVE * model.hidden + _LIVE_INNER * model.inner) * size
    kept = layer * model.layers
    if train.checkpointing == "on":
        kept = tokens * model.hidden * size * model.layers + layer
    adapter = adapter_weights(model, train) * _STATES
    training = weights - inside + inside / parts + adapter + kept + _LOGITS
    # Generating: one batch of prompts with passages, and the longest answers.
    window = 2 * settings.split.max_tokens + settings.answer.max_tokens
    rows = settings.model.batch_size
    number = BYTES["float32"] if device == "cpu" else size
    cache = rows * window * 2 * model.layers * model.keys * number
    reading = rows * window * (4 * model.hidden + 2 * model.inner) * size
    generating = (
        weights + adapter_weights(model, train) * 4 + cache + reading + rows * model.vocabulary * 4
    )
    return Memory(int(generating), int(training))
