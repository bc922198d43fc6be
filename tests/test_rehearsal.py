"""Rehearsal that the base makes: what is kept, what is not, and what it is kept apart from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import tiny
from conftest import RULES, exported, rows
from hypothesis import given, settings
from hypothesis import strategies as st
from test_resume import in_child

from self_evolution import cli
from self_evolution.config import Config, Domain, Evaluate, Train
from self_evolution.evaluation import abilities
from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.evaluation.rehearsal.use import pairs, restated, usable
from self_evolution.ledger import Ledger
from self_evolution.models.chat_template import Chat
from self_evolution.models.scripted import ScriptedEngine
from self_evolution.progress import Progress
from self_evolution.prompts import load
from self_evolution.records import Conversation, Item
from self_evolution.run import Run

Arguments = Callable[..., list[str]]

LEAK = "How old is the pump in the cellar?"
ABOUT_TOPICS = [
    {"pattern": r"^Alarm N\w+\.\s+Ask one question", "reply": ""},
    {"pattern": r"^Alarm C\w+\.\s+Ask one question", "reply": LEAK},
    {"pattern": r"^Alarm P\w+\.\s+Ask one question", "reply": "What " + "ever " * 96},
    {"pattern": r"^(Alarm|Node) (\w+)\.\s+Ask one question", "reply": r"Where is \2?"},
    {"pattern": r"^Procedure \w+\.\s+Ask one question", "reply": "What is a procedure?"},
    {"pattern": r"^Where is (\w+)\?", "reply": r"\1 is in hall 7."},
    {"pattern": r"^$", "reply": "How are you today?"},
]
"""Alarms and nodes give a good question each, but for those whose names begin with N, C, P."""

SCRIPT = {**RULES, "rules": [*ABOUT_TOPICS, *RULES["rules"]]}  # type: ignore[misc]

MADE = ["--rehearse.topics", "40", "--rehearse.template", "2", "--rehearse.fragments", "6"]
MADE += ["--train.rehearsal", "0.5"]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    item = {"instruction": "", "input": LEAK, "output": "It is 12 years old.", "values": ["12"]}
    path.write_text(json.dumps(item) + "\n", encoding="utf-8")
    return path


def test_what_is_kept_and_why_not_the_rest(arguments: Arguments, tmp_path: Path) -> None:
    assert cli.main(arguments("run", *MADE, "--train.rehearsal-loss", "nll")) == 0
    found = rows(tmp_path / "run", "conversation")
    reasons = Counter((row["origin"], row["reason"]) for row in found)
    kept = {origin: n for (origin, reason), n in reasons.items() if reason is None}
    assert kept == {"topics": 31, "template": 1, "fragments": 6}
    assert {reason for origin, reason in reasons if origin == "topics"} == {
        *(None, "empty", "truncated", "in_evaluation", "duplicate")
    }
    assert reasons["template", "duplicate"] == 4  # four rounds, until it is given up
    for row in found:
        topic, said = str(row["topic"]), row["messages"]
        if row["reason"] == "empty":
            assert topic.startswith("Alarm N")
        if row["reason"] == "in_evaluation":
            assert topic.startswith("Alarm C") and said[0]["content"] == LEAK  # type: ignore[index]
        if row["origin"] == "fragments":
            assert row["fragment_id"] and str(row["question"]) in said[-2]["content"]  # type: ignore[index]


def test_a_reply_that_was_cut_serves_the_divergence(arguments: Arguments, tmp_path: Path) -> None:
    assert cli.main(arguments("run", *MADE)) == 0
    found = [row for row in rows(tmp_path / "run", "conversation") if row["origin"] == "topics"]
    assert "truncated" not in {row["reason"] for row in found}
    cut = [row for row in found if str(row["topic"]).startswith("Alarm P")]
    assert cut and all(row["reason"] in (None, "duplicate") for row in cut)


def test_each_generation_has_other_ones_and_half_of_its_set(
    arguments: Arguments, tmp_path: Path
) -> None:
    assert cli.main(arguments("run", *MADE)) == 0
    kept = {r["id"] for r in rows(tmp_path / "run", "conversation") if r["reason"] is None}
    drawn = []
    for generation in (1, 2):
        mine = [r for r in rows(tmp_path / "run", "selection") if r["generation"] == generation]
        used = {row["conversation_id"] for row in mine if row["source"] == "rehearsal"}
        assert used <= kept and 2 * len(used) == len(mine)
        drawn.append(used)
    assert drawn[0] != drawn[1]


def test_the_users_own_conversations_come_to_it(arguments: Arguments, tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello!"}]
    file.write_text(json.dumps({"messages": turns}) + "\n", encoding="utf-8")
    assert cli.main(arguments("run", *MADE, "--train.rehearsal-file", str(file))) == 0
    kept = [row for row in rows(tmp_path / "run", "conversation") if row["reason"] is None]
    assert Counter(row["origin"] for row in kept)["given"] == 1 and len(kept) == 40


@pytest.mark.drill
def test_killed_while_it_is_made_the_run_is_the_same(arguments: Arguments, tmp_path: Path) -> None:
    """At every transaction of the stage; the first four are of reading, splitting, the exam."""
    assert in_child(arguments("whole", *MADE)) == 0
    expected = exported(tmp_path / "whole")
    sizes = []
    for last in range(4, 40, 3):
        words = arguments(f"killed-{last}", *MADE)
        assert in_child(words, kill_at=last) < 0
        with closing(Ledger(tmp_path / f"killed-{last}" / "run.db")) as ledger:
            sizes.append(ledger.count("conversation"))
            begun = ledger.count("prediction")
        assert in_child(words) == 0
        assert exported(tmp_path / f"killed-{last}") == expected, f"killed at transaction {last}"
        if begun:
            break
    assert len(set(sizes)) > 5 and sizes == sorted(sizes)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            ["--rehearse.topics", "0", "--rehearse.template", "0"],
            "--train.rehearsal needs conversations",
        ),
        (["--rehearse.topics", "2", "--rehearse.template", "0"], "made no conversation"),
    ],
)
def test_rehearsal_of_nothing_is_refused(
    more: list[str], told: str, arguments: Arguments, script: Path, capsys: Any
) -> None:
    script.write_text(json.dumps({"rules": [], "default": ""}), encoding="utf-8")
    nothing = ["--rehearse.fragments", "0", "--train.rehearsal", "0.5"]
    assert cli.main(arguments("run", *nothing, *more)) == 2
    assert told in capsys.readouterr().err


@contextmanager
def empty_ledger() -> Iterator[Ledger]:
    with TemporaryDirectory() as folder, closing(Ledger(Path(folder) / "run.db")) as ledger:
        yield ledger


# -- apart from the evaluation -----------------------------------------------------------------


@settings(deadline=None)
@given(
    seed=st.integers(0, 1000),
    profile=st.sampled_from(["en", "zh", "embedded"]),
    wanted=st.integers(0, 3),
    share=st.sampled_from([0.0, 0.5]),
)
def test_no_topic_serves_both(seed: int, profile: str, wanted: int, share: float) -> None:
    config = Config(
        seed=seed,
        domain=Domain(prompts=profile),
        evaluate=Evaluate(abilities=wanted),
        train=Train(rehearsal=share),
    )
    with empty_ledger() as ledger:
        exam, rehearsal = abilities.split(Run(Path(), config, ledger, Progress()))
        assert (exam, rehearsal) == abilities.split(Run(Path(), config, ledger, Progress()))
    every = load(profile).topics
    assert sorted([*exam, *rehearsal]) == sorted(every)
    assert bool(exam) == bool(wanted) and bool(rehearsal) == (not wanted or share > 0)
    if wanted:
        assert len(exam) >= 0.75 * len(every)  # it must be able to show a loss


WORDS = st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=6).map(
    lambda letters: " ".join(f"w{letter}" for letter in letters)
)


@settings(deadline=None)
@given(asked=st.lists(WORDS, max_size=8), items=st.lists(WORDS, max_size=8))
def test_no_rehearsed_question_is_one_of_the_evaluation(asked: list[str], items: list[str]) -> None:
    """In whatever order their words come, however the conversation came to be."""
    known = [Item(str(i), "retention", i, "", text, "7", None) for i, text in enumerate(items)]
    origins = ("given", "topics", "fragments", "fragments")
    with empty_ledger() as ledger:
        ledger.add(known)
        for i, text in enumerate(asked):
            origin = origins[i % 4]  # the third asks about a fragment, the fourth answers from one
            user = {"role": "user", "content": text if i % 4 < 2 else "Go on."}
            reply = {"role": "assistant", "content": text if i % 4 == 2 else "Yes."}
            question = text if i % 2 else ""
            ledger.add([Conversation(str(i), (user, reply), origin, i, question)])
        found = usable(Run(Path(), Config(), ledger, Progress()))
    left = [question for row in found for question, _ in pairs(row)]
    same = {tuple(sorted(text.split())) for text in items}
    assert not [text for text in left if tuple(sorted(text.split())) in same]
    wall = ContaminationCheck(known)
    assert all(not (m := wall.match(text, "")) or not m.leaks for text in left)
    harmless = [text for text in asked if not (m := wall.match(text, "")) or not m.leaks]
    assert sorted(left) == sorted(harmless)


def test_facts_that_are_rehearsed_in_other_words_are_counted() -> None:
    items = [
        Item("a", "retention", 0, "", "How serious is alarm Tene?", "It is 5.1.", ("5.1",)),
        Item("b", "retention", 1, "", "Name the team of alarm Tene.", "Team Elk.", ("Elk",)),
        Item("c", "retention", 2, "", "Who made node Zisum?", "Arcolux.", ("Arcolux",)),
        Item("d", "retention", 3, "", "Which day is it?", "Monday.", ("Monday",)),
    ]
    said = [("What is the severity of Tene?", "It is 5.1."), ("Whose is Zisum?", "It is Elk's.")]
    with empty_ledger() as ledger:
        ledger.add(items)
        for i, (question, answer) in enumerate(said):
            turns = [{"role": "user", "content": question}]
            turns.append({"role": "assistant", "content": answer})
            ledger.add([Conversation(str(i), tuple(turns), "topics", i, question)])
        assert restated(Run(Path(), Config(), ledger, Progress())) == (1, 3)


# -- a message that the base begins itself ------------------------------------------------------


@pytest.mark.parametrize("name", ["qwen2", "qwen3", "llama3", "gemma3", "gemma2"])
def test_the_user_begins_where_the_template_has_his_turn(name: str) -> None:
    chat: Chat = tiny.engine(name).chat
    opening = chat.prompt([])
    whole = chat.prompt([{"role": "user", "content": "Which alarm?"}])
    assert opening and whole[: len(opening)] == opening
    assert chat.tokenizer.decode(whole[len(opening) :]).startswith("Which alarm?")


@pytest.mark.parametrize("name", ["mistral", "base"])
def test_where_nothing_ends_it_the_template_is_left_out(name: str) -> None:
    """[/INST] ends a user's message and never an assistant's; a plain template has no token."""
    settings = {"chat_template": "plain"} if name == "base" else {}
    assert tiny.engine(name, **settings).prompt_ids([]) == []


def test_an_empty_conversation_is_begun() -> None:
    from self_evolution.models import SamplingParams

    engine = tiny.engine("qwen2")
    first, second = engine.generate([[], []], SamplingParams(1.0, 1.0, 8), 3, "base")
    assert first.text and first != second
    script = ScriptedEngine(Config().model, lambda messages: f"{len(messages)} messages")
    assert script.generate([[]], SamplingParams(1.0, 1.0, 8), 3, "base")[0].text == "0 messages"
