"""The former abilities: the base's own questions, agreed on, locked, equal after a kill."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from conftest import exported, rows
from test_promote import Judged, asked, ports
from test_resume import in_child
from test_retrieval import filled
from test_review import taken, written

from self_evolution import cli
from self_evolution.config import Config, Domain, Promote
from self_evolution.evaluation.abilities import _about_documents, definite
from self_evolution.evaluation.metrics import SHORT_ANSWER
from self_evolution.evaluation.statistics import unseen
from self_evolution.evaluation.tasks import Task
from self_evolution.progress import Progress
from self_evolution.prompts import Prompts, load
from self_evolution.records import Item, content_id
from self_evolution.report.facts import gather
from self_evolution.report.render.headline import headline
from self_evolution.run import Run
from self_evolution.text.script import is_cjk
from tools.miniature.world import known_entities

Arguments = Callable[..., list[str]]

SCRIPT = {
    "rules": [
        {"pattern": r"^Alarm (\w+)\.\s+Ask one question", "reply": r"What is the code of \1?"},
        {"pattern": r"^Node (\w+)\.\s+Ask one question", "reply": r"Tell me of \1."},
        {"pattern": r"^Procedure (\w+)\.\s+Ask one question", "reply": r"What is \1 about?"},
        {"pattern": r"^What is the code of (\w+)\?", "reply": r"The code of \1 is \1-7."},
        {"pattern": r"^What is (\w+) about\?", "reply": "Valves, pumps, hoses, pipes and taps."},
        {
            "pattern": r"The (\w+) of ([\w ]+?) is ([^.]+)\..*Ask one question",
            "reply": r"What is the \1 of \2?",
        },
        {
            "pattern": r"The (\w+) of ([\w ]+?) is ([^.]+)\..*What is the",
            "reply": r"The \1 of \2 is \3.",
        },
    ],
    "default": "Nobody knows.",
}
"""Only alarms, among the subjects of the embedded profile, give good questions."""

TOPICS = load("embedded").topics[1::2]
ALARMS = [topic for topic in TOPICS if topic.startswith("Alarm")]


@pytest.fixture
def arguments(arguments: Arguments, tmp_path: Path) -> Arguments:
    """With half of the miniature's subjects, so that all of them are asked about in one round."""
    path = tmp_path / "profile.yaml"
    profile = load("embedded").model_copy(update={"topics": TOPICS})
    path.write_text(yaml.safe_dump(profile.model_dump(mode="json")), encoding="utf-8")
    return lambda name, *more: arguments(name, "--domain.prompts", str(path), *more)


def made(run: Path) -> list[dict[str, object]]:
    return [row for row in rows(run, "item") if row["suite"] == "abilities"]


def reasons(run: Path) -> Counter[object]:
    return Counter(row["reason"] for row in rows(run, "candidate"))


# --- which questions ----------------------------------------------------------------------


@pytest.mark.slow
def test_the_base_asks_and_answers_and_the_set_is_locked_and_evaluated(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("run", "--evaluate.abilities", "11")) == 0
    shown = " ".join(capsys.readouterr().err.split())
    run = tmp_path / "run"
    items = made(run)
    assert len(items) == len(ALARMS) == 11
    for item in items:
        topic = str(item["cluster_id"])
        name = topic.split()[1]
        assert topic in ALARMS and item["fragment_id"] is None and item["passage"] == ""
        assert item["question"] == f"What is the code of {name}?"
        assert item["reference_values"] == [f"{name}-7"]
    found = reasons(run)
    assert found[None] == 11
    assert found["not_one_question"] == sum(topic.startswith("Node") for topic in TOPICS)
    assert found["no_short_answer"] == sum(topic.startswith("Procedure") for topic in TOPICS)
    assert "abilities: 11 of 32 questions taken (" in shown
    (lock,) = rows(run, "lock")
    assert (lock["origin"], lock["items"]) == ("built", 17)  # six of them are the user's own
    scores = {
        (row["generation"], row["mode"]): row["mean"]
        for row in rows(run, "evaluation")
        if (row["suite"], row["metric"]) == ("abilities", "exact-match")
    }
    assert scores == {(0, "closed"): 100, (1, "closed"): 100, (2, "closed"): 100}
    page = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert "Lost nothing measurable elsewhere: former abilities, the base" in page
    assert "they show what has changed" in page and "with 11 questions over 11 topics" in page


