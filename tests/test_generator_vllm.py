"""A whole run whose questions and answers a real vLLM writes, with the adapter of each
generation."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
import vllm_server
from exports import learnt

from self_evolution.models.endpoint.lora_server import LoraServer
from self_evolution.models.protocols import SamplingParams
from self_evolution.run.read import read_run

pytestmark = [pytest.mark.drill, pytest.mark.timeout(2400), vllm_server.needed]


def _predictions(run: Path) -> dict[tuple[int, str], str]:
    with read_run(run) as found:
        rows = {
            (generation, item.question): text
            for generation in (0, 1, 2)
            for item, text in found.ledger.evaluations.predictions(generation, "domain", "closed")
        }
        assert found.ledger.stage_done(2, "promote")
    return rows


def test_a_run_of_two_generations(tmp_path: Path) -> None:
    model = tiny.make(tiny.KINDS["llama3"], tmp_path / "model", **vllm_server.SHAPE)
    document = tmp_path / "pump.md"
    document.write_text("# Pump\n\nThe pump at North Station stops when alarm 4711 is raised.\n")
    settings = {
        "generations": 2,
        "train.epochs": 20,
        "read.documents": [str(document)],
        "split.min_tokens": 0,
        "evaluate.held_out": 0.0,
        "ask.per_fragment": 1,
        "ask.max_tokens": 12,
        "answer.max_tokens": 12,
    }
    words = ["vllm", "serve", str(model), "--host", "127.0.0.1", "--enable-lora"]
    words += ["--max-lora-rank", "8"]
    updating = {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True"}
    with vllm_server.started(words, tmp_path / "log", **updating) as url:
        server = LoraServer(url)
        greedy = SamplingParams(0.0, 1.0, 12)
        (whole,) = server.generate(server.base, [[5, 9, 13]], greedy, [0], [])
        (cut,) = server.generate(server.base, [[5, 9, 13]], greedy, [0], [whole[5]])
        assert cut == whole[: whole.index(whole[5]) + 1]  # what ends a reply comes back too
        served = learnt(model, tmp_path / "served", **{**settings, "model.generator": url})
    with read_run(served) as run:
        assert run.ledger.meta("engines")["2 ask"] == [f"transformers, replies by {url}"]
        probes = run.ledger.meta("probes")
    assert [key[0] for key in probes] == ["0", "1", "2"]
    # Each generation has learnt something that the base does not say.
    for _, rows in list(probes.items())[1:]:
        assert sum(base != tuned for _, base, tuned in rows) >= 6
    found = _predictions(served)
    assert len(found) == 18
    alone = _predictions(learnt(model, tmp_path / "alone", **settings))
    base = [key for key in found if key[0] == 0]
    assert sum(found[key] == alone[key] for key in base) >= 5
