"""Documents that are uploaded for a new run, and what is asked for wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from serving import served_here
from test_serve_runs import (  # noqa: F401 - fixtures
    TOKEN,
    client,
    run,
    script,
    send,
    until,
    words,
)

from self_evolution.serving.http.limits import Limits
from self_evolution.serving.http.problems import Refusal
from self_evolution.serving.http.uploading import Uploads
from self_evolution.serving.processes import Processes
from self_evolution.serving.starting import Starter, file_name

pytestmark = pytest.mark.slow


def test_what_is_asked_for_wrongly_is_refused_and_leaves_nothing(
    run: Path,  # noqa: F811
    words: list[str],  # noqa: F811
    tmp_path: Path,
) -> None:
    started = tmp_path / "started"
    limits = Limits(file=100, upload=150, files=2)
    starter = Starter(started, None, Processes())
    with served_here(run, limits, TOKEN, starter) as service, client(service.url) as http:
        for name in ("..", "a.b", "a b", "-x", "x" * 41, "ä"):
            assert send(http, name, "a.md").status_code in (400, 404, 415), name
        for file in ("../a.md", "/etc/passwd", ".hidden", "a\nb.md", "a\\b.md", "", "x" * 201):
            assert send(http, "n", file).status_code == 400, file
        assert list(started.iterdir()) == []
        assert send(http, "n", "a.md", b"x" * 101).status_code == 413
        chunked = (b"x" * 60 for _ in range(3))
        assert send(http, "n", "a.md", chunked).status_code == 413  # type: ignore[arg-type]
        assert send(http, "n", "a.md", b"x" * 90).status_code == 201
        assert send(http, "n", "b.md", b"x" * 90).status_code == 413  # 150 in all
        assert send(http, "n", "b.md", b"x" * 60).status_code == 201
        assert send(http, "n", "c.md", b"").status_code == 413  # two files
        assert sorted(path.name for path in (started / "n.documents").iterdir()) == ["a.md", "b.md"]
        plain = http.post("/api/runs/n/documents", params={"file": "a.md"}, json={})
        assert plain.status_code == 415
        for body, said in (
            ({"recipe": "../x"}, "expected one of default"),
            ({"model": "/etc"}, "expected one of embedded"),
            ({"files": ["z.md"]}, "was not uploaded"),
            ({"recipe": "default"}, "names no model"),
            ({"recipe": "default", "model": "embedded"}, "names no documents"),
        ):
            got = http.post("/api/runs/start", json={"name": "n", "recipe": "embedded"} | body)
            assert got.status_code == 400 and said in got.json()["error"]["message"]
        assert [path.name for path in started.iterdir()] == ["n.documents"]
        evil = http.post("/api/run/stop", json={}, headers={"Origin": "http://evil.example"})
        assert evil.status_code == 403
    with httpx2.Client(base_url=service.url) as stranger, pytest.raises(httpx2.TransportError):
        stranger.get("/api/runs")  # the service has ended


def test_a_document_that_comes_after_its_run_has_begun_is_refused(
    run: Path,  # noqa: F811
    words: list[str],  # noqa: F811
    tmp_path: Path,
) -> None:
    started = tmp_path / "started"
    documents = started / "n.documents"
    starter = Starter(started, None, Processes())

    def slowly(meanwhile: Callable[[], Any]) -> Iterator[bytes]:
        yield b"the first part"
        until(lambda: list(documents.glob(".part-*")))
        meanwhile()
        yield b"the rest"

    with served_here(run, Limits(), TOKEN, starter) as service, client(service.url) as http:
        assert send(http, "n", "first.md").status_code == 201

        def begin() -> None:
            starter._chosen("n", ["first.md"])  # its process ends at once

        late = send(http, "n", "late.md", slowly(begin))  # type: ignore[arg-type]
        assert late.status_code == 409
        assert "send the file again" in late.json()["error"]["message"]
        late = send(http, "n", "late.md", slowly((started / "n").mkdir))  # type: ignore[arg-type]
        assert late.status_code == 409
        assert "there is a run n already" in late.json()["error"]["message"]
        assert [path.name for path in documents.iterdir()] == ["first.md"]


def test_uploads_at_the_same_time_keep_the_limits_together(tmp_path: Path) -> None:
    folder = tmp_path / "n.documents"
    folder.mkdir()
    (folder / "old.md").write_bytes(b"x" * 50)
    uploads = Uploads(Limits(file=100, upload=150, files=3))
    first, second = uploads.begin(folder / "a.md"), uploads.begin(folder / "b.md")
    with pytest.raises(Refusal, match="at most 3 documents"):
        uploads.begin(folder / "c.md")
    uploads.take(folder, first, 60)
    with pytest.raises(Refusal, match="at most 150 bytes"):
        uploads.take(folder, second, 60)  # 170 with what was there before
    uploads.end(folder, second, kept=False)
    (folder / ".part-a").write_bytes(b"x" * 60)  # half written, and counted once
    again = uploads.begin(folder / "b.md")
    uploads.take(folder, again, 40)
    uploads.end(folder, first, kept=True)
    replaced = uploads.begin(folder / "old.md")  # what it replaces does not count
    uploads.take(folder, replaced, 50)
    with pytest.raises(Refusal, match="at most 150 bytes"):
        uploads.take(folder, replaced, 1)


@pytest.mark.parametrize("name", ["manual.pdf", "手册 第2版.docx", "a..b.md"])
def test_a_plain_name_of_a_file_is_kept(name: str) -> None:
    assert file_name(name) == name
