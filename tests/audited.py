"""Runs the command line and writes down what it did to the outside world.

    python tests/audited.py NOTES.json WORDS…

NOTES.json: {"loads": models loaded, "processes": […], "connections": […], "written": [paths]}.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

NOTES: dict[str, Any] = {"loads": 0, "processes": [], "connections": [], "written": []}


def _watch(event: str, details: tuple[Any, ...]) -> None:
    if event in ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.system", "os.exec"):
        NOTES["processes"].append(f"{event} {details[:2]}")
    elif event in ("socket.connect", "socket.getaddrinfo"):
        NOTES["connections"].append(f"{event} {details[-1]}")
    elif event == "open" and isinstance(details[0], str | bytes) and _writes(details):
        NOTES["written"].append(str(Path(os.fsdecode(details[0])).absolute()))


def _writes(details: tuple[Any, ...]) -> bool:
    _, mode, flags = details
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return bool(flags & (os.O_WRONLY | os.O_RDWR))


def main() -> int:
    from self_evolution import cli
    from self_evolution.models.base import loading

    load = loading.load

    def counted(*arguments: Any) -> Any:
        NOTES["loads"] += 1
        return load(*arguments)

    loading.load = counted
    sys.addaudithook(_watch)
    status = cli.main(sys.argv[2:])
    used = resource.getrusage(resource.RUSAGE_SELF)
    NOTES["cpu_seconds"] = used.ru_utime + used.ru_stime
    NOTES["peak_mb"] = used.ru_maxrss // 1024
    notes, path = json.dumps(NOTES, indent=1), Path(sys.argv[1])
    path.write_text(notes, encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
