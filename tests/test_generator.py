"""A run whose replies come from a server: the same rows, and no miss without a word."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import tiny
from exports import learnt
from fake_vllm import serving

from self_evolution import cli
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.models.endpoint.lora_server import LoraServer
from self_evolution.run.read import read_run

pytestmark = pytest.mark.slow

DOCUMENT = "# Pump\n\nThe pump at North Station stops when alarm 4711 is raised.\n"


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A run of two generations on a tiny model that asks, answers and learns its exam by heart.

    All are made of the same files, because ids and seeds depend on their paths.
    """
    folder, made = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("runs")

    def run(generator: str = "", **settings: object) -> Path:
        shutil.rmtree(folder / "run", ignore_errors=True)
        (folder / "pump.md").write_text(DOCUMENT, encoding="utf-8")
        own = {
            "generations": 2,
            "train.epochs": 20,
            "model.generator": generator,
            "read.documents": [str(folder / "pump.md")],
            "split.min_tokens": 0,
            "evaluate.held_out": 0.0,
            "ask.per_fragment": 1,
            "ask.max_tokens": 12,
            "answer.max_tokens": 12,
        }
        here = learnt(tiny.folder("llama3"), folder, **{**own, **settings})
        return here.rename(made / str(len(list(made.iterdir()))))

    return run


def _rows(run: Path, folder: Path) -> dict[str, bytes]:
    assert cli.main(["dump", str(run), "-o", str(folder)]) == 0
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_with_a_server_has_the_rows_of_one_without(
    make: Callable[..., Path], tmp_path: Path
) -> None:
    with serving(tiny.folder("llama3")) as server:
        served = make(server.url)
        adapters = [name for call, name in server.calls if call == "load"]
        with read_run(served) as run:
            known = {row.generation: row.sha256 for row in run.ledger.training.adapters()}
            engines, probes = run.ledger.meta("engines"), run.ledger.meta("probes")
        # Each generation's adapter is loaded once for each stretch, and the one before goes.
        assert {name.removeprefix("self-evolution-") for name in adapters} == {
            sha256[:16] for sha256 in known.values()
        }
        assert list(server.models) == [str(tiny.folder("llama3")), adapters[-1]]
        for body in server.bodies:
            assert body["repetition_penalty"] == 1.0 and body["return_token_ids"] is True
        assert engines["1 ask"] == [f"transformers, replies by {server.url}"]
        assert [key[0] for key in probes] == ["0", "1", "2"]
        assert any(base != tuned for _, base, tuned in list(probes.values())[1])
    alone = make()
    assert _rows(served, tmp_path / "served") == _rows(alone, tmp_path / "alone")
    with read_run(alone) as run:
        assert run.ledger.meta("engines")["1 ask"] == ["transformers"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("ignores the adapter", "it passes over the adapter and gives the base's answers"),
        ("cuts", "it cuts prompts: it has read 5 of "),
        ("cuts without saying so", "answers of its base model begin as those of"),
        ("another template", "it changes prompts, as with another chat template"),
        ("no ids", "it does not say which tokens it reads and writes"),
        ("breaks off", "it broke a reply off (abort)"),
        ("no loading", "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve"),
    ],
)
def test_a_server_with_a_fault_is_refused_with_its_cause(
    fault: str, words: str, make: Callable[..., Path]
) -> None:
    with serving(tiny.folder("llama3"), fault) as server, pytest.raises(UserError) as error:
        make(server.url)
    assert f"--model.generator {server.url}: " in str(error.value)
    assert words in str(error.value)


def test_a_server_with_another_model_is_refused(make: Callable[..., Path], tmp_path: Path) -> None:
    other = tiny.make(tiny.KINDS["llama3"], tmp_path / "other", seed=8)
    with (
        serving(other) as server,
        pytest.raises(UserError, match=r"begin as those of .* serve this model"),
    ):
        make(server.url)


def test_a_run_stays_with_its_engine_unless_told(
    make: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run = make(generations=1)
    with serving(tiny.folder("llama3")) as server:
        more = ["run", "--run", str(run), "--generations", "2", "--model.generator", server.url]
        assert cli.main(more) == 2
        assert f"model.generator  → {server.url}" in capsys.readouterr().err
        with closing(Ledger(run / "run.db")) as ledger:
            (row,) = ledger.training.adapters()
            key = f"1 {row.sha256[:16]}"
            ledger.set_meta("probes", {key: []})  # there was nothing to ask then
        assert cli.main([*more, "--accept-change"]) == 0
    with read_run(run) as found:
        engines, probes = found.ledger.meta("engines"), found.ledger.meta("probes")
    assert probes[key]
    assert engines["1 ask"] == ["transformers"]
    assert engines["2 ask"] == [f"transformers, replies by {server.url}"]


def test_a_server_that_has_gone_holds_nothing_up(tmp_path: Path) -> None:
    adapter = tiny.adapter("llama3", tmp_path / "gen-1")
    with serving(tiny.folder("llama3")) as server:
        there = LoraServer(server.url, pause=30.0)
        there.use(adapter, "0" * 64)
    start = time.monotonic()
    there.close()
    assert time.monotonic() - start < 10


def test_what_cannot_be_is_said_at_once(
    arguments: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("run", "--model.generator", "http://127.0.0.1:9/v1")) == 2
    assert "--model.engine scripted cannot leave its replies to a server" in capsys.readouterr().err
    words = ["run", "--recipe", "embedded", "--run", "/nonexistent/run", "--model.generator"]
    assert cli.main([*words, "http://127.0.0.1:9/v1"]) == 2
    assert "http://127.0.0.1:9/v1: does not answer" in capsys.readouterr().err
