"""Test questions built from the documents: held out, agreed on, locked, the same after a kill."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from conftest import exported, rows
from test_resume import in_child

from self_evolution import cli
from self_evolution.config import Config, Domain
from self_evolution.evaluation.agreement import agreed
from self_evolution.evaluation.building import builds
from self_evolution.evaluation.holdout import LARGEST_SHARE
from self_evolution.forecast.probe import Probe
from self_evolution.models import Reply, SamplingParams, Weights
from self_evolution.models.protocols import Seeds, seeds_of
from self_evolution.models.scripted import ScriptedEngine
from self_evolution.prompts import Prompts
from self_evolution.records import Fragment, Message
from self_evolution.run.read import read_run

NAMES = ["Alpha", "Brake", "Coral", "Delta", "Echo", "Fox", "Golf", "Hotel", "India", "Jazz"]
RULES = {
    "rules": [
        {
            "pattern": r"The tag of ([\w ]+?) is ([^.]+)\..*Ask another question",
            "reply": r"Which tag does \1 bear?",
        },
        {
            "pattern": r"The port of ([\w ]+?) is ([^.]+)\..*Ask one question",
            "reply": r"What is the port of \1?",
        },
        {
            "pattern": r"The port of ([\w ]+?) is ([^.]+)\..*What is the port",
            "reply": r"The port of \1 is \2.",
        },
        {
            "pattern": r"The tag of ([\w ]+?) is ([^.]+)\..*Which tag",
            "reply": r"The tag of \1 is \2.",
        },
    ],
    "default": "Nobody knows.",
}
"""Training asks for the port, the test questions ask for the tag."""


@pytest.fixture
def words(tmp_path: Path) -> Callable[..., list[str]]:
    """The command line of a run over ten documents of two facts a section, without --eval."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for i, name in enumerate(NAMES):
        parts = [
            f"## Unit {part}\n\nThe port of server {name} {part} is {4000 + 10 * i + j}. It is "
            f"painted. The tag of server {name} {part} is T-{100 + 10 * i + j}.\n"
            for j, part in enumerate(("North", "South"))
        ]
        (folder / f"{name}.md").write_text(f"# {name}\n\n" + "\n".join(parts), encoding="utf-8")
    script = tmp_path / "script.json"
    script.write_text(json.dumps(RULES), encoding="utf-8")

    def make(name: str, *more: str) -> list[str]:
        found = ["run", str(folder), "--model.engine", "scripted", "--model", str(script)]
        found += ["--domain.prompts", "embedded", "--generations", "1", "--ask.per-fragment", "1"]
        found += ["--train.rehearsal", "0"]
        found += ["--split.min-tokens", "0", "--read.workers", "1", "--model.batch-size", "4"]
        found += ["--evaluate.resamples", "50", "--evaluate.abilities", "0"]
        found += ["--run", str(tmp_path / name)]
        return [*found, "--evaluate.held-out", "0.2", *more]

    return make


