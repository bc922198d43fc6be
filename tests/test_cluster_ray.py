"""Drills on a real Ray: four nodes simulated on this machine, and a run that loses parts of it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import exported

os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # loopback only
    "RAY_worker_niceness": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
}
cluster_utils = pytest.importorskip(
    "ray.cluster_utils", reason="Ray is not installed: pip install 'self-evolution[ray]'"
)
pytestmark = [
    pytest.mark.drill,
    pytest.mark.timeout(7200),
    pytest.mark.filterwarnings("default"),
]

Arguments = Callable[..., list[str]]

KILLS, DRIVER_KILLS = 100, 10

SECONDS = 0.3
"""What a batch takes at the actors: the scripted engine alone would be too fast to be killed."""

SLOWLY = f"""
import time
from self_evolution.models import scripted

def slowly(method):
    def slow(*words, **named):
        time.sleep({SECONDS})
        return method(*words, **named)
    return slow

scripted.ScriptedEngine.generate = slowly(scripted.ScriptedEngine.generate)
scripted.ScriptedEngine.nll = slowly(scripted.ScriptedEngine.nll)
"""

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of four nodes with room for an actor each, beside a head that has no room."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SLOWLY, encoding="utf-8")
    path = [str(tmp_path / "site"), str(Path(__file__).parents[1])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 80 << 20}
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    for _ in range(4):
        cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    monkeypatch.undo()
    yield cluster
    cluster.shutdown()


@pytest.fixture
def words(arguments: Arguments) -> Callable[..., list[str]]:
    def make(name: str, cluster: Any = None) -> list[str]:
        here = ["--model.batch-size", "1", "--select.strategy", "mastery"]
        if cluster:
            here += ["--cluster.address", cluster.address, "--cluster.actors", "4"]
        return arguments(name, *here)

    return make


def _start(words: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        command = [sys.executable, "-m", "self_evolution", *words]
        return subprocess.Popen(command, stdout=file, stderr=file, env=ENVIRONMENT)


def _finish(words: list[str], log: Path) -> None:
    assert _start(words, log).wait() == 0, log.read_text()[-3000:]


def _actors() -> list[psutil.Process]:
    """The actors on all nodes, whose raylets this process has started."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::Actor"):
                found.append(process)
        except psutil.Error:
            continue
    return found


class Killer(threading.Thread):
    """Kills actors at random moments (-9) until it is told to end."""

    def __init__(self, number: int, seed: int) -> None:
        super().__init__(daemon=True)
        self._random, self._left, self._over = random.Random(seed), number, threading.Event()
        self.kills = 0

    def run(self) -> None:
        while self._left and not self._over.wait(self._random.uniform(0.2, 1.5)):
            if actors := _actors():
                try:
                    self._random.choice(actors).kill()
                except psutil.Error:
                    continue
                self.kills, self._left = self.kills + 1, self._left - 1

    def end(self) -> int:
        self._over.set()
        self.join()
        return self.kills


def test_actors_are_killed_again_and_again(
    nodes: Any, words: Callable[..., list[str]], tmp_path: Path
) -> None:
    _finish(words("alone"), tmp_path / "alone.log")
    expected = exported(tmp_path / "alone")
    kills, runs = 0, 0
    while kills < KILLS:
        killer = Killer(KILLS - kills, seed=runs)
        killer.start()
        _finish(words(f"killed-{runs}", nodes), tmp_path / f"killed-{runs}.log")
        kills += killer.end()
        assert exported(tmp_path / f"killed-{runs}") == expected
        runs += 1
    text = "".join(path.read_text() for path in tmp_path.glob("killed-*.log"))
    print(f"{kills} kills in {runs} runs, {text.count('is handed out again')} amid a batch")
    assert "is handed out again" in text


def test_the_driver_is_killed_again_and_again(
    nodes: Any, words: Callable[..., list[str]], tmp_path: Path
) -> None:
    """What dies with the driver are its actors; the next one starts others."""
    _finish(words("alone"), tmp_path / "alone.log")
    chance, log = random.Random(7), tmp_path / "driver.log"
    kills, runs = 0, 0
    while kills < DRIVER_KILLS:
        driver = _start(words(f"run-{runs}", nodes), log)
        try:
            driver.wait(timeout=chance.uniform(8, 40))
        except subprocess.TimeoutExpired:
            driver.kill()
            kills += 1
        if driver.wait() != -signal.SIGKILL:
            assert driver.returncode == 0, log.read_text()[-3000:]
            assert exported(tmp_path / f"run-{runs}") == exported(tmp_path / "alone")
            runs += 1
    _finish(words(f"run-{runs}", nodes), log)
    assert exported(tmp_path / f"run-{runs}") == exported(tmp_path / "alone")


def test_a_node_is_removed(nodes: Any, words: Callable[..., list[str]], tmp_path: Path) -> None:
    """The other nodes do its work; the place of its actor stays empty until there is room."""
    _finish(words("alone"), tmp_path / "alone.log")
    log = tmp_path / "removed.log"
    driver = _start(words("removed", nodes), log)
    _until(lambda: "gen 1 ask" in log.read_text() or driver.poll() is not None)
    nodes.remove_node(nodes.list_all_nodes()[-1], allow_graceful=False)
    assert driver.wait() == 0, log.read_text()[-3000:]
    assert exported(tmp_path / "removed") == exported(tmp_path / "alone")


def test_ctrl_c_ends_within_five_seconds(
    nodes: Any, words: Callable[..., list[str]], tmp_path: Path
) -> None:
    log = tmp_path / "stopped.log"
    driver = _start(words("stopped", nodes), log)
    _until(lambda: "gen 1 answer" in log.read_text() or driver.poll() is not None)
    driver.send_signal(signal.SIGINT)
    start = time.monotonic()
    assert driver.wait(timeout=30) == 130, log.read_text()[-3000:]
    print(f"ended after {time.monotonic() - start:.1f} s")
    assert time.monotonic() - start < 5
    assert "Go on with" in log.read_text()


def _until(ready: Callable[[], bool]) -> None:
    while not ready():
        time.sleep(0.1)