@pytest.mark.slow
def test_few_that_agree_are_told_and_fail_nothing(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The scripted base asks the same in every round: what it asked before is no new question."""
    assert cli.main(arguments("run", "--evaluate.abilities", "40", "--generations", "1")) == 0
    assert len(made(tmp_path / "run")) == len(ALARMS)
    found = reasons(tmp_path / "run")
    assert found.total() == 3 * 40 and found["duplicate"] > 2 * len(ALARMS)
    shown = " ".join(capsys.readouterr().err.split())
    assert f"abilities: {len(ALARMS)} of 120 questions taken" in shown


@pytest.mark.slow
def test_what_the_documents_are_about_is_no_former_ability(
    arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    name = ALARMS[0].split()[1]
    (documents / "d.md").write_text(f"# Codes\n\nA code of {name} was never given to anybody.\n")
    assert cli.main(arguments("run", "--evaluate.abilities", "32", "--generations", "1")) == 0
    every = rows(tmp_path / "run", "candidate")
    mine = [row for row in every if row["reason"] == "about_documents"]
    assert {row["topic"] for row in mine} == {ALARMS[0]} and "code" in str(mine[0]["detail"])
    assert ALARMS[0] not in {item["cluster_id"] for item in made(tmp_path / "run")}


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("Wann öffnet das Überdruckventil der Anlage? Nur die Zahl.", True),
        ("Öffnet das Überdruckventil der Anlage immer?", True),  # five words of six
        ("Wann öffnet das Postamt der Brauerei?", False),  # another name
        ("单板温度过高检查风扇吗？", True),
        ("Which fans at ports has the KX-48?", True),
        ("Which fans at ports has the KX-49?", False),  # another name
        ("What is 17 times 23?", False),
    ],
)
def test_of_many_fragments_the_one_that_a_question_is_about_is_found(
    tmp_path: Path, question: str, about: bool
) -> None:
    """Capitals other than A to Z too; each of the question's words alone is in many others."""
    texts = [
        f"Anlage {i} öffnet. Das Postamt ist zu. 单板 {i}. Ports 17 times 23." for i in range(60)
    ]
    texts += ["DAS ÜBERDRUCKVENTIL DER ANLAGE ÖFFNET BEI 6 BAR.", "单板温度过高，检查风扇。"]
    with closing(
        filled(tmp_path, [*texts, "Its fans stand at all ports."], heading=("KX-48",))
    ) as ledger:
        run = Run(tmp_path, Config(), ledger, Progress(quiet=True))
        run.update_index()
        language = "zh" if is_cjk(question) else "en"
        assert bool(_about_documents(run, question, load(language))) is about


@pytest.mark.slow
def test_what_the_user_asks_himself_is_not_asked_again(
    arguments: Arguments, tmp_path: Path
) -> None:
    name = ALARMS[0].split()[1]
    own = tmp_path / "own.jsonl"
    own.write_text(json.dumps({"input": f"What is the code of {name}?", "output": "It is 5."}))
    more = ("--evaluate.abilities", "32", "--evaluate.retention-file", str(own))
    assert cli.main(arguments("run", *more, "--generations", "1")) == 0
    questions = [str(item["question"]) for item in made(tmp_path / "run")]
    assert questions and not any(name in question for question in questions)


@pytest.mark.slow
@pytest.mark.parametrize("more", [("--evaluate.abilities", "0"), ()])
def test_there_may_be_none(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    """Because none are wanted, or because a person's own profile has no way to ask."""
    path = tmp_path / "own.yaml"
    texts = {"ask": "{fragment}\n\nAsk one question.", "ask_another": "Another."}
    path.write_text(yaml.safe_dump(texts | {"answer": "{fragment}\n\n{question}"}))
    more = more or ("--evaluate.abilities", "9", "--domain.prompts", str(path))
    assert cli.main(arguments("run", *more, "--generations", "1")) == 0
    assert made(tmp_path / "run") == [] and rows(tmp_path / "run", "candidate") == []
    told = "abilities: no questions, because the prompt profile has no `topics` and `skill`"
    assert (told in " ".join(capsys.readouterr().err.split())) is ("9" in more)
    page = (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")
    assert "Former abilities were not measured" in page


@pytest.mark.parametrize(
    ("question", "answer", "values"),
    [
        ("What is 17 times 23? Give the number alone.", "391", ("391",)),
        ("What is 17 times 23?", "17 times 23 is 391.", ("391",)),
        ("What is the capital of France?", "The capital of France is Paris.", ("paris",)),
        ("What is the capital of India?", "New Delhi", ("new", "delhi")),
        ("What is the formula of water?", "H2O", ("H2O",)),
        ("Which is more, 9 or 12?", "12", ()),  # one of two that are offered
        ("What is a valve?", "A valve opens and closes a pipe that carries a liquid.", ()),
        ("法国的首都是哪座城市？", "法国的首都是巴黎。", ("巴黎",)),
        ("水的化学式是什么？", "H2O", ("H2O",)),
        ("3加4等于多少？", "等于7。", ("7",)),
    ],
)
def test_what_a_short_answer_says(question: str, answer: str, values: tuple[str, ...]) -> None:
    assert definite(question, answer) == values


@pytest.mark.slow
def test_the_miniature_disagrees_with_itself_about_what_it_does_not_know(tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["--recipe", "embedded", "--run", str(run), "--evaluate.abilities", "40"]
    words += ["--train.rehearsal", "0"]
    assert cli.main(["read", *words]) == 0
    for stage in ("split", "build", "evaluate"):
        assert cli.main([stage, str(run)]) == 0
    found = reasons(run)
    assert found[None] == 40 and found["disagreement"] > 10
    known = {item["question"] for item in rows(run, "item") if item["suite"] == "retention"}
    assert not known & {item["question"] for item in made(run)}
    (row,) = [
        row
        for row in rows(run, "evaluation")
        if (row["suite"], row["metric"]) == ("abilities", "exact-match")
    ]
    assert row["n"] == 40 and float(str(row["mean"])) > 90  # once more, greedily


# --- the profiles -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["en", "zh"])
def test_the_subjects_suffice_to_show_the_default_bound(name: str) -> None:
    profile = load(name)
    assert len(set(profile.topics)) == len(profile.topics)
    assert unseen(len(profile.topics)) < Promote().retention_bound


def test_the_miniatures_subjects_are_all_that_it_knows_by_heart() -> None:
    known = [f"{entity.kind.capitalize()} {entity.name}" for entity in known_entities()]
    assert list(load("embedded").topics) == known


def test_the_domain_is_not_spoken_of() -> None:
    prompts = Prompts(Domain(name="valves", description="Of the plant.", language="de"))
    (turn,) = prompts.skill("prime numbers", "fr")
    assert (
        turn["role"] == "user" and "The subject of the question: prime numbers." in turn["content"]
    )
    assert "valves" not in turn["content"] and "Write in German." in turn["content"]


# --- resume, review, compare --------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "kill_at", [7, *(pytest.param(n, marks=pytest.mark.drill) for n in (3, 5, 9, 11, 13))]
)
@pytest.mark.parametrize("after_commit", [False, True], ids=["in transaction", "after commit"])
def test_killed_in_the_middle_it_goes_on_to_the_same_questions(
    arguments: Arguments, tmp_path: Path, kill_at: int, after_commit: bool
) -> None:
    more = ("--evaluate.abilities", "20", "--generations", "1", "--model.batch-size", "8")
    assert cli.main(arguments("whole", *more)) == 0
    words = arguments("killed", *more)
    assert in_child(words, kill_at, after_commit) == -9
    assert cli.main(words) == 0
    assert exported(tmp_path / "killed") == exported(tmp_path / "whole")


def test_a_person_may_edit_and_strike_them(arguments: Arguments, tmp_path: Path) -> None:
    words = arguments("run", "--evaluate.abilities", "3")
    assert cli.main(["read", *words[1:]]) == 0
    run = tmp_path / "run"
    for stage in ("split", "build"):
        assert cli.main([stage, str(run)]) == 0
    lines = written(run)
    mine = [line for line in lines if line["kind"] == "ability"]
    assert len(mine) == 3 and mine[0]["heading"][0] in ALARMS and mine[0]["document"] is None
    mine[0]["reference"] = "amber"
    mine[1]["keep"] = False
    assert taken(run, lines) == 0
    assert cli.main(["evaluate", str(run)]) == 0
    answered = {row["item_id"] for row in rows(run, "prediction")}
    asked = [item for item in made(run) if item["id"] in answered]
    assert [item["reference_values"] for item in asked if item["reference"] == "amber"] == [
        ["amber"]
    ]
    assert len(asked) == 2


@pytest.mark.slow
def test_runs_are_compared_without_them_where_they_differ(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--evaluate.abilities", "4", "--generations", "1", "--model.batch-size", "64")
    for name, seed in (("one", "0"), ("two", "0"), ("other", "1")):
        assert cli.main(arguments(name, *more, "--seed", seed)) == 0
    one, two, other = (str(tmp_path / name) for name in ("one", "two", "other"))
    capsys.readouterr()
    assert cli.main(["compare", one, two]) == 0
    alike = capsys.readouterr().out
    assert "abilities, closed book" in alike and "left out" not in alike
    assert cli.main(["compare", one, other]) == 0
    differing = capsys.readouterr().out
    assert "abilities, closed book" not in differing and "domain, closed book" in differing
    assert "which each base sets itself, differ" in differing


@pytest.mark.slow
def test_other_models_are_not_measured_by_what_the_base_said(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rival = tmp_path / "rival.json"
    rival.write_text(json.dumps({"rules": [], "default": "I do not know."}))
    words = arguments("run", "--evaluate.abilities", "11", "--generations", "1")
    assert cli.main([*words, "--against", str(rival)]) == 0
    run = tmp_path / "run"
    asked = {row["id"] for row in made(run)}
    answered = [row for row in rows(run, "prediction") if row["item_id"] in asked]
    assert {row["generation"] for row in answered} == {0, 1}
    suites = {row["suite"] for row in rows(run, "evaluation") if row["generation"] == -1}
    assert suites == {"domain"}
    assert cli.main(["report", str(run)]) == 0
    results = json.loads((run / "report" / "results.json").read_text())
    assert {row["suite"] for row in results["relative"] if row["reference"] < 0} <= {"domain"}
    assert {row["suite"] for row in results["standings"]} == {"domain"}
    capsys.readouterr()
    assert cli.main(["compare", str(run)]) == 0
    shown = capsys.readouterr().out
    assert "abilities" not in shown and "rival 1" in shown


def test_they_alone_are_no_evaluation_but_bound_what_is_taken_on_trust(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = arguments("run", "--evaluate.abilities", "11", "--evaluate.build", "never")
    del words[words.index("--eval") : words.index("--eval") + 2]
    assert cli.main(words) == 0
    reasons = [str(row["reason"]) for row in rows(tmp_path / "run", "promotion")[1:]]
    assert all("taken on trust" in reason and "own questions" in reason for reason in reasons)
    assert "nothing shows whether this helped" in " ".join(capsys.readouterr().out.split())
    assert cli.main(["compare", str(tmp_path / "run"), str(tmp_path / "run")]) == 2
    assert "no evaluation set" in capsys.readouterr().err


# --- promotion ----------------------------------------------------------------------------


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Judged]:
    one = Judged(tmp_path / "run")
    yield one
    one.ledger.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("subjects", "lost", "promoted", "told"),
    [
        (100, 0, True, "since the base;"),
        (100, 6, False, "where at most -5 may be"),
        (40, 0, True, "(on 40 topics, which is too few to decide)"),
        (40, 3, True, "(on 40 topics, which is too few to decide)"),
        (40, 20, False, "where at most -5 may be"),
    ],
)
def test_too_few_stop_nobody_unless_the_loss_is_plain(
    judged: Judged, subjects: int, lost: int, promoted: bool, told: str
) -> None:
    judged.items("domain", asked(100))
    judged.ledger.add(
        Item(content_id(i), "abilities", i, "", question, reference, None, None, f"subject {i}")
        for i, (_, question, reference) in enumerate(asked(subjects, "code"))
    )
    for generation, right in ((0, range(20)), (1, range(60))):
        judged.answers(generation, "domain", ports(100, right))
        kept = range(lost if generation else 0, subjects)
        judged.answers(generation, "abilities", ports(subjects, kept, "code"))
    judged.verdict(0)
    found, reason = judged.verdict(1)
    assert found is promoted and told in f"{reason};"
    assert "former abilities (own questions)" in reason


def test_the_same_numbers_in_sentences_and_with_units_are_no_loss(judged: Judged) -> None:
    judged.items("domain", asked(100))
    judged.ledger.add(
        Item(
            content_id(i),
            "abilities",
            i,
            "",
            "How many?",
            str(50 + i),
            (str(50 + i),),
            None,
            f"{i}",
        )
        for i in range(80)
    )
    for generation, right, say in ((0, 20, "{}"), (1, 60, "It takes {} days")):
        judged.answers(generation, "domain", ports(100, range(right)))
        judged.answers(generation, "abilities", [say.format(50 + i) for i in range(80)])
    judged.verdict(0)
    promoted, reason = judged.verdict(1)
    assert promoted and "former abilities (own questions) +0.0" in reason
    (now,) = [
        row
        for row in judged.ledger.evaluations.of_generations()
        if (row.generation, row.suite, row.metric) == (1, "abilities", "exact-match")
    ]
    assert (now.mean, now.signature) == (100, SHORT_ANSWER.signature())


def test_they_are_decided_and_told_in_exact_match_whatever_decides_otherwise(
    tmp_path: Path,
) -> None:
    """Full sentences have a low F1 with the bare reference, and lose nothing."""
    run = tmp_path / "run"
    judged = Judged(run, metric="token-f1", rule="rises")
    judged.items("domain", [(f"Of {i}.", "How many?", f"It is {50 + i}.") for i in range(80)])
    judged.ledger.add(
        Item(content_id(i), "abilities", i, "", "How many?", str(i), (str(i),), None, f"{i}")
        for i in range(80)
    )
    for generation, said, say in ((0, "No.", "{}"), (1, "It is {}.", "The right answer is {}.")):
        judged.answers(generation, "domain", [said.format(50 + i) for i in range(80)])
        judged.answers(generation, "abilities", [say.format(i) for i in range(80)])
    judged.verdict(0)
    promoted, reason = judged.verdict(1)
    assert promoted, reason
    assert "former abilities (own questions, exact-match) +0.0" in reason
    facts = gather(judged.run.config, judged.ledger)
    lead, own = facts.lead, Task("abilities", "closed")
    assert (lead.metric, lead.metrics[own]) == ("token-f1", "exact-match")
    assert "the base's own questions (exact-match), 100% [" in headline(facts).losses
    assert lead.changes[1, own].mean == 0
    (mine,) = [one for one in facts.changes if one.task == own]
    assert (mine.metric, mine.asked, mine.won, mine.lost) == ("exact-match", 80, 0, 0)
    judged.ledger.close()
