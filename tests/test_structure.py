"""The shape of the code: which way imports go, and that nothing heavy is imported too early."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "self_evolution"

# Every module belongs to one layer, and imports from its own layer or those before it only.
LAYERS = [
    {"errors", "records", "miniature", "text"},
    {"config"},
    {"ledger", "progress", "rollback", "strategies"},
    {"schedule", "documents", "prompts", "retrieval"},
    {"models"},
    {"run"},
    {"evaluation"},
    {"stages"},
    {"evolve", "report"},
    {"experiments"},
    {"cli", "__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def _imports(path: Path) -> set[str]:
    """The parts of this package that a module imports, anywhere in it, by their first name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "self_evolution" and len(parts) > 1 and parts[1] in LEVEL:
                found.add(parts[1])
    return found


MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem != "__init__"
)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert own in LEVEL, f"{own} is in no layer: put it into LAYERS and docs/architecture.md"
    upwards = {name for name in _imports(path) if LEVEL[name] > LEVEL[own]}
    assert not upwards, f"{own} must not import {upwards}"


def test_sql_stands_in_the_ledger_alone() -> None:
    words = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "PRAGMA ")
    for path in MODULES:
        if path.parent.name != "ledger":
            text = path.read_text(encoding="utf-8")
            assert not [word for word in words if word in text], path
            assert "import sqlite3" not in text, path


def test_no_engine_is_known_by_its_name() -> None:
    """The table of engines names each one; what it can do is declared."""
    from self_evolution.models.engines import ENGINES

    classes = {"Endpoint", "ScriptedEngine", "TransformersEngine"}
    for path in MODULES:
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
