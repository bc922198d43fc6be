"""Real passages through the whole machinery, on a model of noise: `benchmarks/telecom.py`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SHARED

PASSAGES = SHARED / "data" / "aiops_fragments.json"
FIRST, LIMIT = 85, 25
"""Passages that are taken; two of them are equal to an earlier one."""
SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "telecom.py"


@pytest.mark.slow
@pytest.mark.skipif(not PASSAGES.is_file(), reason="the telecom passages (../shared) are not here")
def test_real_passages_go_through_a_generation(tmp_path: Path) -> None:
    some = json.loads(PASSAGES.read_text(encoding="utf-8"))[FIRST:]
    (tmp_path / "some.json").write_text(json.dumps(some[: 4 * LIMIT]), encoding="utf-8")
    words = [sys.executable, str(SCRIPT), str(tmp_path / "some.json"), "--limit", str(LIMIT)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    fragments, funnel = found["fragments"], found["funnel"][0]
    live = fragments["fragments"] - fragments["duplicates"]
    assert fragments["documents"] == 1 and fragments["sections"] == LIMIT
    assert fragments["duplicates"] >= 1 and live >= LIMIT // 2
    assert funnel["questions"] == funnel["answers"] == live
    rejected = sum(count for _, _, count in found["reasons"])
    assert funnel["kept"] == live - rejected > 0.9 * live
    assert sum(count for _, _, count in found["outcomes"]) == funnel["kept"]
    assert 0 < funnel["new"] <= funnel["kept"]
    assert found["steps"] == [1]
