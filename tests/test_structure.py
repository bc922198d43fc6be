"""The shape of the code: which way imports go, and that nothing heavy is imported too early."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

from self_evolution.schedule import STAGES

PACKAGE = Path(__file__).resolve().parents[1] / "self_evolution"

# Every module belongs to one layer, and imports from its own layer or those before it only.
LAYERS = [
    {"errors", "files", "records", "miniature", "text"},
    {"config"},
    {"ledger", "meter", "progress", "rollback", "strategies"},
    {"schedule", "documents", "prompts", "retrieval"},
    {"coverage"},
    {"models"},
    {"run"},
    {"evaluation"},
    {"stages"},
    {"evolve", "forecast", "report", "serving", "export", "upkeep"},
    {"experiments"},
    {"cli", "__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def _dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_dotted(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def _imports(name: str) -> set[str]:
    """The modules of this package that a module imports, anywhere in it, for types only too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {one if one in MODULES else node.module for one in inner}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & MODULES.keys() - {name}


IMPORTS = {name: _imports(name) for name in MODULES}


def _part(name: str, depth: int) -> str:
    return ".".join(name.split(".")[:depth])


@pytest.mark.parametrize("name", [name for name in MODULES if name != PACKAGE.name])
def test_imports_go_one_way(name: str) -> None:
    own = name.split(".")[1]
    assert own in LEVEL, f"{own} is in no layer: put it into LAYERS and docs/architecture.md"
    parts = {one.split(".")[1] for one in IMPORTS[name] if one != PACKAGE.name}
    upwards = {one for one in parts if LEVEL[one] > LEVEL[own]}
    assert not upwards, f"{own} must not import {upwards}"


@pytest.mark.parametrize("depth", [2, 99], ids=["packages", "modules"])
def test_there_is_no_circle_of_imports(depth: int) -> None:
    graph: dict[str, set[str]] = {}
    for name, others in IMPORTS.items():
        own = _part(name, depth)
        graph.setdefault(own, set()).update({_part(one, depth) for one in others} - {own})
    graph.pop(PACKAGE.name)  # only the version is there
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_facts_of_the_report_know_nothing_of_its_words() -> None:
    report = f"{PACKAGE.name}.report"
    facts = [name for name in MODULES if _part(name, 3) == f"{report}.facts"]
    assert len(facts) > 5
    for name in facts:
        assert not {one for one in IMPORTS[name] if one.startswith(f"{report}.render")}, name
        text = MODULES[name].read_text(encoding="utf-8")
        assert "jinja2" not in text and "markupsafe" not in text, name


def test_no_module_is_longer_than_300_lines() -> None:
    lines = {
        name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()
    }
    assert {name: n for name, n in lines.items() if n > 300} == {}


def test_docstrings_are_text_that_can_be_stored() -> None:
    """From Python 3.13 on, a docstring with a lone surrogate cannot even be imported."""
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                str(node.value.value).encode()


def test_each_stage_is_one_file() -> None:
    files = {path.stem for path in (PACKAGE / "stages").iterdir() if path.suffix == ".py"}
    assert files == {*STAGES, "__init__"}


def test_sql_stands_in_the_ledger_alone() -> None:
    words = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "PRAGMA ")
    for path in MODULES.values():
        if path.parent.name != "ledger":
            text = path.read_text(encoding="utf-8")
            assert not [word for word in words if word in text], path
            assert "import sqlite3" not in text, path


def test_no_engine_is_known_by_its_name() -> None:
    """The table of engines names each one; what it can do is declared."""
    from self_evolution.models.engines import ENGINES

    classes = {"Endpoint", "ScriptedEngine", "TransformersEngine"}
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                values = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)}
                assert not values & set(ENGINES), f"{path}:{node.lineno}"
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
                names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
                assert not names & classes, f"{path}:{node.lineno}"


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], ["status", "."]])
def test_nothing_heavy_is_imported_before_it_is_needed(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "self_evolution", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    heavy = {
        "torch",
        "transformers",
        "peft",
        "numpy",
        "nltk",
        "jieba",
        "scipy",
        "sacrebleu",
        "jinja2",
        "lxml",
        "httpx2",
    }
    assert imported & {"argparse"}, "importtime printed nothing"
    assert not imported & heavy


def test_read_and_split_of_a_scripted_run_need_no_torch(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n\nThe port of server Alpha is 4711.\n")
    (tmp_path / "s.json").write_text('{"rules": [], "default": "?"}')
    code = (
        "import sys; from self_evolution.cli import main\n"
        "assert main(['read', 'a.md', '--run', 'r', '--model.engine', 'scripted', '--model',"
        " 's.json']) == 0\n"
        "assert main(['split', 'r']) == 0\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