def test_questions_about_text_that_a_limit_cuts_off_are_left_out(
    words: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Known by their passage, or by the document that they name; others stay."""
    text = "The tag of server {} South is T-{}."
    given = [
        {"passage": text.format(name, number), "question": f"Which tag has {name}?", "answer": name}
        for name, number in (("Alpha", 101), ("Brake", 111), ("Jazz", 191))
    ]
    given += [
        {"question": "Which tag?", "answer": "T-191", "document": "Jazz.md"},
        {"question": "Which port?", "answer": "4000", "document": "Alpha.md"},
        {"question": "What is a server?", "answer": "A machine."},
    ]
    exam = tmp_path / "exam.jsonl"
    exam.write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8")

    def build(name: str, *more: str) -> int:
        command = ["read", *words(name, "--eval", str(exam), *more)[1:]]
        stages = [command, *([stage, str(tmp_path / name)] for stage in ("split", "build"))]
        return next(filter(None, map(cli.main, stages)), 0)

    assert build("whole") == 0
    assert len(rows(tmp_path / "whole", "item")) == 6
    assert "left out" not in capsys.readouterr().err
    assert build("cut", "--read.limit", "4") == 0
    told = "2 test questions of yours left out: --limit 4 cuts off the text that they are about"
    assert told in capsys.readouterr().err
    assert {row["question"] for row in rows(tmp_path / "cut", "item")} == {
        "Which tag has Alpha?",
        "Which tag has Brake?",
        "Which port?",
        "What is a server?",
    }
    (lock,) = rows(tmp_path / "cut", "lock")
    assert lock["items"] == 4
    assert build("cut") == 0  # they do not come in again
    assert len(rows(tmp_path / "cut", "item")) == 4
    exam.write_text(json.dumps(given[2]) + "\n", encoding="utf-8")
    capsys.readouterr()
    assert build("none", "--read.limit", "4") == 2
    assert "none of the 1 test questions is about the passages" in capsys.readouterr().err
    assert build("both", "--read.limit", "4", "--evaluate.build", "always") == 0


Words = Callable[..., list[str]]


# --- which documents, which questions -----------------------------------------------------


@pytest.mark.slow
def test_both_kinds_are_built_and_held_out_documents_stay_out(
    words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words("run")) == 0
    shown = capsys.readouterr()
    run = tmp_path / "run"
    documents = {row["id"]: row["path"] for row in rows(run, "document")}
    fragments = {row["id"]: row["document_id"] for row in rows(run, "fragment")}
    held = {row["document_id"] for row in rows(run, "holdout")}
    assert len(held) == 2 and held <= set(documents)
    # nothing of them is asked, and so nothing of them is selected
    assert {fragments[row["fragment_id"]] for row in rows(run, "question")} == set(documents) - held
    items = rows(run, "item")
    assert Counter(item["suite"] for item in items) == {"domain": 16, "unseen": 4}
    for item in items:
        assert (fragments[item["fragment_id"]] in held) is (item["suite"] == "unseen")
        assert item["reference_values"] and "T-" in str(item["reference_values"])
        assert str(item["question"]).startswith("Which tag does")
        assert str(item["passage"]).startswith("Alpha > ") or " > Unit " in str(item["passage"])
    # ten documents or more would be resampled whole; of fewer, their fragments
    assert {item["cluster_id"] for item in items} == {item["fragment_id"] for item in items}
    assert "2 documents held out; seen: 16 of 16 questions taken (none out); unseen: 4 of 4" in (
        " ".join(shown.err.split())
    )
    assert "points is detectable" in shown.err
    assert "nothing shows whether" not in shown.out
    (lock,) = rows(run, "lock")
    assert (lock["version"], lock["origin"], lock["items"]) == (1, "built", 20)
    evaluated = {(row["suite"], row["mode"]) for row in rows(run, "evaluation")}
    assert {("domain", "closed"), ("unseen", "closed"), ("unseen", "open")} <= evaluated


def test_ten_documents_stand_or_fall_as_wholes(words: Words, tmp_path: Path) -> None:
    assert cli.main(["read", *words("run", "--evaluate.held-out", "0")[1:]]) == 0
    for stage in ("split", "build"):
        assert cli.main([stage, str(tmp_path / "run")]) == 0
    items = rows(tmp_path / "run", "item")
    documents = {row["id"] for row in rows(tmp_path / "run", "document")}
    assert {item["suite"] for item in items} == {"domain"}
    assert {item["cluster_id"] for item in items} == documents


def test_few_documents_are_all_trained_on(words: Words, tmp_path: Path) -> None:
    for name in NAMES[4:]:
        (tmp_path / "docs" / f"{name}.md").unlink()
    assert cli.main(words("run")) == 0
    assert rows(tmp_path / "run", "holdout") == []
    assert {row["suite"] for row in rows(tmp_path / "run", "item")} == {"domain"}


@pytest.mark.slow
def test_what_shares_text_is_not_held_out(words: Words, tmp_path: Path) -> None:
    """Nor more than a fifth of all fragments, however large the documents drawn are."""
    docs = tmp_path / "docs"
    for name in NAMES[:5]:  # each with a section of the next one
        other = (docs / f"{NAMES[NAMES.index(name) + 1]}.md").read_text(encoding="utf-8")
        with (docs / f"{name}.md").open("a", encoding="utf-8") as file:
            file.write("\n" + other)
    assert cli.main(words("run")) == 0
    run = tmp_path / "run"
    held = {row["document_id"] for row in rows(run, "holdout")}
    paths = {str(row["path"]) for row in rows(run, "document") if row["id"] in held}
    assert held and not any(name in path for path in paths for name in NAMES[:6])
    sizes = Counter(row["document_id"] in held for row in rows(run, "fragment"))
    assert sizes[True] <= LARGEST_SHARE * sizes.total()


@pytest.mark.slow
@pytest.mark.parametrize("moved", [False, True])
def test_a_later_version_of_a_held_out_document_stays_out(
    words: Words, tmp_path: Path, moved: bool
) -> None:
    assert cli.main(words("run")) == 0
    run = tmp_path / "run"
    held = {row["document_id"] for row in rows(run, "holdout")}
    (path, *_) = (str(row["path"]) for row in rows(run, "document") if row["id"] in held)
    file = tmp_path / path
    if moved:
        file = file.rename(file.with_name("moved.md"))
        path = str(Path(path).with_name("moved.md"))
        more = ("--generations", "2", "--promote.rule", "always", "--promote.patience", "0")
        assert cli.main(["read", *words("run", *more, "--accept-change")[1:]]) == 0
    changed = file.read_text(encoding="utf-8").replace("painted", "painted red")
    file.write_text(changed + "\n## Unit West\n\nThe port of server New is 77. It is green.\n")
    more = ("--generations", "2", "--accept-change", "--promote.rule", "always")
    assert cli.main(words("run", *more)) == 0
    new = {row["id"] for row in rows(run, "document") if str(row["path"]) == path} - held
    fragments = {row["id"]: row["document_id"] for row in rows(run, "fragment")}
    asked = {fragments[row["fragment_id"]] for row in rows(run, "question")}
    assert len(new) == 1 and not asked & (new | held)


@pytest.mark.parametrize(
    ("build", "file", "expected"),
    [
        ("auto", "", True),
        ("auto", "x.jsonl", False),
        ("always", "x.jsonl", True),
        ("never", "", False),
    ],
)
def test_when_questions_are_built(build: str, file: str, expected: bool) -> None:
    config = Config.model_validate({"evaluate": {"build": build, "file": file}})
    assert builds(config) is expected


@pytest.mark.slow
def test_beside_the_users_own_questions_which_decide(words: Words, tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    asked = [f"Tell the port of server {name} North?" for name in NAMES]
    asked.append("Which tag does server Alpha North bear?")
    lines = [json.dumps({"input": question, "output": "4000."}) for question in asked]
    own.write_text("\n".join(lines), encoding="utf-8")
    more = ("--eval", str(own), "--evaluate.build", "always", "--evaluate.held-out", "0")
    assert cli.main(words("run", *more)) == 0
    run = tmp_path / "run"
    assert Counter(row["suite"] for row in rows(run, "item")) == {"domain": 11, "seen": 19}
    lost = [row for row in rows(run, "candidate") if row["reason"]]
    assert {row["reason"] for row in lost} == {"in_evaluation"}
    assert "in common with domain question 11" in str(lost[0]["detail"])
    (reason,) = [str(row["reason"]) for row in rows(run, "promotion") if row["generation"]]
    assert "closed-book exact-match" in reason


@pytest.mark.slow
def test_the_number_of_questions_is_a_limit(words: Words, tmp_path: Path) -> None:
    assert cli.main(words("run", "--evaluate.questions", "5")) == 0
    run = tmp_path / "run"
    assert Counter(row["suite"] for row in rows(run, "item")) == {"domain": 5, "unseen": 4}
    found = Counter((row["kind"], row["reason"]) for row in rows(run, "candidate"))
    assert found == {("seen", None): 5, ("seen", "surplus"): 3, ("unseen", None): 4}
    # one of each document before a second one of any
    fragments = {row["id"]: row["document_id"] for row in rows(run, "fragment")}
    seen = [row for row in rows(run, "item") if row["suite"] == "domain"]
    assert len({fragments[row["fragment_id"]] for row in seen}) == 5


# --- what training never sees -------------------------------------------------------------


@pytest.mark.slow
def test_no_prompt_of_an_examination_is_ever_used_in_training(
    words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prompts that write test questions all come before generation 0."""
    calls: list[tuple[list[Sequence[Message]], list[int]]] = []
    generate = ScriptedEngine.generate

    def noted(
        self: ScriptedEngine,
        prompts: Sequence[Sequence[Message]],
        params: SamplingParams,
        seed: Seeds,
        weights: Weights,
    ) -> list[Reply]:
        calls.append((list(prompts), seeds_of(seed, len(prompts))))
        return generate(self, prompts, params, seed, weights)

    monkeypatch.setattr(ScriptedEngine, "generate", noted)
    monkeypatch.setattr(Probe, "beside", lambda self: None)  # a forecast asks besides
    assert cli.main(words("run", "--ask.per-fragment", "2")) == 0
    exam = [
        (n, turns)
        for n, (prompts, _) in enumerate(calls)
        for turns in prompts
        if len(turns) == 1 and turns[0]["content"].endswith("Ask another question.")
    ]
    asking = [n for n, (prompts, _) in enumerate(calls) if "Ask one" in str(prompts)]
    assert exam and asking and max(n for n, _ in exam) < min(asking)
    seeds = [seed for _, some in calls for seed in some]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize("language", ["zh", "en", "embedded"])
def test_every_profile_has_an_exam_of_its_own(language: str) -> None:
    prompts = Prompts(Domain(prompts=language))
    code = "zh" if language == "zh" else "en"
    fragment = Fragment("f", "d", "s", 0, ("Book",), "端口是4711。", 0, 9, None, 5, code, 0)
    exam = prompts.exam(fragment)
    assert "端口是4711。" in exam[-1]["content"]
    assert exam not in (prompts.ask(fragment, []), prompts.ask(fragment, ["问题？"]))


@pytest.mark.slow
def test_a_profile_without_exam_is_refused_with_the_way_on(
    words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "own.yaml"
    profile.write_text(
        "ask: '{fragment} Ask one question'\nask_another: More.\nanswer: '{fragment} {question}'\n"
    )
    assert cli.main(words("run", "--domain.prompts", str(profile))) == 2
    assert "this profile has no `exam`" in capsys.readouterr().err
    more = ("--domain.prompts", str(profile), "--evaluate.build", "never")
    assert cli.main(words("other", *more)) == 0
    assert "nothing shows whether this helped" in capsys.readouterr().out


@pytest.mark.slow
def test_a_pair_that_is_a_built_question_never_reaches_training(
    words: Words, tmp_path: Path
) -> None:
    """The contamination knows the built questions, those of held-out documents too."""
    script = tmp_path / "script.json"
    table = json.loads(script.read_text())
    table["rules"][1]["pattern"] = r"The tag of (\w+ Alpha \w+) is ([^.]+)\..*Ask one question"
    table["rules"][1]["reply"] = r"Which tag does \1 bear?"
    table["rules"].insert(2, RULES["rules"][1])
    script.write_text(json.dumps(table))
    assert cli.main(words("run", "--evaluate.held-out", "0")) == 0
    run = tmp_path / "run"
    stopped = [row for row in rows(run, "verdict") if row["reason"] == "in_evaluation"]
    assert len(stopped) == 2
    assert not {row["answer_id"] for row in stopped} & {
        row["answer_id"] for row in rows(run, "selection")
    }


# --- agreement ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "answers", "text", "values", "agree"),
    [
        ("Port?", ["It is 4711.", "4711", "The port is 4711."], "It is 4711.", ("4711",), True),
        ("Port?", ["It is 4711.", "It is 4712.", "It is 4711."], "It is 4711.", ("4711",), False),
        ("Port of R-1?", ["R-1 has 7.", "7", "7."], "7", ("7",), True),
        ("Who?", ["the night team", "The night team.", "night team"], None, (), True),
        ("Who?", ["the night team", "nobody at all", "the day team"], None, (), False),
        ("Port?", ["It is 4711.", "", "It is 4711."], "It is 4711.", ("4711",), False),
        ("端口是多少？", ["端口为4711。", "4711", "是4711。"], None, ("4711",), True),
        ("超时多久？", ["30 秒", "30秒", "20秒"], None, None, False),
    ],
)
def test_answers_agree_if_they_state_the_same(
    question: str,
    answers: list[str],
    text: str | None,
    values: tuple[str, ...] | None,
    agree: bool,
) -> None:
    found = agreed(question, answers)
    assert (found.objection == "") is agree
    assert text is None or found.text == text
    assert values is None or found.values == values


@pytest.mark.slow
def test_questions_on_which_samples_disagree_are_rejected(
    words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sample makes up another tag for the servers called South."""
    generate = ScriptedEngine.generate

    def unsure(
        self: ScriptedEngine,
        prompts: Sequence[Sequence[Message]],
        params: SamplingParams,
        seed: Seeds,
        weights: Weights,
    ) -> list[Reply]:
        replies = generate(self, prompts, params, seed, weights)
        return [
            Reply(f"The port is {4000 + one % 2}.", "stop")
            if "South" in reply.text and "T-" in reply.text and params.temperature
            else reply
            for reply, one in zip(replies, seeds_of(seed, len(prompts)), strict=True)
        ]

    monkeypatch.setattr(ScriptedEngine, "generate", unsure)
    more = ("--evaluate.held-out", "0", "--evaluate.samples", "8")
    assert cli.main(words("run", *more)) == 0
    run = tmp_path / "run"
    assert len(rows(run, "item")) == 10
    out = [row for row in rows(run, "candidate") if row["reason"]]
    assert {row["reason"] for row in out} <= {"disagreement", "ungrounded_value"}
    assert len(out) == 20  # each of ten fragments had two tries
    assert all("South" in str(row["question"]) for row in out)


def test_what_the_fragment_does_not_have_is_no_reference(
    words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "script.json"
    table = json.loads(script.read_text())
    table["rules"][3]["reply"] = r"The tag of \1 is T-999."
    script.write_text(json.dumps(table))
    assert cli.main(words("run")) == 0
    shown = capsys.readouterr()
    assert "nothing shows whether this helped" in shown.out
    assert "seen: 0 of 32 questions taken (32 ungrounded value)" in " ".join(shown.err.split())
    assert rows(tmp_path / "run", "item") == rows(tmp_path / "run", "lock") == []


# --- the lock -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "after_commit",
    [False, pytest.param(True, marks=pytest.mark.drill)],
    ids=["in transaction", "after commit"],
)
@pytest.mark.parametrize("apart", [pytest.param(1, marks=pytest.mark.drill), 3])
def test_killed_at_a_transaction_the_set_is_the_same(
    words: Words, tmp_path: Path, apart: int, after_commit: bool
) -> None:
    assert cli.main(["read", *words("begun")[1:]]) == 0
    assert cli.main(["split", str(tmp_path / "begun")]) == 0

    def built(name: str, kill_at: int = 0, after_commit: bool = False) -> int:
        folder = tmp_path / name
        if not folder.exists():
            shutil.copytree(tmp_path / "begun", folder)
        return in_child(["build", str(folder)], kill_at, after_commit)

    assert built("whole") == 0
    expected = exported(tmp_path / "whole")
    assert len(expected["item.jsonl"].splitlines()) == 20
    additions = 7  # the documents held out, four and one batches, the questions with the lock
    for last in range(1, additions + 1, apart):
        name = f"killed-{last}"
        assert built(name, last, after_commit) == -signal.SIGKILL
        assert built(name) == 0
        assert exported(tmp_path / name) == expected, f"killed at addition {last}"
    assert built("not killed", additions + 1) == 0


def test_a_set_that_was_altered_behind_the_ledger_is_refused(
    words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["read", *words("run")[1:]]) == 0
    run = tmp_path / "run"
    for stage in ("split", "build"):
        assert cli.main([stage, str(run)]) == 0
    with closing(sqlite3.connect(run / "run.db")) as database, database:
        database.execute("UPDATE item SET reference = 'T-1.' WHERE position = 0")
    assert cli.main(["evaluate", str(run)]) == 2
    assert "not those that were locked" in capsys.readouterr().err


def test_the_way_of_building_cannot_change_within_a_run(
    words: Words, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words("run")) == 0
    assert cli.main(words("run", "--evaluate.questions", "7", "--accept-change")) == 2
    assert "evaluate.questions cannot change within a run" in capsys.readouterr().err


def test_the_ledger_can_tell_where_a_question_comes_from(words: Words, tmp_path: Path) -> None:
    assert cli.main(words("run")) == 0
    with read_run(tmp_path / "run") as run:
        items = run.ledger.items.locked()
        found = run.ledger.sources.built(items)
    assert len(found) == len(items) == 20
    assert all(source.heading[1].startswith("Unit ") for source in found.values())


# --- what people are told -----------------------------------------------------------------


@pytest.mark.slow
def test_status_and_report_say_what_was_tested_and_what_it_can_show(
    words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "script.json"
    table = json.loads(script.read_text())
    table["rules"].insert(
        3, {"pattern": r"The tag of (\w+ Alpha North) .*Which tag", "reply": "It is T-999."}
    )
    script.write_text(json.dumps(table))
    assert cli.main(["read", *words("run")[1:]]) == 0
    assert cli.main(["report", str(tmp_path / "run")]) == 0
    page = (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")
    assert "The test questions are not built yet" in page and "Nothing shows" not in page
    capsys.readouterr()
    assert cli.main(["status", str(tmp_path / "run")]) == 0
    assert "nothing shows" not in capsys.readouterr().out
    assert cli.main(words("run")) == 0
    capsys.readouterr()
    assert cli.main(["status", str(tmp_path / "run")]) == 0
    shown = capsys.readouterr().out
    assert "domain: new questions on documents that are trained on, built (8 documents)" in shown
    assert "unseen: questions on documents that are held out, built (2 documents)" in shown
    assert "points is detectable" in shown
    page = (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")
    for text in (
        "What it was tested on",
        "2 documents held out before anything was generated",
        "version 1 (built), 19 questions",
        "a number, code or name that the fragment does not have",
        "Results by kind",
        "<li><b>4</b>held out</li>",
        "<li><b>16</b>to ask about</li>",
        "No person has looked through them",
        "Unseen documents, book closed",
        "points is detectable",
    ):
        assert text in page, text


def test_a_run_with_questions_of_its_own_says_so(
    arguments: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("run")) == 0
    page = (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")
    assert "Questions of your own" in page and "version 1 (given), 6 questions" in page
    assert "built test questions" not in page
    assert "built" not in capsys.readouterr().out


# --- what became of their documents -------------------------------------------------------


@pytest.mark.slow
def test_questions_on_what_is_gone_stay_are_counted_and_listed(
    words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One section of two is changed, one document withdrawn: three of twenty questions."""
    assert cli.main(words("run", "--evaluate.held-out", "0")) == 0
    run = tmp_path / "run"
    assert "changed or gone since" not in capsys.readouterr().out
    page = tmp_path / "docs" / "Alpha.md"
    page.write_text(page.read_text(encoding="utf-8").replace("T-100", "T-900"), encoding="utf-8")
    (tmp_path / "docs" / "Brake.md").unlink()
    more = ("--evaluate.held-out", "0", "--generations", "2", "--accept-change")
    assert cli.main(words("run", *more, "--promote.patience", "0")) == 0
    assert "3 of 20 test questions are about documents that have changed or gone since" in (
        " ".join(capsys.readouterr().out.split())
    )
    (lock,) = rows(run, "lock")
    fragments = {row["id"]: str(row["text"]) for row in rows(run, "fragment")}
    answered = Counter(row["generation"] for row in rows(run, "prediction"))
    assert lock["items"] == 20 and answered == {0: 60, 1: 60, 2: 60}
    items = {row["id"]: row for row in rows(run, "item")}
    gone = {(row["table"], row["id"]) for row in rows(run, "withdrawn")}
    mine = {id for id in items if ("item", id) in gone}
    old = [fragments[items[id]["fragment_id"]] for id in mine]
    assert len(old) == 3 and all("Brake" in text or "T-100" in text for text in old)
    tried = [row for row in rows(run, "candidate") if ("candidate", row["id"]) in gone]
    assert {row["fragment_id"] for row in tried} == {items[id]["fragment_id"] for id in mine}
    answers = [row for row in rows(run, "prediction") if row["item_id"] in mine]
    assert answers and all(("prediction", row["id"]) in gone for row in answers)
    html = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert "with the 3 that are among these" in html and "without them" in html
