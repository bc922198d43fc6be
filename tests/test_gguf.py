"""GGUF files as bases: what is converted is the same model, and what cannot be is named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("gguf", reason="the package gguf (extra `gguf`) is not installed")

from self_evolution.config import Model
from self_evolution.errors import UserError
from self_evolution.miniature import MODEL
from self_evolution.models import engines
from self_evolution.models.base import gguf_cache, gguf_conversion
from self_evolution.models.base.location import locate
from tests.gguf_files import write_gguf

QUESTION = [{"role": "user", "content": "What colour is alarm <|im_end|> Temun?"}]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SELF_EVOLUTION_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


def test_a_converted_model_is_the_model(tmp_path: Path) -> None:
    """The miniature's weights are bfloat16, so float32 and BF16 hold them exactly."""
    from self_evolution.models.transformers_engine import TransformersEngine

    original = TransformersEngine(Model(name=str(MODEL), dtype="float32"))
    prompt = original.prompt_ids(QUESTION)
    rows = [(prompt, original.text_ids("The colour of alarm Temun is coral.", reply=True))]
    expected = original.nll(rows, "base")
    for kind, dtype in (("F32", "float32"), ("BF16", "bfloat16")):
        file = write_gguf(tmp_path / f"{kind}.gguf", kind)
        engine = TransformersEngine(Model(name=str(file), dtype="float32"))
        assert engine.nll(rows, "base") == expected
        assert engine.prompt_ids(QUESTION) == prompt
        assert engine.chat.stops == original.chat.stops
        assert engine.chat.pad == original.chat.pad
        assert engine.opening_ids() == original.opening_ids()
        assert engine.window == original.window
        config = json.loads((Path(locate(str(file))) / "config.json").read_text())
        assert config["dtype"] == dtype and "quantization_config" not in config


def test_quantised_weights_are_kept_as_bfloat16(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    file = write_gguf(tmp_path / "small.gguf", "Q4_1")
    found = load_file(Path(locate(str(file))) / "model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    exact = load_file(MODEL / "model.safetensors")[name].float()
    # 4 bits: in each block of 32, sixteen steps from its lowest weight to its highest.
    blocks = exact.reshape(-1, 32)
    step = (blocks.amax(1) - blocks.amin(1)) / 15
    error = (found[name].float() - exact).abs().reshape(-1, 32).amax(1)
    assert str(found[name].dtype) == "torch.bfloat16"
    assert ((error > 0.2 * step) & (error < 0.7 * step)).float().mean() > 0.9


def test_a_file_is_converted_once(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_gguf(tmp_path / "small.gguf", "Q8_0")
    settings = Model(name=str(file))
    engines.check_engine(settings)
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("converting small.gguf") and told[-1].startswith("converted: ")
    folder = Path(locate(str(file)))
    made = (folder / "model.safetensors").stat().st_mtime_ns
    identity = engines.identity(settings)
    assert identity == {"gguf": folder.name.removeprefix("small-")}

    (entry,) = gguf_cache.entries()
    assert entry.source == str(file)
    assert entry.bytes == sum(path.stat().st_size for path in cache.glob("*/*"))
    assert locate(str(file)) == str(folder)
    assert (folder / "model.safetensors").stat().st_mtime_ns == made
    assert capsys.readouterr().err == ""

    with pytest.raises(UserError, match=r"small-0: not in the cache .* it has: small-"):
        gguf_cache.remove("small-0")
    gguf_cache.remove(entry.name)
    assert list(cache.iterdir()) == gguf_cache.entries() == []
    assert engines.identity(settings) == identity


@pytest.mark.parametrize("source", [None, "{", "{}", "[]"])
def test_a_folder_of_others_in_the_cache_is_left_out(cache: Path, source: str | None) -> None:
    (cache / "other").mkdir(parents=True)
    if source is not None:
        (cache / "other" / "source.json").write_text(source)
    assert gguf_cache.entries() == []


def test_nothing_is_left_of_a_conversion_that_fails(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_gguf(tmp_path / "small.gguf")
    (cache / "other-1.partial").mkdir(parents=True)  # of a process that was killed

    def full(file: Path, folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(gguf_conversion, "convert", full)
    with pytest.raises(OSError, match="No space left"):
        locate(str(file))
    assert list(cache.iterdir()) == []


@pytest.mark.drill
def test_a_process_that_is_killed_leaves_nothing_under_the_name(
    tmp_path: Path, cache: Path
) -> None:
    file = write_gguf(tmp_path / "small.gguf")
    script = f"from self_evolution.models.base.location import locate; locate({str(file)!r})"
    process = subprocess.Popen([sys.executable, "-c", script], env=os.environ)
    while not any(cache.glob("*.partial")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [path.suffix for path in cache.iterdir()] == [".partial"]
    assert gguf_cache.entries() == []
    assert Path(locate(str(file))).is_dir()
    assert len(list(cache.iterdir())) == 1


def test_the_cache_is_where_the_system_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SELF_EVOLUTION_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert gguf_cache.models_folder() == tmp_path / "self-evolution" / "models"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert gguf_cache.models_folder() == tmp_path / ".cache" / "self-evolution" / "models"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"architecture": "rwkv7"}, "does not load the architecture `rwkv7` from GGUF; .*qwen2"),
        ({"tokenizer": False}, "the file has no tokenizer; give a file with one"),
        ({"general__type": "adapter"}, "of the type adapter; expected a language model"),
        ({"split__count": 3}, "one part of 3; `llama-gguf-split --merge`"),
        ({"without": "blk.2.ffn_up.weight"}, "1 weight missing .* model.layers.2.mlp.up_proj"),
        ({"template": False}, "no chat template .*--model.chat-template plain"),
    ],
)
def test_what_a_file_lacks_is_named(
    tmp_path: Path, cache: Path, changes: dict[str, str], problem: str
) -> None:
    file = write_gguf(tmp_path / "small.gguf", **changes)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=problem):
        engines.check_engine(Model(name=str(file)))
    # A template can be given, so without one the model is converted all the same.
    assert bool(gguf_cache.entries()) == ("template" in changes)


def test_a_file_that_is_cut_or_none_at_all_is_named(tmp_path: Path) -> None:
    whole = write_gguf(tmp_path / "small.gguf").read_bytes()
    for name, content, problem in (
        ("cut.gguf", whole[: len(whole) // 2], "cut short or damaged"),
        ("start.gguf", whole[:40], "cut short or damaged"),
        ("zip.gguf", b"PK\x03\x04", "not a GGUF file"),
        ("empty.gguf", b"", "not a GGUF file"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"--model .*{name}: {problem}"):
            locate(str(tmp_path / name))
    with pytest.raises(UserError, match=r"--model .*none\.gguf: no such file"):
        locate(str(tmp_path / "none.gguf"))
    assert engines.engine_for(str(tmp_path / "cut.gguf")) == "transformers"


def test_a_quantisation_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gguf

    def unknown(data: object, kind: gguf.GGMLQuantizationType) -> None:
        raise NotImplementedError(kind.name)

    file = write_gguf(tmp_path / "small.gguf", "Q8_0")
    monkeypatch.setattr(gguf, "dequantize", unknown)
    with pytest.raises(UserError, match=r"its weights are quantised as (F32|Q8_0), which cannot"):
        locate(str(file))
