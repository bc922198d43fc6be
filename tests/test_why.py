"""why: the training pairs nearest to a text, their passages, and since when it is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from self_evolution import cli
from self_evolution.ledger import Ledger
from self_evolution.ledger.pairs import TrainedPair
from self_evolution.records import Item
from self_evolution.serving.why import _tested, nearest

Arguments = Callable[..., list[str]]


def pair(question: str, answer: str) -> TrainedPair:
    return TrainedPair(question, 1, "generated", None, question, answer, (1,), True)


def test_rare_terms_say_more_than_common_ones() -> None:
    pairs = [
        pair("What is the port of server Alpha?", "4711."),
        pair("What is the port of server Beta?", "4712."),
        pair("What is the rack of server Alpha?", "R-17."),
        pair("Who owns pump Echo?", "Team Fox."),
    ]
    found = nearest(pairs, "On which port does Alpha listen?", 3)
    assert [one.question for one, _ in found] == [pairs[i].question for i in (0, 1, 2)]
    shares = [share for _, share in found]
    assert 1 > shares[0] > shares[1] == pytest.approx(shares[2])
    # An answer is looked for too: R-17 stands in one pair alone.
    assert nearest(pairs, "R-17", 5) == [(pairs[2], pytest.approx(1.0))]
    assert nearest(pairs, "xylophone", 5) == []


def test_a_question_that_only_chooses_is_a_test_question_too(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "run.db")
    ledger.add([Item("i", "choice", 0, "", "What is the port of Alpha?", "It is 4711.", None)])
    for text in ("What is the port of Alpha?", "it is 4711"):
        found = _tested(ledger, text)
        assert found is not None and found.item.id == "i"
    ledger.close()


def test_an_answer_leads_back_to_its_pair_and_its_passage(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "run")
    assert cli.main(["read", *arguments("run")[1:]]) == 0
    assert cli.main(["why", run, "What is the port?"]) == 2
    assert "no generation was trained yet" in capsys.readouterr().err
    assert cli.main(arguments("run", "--generations", "1")) == 0
    capsys.readouterr()

    assert cli.main(["why", run, "Tell me the port of server Alpha?", "--limit", "1"]) == 0
    tested, right, question, answer, near, place, opening = capsys.readouterr().out.splitlines()
    assert tested.endswith("(100% of the words in common): Tell me the port of server Alpha?")
    assert right == "no generation has answered it right from memory"
    assert question == "1. What is the port of server Alpha?"
    assert answer == "   The port of server Alpha is 4711."
    assert near.startswith("   shares 75% of the text's terms; asked by the model in generation 1")
    assert place.endswith("a.md · Handbook › Server Alpha")
    assert "4711" in opening

    assert cli.main(["why", run, "The port of server Alpha is 4711.", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pairs"][0]["question"] == "What is the port of server Alpha?"
    assert found["pairs"][0]["trained"] == [1] and found["pairs"][0]["share"] == 1.0
    assert found["tested"]["question"] == "Tell me the port of server Alpha?"
    assert cli.main(["why", run, "xylophone"]) == 0
    assert "no training pair shares a term" in capsys.readouterr().out
    assert cli.main(["why", run, " "]) == 2
