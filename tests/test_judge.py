"""A model as judge: what its replies mean, what they come to, and that it decides nothing."""

from __future__ import annotations

import json
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import exported, rows
from endpoint import serving
from hypothesis import given
from hypothesis import strategies as st
from test_resume import in_child

from self_evolution import cli
from self_evolution.config import Domain
from self_evolution.evaluation.ruling import ruling
from self_evolution.evaluation.statistics import Duel, preference
from self_evolution.evaluation.verdicts import preferred
from self_evolution.prompts import Answers, Prompts
from self_evolution.run.read import read_run

Arguments = Callable[..., list[str]]

# -- what a reply says ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("A", "A"),
        (" b.\n", "B"),
        ("**C**", "C"),
        ("[[B]]", "B"),
        ("Answer B", "B"),
        ("B is better.", "B"),
        ("B. Answer A omits the port.", "B"),
        ("A\n\nAnswer B names another value.", "A"),
        ("Both name the port, but A is wrong in the value, as B is not.\n\nB", "B"),
        ("A has 4711 and B has 4712. Verdict: A", "A"),
        ("Neither is right, so the answer is **C**.", "C"),
        ("A and B are equally good.", "C"),
        ("It is a tie.", "C"),
        ("作答B更好", "B"),
        ("B。作答A缺少端口号。", "B"),
        ("答案：A", "A"),
        ("两者一样好", "C"),
        ("A tie.", "C"),
        ("A draw.", "C"),
        ("Draw", "C"),
        ("Neither is better.", "C"),
        ("Both are wrong.", "C"),
        ("Both answers are right.\nA slight edge goes to neither.", "C"),
        ("两者都正确。", "C"),
        ("A is better.", "A"),
        ("I think A is right.", "A"),
        ("The better one is B, which names the port.", "B"),
        ("I would take answer A because it has the port.", "A"),
        ("更好的是A，因为端口正确", "A"),
        ("A better answer would state the value. Answer 2 does.", ""),
        ("A correct reply names the port.", ""),
        ("Vitamin C is right in the first one", ""),
        ("Both are right, but the second one names the unit.", ""),
        ("Both are correct; B is closer.", ""),
        ("两者都正确，但第一个更完整", ""),
        ("A or B", ""),
        ("", ""),
        ("I cannot say.", ""),
        ("ABC", ""),
        ("Plan B2 it is", ""),
        ("[[A]] or [[B]]", ""),
    ],
)
def test_a_reply_means_one_letter_or_nothing(reply: str, letter: str) -> None:
    assert ruling(reply) == letter


@given(st.text())
def test_any_reply_means_something_or_nothing(text: str) -> None:
    assert ruling(text) in {"A", "B", "C", ""}


@given(st.sampled_from("ABC"), st.text(alphabet=" \n*.[]()\"'`_", max_size=6))
def test_dressing_does_not_change_a_letter(letter: str, dress: str) -> None:
    assert ruling(f"{dress}{letter}{dress}") == letter


# -- what verdicts come to -----------------------------------------------------------------------


def test_ties_count_half_and_both_orders_together() -> None:
    duels = [
        Duel("a", "better", "better"),
        Duel("b", "better", "worse"),
        Duel("c", "tie", "tie"),
        Duel("d", "worse", "worse"),
        Duel("e", "unclear", "better"),
        Duel("f", "tie", "tie", asked=False),
    ]
    found = preference(duels, resamples=100)
    assert found is not None
    assert found.wins.mean == pytest.approx((100 + 50 + 50 + 0 + 75 + 50) / 6)
    assert (found.wins.n, found.asked) == (6, 5)
    assert found.agreement and found.unclear and found.first
    assert found.agreement.mean == pytest.approx(100 * 3 / 5)  # b and e do not agree
    assert found.unclear.mean == pytest.approx(100 * 1 / 10)
    assert found.first.mean == pytest.approx(100 * 4 / 7)  # shown first: a, b; shown second: b, d
    assert preference([]) is None


