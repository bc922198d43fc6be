"""The parts of engine `transformers` that need no weights: checks, identity, token counts."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from self_evolution.config import Config, Model
from self_evolution.errors import UserError
from self_evolution.models.base import quantized
from self_evolution.models.base.digest import sampled_digest
from self_evolution.models.base.gguf_cache import is_gguf
from self_evolution.models.base.location import NO_TEMPLATE, fetched, locate, settle_network
from self_evolution.models.base.memory import Shape
from self_evolution.models.protocols import EVERYTHING, Engine
from self_evolution.models.tokens import TokenCounter, count, estimate

CAPABILITIES = EVERYTHING


def opens(name: str) -> bool:
    return is_gguf(name) or not Path(name).is_file()


def check(settings: Model) -> None:
    """Raises UserError if the model is missing and may not be fetched, or has no chat template.

    This looks into the hub's cache without using the network. The template of a model in the cache
    is checked when it is loaded.
    """
    name = locate(settings.name)
    offline = settle_network(settings)
    folder = fetched(name)
    quantized.check(settings, folder)
    if Path(name).is_dir():
        if not (settings.chat_template or _has_template(Path(name))):
            raise UserError(f"--model {settings.name}: {NO_TEMPLATE}")
    elif offline and not folder:
        cure = "--model.download true fetches it from the hub"
        if settings.download:
            cure = "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set, so it is not fetched"
        raise UserError(
            f"--model {name}: no such folder, and no model of that name was fetched before; {cure}"
        )


def _has_template(folder: Path) -> bool:
    if any(folder.glob("chat_template*")) or (folder / "additional_chat_templates").is_dir():
        return True
    config = folder / "tokenizer_config.json"
    return config.is_file() and '"chat_template"' in config.read_text(encoding="utf-8")


def identity(settings: Model) -> dict[str, str]:
    """{file: digest}; cheap also for many gigabytes, because large files are sampled.

    Of a GGUF file it is its own digest, which a later conversion does not change. Weights that are
    held in few bits make another model.
    """
    bits = {} if settings.quantize == "none" else {"quantize": settings.quantize}
    return _files(settings) | bits


def _files(settings: Model) -> dict[str, str]:
    file = Path(settings.name).expanduser()
    if is_gguf(settings.name) and file.is_file():
        return {"gguf": sampled_digest(file)}
    located = locate(settings.name)
    if not Path(located).is_dir():
        return {"hub": located}
    names = ("*.json", "*.jinja", "*.model", "*.safetensors")
    files = sorted(path for name in names for path in Path(located).glob(name))
    return {path.name: sampled_digest(path) for path in files}


def settled(settings: Config) -> Config:
    """Return the settings with a number format (see precision.py), and with checkpointing on or off
    (see memory.py).

    Raises UserError if the model has no layers for `train.layers`.
    """
    from self_evolution.models.base import memory, precision

    memory.check_layers(settings)
    model = precision.settled(settings.model)
    return memory.settled(settings.model_copy(update={"model": model}))


def shape(settings: Model) -> Shape | None:
    """From the model's configuration; no weights are read."""
    from self_evolution.models.base import memory

    settle_network(settings)
    return memory.shape(Path(locate(settings.name)))


def open_counter(settings: Model) -> TokenCounter:
    """Count with the model's tokenizer; without a name, estimate."""
    if not settings.name:
        return estimate
    from self_evolution.models.base.loading import load_tokenizer

    check(settings)
    return partial(count, load_tokenizer(settings))


def open_model(settings: Model) -> Engine:
    if settings.generator:
        from self_evolution.models.served_engine import ServedEngine

        return ServedEngine(settings)
    from self_evolution.models.transformers_engine import TransformersEngine

    return TransformersEngine(settings)
