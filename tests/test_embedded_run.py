"""The miniature through the whole loop, as `make run` does it, in real processes."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from conftest import exported, rows
from serving import served

from self_evolution import cli
from self_evolution.coverage.shares import pairs_before
from self_evolution.run.read import read_run
from self_evolution.text.values import stands_in

AUDITED = Path(__file__).with_name("audited.py")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run of the recipe `embedded`, and what it did to the outside world."""
    folder = tmp_path_factory.mktemp("embedded")
    run, notes = folder / "run", folder / "notes.json"
    words = ["run", "--recipe", "embedded", "--run", str(run)]
    subprocess.run(
        [sys.executable, str(AUDITED), str(notes), *words],
        check=True,
        capture_output=True,
        env=ENVIRONMENT,
    )
    # Taken down before anything reads the run: a reader leaves SQLite's own -shm and -wal.
    files = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    return run, json.loads(notes.read_text()) | {"files": files}


def _scores(run: Path, suite: str, mode: str) -> list[float]:
    """Exact match by generation, in percent."""
    found = {
        int(str(row["generation"])): float(str(row["mean"]))
        for row in rows(run, "evaluation")
        if (row["suite"], row["mode"], row["metric"]) == (suite, mode, "exact-match")
    }
    return [found[generation] for generation in sorted(found)]


def test_the_miniature_learns_the_handbook(whole: tuple[Path, dict[str, Any]]) -> None:
    closed = _scores(whole[0], "domain", "closed")
    assert len(closed) == 5
    assert closed[0] <= 2.0
    assert max(closed) >= 80.0
    assert _scores(whole[0], "domain", "open")[0] >= 90.0
    assert min(_scores(whole[0], "domain", "retrieved")) >= 90.0


def test_the_statements_that_are_counted_as_covered_are_the_facts_that_pairs_state(
    whole: tuple[Path, dict[str, Any]],
) -> None:
    """The miniature's test questions ask for each of its facts, so it is known which pair states
    which one."""
    found = json.loads((whole[0] / "report" / "results.json").read_text())["coverage"]["statements"]
    with read_run(whole[0]) as reader:
        items = reader.ledger.items.of_suite("domain")
        ids = [id for id, _ in reader.ledger.fragments.for_training()]
        fragments = reader.ledger.fragments.get(ids)
        places = [[one.id for one in fragments if one.text in item.passage] for item in items]
        for generation in range(1, 5):
            pairs = pairs_before(reader.ledger, ids, generation + 1)
            stated = sum(
                any(
                    all(stands_in(value, answer) for value in item.reference_values or ())
                    for id in place
                    for _, answer in pairs[id]
                )
                for item, place in zip(items, places, strict=True)
            )
            assert found["covered"][str(generation)] == stated
    assert found["total"] == len(items) == 200
    assert found["covered"]["4"] >= 0.97 * 200