def test_a_judge_that_prefers_a_place_finds_nothing() -> None:
    found = preference([Duel(i, "better", "worse") for i in range(40)], resamples=200)
    assert found is not None and not found.shown
    assert found.agreement and found.first
    assert (found.wins.mean, found.agreement.mean, found.first.mean) == (50.0, 0.0, 100.0)


def test_answers_that_are_all_the_same_say_nothing_of_the_judge() -> None:
    found = preference([Duel(i, "tie", "tie", asked=False) for i in range(9)], resamples=50)
    assert found is not None and not found.shown
    assert (found.wins.mean, found.asked) == (50.0, 0)
    assert (found.agreement, found.unclear, found.first) == (None, None, None)


def test_the_interval_of_a_noisy_judge_holds_the_true_rate() -> None:
    """60 documents of 4 questions; the judge is right in 8 of 10 cases, in each order by itself."""
    held, repetitions, rate = 0, 200, 0.62
    chance = random.Random(5)
    for turn in range(repetitions):
        duels = []
        for document in range(60):
            mine = min(1.0, max(0.0, chance.gauss(rate, 0.15)))  # documents differ
            for _ in range(4):
                better = chance.random() < mine
                seen: list[Any] = [
                    "better" if (chance.random() < 0.8) == better else "worse" for _ in range(2)
                ]
                duels.append(Duel(document, *seen))
        found = preference(duels, resamples=400, seed=turn)
        assert found is not None
        held += found.wins.low <= 100 * (0.8 * rate + 0.2 * (1 - rate)) <= found.wins.high
    assert 0.91 <= held / repetitions <= 0.985


# -- in a run ------------------------------------------------------------------------------------

PROMPT = "Judge.\nQ {question}\nR {reference}\n1 {first}\n2 {second}"


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """The miniature's profile, in which somebody can be asked to judge."""
    path = tmp_path / "profile.yaml"
    shipped = Path(cli.__file__).parents[1] / "prompts" / "embedded.yaml"
    values = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(values | {"judge": PROMPT}), encoding="utf-8")
    return path


def fair(messages: list[dict[str, str]]) -> str:
    """Prefers the answer that is the right one, word by word; or neither."""
    lines = messages[-1]["content"].splitlines()
    right, first, second = (line.partition(" ")[2] for line in lines[-3:])
    if (first == right) == (second == right):
        return "C"
    return "A" if first == right else "B"


@pytest.fixture
def biased(script: Path) -> None:
    """The base says A whatever it is to judge."""
    table = json.loads(script.read_text())
    table["rules"].insert(0, {"pattern": r"^Judge\.", "reply": "A"})
    script.write_text(json.dumps(table))


def _run(arguments: Arguments, name: str, profile: Path, judge: str, *more: str) -> list[str]:
    words = arguments(name, "--domain.prompts", str(profile), *more)
    return [*words, "--judge", judge] if judge else words


def _learns(path: Path) -> dict[str, Any]:
    """Answers of a rival that is right in three questions of six."""
    table: dict[str, Any] = json.loads(path.read_text())
    facts = [("server Alpha", "port", "4711"), ("alarm Brake", "colour", "amber")]
    facts.append(("node Coral", "rack", "R-17"))
    for thing, key, value in facts:
        rule = {
            "pattern": f"^Tell me the {key} of {thing}",
            "reply": f"The {key} of {thing} is {value}.",
        }
        table["rules"].insert(0, rule)
    return table


