"""The leak contamination: what it stops, and what it lets pass."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import SHARED, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from self_evolution import cli
from self_evolution import miniature as embedded
from self_evolution.evaluation.contamination import ContaminationCheck, Match, names
from self_evolution.records import Item
from self_evolution.text.numerals import with_digits
from self_evolution.text.words import cut
from tools.miniature.handbook import sections
from tools.miniature.wordings import TYPES

AIOPS = SHARED / "data" / "aiops_eval.json"
needs_aiops = pytest.mark.skipif(
    not AIOPS.exists(), reason=f"{AIOPS.name} is not in ../shared/data"
)
Pair = tuple[str, str, str]
"""Question, answer, fragment."""


def _items() -> list[Item]:
    lines = embedded.EVALUATION.read_text(encoding="utf-8").splitlines()
    found: list[dict[str, Any]] = [json.loads(line) for line in lines]
    if AIOPS.exists():
        found += json.loads(AIOPS.read_text(encoding="utf-8"))
    return [
        Item(str(i), "domain", i, row["instruction"], row["input"], row["output"], None)
        for i, row in enumerate(found)
    ]


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return _items()


@pytest.fixture(scope="module")
def contamination(items: list[Item]) -> ContaminationCheck:
    return ContaminationCheck(items)


def _stopped(contamination: ContaminationCheck, pairs: list[Pair]) -> list[Pair]:
    matches = [(pair, contamination.match(*pair)) for pair in pairs]
    return [pair for pair, match in matches if match and match.leaks]


# --- what it stops ------------------------------------------------------------------------


def _reordered(rng: random.Random, text: str) -> str:
    """The words of a text in another order, without its signs."""
    words = [word for word in cut(text.rstrip("?.？")) if word.strip()]
    rng.shuffle(words)
    return " ".join(words) + "?"


def test_verbatim_and_reordered_leaks_are_stopped(
    contamination: ContaminationCheck, items: list[Item]
) -> None:
    """Every item leaks with the reference as the answer, and with an answer that says nothing."""
    rng = random.Random(3)
    for answer in (None, "Yes."):
        pairs = [(item.question, answer or item.reference, item.passage) for item in items]
        assert len(_stopped(contamination, pairs)) == len(pairs)
        mixed = [(_reordered(rng, question), *rest) for question, *rest in pairs]
        assert len(_stopped(contamination, [(q, a, f) for q, a, f in mixed])) == len(pairs)


def _held_out(rng: random.Random) -> list[Pair]:
    """Both held-out wordings of a fact are in the evaluation's language; one is planted."""
    lines = embedded.EVALUATION.read_text(encoding="utf-8").splitlines()
    asked = {json.loads(line)["input"] for line in lines}
    found = []
    for entity, part in sections():
        for attribute in TYPES[entity.kind]:
            wordings = [entity.say(one) for one in attribute.evaluation]
            others = [one for one in wordings if one not in asked]
            if len(others) == 1:
                found.append((others[0], entity.answer(attribute), part))
    return rng.sample(found, 50)


def _in_words(text: str) -> str:
    """Every numeral of up to four figures digit by digit in Chinese."""
    return re.sub(
        r"(?<![\dA-Za-z])\d{1,4}(?![\dA-Za-z])",
        lambda found: "".join("零一二三四五六七八九"[int(digit)] for digit in found[0]),
        text,
    )


def test_the_share_of_paraphrases_that_are_stopped(
    contamination: ContaminationCheck, items: list[Item], record_property: Any
) -> None:
    """Reported, not promised: what only a reader can tell is not stopped."""
    paraphrases = _held_out(random.Random(4))
    share = len(_stopped(contamination, paraphrases)) / len(paraphrases)
    record_property("paraphrases stopped", share)
    print(f"of 50 paraphrases in held-out wordings {share:.0%} are stopped")
    seen = sum(contamination.match(*pair) is not None for pair in paraphrases)
    print(f"and {seen / 50:.0%} are stopped or noticed as near")
    assert seen / 50 >= 0.2


