"""Runs that are started over HTTP, in processes of their own; and the end of those at work."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from answering import finished_run, write_script
from serving import served, served_here

from self_evolution import cli, config
from self_evolution.ledger import Ledger
from self_evolution.run.process import STOP, ask_to_stop, is_running, locked
from self_evolution.run.read import RunReader
from self_evolution.serving.http.limits import Limits
from self_evolution.serving.processes import LOG, Conflict, Processes
from self_evolution.serving.starting import Starter

pytestmark = pytest.mark.slow
Arguments = Callable[..., list[str]]
TOKEN = "a secret of the tests"
TEXT = "# Pump Echo\n\nThe owner of pump Echo is team Fox. It is checked every morning.\n"
SETTLED = 120.0
"""Seconds that a step of a run may take on a busy machine."""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return write_script(tmp_path)


@pytest.fixture
def run(arguments: Arguments, tmp_path: Path) -> Path:
    return finished_run(arguments, tmp_path)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """The options that let runs be started."""
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "started").mkdir()
    return ["--token-file", str(tmp_path / "token"), "--runs", str(tmp_path / "started")]


@pytest.fixture
def starter(words: list[str]) -> Starter:
    """What they give the service."""
    return Starter(Path(words[-1]), None, Processes())


def client(url: str, token: str = TOKEN) -> httpx2.Client:
    return httpx2.Client(base_url=url, timeout=60, headers={"Authorization": f"Bearer {token}"})


def send(http: httpx2.Client, name: str, file: str, text: str | bytes = TEXT) -> httpx2.Response:
    kind = {"Content-Type": "application/octet-stream"}
    path = f"/api/runs/{name}/documents"
    return http.post(path, params={"file": file}, content=text, headers=kind)


def until(true: Callable[[], Any]) -> Any:
    end = time.monotonic() + SETTLED
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def state(http: httpx2.Client, name: str) -> str:
    rows = {row["name"]: row["state"] for row in http.get("/api/runs").json()["runs"]}
    return str(rows[name])


def test_a_run_is_started_watched_and_stopped_and_outlives_the_service(
    run: Path, words: list[str], tmp_path: Path
) -> None:
    started = tmp_path / "started"
    with served(run, tmp_path, *words) as service, client(service.url) as http:
        assert http.get("/api/runs").json()["models"] == ["embedded"]
        assert send(http, "night", "pump.md").json() == {"file": "pump.md", "bytes": len(TEXT)}
        assert send(http, "night", "other.md", b"x").status_code == 201  # not chosen in the end
        body = {"name": "night", "recipe": "embedded", "files": ["pump.md"]}
        assert http.post("/api/runs/start", json=body).json() == {
            "name": "night",
            "state": "starting",
        }
        assert http.post("/api/runs/start", json=body).status_code == 409
        assert http.post("/api/runs/start", json=body | {"name": "second"}).status_code == 409
        until(lambda: state(http, "night") == "running")
        until(lambda: http.get("/api/runs/night/progress").json().get("stage") == "build")
    try:
        assert is_running(started / "night")  # the service has ended
        assert [path.name for path in (started / "night.documents").iterdir()] == ["pump.md"]
        with served(run, tmp_path, *words) as service, client(service.url) as http:
            assert state(http, "night") == "running"
            progress = http.get("/api/runs/night/progress").json()
            assert progress["running"] and not progress["stopping"]
            assert http.post("/api/runs/night/stop", json={}).json() == {"stopping": True}
            until(lambda: state(http, "night") == "stopped")
            assert http.post("/api/runs/night/stop", json={}).status_code == 409
            assert "night" in http.get("/runs/night", headers={"Accept": "text/html"}).text
            assert http.get("/runs/night/report").is_success
    finally:
        ask_to_stop(started / "night")
    assert not (started / "night" / STOP).exists()
    assert "stopping as soon as possible" in (started / "night.log").read_text()
    assert "Traceback" not in (started / "night.log").read_text()


def test_a_run_goes_on_as_planned_or_with_more_generations(run: Path, starter: Starter) -> None:
    with served_here(run, Limits(), TOKEN, starter) as service, client(service.url) as http:

        def go_on(further: int) -> httpx2.Response:
            return http.post("/api/run/continue", json={"further": further})

        refused = go_on(0)
        assert refused.status_code == 409
        assert "is complete; ask for a further" in refused.json()["error"]["message"]
        assert go_on(-1).status_code == 400
        assert go_on(1).json() == {"continued": True}
        done = until(lambda: not (got := http.get("/api/progress").json())["running"] and got)
        assert (done["state"], done["generations"]) == ("complete", 2)
        assert "report: " in (run / "process.log").read_text()
        with locked(run):
            assert "is at work on this run" in go_on(1).json()["error"]["message"]
        model = run.parent / "script.json"
        kept = model.read_text()
        model.write_text('{"rules": [], "default": "no"}')
        assert go_on(1).status_code == 202
        until(lambda: "is not the one this run began with" in http.get("/run").text)
        model.write_text(kept)
        assert http.get("/api/progress").json()["generations"] == 2
        assert cli.main(["run", "--run", str(run), "--generations", "+1"]) == 0
        page = http.get("/run").text  # what failed before does not count any more
        assert "is not the one this run began with" not in page and "report: " not in page
        assert http.post("/api/runs/none/continue", json={}).status_code == 404


def test_a_run_without_patience_is_not_asked_for_a_generation_that_would_not_follow(
    run: Path,
) -> None:
    with closing(Ledger(run / "run.db")) as ledger:
        settings = config.parse(ledger.meta("settings"), str(run))
        settings = settings.changed({"promote.patience": 1})
        ledger.set_meta("settings", settings.model_dump(mode="json"))
    with closing(sqlite3.connect(run / "run.db")) as database, database:
        database.execute("UPDATE promotion SET promoted = 0")
    processes = Processes()
    with closing(RunReader(run)) as reader:
        with pytest.raises(Conflict, match=r"--generations 2 --promote\.patience 0"):
            processes.go_on(reader, 1)
        with closing(sqlite3.connect(run / "run.db")) as database, database:
            database.execute("UPDATE stage SET done = 0 WHERE name = 'promote' AND generation = 1")
        processes.go_on(reader, 1)  # what is left of the last generation is done all the same
        until(lambda: not processes.is_alive(run))
    assert not processes.failed(run), processes.log(run)
    (run / LOG).unlink()
    assert processes.log(run) == ""


def test_a_run_that_cannot_begin_says_why(run: Path, starter: Starter) -> None:
    with served_here(run, Limits(), TOKEN, starter) as service, client(service.url) as http:
        send(http, "bad", "picture.xyz", b"nothing to read")
        body = {"name": "bad", "recipe": "embedded", "files": ["picture.xyz"]}
        assert http.post("/api/runs/start", json=body).status_code == 201
        until(lambda: state(http, "bad") == "not begun")
        assert "no readable document" in http.get("/runs/bad").text
        assert http.get("/api/runs/bad/progress").status_code == 404


def test_a_run_that_is_being_made_is_starting(run: Path, words: list[str], tmp_path: Path) -> None:
    """Its process has the lock, and still looks at the model before it keeps the settings."""
    made = tmp_path / "started" / "night"
    made.mkdir()
    (tmp_path / "started" / "night.log").touch()
    starter = Starter(tmp_path / "started", None, Processes())
    with (
        closing(Ledger(made / "run.db")),
        locked(made),
        served_here(run, Limits(), TOKEN, starter) as service,
        client(service.url) as http,
    ):
        page = http.get("/runs/night").raise_for_status().text
        assert "The run is starting." in page and 'data-state="unfinished"' in page
        # *Ask* and *Review* in the header are about the run that is served.
        assert f"<h1><bdi>{run.name}</bdi></h1>" in page and "<bdi>night</bdi>" in page
        for name in ("%00", "x" * 300, "other"):
            assert http.get(f"/runs/{name}").status_code == 404


def test_the_page_rounds_as_the_report_does(run: Path) -> None:
    with closing(sqlite3.connect(run / "run.db")) as database, database:
        database.execute("UPDATE evaluation SET low = 12.5, high = 62.5")
    with served_here(run, Limits()) as service:
        assert "<small>13–63</small>" in httpx2.get(f"{service.url}/run").text


def test_without_a_token_no_run_is_started(
    run: Path, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    started = words[-1]
    assert cli.main(["serve", str(run), "--runs", started]) == 2
    assert "give a --token-file" in capsys.readouterr().err
    assert cli.main(["serve", str(run), "--models", started]) == 2
    assert "give --runs too" in capsys.readouterr().err
    assert cli.main(["serve", str(run), *words[:3], str(tmp_path / "none")]) == 2
    assert "expected a folder that can be written" in capsys.readouterr().err
    with served_here(run, Limits()) as service, httpx2.Client(base_url=service.url) as http:
        assert http.post("/api/runs/start", json={"name": "a"}).status_code == 403
        assert send(http, "a", "a.md").status_code == 403
        assert "--token-file FILE --runs FOLDER" in http.get("/runs").text
        assert http.get("/runs/a").status_code == 403
        assert http.post("/api/run/continue", json={}).status_code == 403
        assert http.post("/api/runs/a/continue", json={}).status_code == 403
        assert "/continue" not in http.get("/run").text
        stopped = http.post("/api/run/stop", json={})
        assert stopped.status_code == 409 and "no process" in stopped.json()["error"]["message"]
    starter = Starter(Path(started), None, Processes())
    with (
        served_here(run, Limits(), TOKEN, starter) as service,
        client(service.url, "wrong") as http,
    ):
        assert http.post("/api/runs/start", json={"name": "a"}).status_code == 401
        assert send(http, "a", "a.md").status_code == 401
        assert http.post("/api/run/stop", json={}).status_code == 401
        assert http.post("/api/run/continue", json={}).status_code == 401
    assert list(Path(started).iterdir()) == []


def test_only_models_below_the_folder_can_be_named(tmp_path: Path) -> None:
    for place in ("models/small", "models/maker/large", "elsewhere"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "config.json").touch()
    (tmp_path / "models" / "one.gguf").touch()
    starter = Starter(tmp_path, tmp_path / "models", Processes())
    assert starter.models == ["embedded", "maker/large", "one.gguf", "small"]
    assert starter.reader("../elsewhere") is None and starter.log("none") is None


def test_a_file_in_the_folder_stops_the_process(
    arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Ctrl-C does; what an earlier process was asked does not stop a later one."""
    from self_evolution.run import open as run_open
    from self_evolution.stages import ask

    folder = tmp_path / "stopped"
    assert cli.main(["read", *arguments("stopped")[1:]]) == 0
    (folder / STOP).touch()
    work = ask.ask

    def slow(run: Any, generation: int) -> Any:
        assert not (folder / STOP).exists() and ask_to_stop(folder)
        until(lambda: run.stop_asked)
        return work(run, generation)

    monkeypatch.setattr(ask, "ask", slow)
    assert cli.main(["run", "--run", str(folder)]) == 130
    assert not (folder / STOP).exists() and not ask_to_stop(folder)
    # A process that is asked while it still opens the run stops too.
    monkeypatch.setattr(run_open, "forget", lambda _: ask_to_stop(folder))
    monkeypatch.setattr(ask, "ask", lambda run, _: until(lambda: run.stop_asked) and work(run, 1))
    assert cli.main(["run", "--run", str(folder)]) == 130
    monkeypatch.undo()
    assert cli.main(["run", "--run", str(folder)]) == 0


@pytest.fixture(autouse=True)
def _ended(tmp_path: Path) -> Iterator[None]:
    """No process of a test goes on after it."""
    yield
    for folder in (tmp_path / "started").glob("*/run.db"):
        ask_to_stop(folder.parent)
