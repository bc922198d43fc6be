"""vLLM itself serves what was exported for it, and answers the locked questions as the run did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny
import vllm_server
from exports import BOUND, learnt

from self_evolution import cli

pytestmark = [pytest.mark.drill, pytest.mark.timeout(1800), vllm_server.needed]


def test_the_real_server_gives_the_answers_of_the_run_and_a_missing_adapter_is_caught(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tiny.make(tiny.KINDS["llama3"], tmp_path / "model", **vllm_server.SHAPE)
    run, folder = learnt(model, tmp_path / "made"), tmp_path / "out"
    words = ["export", str(run), "--to", "vllm", "-o", str(folder), "--accept-loss", str(BOUND)]
    assert cli.main(words) == 0
    with vllm_server.started(["sh", str(folder / "serve.sh")], tmp_path / "log") as url:
        assert cli.main([*words, "--server", f"{url}#tuned"]) == 0
        here, there = json.loads((folder / "card.json").read_text(encoding="utf-8"))["tests"]
        assert there["answered_by"] == f"{url}#tuned"
        (before,), (after,) = here["tasks"], there["tasks"]
        assert after["questions"] == 6 and after["exported"] == before["run"] > 0
        # The base at the same server is what answers where an adapter is passed over.
        capsys.readouterr()
        assert cli.main([*words, "--server", f"{url}#{model}"]) == 2
        assert "0.0% where the run has" in capsys.readouterr().err