def test_translated_digits_hide_nothing() -> None:
    """The question of an item with its numbers in words, and in full-width figures."""
    texts = [f"How many of the {n} ports of rack {n + 20} need {n + 3} A?" for n in range(21, 71)]
    chinese = [f"第{n}号机架的{n + 20}个端口中有几个需要{n + 3}安培？" for n in range(21, 71)]
    made = [
        Item(str(i), "domain", i, "", text, "Two.", None) for i, text in enumerate(texts + chinese)
    ]
    wall = ContaminationCheck(made)
    tens = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    units = ["-", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

    def spelt(found: re.Match[str]) -> str:
        ten, unit = divmod(int(found[0]), 10)
        return f"{tens[ten]}-{units[unit]}" if unit else tens[ten]

    planted = [re.sub(r"\d+", spelt, text) for text in texts]
    planted += [_in_words(text) for text in chinese]
    planted += [
        text.translate({ord(str(d)): chr(0xFF10 + d) for d in range(10)}) for text in chinese
    ]
    assert len(_stopped(wall, [(text, "Two.", "") for text in planted])) == len(planted)
    # and other numbers are other questions
    others = [re.sub(r"\d+", lambda found: str(int(found[0]) + 900), text) for text in texts]
    assert _stopped(wall, [(text, "Two.", "") for text in others]) == []


def test_an_item_within_a_longer_text_is_found(
    contamination: ContaminationCheck, items: list[Item]
) -> None:
    question = items[0].question
    assert _stopped(contamination, [(f"Answer this for me, please. {question}", "Yes.", "")])
    assert _stopped(contamination, [("What is asked?", f"They ask: {question} I say coral.", "")])


def test_a_run_of_words_counts_unless_the_fragment_has_it() -> None:
    reference = "Switch off the left pump first, then open the valve and wait until it is dry."
    wall = ContaminationCheck(
        [Item("a", "domain", 0, "", "What comes first in the repair?", reference, None)]
    )
    pair = ("Which steps are there?", f"There are some. {reference}")
    found = wall.match(*pair, "Something else.")
    assert found and found.leaks and "13 words" in found.how
    assert wall.match(*pair, f"Repair. {reference} Done.") is None


# --- what it lets pass --------------------------------------------------------------------


def _harmless() -> list[Pair]:
    """On the evaluation's own documents: every asking wording, and questions that quote them."""
    found = [
        (entity.say(wording), entity.answer(attribute), part)
        for entity, part in sections()
        for attribute in TYPES[entity.kind]
        for wording in attribute.asking
    ]
    rng = random.Random(5)
    asking = ("{}时需要注意什么？", "关于“{}”是怎么规定的？", "{}的含义是什么？", "如何{}？")
    passages = json.loads(AIOPS.read_text(encoding="utf-8"))
    while len(found) < 2000:
        passage = rng.choice(passages)["instruction"]
        sentences = [s.strip() for s in re.split(r"[。\n；]", passage) if len(s.strip()) >= 12]
        if sentences:
            sentence = rng.choice(sentences)
            question = rng.choice(asking).format(sentence[: rng.randint(8, 24)])
            found.append((question, f"{sentence}。", passage))
    return found


@needs_aiops
def test_harmless_pairs_on_the_same_documents_pass(contamination: ContaminationCheck) -> None:
    pairs = _harmless()
    lost = _stopped(contamination, pairs)
    print(f"{len(lost)} of {len(pairs)} harmless pairs are lost")
    assert len(lost) <= 0.02 * len(pairs), lost[:5]


def test_another_thing_is_another_question(
    contamination: ContaminationCheck, items: list[Item]
) -> None:
    question = items[0].question
    other = question.replace("Temun", "Bramo")
    assert other != question
    match = contamination.match(other, "The colour is red.", "")
    assert match is None or not match.leaks or match.item.question == other


def test_a_name_ends_before_what_ends_its_sentence() -> None:
    """So a question is the same one, whether it is put as a question or as a request."""
    asked = "Which red, blue, green, pink, grey, gold, lime, teal lamp is on A.7?"
    wall = ContaminationCheck([Item("a", "domain", 0, "", asked, "In hall 7.", None)])
    put = "Say which red, blue, green, pink, grey, gold, lime, cyan lamp is on A.7."
    match = wall.match(put, "")
    assert match and 0.8 <= match.share < 1 and match.leaks
    assert names("Where is A.7.") == names("Where is A.7?") == {"a.7"}


def test_near_is_told_from_far() -> None:
    wall = ContaminationCheck(
        [Item("a", "domain", 0, "", "Give the code that identifies Temun.", "7", None)]
    )
    near = wall.match("What is the code of Temun?", "7", "")
    assert isinstance(near, Match) and not near.leaks and near.share == pytest.approx(2 / 3)
    assert wall.match("Who made Temun?", "Arcolux", "") is None


@settings(deadline=None, max_examples=200)
@given(
    known=st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=7), max_size=8),
    asked=st.lists(st.sampled_from("abcdefghxyz"), min_size=1, max_size=7),
)
def test_the_index_finds_what_comparing_with_all_finds(
    known: list[list[str]], asked: list[str]
) -> None:
    """Words are single letters with a w before, so that none is a function word."""
    texts = [" ".join(f"w{letter}" for letter in words) for words in (asked, *known)]
    wall = ContaminationCheck(
        Item(str(i), "d", i, "", text, "", None) for i, text in enumerate(texts[1:])
    )
    match = wall.match(texts[0], "", "")
    words = Counter(asked)
    shares = [(words & Counter(one)).total() / (words | Counter(one)).total() for one in known]
    best = max(shares, default=0.0)
    if best >= 0.8:
        assert match and match.leaks
    else:
        assert (match.share if match else 0.0) == pytest.approx(best if best >= 0.5 else 0.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Forty-eight ports and seven", "48 ports and 7"),
        ("二零二四年，四十八个，一百零五，三点五，十二", "2024年，48个，105，3.5，12"),
        ("often, tense, none", "often, tense, none"),
    ],
)
def test_numerals_in_words(text: str, expected: str) -> None:
    assert with_digits(text) == expected


