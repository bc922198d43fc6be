"""The documentation: the commands, settings, files and links that it names are there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from self_evolution import cli, config
from self_evolution.cli.commands import ALIASES, COMMANDS
from self_evolution.documents.readers import CONTAINERS, READERS
from self_evolution.evaluation.metrics import METRICS
from self_evolution.progress import Progress
from self_evolution.run.open import Request, open_run
from self_evolution.strategies import ScoredPair
from tests.conftest import rows

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "self_evolution"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SETTINGS = {key for key, _ in config.fields()}
SECTIONS = {key.partition(".")[0] for key in SETTINGS if "." in key}
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def _code(page: Path) -> Iterator[str]:
    """Yield the texts in backticks, and the indented lines of code."""
    text = page.read_text(encoding="utf-8")
    for found in re.findall(r"`([^`]+)`", text):
        yield " ".join(found.split())
    yield from re.findall(r"^ {4,}(\S.*)$", text, re.MULTILINE)


def _commands(page: Path) -> Iterator[list[str]]:
    for code in _code(page):
        if code.startswith("self-evolution "):
            words = shlex.split(code.rstrip("\\").replace("…", " …"), comments=True)
            yield [word for word in words[1:] if word != "…"]


@pytest.fixture
def flags(capsys: pytest.CaptureFixture[str]) -> Callable[[str], set[str]]:
    """The flags that the help of a command names."""

    def named(command: str) -> set[str]:
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        return set(re.findall(r"(?<![\w-])--?[a-z][a-z.-]*", capsys.readouterr().out))

    return named


@pages
def test_commands_and_their_flags_exist(page: Path, flags: Callable[[str], set[str]]) -> None:
    for name, *words in _commands(page):
        if name == "COMMAND":
            continue
        command = ALIASES.get(name, name)
        assert command in COMMANDS, f"{page.name}: self-evolution {name}"
        given = {word for word in words if re.fullmatch(r"--?[a-z][a-z.-]*", word)}
        for flag in given - flags(command) - {"--help-all"}:
            key = flag.removeprefix("--").replace("-", "_")
            assert COMMANDS[command].common and key in SETTINGS, f"{page.name}: {name} {flag}"


@pages
def test_settings_exist(page: Path) -> None:
    for code in _code(page):
        keys = re.findall(r"--([a-z]+\.[a-z-]+)", code) + re.findall(r"^([a-z]+\.[a-z_]+)\b", code)
        for key in keys:
            if key.partition(".")[0] in SECTIONS:
                assert key.replace("-", "_") in SETTINGS, f"{page.name}: {key}"


@pages
def test_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    new = set(re.findall(r"^1\. Write `([^`]+)`", text, re.MULTILINE))
    folders = {path.name for path in (*ROOT.iterdir(), *PACKAGE.iterdir()) if path.is_dir()}
    folders.discard("runs")  # it is there after `make run`, and has the reader's own runs
    modules = {path.name for path in PACKAGE.rglob("*.py")}
    folders_of_code = ("self_evolution", "benchmarks", "tests")
    for code in _code(page):
        for name in re.findall(r"(?<![\w/.…-])(?:[\w-]+(?:/[\w.-]+)+/?|\w+\.py\b)", code):
            top = name.partition("/")[0]
            ours = top in folders and name.endswith((".py", ".sql", "/"))
            if "/" not in name:
                assert name in modules, f"{page.name}: {name}"
            elif "NAME" not in name and name not in new and (ours or top in folders_of_code):
                found = (ROOT / name).exists() or (PACKAGE / name).exists()
                assert found, f"{page.name}: {name}"


@pages
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.is_file(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w-]", "", h.lower().replace(" ", "-")) for h in headings}


@pages
def test_make_targets_and_modules_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for code in _code(page):
        if target := re.match(r"make ([a-z-]+)\b", code):
            assert re.search(rf"^{target[1]}:", makefile, re.MULTILINE), f"{page.name}: {code}"
        if module := re.match(r"python -m ([a-z_.]+)", code):
            assert (ROOT / (module[1].replace(".", "/") + ".py")).is_file(), f"{page.name}: {code}"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_the_recipe_in_the_docs_is_one() -> None:
    text = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    example = re.search(r"\n((?:    \w+: .*\n)+)", text)
    assert example is not None
    values = yaml.safe_load(example[1])
    assert config.parse(values, "docs/recipes.md").domain.language == "de"


def test_the_recipes_are_as_the_docs_compare_them() -> None:
    flat = {name: config.load(name).flat() for name in ("default", "paper")}
    text = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`[\w.]+`(?:, )?)+) \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", text, re.M)
    assert len(rows) > 15
    for names, *columns in rows:
        keys = re.findall(r"`([\w.]+)`", names)
        for recipe, column in zip(("default", "paper"), columns, strict=True):
            values = [yaml.safe_load(one.strip(" `")) for one in column.split(",")]
            for key, value in zip(keys, values * len(keys), strict=False):
                known = flat[recipe][key]
                assert type(known)(value) == known, f"{recipe}: {key} {value}"


def test_every_ending_that_is_read_is_in_the_docs() -> None:
    text = (ROOT / "docs" / "documents.md").read_text(encoding="utf-8")
    assert {*READERS, *CONTAINERS} <= set(re.findall(r"`(\.[\w.]+)`", text))


def test_every_metric_and_stage_is_in_the_docs() -> None:
    assert set(METRICS) <= set(_code(ROOT / "docs" / "evaluation.md"))
    told = {*_code(ROOT / "docs" / "commands.md")}
    told |= {words[0] for words in _commands(ROOT / "docs" / "commands.md")}
    assert set(COMMANDS) <= told


def _written(name: str) -> dict[str, Any]:
    """Return the names that the code in docs/how-to-add.md that ends in the file `name` defines."""
    text = (ROOT / "docs" / "how-to-add.md").read_text(encoding="utf-8")
    found = re.search(rf"1\. Write `[\w/]+/{name}`:\n\n((?: {{8}}.*\n|\n)+)", text)
    assert found is not None
    code = re.sub(r"^ {8}", "", found[1], flags=re.MULTILINE)
    names: dict[str, Any] = {}
    exec(compile(code, name, "exec"), names)
    return names


def test_the_strategy_of_the_how_to_works() -> None:
    pool = [ScoredPair(id, ifd) for id, ifd in (("a", 0.9), ("b", 0.5), ("c", 0.1), ("d", 0.3))]
    assert _written("middle.py")["middle"](pool, 2, 0) == ["b", "d"]


def test_the_reader_of_the_how_to_works() -> None:
    text = (
        b"h1. Book\n\nh2. One\n\nText.\n*bold* too\n\nbc. echo 1\n\n| a | b |\n| 1 | 2 |\n\nEnd.\n"
    )
    content = _written("textile.py")["read"](text)
    assert content.title == "Book"
    table = "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert [(part.heading, part.text) for part in content.parts] == [
        (("Book", "One"), f"Text.\n*bold* too\n\n```\necho 1\n```\n\n{table}\n\nEnd.")
    ]


def test_the_metric_of_the_how_to_works() -> None:
    metric = _written("edits.py")["EDIT_SIMILARITY"]
    assert metric.score("48 ms", "48 ms") == 100
    assert metric.score("48 ms", "48 s") == pytest.approx(800 / 9)
    assert metric.signature() == "edit-similarity|chars|case:kept|v1"


def test_the_stage_of_the_how_to_works(arguments: Callable[..., list[str]], tmp_path: Path) -> None:
    assert cli.main(arguments("run", "--generations", "1")) == 0
    with open_run(tmp_path / "run", Request(), Progress(quiet=True)) as run:
        items, note = _written("lengths.py")["lengths"](run, 1)
        kept = [length for _, length in run.ledger.pairs.kept_lengths(1)]
    assert items == len(kept) > 0
    assert note == f"longest pair: {max(kept)} characters"


def test_the_commands_to_the_first_questions_work_as_written(
    arguments: Callable[..., list[str]], tmp_path: Path
) -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    block = re.search(r"first training questions are:\n\n((?: {4}.+\n)+)", text)
    assert block is not None
    run = str(tmp_path / "run")
    words = arguments("run", "--train.rehearsal", "0.5", "--rehearse.template", "0")
    documents, *settings = words[1 : words.index("--run")]
    for line in block[1].splitlines():
        given: list[str] = []
        for word in line.split()[1:]:
            new = {"DOCS": [documents], "RUN": [run], "M": []}
            given += [] if word == "--model" else new.get(word, [word])
        first = [*settings, *words[words.index("--run") + 2 :]] if given[0] == "read" else []
        assert cli.main([*given, *first]) == 0, line
    assert rows(tmp_path / "run", "question")
