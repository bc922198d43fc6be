"""Finding a model's folder, telling one model from another, and loading it."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from self_evolution.config import Model
from self_evolution.errors import UserError
from self_evolution.models.address import is_address

_SMALL = 1 << 20
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
    """A folder, or the hub name as given. `embedded` is the miniature that ships.

    Raises UserError where no model was named, or a folder has no model in it.
    """
    if not name:
        raise UserError(
            "no model given: --model FOLDER or a hub name of a chat model (--recipe embedded "
            "tries the product on the miniature that ships with it)"
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
    """Forbid the hub's library the network, unless a hub name may be fetched; whether forbidden.

    The library reads the variables once, when it is imported, so this comes before; where it is
    there already (a second engine in the process), its own copy is set too.
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


def require_here(settings: Model) -> None:
    """Raises UserError if the model is neither a folder nor fetched before, and may not be fetched.

    Looks into the hub's cache and calls no network; imports neither torch nor transformers.
    """
    if settings.engine != "transformers":
        return
    name = locate(settings.name)
    if not settle_network(settings) or Path(name).is_dir():
        return
    if not revision(name):
        cure = "--model.download true fetches it from the hub"
        if settings.download:
            cure = "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set, so it is not fetched"
        raise UserError(
            f"--model {name}: no such folder, and no model of that name was fetched before; {cure}"
        )


def revision(name: str) -> str:
    """Which version of a hub's model was fetched last; empty if none was, or for a folder."""
    if Path(name).is_dir():
        return ""
    import huggingface_hub

    try:
        found = huggingface_hub.try_to_load_from_cache(name, "config.json")
    except ValueError:  # not in the form of a hub name
        return ""
    return Path(found).parent.name if isinstance(found, str) else ""


def require_template(settings: Model) -> None:
    """Raises UserError if a local model has no chat template and none is given.

    So that a run does not begin that could not go on; a hub's model is looked at when it is loaded.
    """
    folder = Path(locate(settings.name)) if settings.engine == "transformers" else None
    if folder is None or not folder.is_dir() or settings.chat_template:
        return
    if any(folder.glob("chat_template*")) or (folder / "additional_chat_templates").is_dir():
        return
    config = folder / "tokenizer_config.json"
    if not (config.is_file() and '"chat_template"' in config.read_text(encoding="utf-8")):
        raise UserError(f"--model {settings.name}: {NO_TEMPLATE}")


def identity(settings: Model) -> dict[str, str]:
    """{file: digest} by which a run knows its model again; cheap also for many gigabytes.

    Small files are digested whole, weights by their size and 16 samples over their length.
    """
    if settings.engine == "scripted":
        path = Path(settings.name)
        return {"script": _digest(path)} if path.is_file() else {"script": settings.name}
    located = locate(settings.name)
    if not Path(located).is_dir():
        return {"hub": located}
    names = ("*.json", "*.jinja", "*.model", "*.safetensors")
    files = sorted(path for name in names for path in Path(located).glob(name))
    return {path.name: _digest(path) for path in files}


def _digest(path: Path) -> str:
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        if size <= 16 * _SMALL:
            digest.update(file.read())
        else:
            for i in range(16):
                file.seek(i * (size - _SMALL) // 15)
                digest.update(file.read(_SMALL))
    return digest.hexdigest()[:16]


def load_tokenizer(settings: Model) -> Any:
    """The model's tokenizer alone. Raises UserError that says what is missing.

    Without `settings.download` there is no call to the network, and for a folder there never is.
    """
    located = locate(settings.name)
    offline = settle_network(settings)
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        return transformers.AutoTokenizer.from_pretrained(
            located, trust_remote_code=False, local_files_only=offline
        )
    except Exception as error:
        raise UserError(
            f"--model {settings.name}: its tokenizer cannot be loaded ({_first_line(error)}); "
            "expected tokenizer.json and tokenizer_config.json beside the weights"
        ) from error


def load(settings: Model) -> tuple[Any, Any]:
    """(model in eval mode on its device, tokenizer). Raises UserError that says what is missing.

    Nothing but safetensors is loaded, and no code that comes with a model is run.
    """
    tokenizer = load_tokenizer(settings)
    located = locate(settings.name)
    offline = settle_network(settings)
    import torch
    import transformers

    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = _device(settings.device)
    dtype = settings.dtype
    if dtype == "auto" and device == "cpu":
        dtype = "float32"
    try:
        model, found = transformers.AutoModelForCausalLM.from_pretrained(
            located,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=offline,
            output_loading_info=True,
        )
    except Exception as error:
        raise UserError(
            f"--model {settings.name}: cannot be loaded ({_first_line(error)}); expected a causal "
            "language model in safetensors that transformers knows without remote code"
        ) from error
    missing = sorted({*found["missing_keys"], *(str(key) for key in found["mismatched_keys"])})
    if missing:
        raise UserError(
            f"--model {settings.name}: {len(missing)} of its weights are missing or of another "
            f"shape than config.json says, such as {missing[0]}; fetch the model again"
        )
    return model.to(device).eval(), tokenizer


def _device(name: str) -> str:
    """The device to use. Raises UserError that names what there is if it is none of that."""
    there = _devices()
    if name == "auto":
        return next((kind for kind in ("cuda", "mps") if kind in there), "cpu")
    if name not in there:
        raise UserError(
            f"--model.device {name}: there is no such device here; choose from auto, "
            f"{', '.join(there)}"
        )
    return name


def _devices() -> list[str]:
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is None:
        return ["cpu"]
    kind, count = accelerator.type, torch.accelerator.device_count()
    return ["cpu", kind, *(f"{kind}:{i}" for i in range(count))]


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