# --- in a run -----------------------------------------------------------------------------


def test_a_leak_never_reaches_training_and_the_report_says_so(
    arguments: Any, tmp_path: Path, questions: Path
) -> None:
    lines = questions.read_text().splitlines()
    leaked = json.loads(lines[0]) | {"input": "The PORT, of server Alpha: what is it?"}
    questions.write_text("\n".join([json.dumps(leaked), *lines[1:]]))
    assert cli.main(arguments("run")) == 0
    run = tmp_path / "run"
    stopped = {row["answer_id"]: row for row in rows(run, "verdict")}
    stopped = {id: row for id, row in stopped.items() if row["reason"] == "in_evaluation"}
    assert len(stopped) == 2
    assert {row["detail"] for row in stopped.values()} == {
        "has 100% of the question's words in common with domain question 1"
    }
    assert not stopped.keys() & {row["answer_id"] for row in rows(run, "selection")}
    assert len({row["item_id"] for row in rows(run, "likeness")}) == 5
    page = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert "they are test questions, or nearly so: 2; none of them was trained on" in page
    assert "Of the 6 domain questions, 5 share half of their words" in page
    assert "without them, " in page


@pytest.mark.slow
def test_a_rehearsed_leak_is_left_out(arguments: Any, tmp_path: Path) -> None:
    turns = [
        [{"role": "user", "content": q}, {"role": "assistant", "content": "4711."}]
        for q in ("Tell me the port of server Alpha?", "Which day is it?", "What is 2 + 2?")
    ]
    file = tmp_path / "rehearsal.jsonl"
    file.write_text("".join(json.dumps({"messages": turn}) + "\n" for turn in turns))
    words = arguments("run", "--train.rehearsal", "0.5", "--train.rehearsal-file", str(file))
    words += [f"--rehearse.{name}=0" for name in ("topics", "template", "fragments")]
    assert cli.main(words) == 0
    used = {row["conversation_id"] for row in rows(tmp_path / "run", "selection")} - {None}
    texts = {
        row["id"]: row["messages"][0]["content"]  # type: ignore[index]
        for row in rows(tmp_path / "run", "conversation")
    }
    assert {texts[id] for id in used} == {"Which day is it?", "What is 2 + 2?"}
