"""The network use of an engine: none, unless a model is to be fetched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

AUDITED = """
import sys, time
tried = []
def watch(event, details):
    if event in ("socket.connect", "socket.getaddrinfo"):
        tried.append(event)
sys.addaudithook(watch)
from self_evolution.config import Model
from self_evolution.models import open_engine
from self_evolution.models.base import location
from self_evolution.errors import UserError

def refused(**settings):
    begun = time.monotonic()
    try:
        open_engine(Model(device="cpu", **settings))
    except UserError as error:
        assert time.monotonic() - begun < 5  # without load it is a fraction of one
        return str(error)
    raise AssertionError("not refused")

def states():
    from huggingface_hub import constants
    return constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_TELEMETRY
"""


def audited(code: str, folder: Path, **environment: str) -> None:
    """Run `code` after AUDITED in a process of its own, with an empty hub cache in `folder`."""
    clean = {key: value for key, value in os.environ.items() if "OFFLINE" not in key}
    clean |= {"HF_HOME": str(folder / "hub"), **environment}
    subprocess.run([sys.executable, "-c", AUDITED + code], check=True, env=clean, cwd=folder)


def test_a_folder_is_opened_without_the_network(tmp_path: Path) -> None:
    code = f"""
model = {str(tiny.folder("qwen2"))!r}
engine = open_engine(Model(name=model, device="cpu", download=True))
assert states() == (True, True)
assert engine.revision == ""
import transformers
assert transformers.utils.hub.is_offline_mode()
assert not tried
"""
    audited(code, tmp_path)


@pytest.mark.parametrize("name", ["models/typo", "gpt2", "no name at all"])
def test_a_name_that_was_never_fetched_is_refused_at_once(name: str, tmp_path: Path) -> None:
    code = f"""
said = refused(name={name!r})
assert said == (
    "--model {name}: no such folder, and no model of that name was fetched before; "
    "--model.download true fetches it from the hub"
), said
assert states() == (True, True)
assert "torch" not in sys.modules and not tried
"""
    audited(code, tmp_path)


def test_the_persons_own_word_against_the_network_holds(tmp_path: Path) -> None:
    code = """
assert "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set" in refused(name="a/b", download=True)
assert states() == (True, True) and not tried
"""
    audited(code, tmp_path, TRANSFORMERS_OFFLINE="1")


def test_only_a_model_to_be_fetched_may_use_the_network(tmp_path: Path) -> None:
    """Also for a second engine in the process, and its telemetry stays off."""
    code = """
import os
fetched = Model(name="somebody/model", download=True)
assert location.settle_network(fetched) is False and "HF_HUB_OFFLINE" not in os.environ
assert states() == (False, True)
assert "models/typo" in refused(name="models/typo")
assert states() == (True, True) and not tried
assert location.settle_network(fetched) is False
assert states() == (False, True)
"""
    audited(code, tmp_path)


def test_a_model_that_was_fetched_before_needs_no_network(tmp_path: Path) -> None:
    revision = "0123abcd" * 5
    cache = tmp_path / "hub" / "hub" / "models--somebody--model"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text(revision)
    (cache / "snapshots").mkdir()
    (cache / "snapshots" / revision).symlink_to(tiny.folder("qwen2"))
    code = f"""
engine = open_engine(Model(name="somebody/model", device="cpu"))
assert (engine.window, engine.revision) == (2048, {revision!r})
assert states() == (True, True) and not tried
"""
    audited(code, tmp_path)