def test_served_answers_are_those_that_were_evaluated(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """The leader from memory, by OpenAI's client, 32 questions at a time: 99.5% are the same."""
    with read_run(whole[0]) as run:
        leader = run.ledger.evaluations.leader()
        stored = {
            item.question: text
            for suite in ("domain", "retention")
            for item, text in run.ledger.evaluations.predictions(leader, suite, "closed")
        }
    with (
        served(whole[0], tmp_path) as service,
        openai.OpenAI(base_url=f"{service.url}/v1", api_key="none", timeout=120) as client,
        ThreadPoolExecutor(32) as pool,
    ):

        def ask(question: str, **more: Any) -> Any:
            messages: Any = [{"role": "user", "content": question}]
            made = client.chat.completions.create(model="leader", messages=messages, **more)
            return made.choices[0]

        answers = [choice.message.content for choice in pool.map(ask, stored)]
        same = [one == other for one, other in zip(answers, stored.values(), strict=True)]
        assert len(same) == 712 and sum(same) >= 0.995 * len(same)
        first = next(iter(stored))
        likely = ask(first, logprobs=True, top_logprobs=3).logprobs.content
        assert "".join(token.token for token in likely).strip() == stored[first]
        for token in likely:
            best = max(token.top_logprobs, key=lambda one: one.logprob)
            assert (best.token, best.logprob) == (token.token, token.logprob)
            assert sum(math.exp(one.logprob) for one in token.top_logprobs) < 1.001
        told: dict[str, Any] = {"reliability": None}
        end = time.monotonic() + 300  # the service measures its reliability while it answers
        while told["reliability"] is None and time.monotonic() < end:
            body = {"question": first, "stream": False}
            told = httpx2.post(f"{service.url}/api/ask", json=body, timeout=120).json()
            time.sleep(0.5)
        source, mark = told["sources"][0], told["sources"][0]["mark"]
        passage = httpx2.get(f"{service.url}/api/fragments/{source['fragment']}").json()["text"]
        assert told["way"] in ("memory", "passages") and told["reliability"]["right"] > 0.5
        assert passage[mark["start"] : mark["end"]] == mark["sentence"]
        drawn = [ask(first, temperature=1.5, seed=seed).message.content for seed in (1, 1, 2, 3, 4)]
        assert drawn[0] == drawn[1] and len(set(drawn)) > 1


def test_the_miniature_is_led_by_what_was_shown_to_be_better(
    whole: tuple[Path, dict[str, Any]],
) -> None:
    promotions = rows(whole[0], "promotion")
    leader = 0
    for row, adapter in zip(promotions[1:], rows(whole[0], "adapter"), strict=True):
        assert adapter["parent"] == leader
        if row["promoted"]:
            leader = int(str(row["generation"]))
        else:
            assert f"rolled back to generation {leader}" in str(row["reason"])
    gains = {
        row["generation"]: float(str(row["low"]))
        for row in rows(whole[0], "difference")
        if (row["suite"], row["mode"], row["metric"], row["against"])
        == ("domain", "closed", "exact-match", 0)
    }
    assert leader >= 3 and gains[leader] > 60


def test_one_load_no_network_and_nothing_written_elsewhere(
    whole: tuple[Path, dict[str, Any]],
) -> None:
    run, notes = whole
    assert notes["loads"] == 1
    # The only children are those that read the documents, each in a cage of its own.
    assert 1 <= len(notes["processes"]) <= 8
    assert all(
        "'self_evolution.documents.readers.worker'" in process for process in notes["processes"]
    )
    assert notes["connections"] == []
    # Importing torch may probe the folder for temporary files; a probe is gone at once.
    elsewhere = {
        path
        for path in notes["written"]
        if not path.startswith(str(run))
        and path != os.devnull
        and "__pycache__" not in path
        and (Path(path).exists() or Path(path).parent != Path(tempfile.gettempdir()))
        # An unnamed file there: py3langid unpacks its own model into one.
        and path != tempfile.gettempdir()
    }
    assert elsewhere == set()
    adapters = {
        f"adapters/gen-{generation}/{name}"
        for generation in range(1, 5)
        for name in ("adapter_config.json", "adapter_model.safetensors")
    }
    reports = {f"report/{name}" for name in ("index.html", "report.md", "results.json")}
    assert notes["files"] == {"run.db", "recipe.yaml"} | reports | adapters


def test_a_second_run_redoes_nothing(
    whole: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    before = exported(whole[0])
    capsys.readouterr()
    assert cli.main(["run", "--recipe", "embedded", "--run", str(whole[0])]) == 0
    assert "is complete: nothing to do" in capsys.readouterr().err
    assert exported(whole[0]) == before


def test_without_rehearsal_former_abilities_are_lost(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words = ["run", "--recipe", "embedded", "--run", str(run), "--generations", "1"]
    words += ["--train.rehearsal", "0", "--train.rehearsal-file", ""]
    words += ["--evaluate.top-k", "0", "--evaluate.resamples", "200", "--evaluate.limit", "100"]
    done = subprocess.run(
        [sys.executable, "-m", "self_evolution", *words],
        check=True,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    before, after = _scores(run, "retention", "closed")
    rehearsed = _scores(whole[0], "retention", "closed")[1]
    assert before >= 90.0
    assert after <= before - 40.0
    assert after <= rehearsed - 5.0
    assert "retention" in done.stdout
