"""The location of a model: a folder, a GGUF file or the hub's cache; and whether the network may
be used."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from self_evolution.config import Model
from self_evolution.errors import UserError
from self_evolution.models.base.gguf_cache import converted, is_gguf
from self_evolution.models.endpoint.address import is_address

_TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "spiece.model",
    "vocab.json",
    "vocab.txt",
    "tekken.json",
)
_FORBIDDEN = any(  # by the person, before we set the variable ourselves
    os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
)
NO_TEMPLATE = (
    "this model has no chat template (is it a base model?): choose its chat or instruct variant, "
    "or give --model.chat-template plain, or a Jinja file"
)


def locate(name: str) -> str:
    """Return the folder, or the hub name as given. `embedded` is the miniature in the package.

    A GGUF file is converted when its folder is not in the cache. Raises UserError if no model was
    named, if a folder has no model in it, or if a file cannot be converted.
    """
    if not name:
        raise UserError(
            "no model given: --model FOLDER, FILE.gguf or a hub name of a chat model (--recipe "
            "embedded tries the product on the miniature that ships with it)"
        )
    if is_address(name):
        raise UserError(
            f"--model {name}: an endpoint can be asked but not trained; give a folder or a hub "
            "name, and the endpoint with --against, to compare with"
        )
    if name == "embedded":
        from self_evolution import miniature as embedded

        return str(embedded.MODEL)
    path = Path(name).expanduser()
    if is_gguf(name) and not path.is_dir():
        return str(converted(path))
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise UserError(
                f"--model {name}: the folder has no config.json; expected a model as "
                "save_pretrained writes it (safetensors)"
            )
        if not any((path / file).is_file() for file in _TOKENIZERS):
            raise UserError(
                f"--model {name}: the folder has no tokenizer; expected tokenizer.json and "
                "tokenizer_config.json beside the weights"
            )
        return str(path)
    if path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise UserError(f"--model {name}: no such folder")
    return name


def settle_network(settings: Model) -> bool:
    """Keep the hub's library off the network, unless a hub name may be fetched; True if it is off.

    The library reads the variables once, when it is imported, so call this before that. If it is
    already imported (by a second engine in the process), its own copy is set too.
    """
    allowed = settings.download and not _FORBIDDEN and not Path(locate(settings.name)).is_dir()
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    if allowed:
        os.environ.pop("HF_HUB_OFFLINE", None)
    else:
        os.environ["HF_HUB_OFFLINE"] = "1"
    constants: Any = sys.modules.get("huggingface_hub.constants")
    if constants is not None:
        constants.HF_HUB_OFFLINE = not allowed
        constants.HF_HUB_DISABLE_TELEMETRY = True
    return not allowed


def revision(name: str) -> str:
    """The version of a hub's model that was fetched last; empty if there is none, or for a
    folder."""
    found = fetched(name)
    return "" if found is None or Path(name).is_dir() else found.name


def fetched(name: str) -> Path | None:
    """The folder of a model that `locate` found: the given folder, or the one in the hub's cache if
    the model was fetched before."""
    if Path(name).is_dir():
        return Path(name)
    import huggingface_hub

    try:
        found = huggingface_hub.try_to_load_from_cache(name, "config.json")
    except ValueError:  # not in the form of a hub name
        return None
    return Path(found).parent if isinstance(found, str) else None
