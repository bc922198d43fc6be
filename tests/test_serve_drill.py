"""The service is killed again and again while people correct its answers."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from drills import KILLS
from serving import served

from self_evolution import cli
from self_evolution.ledger.feedback import FeedbackStore

pytestmark = [pytest.mark.drill, pytest.mark.timeout(1800)]
CLIENTS = 4


def test_feedback_that_was_acknowledged_survives_every_kill(
    arguments: Callable[..., list[str]], tmp_path: Path
) -> None:
    """kill -9 under load, many times: what got the status 201 is in the store, once and whole."""
    assert cli.main(arguments("run", "--generations", "1")) == 0
    run = tmp_path / "run"
    kept: dict[int, str] = {}
    tried = 0
    chance = random.Random(3)
    for _ in range(KILLS):
        with served(run, tmp_path) as service:
            died = threading.Event()

            def correct(number: int, url: str = service.url, died: threading.Event = died) -> None:
                nonlocal tried
                with httpx2.Client(base_url=url, timeout=10) as client:
                    while not died.is_set():
                        tried += 1
                        text = f"answer {number} {tried} " + "x" * 500
                        body = {"verdict": "better", "question": "?", "answer": "!", "better": text}
                        ask = {"question": "What is the port of server Alpha?", "stream": False}
                        try:
                            client.post("/api/ask", json=ask)
                            done = client.post("/api/feedback", json=body | {"generation": 0})
                        except httpx2.TransportError:
                            return
                        assert done.status_code == 201
                        kept[done.json()["id"]] = text

            threads = [threading.Thread(target=correct, args=(i,)) for i in range(CLIENTS)]
            before = len(kept)
            for thread in threads:
                thread.start()
            while len(kept) < before + chance.randint(1, 12):
                assert service.process.poll() is None
            service.process.kill()
            died.set()
            for thread in threads:
                thread.join()
    stored = {row.id: row.better for row in FeedbackStore(run).rows()}
    assert len(kept) >= KILLS and kept.items() <= stored.items()
    assert len(stored) <= tried and all(text.endswith("x" * 500) for text in stored.values())
    assert sorted(stored) == list(range(1, len(stored) + 1))
