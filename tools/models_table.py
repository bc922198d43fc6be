"""The tables of docs/models.md, computed: `python -m tools.models_table` prints them.

The shapes are those that the models' own config.json state. Nothing is fetched or loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from self_evolution import config
from self_evolution.config import Config
from self_evolution.models.base.memory import Shape, memory, shape_of

APACHE = "Apache-2.0"


class Base(NamedTuple):
    """A well-known chat model: the class of its configuration, and what differs from defaults."""

    name: str
    kind: str
    numbers: dict[str, Any]
    licence: str


def _base(
    name: str,
    kind: str,
    sizes: tuple[int, int, int, int, int, int],
    head: int,
    tied: bool,
    licence: str,
) -> Base:
    """`sizes`: hidden, inner, layers, heads, key heads, vocabulary."""
    keys = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    numbers: dict[str, Any] = dict(
        zip((*keys, "num_key_value_heads", "vocab_size"), sizes, strict=True)
    )
    return Base(name, kind, numbers | {"head_dim": head, "tie_word_embeddings": tied}, licence)


_LLAMA31, _LLAMA32 = "Llama 3.1 Community License", "Llama 3.2 Community License"
_7B = (4096, 14336, 32, 32, 8, 32768)
BASES = (
    _base("SmolLM2-135M-Instruct", "Llama", (576, 1536, 30, 9, 3, 49152), 64, True, APACHE),
    _base("Qwen3-0.6B", "Qwen3", (1024, 3072, 28, 16, 8, 151936), 128, True, APACHE),
    _base("gemma-3-1b-it", "Gemma3Text", (1152, 6912, 26, 4, 1, 262144), 256, True, "Gemma Terms"),
    _base("Llama-3.2-1B-Instruct", "Llama", (2048, 8192, 16, 32, 8, 128256), 64, True, _LLAMA32),
    _base("SmolLM2-1.7B-Instruct", "Llama", (2048, 8192, 24, 32, 32, 49152), 64, True, APACHE),
    _base("Qwen3-1.7B", "Qwen3", (2048, 6144, 28, 16, 8, 151936), 128, True, APACHE),
    _base("Llama-3.2-3B-Instruct", "Llama", (3072, 8192, 28, 24, 8, 128256), 128, True, _LLAMA32),
    _base("Qwen3-4B", "Qwen3", (2560, 9728, 36, 32, 8, 151936), 128, True, APACHE),
    _base(
        "Mistral-7B-Instruct-v0.3", "Mistral", (4096, 14336, 32, 32, 8, 32768), 128, False, APACHE
    ),
    _base("Llama-3.1-8B-Instruct", "Llama", (4096, 14336, 32, 32, 8, 128256), 128, False, _LLAMA31),
    _base("Qwen3-8B", "Qwen3", (4096, 12288, 36, 32, 8, 151936), 128, False, APACHE),
    _base("Qwen3-14B", "Qwen3", (5120, 17408, 40, 40, 8, 151936), 128, False, APACHE),
    _base("Qwen3-32B", "Qwen3", (5120, 25600, 64, 64, 8, 151936), 128, False, APACHE),
)

SMALL = {
    "model.batch_size": 8,
    "train.micro_batch": 1,
    "train.checkpointing": "on",
}
"""Settings that need the least memory and give the same training: only the time differs."""

SIZES = (8, 16, 24, 48, 80)
"""Gigabytes of common machines and GPUs."""


def shape(base: Base) -> Shape:
    import transformers

    return shape_of(getattr(transformers, f"{base.kind}Config")(**base.numbers))


def tables() -> str:
    """Both tables as Markdown."""
    default = config.load("default")
    shapes = [(base, shape(base)) for base in BASES]
    lines = [*_models(shapes, default), "", *_machines(shapes, default)]
    return "\n".join(lines) + "\n"


def _needs(shape: Shape, default: Config) -> tuple[float, float, float]:
    """Gigabytes in float32, in bfloat16, and in bfloat16 with the settings SMALL."""
    small = default.changed(SMALL)
    found = (
        memory(shape, default, "float32"),
        memory(shape, default, "bfloat16"),
        memory(shape, small, "bfloat16"),
    )
    first, second, third = (one.most / 1e9 for one in found)
    return first, second, third


def _models(shapes: Sequence[tuple[Base, Shape]], default: Config) -> Iterator[str]:
    yield "| base | parameters | float32 | bfloat16 | bfloat16, small settings | licence |"
    yield "|---|---|---|---|---|---|"
    for base, shape in shapes:
        needs = " | ".join(
            f"{one:,.0f} GB" if one >= 10 else f"{one:.1f} GB" for one in _needs(shape, default)
        )
        count = f"{shape.parameters / 1e9:.2f} billion"
        yield f"| {base.name} | {count} | {needs} | {base.licence} |"


def _machines(shapes: Sequence[tuple[Base, Shape]], default: Config) -> Iterator[str]:
    yield "| memory | largest base, default settings | largest base, small settings |"
    yield "|---|---|---|"
    for size in SIZES:
        fits = [
            max(
                (
                    (shape.parameters, base.name)
                    for base, shape in shapes
                    if _needs(shape, default)[column] <= 0.95 * size
                ),
                default=(0, "–"),
            )
            for column in (1, 2)
        ]
        names = " | ".join(name for _, name in fits)
        yield f"| {size} GB | {names} |"


if __name__ == "__main__":
    print(tables(), end="")