@pytest.mark.slow
def test_every_generation_is_judged_against_base_and_rivals_in_both_orders(
    arguments: Arguments, tmp_path: Path, profile: Path, script: Path
) -> None:
    rival = tmp_path / "rival.json"
    rival.write_text(json.dumps(_learns(script)))
    with serving(fair) as server:
        words = _run(arguments, "run", profile, server.url, "--against", str(rival))
        assert cli.main(words) == 0
        asked = len(server.bodies)
    found = rows(tmp_path / "run", "judgement")
    assert {(row["generation"], row["against"]) for row in found} == {
        (1, 0),
        (1, -1),
        (2, 0),
        (2, -1),
    }
    assert len(found) == 4 * 6 * 2
    # the generations answer as the base does: nobody is asked about that
    same = [row for row in found if row["against"] == 0]
    assert {(row["verdict"], row["reply"]) for row in same} == {("tie", "")}
    assert asked == 2 * 3 * 2  # of the rival's answers three are other ones
    ruled = [row for row in found if row["against"] == -1 and row["generation"] == 1]
    kinds = [str(row["verdict"]) for row in ruled]
    assert (kinds.count("worse"), kinds.count("tie"), kinds.count("better")) == (6, 6, 0)
    by_item: dict[object, set[object]] = {}
    for row in ruled:
        by_item.setdefault(row["item_id"], set()).add(row["verdict"])
    assert all(len(verdicts) == 1 for verdicts in by_item.values())


@pytest.mark.slow
def test_it_decides_nothing(
    arguments: Arguments, tmp_path: Path, profile: Path, script: Path
) -> None:
    cli.main(_run(arguments, "without", profile, ""))
    with serving(fair) as server:
        cli.main(_run(arguments, "with", profile, server.url))
    one, two = exported(tmp_path / "without"), exported(tmp_path / "with")
    assert {name for name in one if one[name] != two[name]} <= {"judgement.jsonl", "meta.jsonl"}


@pytest.mark.slow
def test_the_base_as_judge_and_a_judge_that_comes_late(
    arguments: Arguments, tmp_path: Path, profile: Path, script: Path, biased: None
) -> None:
    rival = tmp_path / "rival.json"
    rival.write_text(json.dumps(_learns(script)))
    more = ("--against", str(rival), "--promote.patience", "1", "--generations", "4")
    cli.main(_run(arguments, "late", profile, "", *more))
    assert len(rows(tmp_path / "late", "promotion")) < 5  # it gave up
    assert cli.main(["run", "--run", str(tmp_path / "late"), "--judge", "base"]) == 0
    cli.main(_run(arguments, "early", profile, "base", *more))
    late, early = (rows(tmp_path / name, "judgement") for name in ("late", "early"))
    assert late == early and late
    verdicts = {(row["place"], row["verdict"]) for row in late if row["reply"]}
    assert verdicts == {(1, "better"), (2, "worse")}
    with read_run(tmp_path / "late") as run:
        found = preferred(run.config, run.ledger, "base", 1, -1)
    assert found is not None and found.asked == 3
    assert found.agreement and found.first
    assert (found.wins.mean, found.agreement.mean, found.first.mean) == (50.0, 0.0, 100.0)


@pytest.mark.slow
def test_another_judge_judges_anew_and_a_new_rival_is_judged(
    arguments: Arguments, tmp_path: Path, profile: Path, script: Path
) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    one.write_text(json.dumps(_learns(script)))
    two.write_text(json.dumps(_learns(script), indent=1))  # another file, of the same mind
    again = ["run", "--run", str(tmp_path / "run")]
    with serving(fair) as server:
        cli.main(_run(arguments, "run", profile, server.url, "--against", str(one)))
        asked = len(server.bodies)
        assert cli.main([*again, "--against", f"{one},{two}"]) == 0
        assert len(server.bodies) == 2 * asked  # the new one alone
        assert cli.main([*again, "--judge", "base"]) == 0
        assert len(server.bodies) == 2 * asked
    judges = {row["judge"] for row in rows(tmp_path / "run", "judgement")}
    assert judges == {server.url, "base"}


