"""Drills on a real Ray: four nodes simulated on this machine, and a run that loses parts of it."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
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

KILLS = int(os.environ.get("KILLS", "100"))
"""The kills of actors; of the driver there are a tenth as many."""

SECONDS = 0.3
"""What a batch takes at the actors: the scripted engine alone would be too fast to be killed."""

# An actor that meets the word "poison" dies, as one does whose memory is not enough.

SLOWLY = f"""
import os, time
from self_evolution.models import scripted

def slowly(method):
    def slow(*words, **named):
        time.sleep({SECONDS})
        if "poison" in str(words[1]):
            os._exit(1)
        return method(*words, **named)
    return slow

scripted.ScriptedEngine.generate = slowly(scripted.ScriptedEngine.generate)
scripted.ScriptedEngine.nll = slowly(scripted.ScriptedEngine.nll)
"""

MINIATURE = (
    "--recipe embedded --limit 6 --generations 1 --ask.per-fragment 2 --evaluate.limit 6 "
    "--model.batch-size 2 --train.steps 6 --train.batch-size 4 --train.micro-batch 4 "
    "--rehearse.topics 6 --rehearse.fragments 3"
)

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def _slow_site(folder: Path) -> str:
    """The path of Python for processes in which the scripted engine takes its time."""
    (folder / "site").mkdir(parents=True)
    (folder / "site" / "sitecustomize.py").write_text(SLOWLY, encoding="utf-8")
    return os.pathsep.join([str(folder / "site"), str(Path(__file__).parents[1])])


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster of four nodes with room for an actor each, beside a head that has no room."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", _slow_site(tmp_path_factory.mktemp("slow")))
        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 80 << 20}
        cluster = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
        for _ in range(4):
            cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
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


def _start(words: list[str], log: Path, **more: str) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        command = [sys.executable, "-m", "self_evolution", *words]
        return subprocess.Popen(command, stdout=file, stderr=file, env=ENVIRONMENT | more)


def _finish(words: list[str], log: Path) -> None:
    assert _start(words, log).wait() == 0, log.read_text()[-3000:]


def _busy() -> list[psutil.Process]:
    """The actors at work on all nodes, whose raylets this process has started."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.cmdline()[:1] == ["ray::Actor.do"]:
                found.append(process)
        except psutil.Error:
            continue
    return found


class Killer(threading.Thread):
    """Kills actors in the midst of a batch (-9), at random moments, until it is told to end.

    One of two at work is left: otherwise a busy machine would start them more slowly than they are
    killed, and each new one would meet the same batch, which is handed out five times at most.
    """

    def __init__(self, number: int, seed: int) -> None:
        super().__init__(daemon=True)
        self._random, self._left, self._over = random.Random(seed), number, threading.Event()
        self.kills = 0

    def run(self) -> None:
        while self._left and not self._over.wait(self._random.uniform(0.3, 2.5)):
            while len(actors := _busy()) < 2 and not self._over.wait(0.05):
                pass
            if len(actors) > 1:
                with contextlib.suppress(psutil.Error):  # it has ended by itself meanwhile
                    self._random.choice(actors).kill()
                    self.kills, self._left = self.kills + 1, self._left - 1

    def end(self) -> int:
        self._over.set()
        self.join()
        return self.kills


def test_a_run_of_the_miniature_has_the_rows_of_one_process(nodes: Any, tmp_path: Path) -> None:
    """A real model and adapter: what it says is the same, byte for byte."""

    def words(name: str) -> list[str]:
        return ["run", "--run", str(tmp_path / name), *MINIATURE.split()]

    _finish(words("alone"), tmp_path / "alone.log")
    there = ["--cluster.address", nodes.address, "--cluster.actors", "2"]
    _finish([*words("there"), *there], tmp_path / "there.log")
    assert exported(tmp_path / "there") == exported(tmp_path / "alone")


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
    while kills < KILLS // 10:
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
    nodes.add_node(num_cpus=1, object_store_memory=80 << 20)
    assert exported(tmp_path / "removed") == exported(tmp_path / "alone")


def test_a_batch_that_kills_every_actor_ends_the_run(
    nodes: Any, words: Callable[..., list[str]], documents: Path, tmp_path: Path
) -> None:
    (documents / "d.md").write_text("# Store\n\nThe door of the poison cabinet is green.\n")
    log = tmp_path / "poison.log"
    assert _start(words("poison", nodes), log).wait() == 2
    text = log.read_text()
    assert text.count("is handed out again") >= 4
    assert "5 actors failed at the same batch, the last one on node" in text
    assert "ActorDiedError" in text


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


