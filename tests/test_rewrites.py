"""Rewrites: what is written about fragments, what is kept of it, and how it is trained on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from conftest import FACTS, RULES, exported, rows
from endpoint import serving
from test_resume import in_child
from test_teacher import teaches

from self_evolution import cli
from self_evolution.config import Check, Domain, Model
from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.evaluation.rewrite_checks import first_objection
from self_evolution.forecast import rewriting
from self_evolution.ledger import Ledger
from self_evolution.models.training.job import TrainingJob
from self_evolution.models.transformers_engine import TransformersEngine
from self_evolution.progress import Progress
from self_evolution.prompts import Prompts, load
from self_evolution.records import Fragment, Item, Message, Rewrite
from self_evolution.run import Run
from self_evolution.run.read import read_run
from self_evolution.stages import select

Arguments = Callable[..., list[str]]

PROFILE = """
rewrite: "{fragment}\\n\\n{request}"
rewrites:
  facts: State the facts.
  wrong: State a falsehood.
  verbatim: ""
  again: State the facts.
recall: What is known about {title}?
"""

SCRIPT = {
    **RULES,
    "rules": [
        {
            "pattern": r"The (\w+) of ([\w ]+?) is ([^.]+)\..*State the facts",
            "reply": r"\2: its \1 is \3.",
        },
        {"pattern": r"State a falsehood", "reply": "The value is 987654."},
        *RULES["rules"],  # type: ignore[misc]
    ],
}


@pytest.fixture
def profile(tmp_path: Path) -> str:
    """The profile `embedded` with kinds of rewrites that a model writes."""
    shipped = Path(load.__code__.co_filename).with_name("embedded.yaml").read_text(encoding="utf-8")
    own = "\n".join(
        line for line in shipped.splitlines() if not line.startswith(("rewrites:", "recall:"))
    )
    path = tmp_path / "profile.yaml"
    path.write_text(own + PROFILE, encoding="utf-8")
    return str(path)


@pytest.fixture
def words(profile: str) -> list[str]:
    return ["--domain.prompts", profile, "--ask.rewrites", "4", "--train.rewrites", "0.5"]


def test_each_fragment_is_rewritten_once_and_only_good_texts_are_kept(
    arguments: Arguments, words: list[str], tmp_path: Path
) -> None:
    assert cli.main(arguments("run", *words)) == 0
    found = rows(tmp_path / "run", "rewrite")
    fragments = {row["id"]: row for row in rows(tmp_path / "run", "fragment")}
    asked = {row["fragment_id"] for row in rows(tmp_path / "run", "question")}
    assert {row["fragment_id"] for row in found} == asked and len(asked) == len(FACTS)
    assert len(found) == 4 * len(FACTS) and {row["generation"] for row in found} == {1}
    reasons = Counter((row["kind"], row["reason"]) for row in found)
    assert reasons == {
        ("facts", None): 6,
        ("wrong", "ungrounded_value"): 6,
        ("verbatim", None): 6,
        ("again", "duplicate"): 6,
    }
    for row in found:
        fragment = fragments[row["fragment_id"]]
        title = fragment["heading"][-1]  # type: ignore[index]
        assert row["prompt"] == f"What is known about {title}?"
        if row["kind"] == "verbatim":
            assert row["text"] == fragment["text"]
        if row["kind"] == "facts":
            key, thing, value = next(one for one in FACTS if one[1] in str(row["text"]))
            assert row["text"] == f"{thing}: its {key} is {value}."


def test_they_are_a_share_of_the_set_and_learnt_whole_with_the_book_closed(
    arguments: Arguments, words: list[str], tmp_path: Path, jobs: list[TrainingJob]
) -> None:
    assert cli.main(arguments("run", *words)) == 0
    kept = {row["id"]: row for row in rows(tmp_path / "run", "rewrite") if row["reason"] is None}
    for generation, job in enumerate(jobs, 1):
        mine = [r for r in rows(tmp_path / "run", "selection") if r["generation"] == generation]
        used = [row["rewrite_id"] for row in mine if row["source"] == "rewrite"]
        pairs = [row for row in mine if row["source"] in ("new", "replay")]
        assert len(set(used)) == len(used) == min(len(pairs), len(kept)) and set(used) <= set(kept)
        taught = [(turns[0]["content"], turns[1]["content"]) for turns in job.conversations]
        expected = [(kept[id]["prompt"], kept[id]["text"]) for id in used]
        assert taught[len(pairs) :] == expected
        assert not any(job.rehearsed)
        assert all("weight" not in turn for turns in job.conversations for turn in turns)
    assert len(jobs) == 2


def test_a_smaller_share_draws_fewer(
    arguments: Arguments, words: list[str], tmp_path: Path
) -> None:
    words = [*words[:-1], "0.25", "--select.strategy", "all"]
    assert cli.main(arguments("run", *words)) == 0
    for generation in (1, 2):
        mine = [r for r in rows(tmp_path / "run", "selection") if r["generation"] == generation]
        used = {row["rewrite_id"] for row in mine if row["source"] == "rewrite"}
        assert len(used) == round((len(mine) - len(used)) / 3) > 0


def test_a_text_with_a_test_question_makes_room_for_another(
    arguments: Arguments, words: list[str], tmp_path: Path
) -> None:
    """The share is as large as is asked for while there are enough texts without one."""
    words = [*words[:-1], "0.5", "--select.strategy", "none", "--generations", "1"]
    assert cli.main(arguments("run", *words)) == 0
    run = tmp_path / "run"
    mine = rows(run, "selection")
    used = sorted(str(row["rewrite_id"]) for row in mine if row["source"] == "rewrite")
    texts = {row["id"]: str(row["text"]) for row in rows(run, "rewrite")}
    with closing(Ledger(run / "run.db")) as ledger:
        live = ledger.rewrites.live()
        ledger.add([Item("late", "domain", 99, "", texts[used[0]], "Yes.", None)])
    with read_run(run) as opened:
        drawn = [select._rewrites(opened, len(used) // 2, seed) for seed in range(20)]
    assert len(live) == 12 and len(used) == 6
    assert {len(ids) for ids in drawn} == {3}
    assert set().union(*drawn) == set(live) - {used[0]}


def test_without_the_setting_nothing_is_written(arguments: Arguments, tmp_path: Path) -> None:
    assert cli.main(arguments("run")) == 0
    assert rows(tmp_path / "run", "rewrite") == []
    assert {row["source"] for row in rows(tmp_path / "run", "selection")} <= {"new", "replay"}
    with closing(Ledger(tmp_path / "run" / "run.db")) as ledger:
        assert "rewrite" not in {row.name for row in ledger.stages()}


def test_counted_in_status_report_and_results_and_found_by_why(
    arguments: Arguments, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("run", *words[:-1], "0.75")) == 0  # all are drawn
    capsys.readouterr()
    assert cli.main(["status", str(tmp_path / "run")]) == 0
    sentence = (
        "Rewrites of fragments: 24 texts, 6 of them the fragment as it is, 12 kept: "
        "facts 6 of 6; wrong 0 of 6 (6 ungrounded value); verbatim 6 of 6; "
        "again 0 of 6 (6 duplicate)"
    )
    assert sentence in " ".join(capsys.readouterr().out.split())
    report = tmp_path / "run" / "report"
    for name in ("report.md", "index.html"):
        assert sentence in (report / name).read_text(encoding="utf-8").replace("\\", "")
    results = json.loads((report / "results.json").read_text(encoding="utf-8"))
    names = ("kind", "written", "copied", "kept")
    assert [tuple(one[name] for name in names) for one in results["rewrites"]] == [
        *(("facts", 6, 0, 6), ("wrong", 6, 0, 0), ("verbatim", 6, 6, 6), ("again", 6, 0, 0)),
    ]
    selected = Counter(row["source"] for row in rows(tmp_path / "run", "selection"))
    assert sum(row["rewrites"] for row in results["pairs"]) == selected["rewrite"] > 0
    for row in results["pairs"]:
        assert f">{row['new'] + row['replay'] + row['rewrites']}<" in (
            report / "index.html"
        ).read_text(encoding="utf-8")
    capsys.readouterr()
    assert cli.main(["why", str(tmp_path / "run"), "its limit", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["pairs"]
    near = next(one for one in found if one["origin"] == "rewrite")
    assert near["answer"] == "queue Foxtrot: its limit is 512."
    assert near["source"]["document"].endswith("c.html")
    assert cli.main(["why", str(tmp_path / "run"), "its limit"]) == 0
    assert "a rewrite of a fragment, written in generation 1" in capsys.readouterr().out
    assert cli.main(["why", str(tmp_path / "run"), "The limit of queue Foxtrot is 512."]) == 0
    assert "the fragment itself, taken in generation 1" in capsys.readouterr().out


def test_pairs_for_other_trainers_come_without_them(
    arguments: Arguments, words: list[str], tmp_path: Path
) -> None:
    """A question with several answers would be a contradiction where such a file is read back."""
    assert cli.main(arguments("run", *words)) == 0
    file = tmp_path / "pairs.jsonl"
    assert cli.main(["dump", str(tmp_path / "run"), "-o", str(file), "--as", "messages"]) == 0
    written = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert {row["source"] for row in written} == {"generated"}


def test_more_rewrites_are_written_by_the_next_generation(
    arguments: Arguments, words: list[str], tmp_path: Path
) -> None:
    one = [*words[:2], "--ask.rewrites", "1", *words[4:]]
    assert cli.main(arguments("run", *one, "--generations", "1")) == 0
    more = [*words, "--generations", "2", "--accept-change"]
    assert cli.main(arguments("run", *more)) == 0
    found = rows(tmp_path / "run", "rewrite")
    assert Counter(row["generation"] for row in found) == {1: 6, 2: 18}
    assert Counter(row["sample"] for row in found) == dict.fromkeys(range(4), 6)


def test_a_withdrawn_document_takes_its_rewrites_along(
    arguments: Arguments, words: list[str], documents: Path, tmp_path: Path
) -> None:
    words = [*words[:-1], "0.75", "--select.strategy", "all"]  # all are drawn
    assert cli.main(arguments("run", *words, "--generations", "1")) == 0
    (documents / "c.html").unlink()
    assert cli.main(arguments("run", *words, "--accept-change")) == 0
    found = {row["id"]: row for row in rows(tmp_path / "run", "rewrite")}
    gone = {id for id, row in found.items() if "Foxtrot" in str(row["text"])}
    gone |= {id for id, row in found.items() if row["prompt"] == "What is known about Foxtrot?"}
    used = {
        row["generation"]: set()  # type: ignore[var-annotated]
        for row in rows(tmp_path / "run", "selection")
    }
    for row in rows(tmp_path / "run", "selection"):
        used[row["generation"]].add(row["rewrite_id"])
    assert used[1] & gone and not used[2] & gone
    with closing(Ledger(tmp_path / "run" / "run.db")) as ledger:
        withdrawn_rows = map(json.loads, dict(ledger.export())["withdrawn"])
        assert {row["id"] for row in withdrawn_rows if row["table"] == "rewrite"} == gone
        withdrawn, _ = ledger.training.examples_gone()[1]
        pairs = sum(
            pair.question.endswith("Foxtrot?") for pair in ledger.pairs.trained() if not pair.live
        )
        assert withdrawn == len(used[1] & gone) + pairs


@pytest.mark.drill
def test_killed_while_they_are_written_the_run_is_the_same(
    arguments: Arguments, words: list[str], tmp_path: Path
) -> None:
    assert in_child(arguments("whole", *words)) == 0
    expected = exported(tmp_path / "whole")
    sizes = set()
    for last in range(11, 34, 2):
        again = arguments(f"killed-{last}", *words)
        assert in_child(again, kill_at=last) < 0
        with closing(Ledger(tmp_path / f"killed-{last}" / "run.db")) as ledger:
            sizes.add(ledger.count("rewrite"))
        assert in_child(again) == 0
        assert exported(tmp_path / f"killed-{last}") == expected, f"killed at transaction {last}"
    assert {0, 16, 24} <= sizes


def test_a_teacher_writes_them_and_is_named(
    arguments: Arguments, words: list[str], tmp_path: Path
) -> None:
    def rewrites(messages: list[dict[str, str]]) -> str:
        text = messages[-1]["content"]
        return "The pump is red." if "State" in text else teaches(messages)

    with serving(rewrites) as server:
        words = [*words, "--teacher", f"{server.url}#tiny", "--generations", "1"]
        assert cli.main(arguments("run", *words)) == 0
    taught = {row["id"] for row in rows(tmp_path / "run", "taught")}
    for row in rows(tmp_path / "run", "rewrite"):
        assert (row["id"] in taught) == (row["kind"] != "verbatim")
        assert (row["text"] == "The pump is red.") == (row["kind"] != "verbatim")
    report = tmp_path / "run" / "report"
    (found,) = json.loads((report / "results.json").read_text(encoding="utf-8"))["teachers"]
    assert (found["rewrites"], found["rewrites_kept"]) == (18, 1)
    sentence = "18 rewrites of fragments, 1 of them kept"
    assert sentence in (report / "report.md").read_text(encoding="utf-8")


def test_a_profile_without_kinds_is_refused_before_any_work(
    arguments: Arguments, profile: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = Path(profile).read_text(encoding="utf-8").replace(PROFILE, "")
    Path(profile).write_text(text, encoding="utf-8")
    words = ["--domain.prompts", profile, "--ask.rewrites", "2"]
    assert cli.main(arguments("run", *words)) == 2
    assert "lists no `rewrites`" in capsys.readouterr().err
    assert not (tmp_path / "run" / "run.db").exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [("{request}", "Write."), ("recall: What is known about {title}?", "recall: ''")],
)
def test_a_profile_with_half_of_what_rewrites_need_is_refused(
    old: str,
    new: str,
    arguments: Arguments,
    profile: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = Path(profile)
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert cli.main(arguments("run", "--domain.prompts", profile)) == 2
    assert "`rewrites` need" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_miniature_learns_its_fragments_by_heart(tmp_path: Path) -> None:
    """The shipped profile takes fragments as they are; a generation says a good part of them."""
    folder = tmp_path / "run"
    command = "--recipe embedded --limit 4 --generations 1 --ask.per-fragment 1 --ask.rewrites 1"
    command += " --train.rewrites 0.5 --train.rehearsal 0 --train.steps 40 --train.batch-size 8"
    command += " --evaluate.limit 4"
    assert cli.main(["run", *command.split(), "--run", str(folder)]) == 0
    found = rows(folder, "rewrite")
    assert len(found) == 4 and all(row["reason"] is None for row in found)
    used = [row["rewrite_id"] for row in rows(folder, "selection") if row["source"] == "rewrite"]
    engine = TransformersEngine(Model(name="embedded", dtype="float32", threads=1))
    asked = [[{"role": "user", "content": str(row["prompt"])}] for row in found]
    texts = [
        (engine.prompt_ids(turns), engine.text_ids(str(row["text"]), reply=True))
        for turns, row in zip(asked, found, strict=True)
    ]
    before = engine.nll(texts, "base")
    engine.set_adapter(folder / "adapters" / "gen-1")
    after = engine.nll(texts, "current")
    for row, one, other in zip(found, before, after, strict=True):
        assert one > 1 and (other < one / 2 or row["id"] not in used)
    assert used


# --- the checks of one text -----------------------------------------------------------------

TEXT = (
    "The command gnt-node migrate moves all primary instances off a node. It takes at most 30 "
    "minutes. It must not be used while the node is offline."
)


def fragment(text: str = TEXT, language: str = "en") -> Fragment:
    heading = ("Manual", "Moving instances")
    return Fragment("f", "d", "s", 0, heading, text, 0, len(text), None, 40, language, 0)


def verdict(
    text: str, kind: str = "summary", finish: str = "stop", language: str = "en"
) -> str | None:
    prompts, about = Prompts(Domain()), fragment()
    item = Item("i", "domain", 0, "", "How long may a migration take at most?", "30 minutes.", None)
    row = Rewrite("r", 1, "f", 0, kind, prompts.recall(about.heading, "en"), text, finish)
    contamination = ContaminationCheck([item])
    reason, _ = first_objection(row, about, prompts.profile("en"), language, Check(), contamination)
    return reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("gnt-node migrate moves the primary instances off a node within 30 minutes.", None),
        ("Moving instances: gnt-node migrate moves all of them off a node.", None),
        ("", "empty"),
        (
            "gnt-node migrate moves the primary instances off a node in 45 minutes.",
            "ungrounded_value",
        ),
        ("gnt-node migrate moves the primary instances off node PZ-31.", "ungrounded_value"),
        ("The weather in the mountains becomes warm and pleasant in summer.", "ungrounded"),
        ("The passage describes how gnt-node migrate moves instances.", "mentions_document"),
        ("gnt-node migrate moves instances. The text is about instances.", "mentions_document"),
        ("gnt-node migrate does not move the primary instances off a node.", "negation"),
        (
            "How long may a migration take at most? gnt-node migrate takes 30 minutes.",
            "in_evaluation",
        ),
    ],
)
def test_a_text_is_held_to_its_fragment(text: str, reason: str | None) -> None:
    assert verdict(text) == reason


def test_a_text_that_was_cut_or_is_in_another_language_is_not_kept() -> None:
    good = "gnt-node migrate moves the primary instances off a node."
    assert verdict(good, finish="length") == "truncated"
    assert verdict("gnt-node migrate 命令将所有主实例迁移出节点。") == "language"


def test_a_fragment_as_it_is_cannot_be_wrong_about_itself_but_can_be_a_test_question() -> None:
    assert verdict("See the passage above: 999.", kind="verbatim", finish="length") is None
    leaking = f"{TEXT} How long may a migration take at most?"
    assert verdict(leaking, kind="verbatim") == "in_evaluation"


@pytest.mark.parametrize("name", ["en", "zh"])
def test_the_profiles_that_ship_ask_for_each_kind_about_the_fragment(name: str) -> None:
    prompts = Prompts(Domain(name="cluster management", prompts=name))
    kinds = prompts.kinds(name)
    assert kinds == ["facts", "explanation", "summary", "rephrasing", "verbatim"]
    asked = [prompts.rewrite(fragment(language=name), kind) for kind in kinds]
    assert asked[-1] == []
    requests = [turns[-1]["content"] for turns in asked[:-1]]
    assert len(set(requests)) == 4 and all(TEXT in one for one in requests)
    # The passage comes first, so that a model reads it once for all kinds.
    assert len({one.partition(TEXT)[0] for one in requests}) == 1
    recall = prompts.recall(("Manual", "Moving instances"), name)
    assert "Manual > Moving instances" in recall and "Moving" not in recall.partition("Manual")[0]


def test_the_forecast_counts_what_is_asked_about_a_text_without_a_heading(
    arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    """The name of its document is the subject then, and is a part of the training example."""
    for path in documents.iterdir():
        path.unlink()
    name = "the_notes_about_the_valves_and_pumps_of_the_second_floor"
    (documents / f"{name}.txt").write_text("The limit of queue Foxtrot is 512.", encoding="utf-8")
    words = ["--ask.rewrites", "1", "--train.rewrites", "0.5", "--generations", "1"]
    assert cli.main(arguments("run", *words, "--evaluate.build", "never")) == 0
    (row,) = rows(tmp_path / "run", "rewrite")
    assert name in row["prompt"]
    with read_run(tmp_path / "run") as found:
        config = found.config
    with closing(Ledger(tmp_path / "run" / "run.db")) as ledger:
        run = Run(tmp_path / "run", config, ledger, Progress(quiet=True))
        (fragment,) = run.ledger.fragments.get([str(row["fragment_id"])])
        asked: list[Message] = [{"role": "user", "content": str(row["prompt"])}]
        size = len(run.engine.prompt_ids(run.prompts.chat(asked))) + fragment.tokens
        assert rewriting.tokens(run, 1, {}) == size