@pytest.mark.slow
@pytest.mark.parametrize("first", [pytest.param(1, marks=pytest.mark.drill), 4])
def test_killed_at_a_transaction_of_the_judge_it_goes_on_to_the_same_verdicts(
    arguments: Arguments, tmp_path: Path, profile: Path, script: Path, first: int
) -> None:
    rival = tmp_path / "rival.json"
    rival.write_text(json.dumps(_learns(script)))
    more = ("--against", str(rival), "--generations", "1")
    cli.main(_run(arguments, "plain", profile, "", *more))
    judge = ["--judge", "base"]
    assert in_child(_run(arguments, "whole", profile, "base", *more)) == 0
    expected = exported(tmp_path / "whole")
    transactions = 4  # the ties with the base, those with the rival, two batches of verdicts
    for last in range(first, transactions + 2):
        target = shutil.copytree(tmp_path / "plain", tmp_path / f"killed-{last}")
        status = in_child(["run", "--run", str(target), *judge], kill_at=last)
        assert status == (-signal.SIGKILL if last <= transactions else 0)
        assert in_child(["run", "--run", str(target), *judge]) == 0
        assert exported(target)["judgement.jsonl"] == expected["judgement.jsonl"]


@pytest.mark.slow
def test_replies_that_say_nothing_are_unclear(
    arguments: Arguments, tmp_path: Path, profile: Path, script: Path
) -> None:
    rival = tmp_path / "rival.json"
    rival.write_text(json.dumps(_learns(script)))
    with serving(lambda messages: "Hard to say.") as server:
        server.script = [(400, "maximum context length is 8 tokens")]
        words = _run(arguments, "run", profile, server.url, "--against", str(rival))
        cli.main([*words, "--generations", "1"])
    found = [row for row in rows(tmp_path / "run", "judgement") if row["against"] == -1]
    asked = [str(row["reply"]) for row in found if row["verdict"] == "unclear"]
    assert sorted(asked) == ["", *["Hard to say."] * 5]
    assert {row["verdict"] for row in found} == {"tie", "unclear"}


@pytest.mark.slow
def test_another_model_under_the_judges_name_is_refused(
    arguments: Arguments,
    tmp_path: Path,
    profile: Path,
    script: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rival, judge = tmp_path / "rival.json", tmp_path / "judge.json"
    rival.write_text(json.dumps(_learns(script)))
    judge.write_text(json.dumps({"rules": [], "default": "A"}))
    words = _run(arguments, "run", profile, str(judge), "--against", str(rival))
    assert cli.main([*words, "--generations", "1"]) == 0
    judge.write_text(json.dumps({"rules": [], "default": "B"}))
    capsys.readouterr()
    assert cli.main(["run", "--run", str(tmp_path / "run"), "--generations", "2"]) == 2
    assert "no longer the model that judged before" in capsys.readouterr().err


@pytest.mark.parametrize("judge", ["base", "embedded"])
def test_a_profile_that_cannot_ask_for_it_is_refused_early(
    arguments: Arguments, tmp_path: Path, judge: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("run", "--judge", judge)) == 2
    told = f"--evaluate.judge {judge}: the prompt profile embedded has no `judge`"
    assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_stage_of_a_run_without_a_judge_says_so(
    arguments: Arguments, tmp_path: Path, profile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(_run(arguments, "run", profile, "", "--generations", "1"))
    capsys.readouterr()
    assert cli.main(["judge", str(tmp_path / "run")]) == 2
    assert "judge: this run does not have that stage; --evaluate.judge" in capsys.readouterr().err
    assert cli.main(["judge", str(tmp_path / "run"), "--evaluate.judge", "base"]) == 0
    assert len(rows(tmp_path / "run", "judgement")) == 12


@pytest.mark.parametrize(("language", "word"), [("en", "Answer A: one"), ("zh", "作答A：one")])
def test_the_shipped_profiles_ask_with_the_reference(language: str, word: str) -> None:
    prompts = Prompts(Domain())
    assert prompts.judges and not Prompts(Domain(prompts="embedded")).judges
    (turn,) = prompts.judge("Which {port}?", Answers("{4711}", "one", "two"), language)
    assert word in turn["content"]
    assert "Which {port}?" in turn["content"] and "{4711}" in turn["content"]