OPEN = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "only-for-this-drill",
}
"""For a cluster with an address in a network, which only those may use who know the token."""


def _as_root(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def far(tmp_path: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Two nodes of a cluster, one of them behind a network of its own: its address, and the cut."""
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("the network is cut only by root, with the program `ip`")
    name, near, remote = f"ray{os.getpid()}", f"ra{os.getpid()}", f"rb{os.getpid()}"
    _as_root("netns", "add", name)
    started: list[subprocess.Popen[bytes]] = []
    environment = ENVIRONMENT | OPEN
    environment["PYTHONPATH"] = _slow_site(tmp_path)
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--num-cpus=1", "--block"]
    ray += ["--disable-usage-stats", "--object-store-memory=80000000"]
    head = [*ray, "--head", "--port=6399", "--node-ip-address=10.213.77.1"]
    other = [*ray, "--address=10.213.77.1:6399", "--node-ip-address=10.213.77.2"]
    try:
        _as_root("link", "add", near, "type", "veth", "peer", "name", remote, "netns", name)
        _as_root("addr", "add", "10.213.77.1/24", "dev", near)
        _as_root("link", "set", near, "up")
        for words in (
            ("addr", "add", "10.213.77.2/24", "dev", remote),
            ("link", "set", remote, "up"),
            ("link", "set", "lo", "up"),
        ):
            _as_root("-n", name, *words)
        for i, words in enumerate((head, ["ip", "netns", "exec", name, *other])):
            log = tmp_path / f"node-{i}.log"
            with log.open("wb") as file:
                node = subprocess.Popen(
                    words, stdout=file, stderr=file, env=environment, start_new_session=True
                )
            started.append(node)
            while "runtime started" not in log.read_text():
                assert node.poll() is None, log.read_text()
                time.sleep(0.1)
        yield "10.213.77.1:6399", lambda: _as_root("link", "set", near, "down")
    finally:
        for process in started:
            if process.poll() is not None:
                continue
            for one in [*psutil.Process(process.pid).children(recursive=True), process]:
                one.kill()
            process.wait()
        _as_root("netns", "del", name)


def test_the_network_is_cut(
    far: tuple[str, Callable[[], None]], arguments: Arguments, tmp_path: Path
) -> None:
    address, cut = far
    more = ["--model.batch-size", "1"]
    _finish(arguments("alone", *more), tmp_path / "alone.log")
    log = tmp_path / "cut.log"
    words = arguments("cut", *more, "--cluster.address", address, "--cluster.actors", "2")
    driver = _start(words, log, **OPEN)
    _until(lambda: "gen 1 ask" in log.read_text() or driver.poll() is not None)
    cut()
    start = time.monotonic()
    _until(lambda: "is handed out again" in log.read_text() or driver.poll() is not None)
    print(f"noticed after {time.monotonic() - start:.0f} s")
    assert driver.wait() == 0, log.read_text()[-3000:]
    assert "is handed out again" in log.read_text()
    assert exported(tmp_path / "cut") == exported(tmp_path / "alone")


def test_the_head_dies(
    nodes: Any, words: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends with what to do, and the same command goes on when there is a cluster again."""
    more = ["--generations", "8", "--promote.patience", "8"]
    _finish([*words("alone"), *more], tmp_path / "alone.log")
    log = tmp_path / "headless.log"
    monkeypatch.setenv("PYTHONPATH", _slow_site(tmp_path))
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 80 << 20}
    other = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(2):
            other.add_node(num_cpus=1, object_store_memory=80 << 20)
        address = other.address
        driver = _start([*words("headless", other), *more], log)
        _until(lambda: "gen 1 ask" in log.read_text() or driver.poll() is not None)
        other.head_node.kill_gcs_server()
        start = time.monotonic()
        assert driver.wait(timeout=300) == 2, log.read_text()[-3000:]
        print(f"ended after {time.monotonic() - start:.0f} s")
    finally:
        other.shutdown()
    assert f"the head of the cluster, {address}, has not answered for 2" in log.read_text()
    _finish([*words("headless", nodes), *more], log)
    assert exported(tmp_path / "headless") == exported(tmp_path / "alone")
