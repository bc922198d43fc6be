"""Tests whether the files of an adapter fit the base model: names, shapes, and whether they change
anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from self_evolution.models.base.layers import configuration, linear_layers, size_of, unloaded
from self_evolution.models.training import lora
from self_evolution.text.counts import many

_PREFIX, _DOWN, _UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
CONFIG = "adapter_config.json"


def adapter_faults(folder: Path, base: Path) -> Iterator[str]:
    """Describe weights that PEFT or vLLM would leave out without a word.

    `folder`: the adapter; `base`: the folder of the base model, whose weights are not read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / lora.WEIGHTS, "pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in list(file.keys())}
            ups = [name for name in shapes if name.endswith(_UP)]
            idle = [name for name in ups if not file.get_tensor(name).any()]
    except (SafetensorError, OSError) as error:
        yield f"{lora.WEIGHTS} is cut off or damaged ({error})"
        return
    linear = _sizes(base)
    named = {name: shape for name, shape in shapes.items() if name.startswith(_PREFIX)}
    places = {_place(name) for name in named}
    unknown = sorted({*places, *(set(shapes) - set(named))} - set(linear))
    if unknown:
        yield (
            f"module names: {len(unknown)} of {len(places) or len(shapes)} modules of the adapter "
            f"are not in the base, such as {unknown[0]}; a program that loads it would leave their "
            "weights out and give the base's answers"
        )
        return
    wrong = [one for one, shape in named.items() if not _fits(one, shape, linear[_place(one)])]
    if wrong:
        told = many(len(wrong), "weight")
        yield f"shapes: {told} of another shape than the base's, such as {wrong[0]}"
    wanted = _targets(folder, linear)
    if wanted != places:
        odd = sorted(wanted ^ places)
        yield (
            f"module names: {CONFIG} and {lora.WEIGHTS} differ in {many(len(odd), 'module')}, "
            f"such as {odd[0]}; a program that loads it would leave weights out"
        )
    if len(idle) == len(ups):
        yield "weights that do nothing: all of the adapter's are zero, so the base answers"


def modules(folder: Path) -> list[str]:
    """The names of the modules that an adapter changes."""
    from safetensors import safe_open

    with safe_open(folder / lora.WEIGHTS, "pt") as file:
        return sorted({_place(name) for name in list(file.keys())})


def _sizes(base: Path) -> dict[str, tuple[int, int]]:
    """{name: (outputs, inputs)} of the base's linear layers, without loading its weights."""
    found = linear_layers(unloaded(configuration(base)))
    return {name: size_of(layer) for name, layer in found.items()}


def _place(name: str) -> str:
    """The module of the base that a weight of the adapter belongs to."""
    return name.removeprefix(_PREFIX).removesuffix(_DOWN).removesuffix(_UP)


def _fits(name: str, shape: tuple[int, ...], linear: tuple[int, int]) -> bool:
    outputs, inputs = linear
    return shape[1] == inputs if name.endswith(_DOWN) else shape[0] == outputs


def _targets(folder: Path, linear: dict[str, tuple[int, int]]) -> set[str]:
    """The modules that the adapter's configuration names."""
    wanted = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["target_modules"]
    if isinstance(wanted, str):
        import re

        return {name for name in linear if re.fullmatch(wanted, name)}
    ends = tuple(f".{one}" for one in wanted)
    return {name for name in linear if name in wanted or name.endswith(ends)}
