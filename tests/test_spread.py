"""Questions follow the statements of fragments, in whole runs without a model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import exported, rows
from test_resume import in_child

from self_evolution import cli
from self_evolution.coverage import shares
from self_evolution.forecast import words as forecast_words
from self_evolution.progress import interrupt

Arguments = Callable[..., list[str]]

PARTS = [f"The part number of valve {name} is V-{i}{i}." for i, name in enumerate("ABCDEFGH", 2)]
PROFILE = """
ask: "{fragment}\\n\\nAsk one question."
ask_another: Ask another question.
ask_statement: "About this: {statement}"
answer: "{fragment}\\n\\n{question}"
"""
SCRIPT = {
    "rules": [
        {
            "pattern": r"About this: The (part number|limit) of (\w+ \w+) is",
            "reply": r"What is the \1 of \2?",
        },
        *(
            {"pattern": rf"What is the part number of valve {name}\?", "reply": part}
            for name, part in zip("ABCDEFGH", PARTS, strict=True)
        ),
        {
            "pattern": r"Ask (one|another) question\.$",
            "reply": "What is the limit of queue Foxtrot?",
        },
        {"pattern": "What is the limit", "reply": "The limit of queue Foxtrot is 512."},
    ],
    "default": "It is checked every morning.",
}

OWN = {"question": "Who owns the yak?", "answer": "Nobody owns the yak."}


@pytest.fixture
def words(arguments: Arguments, documents: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """A run on a fragment with eight statements, one with a single one, and one with none."""
    for path in documents.iterdir():
        path.unlink()
    text = f"# Valves\n\n{' '.join(PARTS)}\n\n# Queues\n\nThe limit of queue Foxtrot is 512.\n"
    (documents / "a.md").write_text(
        text + "\n# Notes\n\nIt is all written down somewhere.\n", encoding="utf-8"
    )
    profile = tmp_path / "profile.yaml"
    profile.write_text(PROFILE, encoding="utf-8")

    def make(name: str, *more: str) -> list[str]:
        asked = ("--domain.prompts", str(profile), "--ask.per-fragment", "3", "--generations", "2")
        return arguments(name, *asked, "--evaluate.build", "never", *more)

    return make


def asked(run: Path) -> dict[int, dict[str, int]]:
    """{generation: {first word of the fragment: number of questions}}."""
    names = {row["id"]: str(row["text"]).split()[-1] for row in rows(run, "fragment")}
    counts = Counter(
        (int(str(row["generation"])), names[row["fragment_id"]]) for row in rows(run, "question")
    )
    found: dict[int, dict[str, int]] = {}
    for (generation, name), number in counts.items():
        found.setdefault(generation, {})[name] = number
    return found


def test_even_asks_the_same_number_about_each(words: Arguments, tmp_path: Path) -> None:
    assert cli.main(words("run")) == 0
    assert asked(tmp_path / "run")[1] == {"V-99.": 3, "512.": 3, "somewhere.": 3}


def test_questions_follow_statements_and_then_what_is_not_covered(
    words: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of nine questions in each generation, one at least is about every fragment. In the first
    generation seven of eight valves are asked about; in the second, the eighth is the first."""
    assert cli.main(words("run", "--ask.spread", "uncovered")) == 0
    numbers = asked(tmp_path / "run")
    assert numbers[1] == numbers[2] == {"V-99.": 7, "512.": 1, "somewhere.": 1}
    questions = {
        generation: [
            str(row["text"])
            for row in rows(tmp_path / "run", "question")
            if row["generation"] == generation and "valve" in str(row["text"])
        ]
        for generation in (1, 2)
    }
    assert not any("valve H" in text for text in questions[1])
    assert any("valve H" in text for text in questions[2])
    found = json.loads((tmp_path / "run" / "report" / "results.json").read_text())["coverage"]
    assert found["statements"]["total"] == 9
    assert [found["statements"]["covered"][g] for g in ("1", "2")] == [8, 9]
    assert found["statements"]["share"]["mean"] == 100.0
    for page in ("index.html", "report.md"):
        text = (tmp_path / "run" / "report" / page).read_text(encoding="utf-8")
        assert "Of the 9 statements" in text and text.count("89%, 100%") == 2
    capsys.readouterr()
    assert cli.main(["status", str(tmp_path / "run")]) == 0
    told = "generation 2 asked 1 to 7 questions about a fragment, by 9 statements"
    assert f"{told} (not covered yet: 1)" in capsys.readouterr().out


def test_the_plan_says_how_questions_are_spread(
    words: Arguments,
    documents: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where there are too many fragments to look at, it says how many it has looked at. Which these
    are follows from the path of the document."""
    monkeypatch.chdir(documents.parent)
    command, *rest = words("none", "--ask.spread", "statements")
    rest = rest[: rest.index("--run")] + rest[rest.index("--run") + 2 :]
    rest[rest.index(str(documents))] = documents.name
    cli.main([command.replace("run", "plan"), *rest])
    told = "generation 1 would ask 1 to 7 questions about a fragment, by 9 statements"
    assert f"{told} (not covered yet: 9)\n" in capsys.readouterr().out
    monkeypatch.setattr(forecast_words, "LOOKED_AT", 2)
    cli.main([command.replace("run", "plan"), *rest])
    told = "by 8 statements (not covered yet: 8) in 2 of 3 fragments\n"
    assert told in capsys.readouterr().out


def test_the_state_tells_the_spread_without_the_rest_of_the_note(
    words: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it tells nothing where there are no statements."""
    (tmp_path / "pairs.jsonl").write_text(json.dumps(OWN), encoding="utf-8")
    more = ("--pairs", str(tmp_path / "pairs.jsonl"), "--generations", "1", "--ask.spread")
    assert cli.main(words("run", *more, "statements")) == 0
    for path in (tmp_path / "docs").iterdir():
        path.write_text("# Notes\n\nIt is all written down somewhere.\n", encoding="utf-8")
    assert cli.main(words("none", *more, "statements")) == 0
    told = {}
    for name in ("run", "none"):
        capsys.readouterr()
        assert cli.main(["status", str(tmp_path / name)]) == 0
        lines = capsys.readouterr().out.splitlines()
        told[name] = [line for line in lines if line.startswith("generation 1 asked")]
    sentence = "generation 1 asked 1 to 7 questions about a fragment, by 9 statements"
    assert told == {"run": [f"{sentence} (not covered yet: 9)"], "none": []}


def test_a_request_to_stop_is_heard_while_statements_are_read(
    words: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(shares, "Coverable", lambda *_: interrupt())
        assert cli.main(words("run", "--ask.spread", "statements")) == 130
    assert cli.main(words("run", "--ask.spread", "statements")) == 0
    assert asked(tmp_path / "run")[1] == {"V-99.": 7, "512.": 1, "somewhere.": 1}


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_rows(words: Arguments, tmp_path: Path) -> None:
    more = ("--ask.spread", "uncovered", "--ask.ways", "true", "--model.batch-size", "1")
    assert in_child(words("whole", *more)) == 0
    expected = exported(tmp_path / "whole")
    for at in range(4, 40, 5):
        name = f"killed-{at}"
        assert in_child(words(name, *more), kill_at=at) == -9
        assert in_child(words(name, *more)) == 0
        assert exported(tmp_path / name) == expected, f"killed at transaction {at}"
