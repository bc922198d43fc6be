"""Whether the Python packages are there, in versions that fit, and whether they load."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Iterator

from packaging.requirements import Requirement

from self_evolution.errors import first_line
from self_evolution.upkeep.findings import Finding

NAME = "self-evolution"
LOADED = ("torch", "safetensors", "tokenizers", "accelerate", "transformers", "peft")
"""Packages that are imported, because they may be there and yet not load. Each one stands behind
those that it needs, so that the one that is to be mended first is found first."""

EXTRAS = {
    "ocr": "text in scans and images",
    "ray": "a cluster of machines (--cluster.address)",
    "quantized": "weights in 4 or 8 bits (--model.quantize)",
}
"""What each extra is for; one that is not named here is shown by its name."""

_FOR_DEVELOPERS = {"dev"}


def packages() -> Iterator[Finding]:
    """Yield the findings on Python, on each package that is needed, and on the extras."""
    yield _python()
    try:
        metadata = importlib.metadata.metadata(NAME)
    except importlib.metadata.PackageNotFoundError:
        yield Finding(
            "package", "broken", f"{NAME} is not installed here", "pip install -c constraints.txt ."
        )
        return
    required = [Requirement(line) for line in importlib.metadata.requires(NAME) or ()]
    needed = [one for one in required if _applies(one)]
    wrong = [found for one in needed if (found := _problem(one))]
    yield from wrong
    if not wrong:
        yield Finding("packages", "good", f"{len(needed)} requirements are met")
    broken = [one.subject for one in wrong]
    for name in LOADED:
        if name not in broken and (found := _load(name, broken)):
            broken.append(name)
            yield found
    for extra in metadata.get_all("Provides-Extra") or ():
        if extra not in _FOR_DEVELOPERS:
            yield _extra(extra, required)


def _python() -> Finding:
    version = sys.version.split()[0]
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("Python", "good", version)
    return Finding("Python", "broken", version, "use Python 3.11, 3.12 or 3.13")


def _applies(one: Requirement, extra: str = "") -> bool:
    return one.marker is None or one.marker.evaluate({"extra": extra})


def _problem(one: Requirement) -> Finding | None:
    cure = f"pip install -c constraints.txt '{one.name}{one.specifier}'"
    try:
        version = importlib.metadata.version(one.name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(one.name, "broken", "is not installed", cure)
    if one.specifier.contains(version, prereleases=True):
        return None
    return Finding(one.name, "broken", f"is version {version}, {one.specifier} is needed", cure)


def _load(name: str, broken: list[str]) -> Finding | None:
    """A package may fail to load only because one that it needs is among the `broken`."""
    if found := _problem(Requirement(name)):  # one that only other packages require
        return found
    try:
        importlib.import_module(name)
    except Exception as error:  # whatever a broken package raises
        required = [Requirement(line) for line in importlib.metadata.requires(name) or ()]
        needed = {one.name for one in required if _applies(one)}
        first = [one for one in broken if one in needed]
        cure = f"pip install --force-reinstall -c constraints.txt {name}"
        if first:
            cure = f"first mend what {name} needs: {', '.join(first)}"
        detail = f"is installed and cannot be loaded ({first_line(error)})"
        return Finding(name, "broken", detail, cure)
    return None


def _extra(extra: str, required: list[Requirement]) -> Finding:
    own = [one for one in required if _applies(one, extra) and not _applies(one)]
    lacking = [one.name for one in own if _problem(one)]
    what = EXTRAS.get(extra, "its feature")
    if not lacking:
        return Finding(f"extra {extra}", "good", what)
    cure = f"pip install -c constraints.txt '{NAME}[{extra}]'"
    return Finding(f"extra {extra}", "missing", f"{what}; lacks {', '.join(lacking)}", cure)
