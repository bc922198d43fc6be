"""Rivals: other models on the same questions, whoever they are and whenever they come."""

from __future__ import annotations

import gc
import json
import shutil
import signal
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from conftest import FACTS, RULES, exported, rows
from endpoint import Server, serving
from test_judge import PROMPT
from test_resume import in_child

from self_evolution import cli
from self_evolution.config import Config
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.models.endpoint.keys import KEY
from self_evolution.models.scripted import ScriptedEngine
from self_evolution.progress import Progress
from self_evolution.records import Rival
from self_evolution.run import Run
from self_evolution.run.read import read_run
from self_evolution.run.side_files import settled

Arguments = Callable[..., list[str]]


def knows(messages: list[dict[str, str]]) -> str:
    """Knows half of the facts by heart, and reads what is in the prompt."""
    text = messages[-1]["content"]
    for i, (key, thing, value) in enumerate(FACTS):
        if thing in text.rpartition("Tell me")[2] and (i % 2 == 0 or value in text):
            return f"The {key} of {thing} is {value}."
    return "I do not know."


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(knows) as found:
        yield found


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A scripted model that can read, and says the same of all that it is to know by heart."""
    path = tmp_path / "other.json"
    path.write_text(json.dumps(RULES | {"default": "The port of server Alpha is 4711."}))
    return path


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """The miniature's profile, in which somebody can be asked to judge."""
    path = tmp_path / "profile.yaml"
    shipped = Path(cli.__file__).parents[1] / "prompts" / "embedded.yaml"
    path.write_text(f"{shipped.read_text(encoding='utf-8')}\njudge: {json.dumps(PROMPT)}\n")
    return path


def _means(run: Path, generation: int, metric: str = "exact-match") -> dict[str, object]:
    return {
        f"{row['suite']} {row['mode']}": row["mean"]
        for row in rows(run, "evaluation")
        if (row["generation"], row["metric"]) == (generation, metric)
    }


@pytest.mark.slow
def test_an_endpoint_and_a_model_of_ones_own_take_the_same_exams(
    arguments: Arguments, tmp_path: Path, server: Server, other: Path
) -> None:
    words = arguments("run", "--against", f"{server.url}#tiny,{other}")
    assert cli.main(words) == 0
    run = tmp_path / "run"
    assert [(row["generation"], row["name"]) for row in rows(run, "rival")] == [
        (-2, str(other)),
        (-1, f"{server.url}#tiny"),
    ]
    assert _means(run, -1) == {
        "domain closed": 50.0,
        "domain retrieved": 100.0,
        "domain open": 100.0,
    }
    assert _means(run, -2)["domain closed"] == pytest.approx(100 / 6)
    assert len(rows(run, "prediction")) == (3 + 2) * 3 * 6
    # nothing of theirs is taken for a generation's
    assert {row["generation"] for row in rows(run, "promotion")} == {0, 1, 2}
    assert {row["against"] for row in rows(run, "difference")} <= {0, 1, 2}


def test_paths_are_kept_so_that_a_run_goes_on_from_anywhere(
    arguments: Arguments, tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = arguments("run", "--against", "other.json,embedded,http://127.0.0.1:9/v1#m")
    assert cli.main(["read", *words[1:]]) == 2  # nobody answers there
    assert cli.main(["read", *arguments("run", "--against", "other.json,embedded")[1:]]) == 0
    with read_run(tmp_path / "run") as run:
        assert run.config.evaluate.against == (str(other), "embedded")
    named = Config.model_validate({"evaluate": {"judge": "other.json"}})
    assert settled(named).evaluate.judge == str(other)
    (tmp_path / "base").mkdir()
    named = Config.model_validate({"evaluate": {"judge": "base"}})
    assert settled(named).evaluate.judge == "base"


@pytest.mark.slow
def test_the_miniature_is_a_rival(arguments: Arguments, tmp_path: Path) -> None:
    assert cli.main(arguments("run", "--against", "embedded", "--generations", "1")) == 0
    found = [row for row in rows(tmp_path / "run", "prediction") if row["generation"] == -1]
    assert len(found) == 18 and len({row["text"] for row in found}) > 2
    assert _means(tmp_path / "run", -1).keys() == {
        "domain closed",
        "domain retrieved",
        "domain open",
    }


@pytest.mark.slow
def test_a_run_is_compared_with_its_rivals(
    arguments: Arguments,
    tmp_path: Path,
    server: Server,
    other: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = arguments("run", "--generations", "1")
    cli.main(words)
    run = str(tmp_path / "run")
    assert cli.main(["compare", run]) == 2
    assert "compared with no other model" in capsys.readouterr().err
    cli.main(["run", "--run", run, "--against", f"{server.url},{other}"])
    path = tmp_path / "compared.json"
    assert cli.main(["compare", run, "-o", str(path)]) == 0
    host = server.url.removeprefix("http://").removesuffix("/v1")
    assert (
        f"rival 1, tiny at {host} and {run} (generation 0) in closed-book"
        in capsys.readouterr().out
    )
    own, first, second = json.loads(path.read_text())["runs"]
    assert (own["generation"], first["generation"], second["generation"]) == (0, -1, -2)
    gaps = {f"{row['suite']} {row['mode']}": row["mean"] for row in first["differences"]}
    assert gaps == {"domain closed": 50.0, "domain retrieved": 100.0, "domain open": 100.0}


@pytest.mark.slow
def test_a_rival_without_the_exams_is_left_out_of_a_comparison(
    arguments: Arguments, tmp_path: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    namesake = tmp_path / "more" / "other.json"
    namesake.parent.mkdir()
    shutil.copy(other, namesake)
    cli.main(arguments("run", "--generations", "1"))
    run = str(tmp_path / "run")
    assert in_child(["rivals", run, "--evaluate.against", str(other)], kill_at=4) < 0
    told = "rival 1, other, has not done 3 of 3 tasks, and is left out"
    capsys.readouterr()
    assert cli.main(["compare", run]) == 2
    assert told in capsys.readouterr().err
    ledger = Ledger(tmp_path / "run" / "run.db")
    ledger.add([Rival(-2, str(namesake), "x")])
    ledger.close()
    assert in_child(["rivals", run]) == 0
    capsys.readouterr()
    assert cli.main(["compare", run]) == 0
    shown = capsys.readouterr().out
    assert told.replace("rival 1", "rival 2") in shown and "rival 1, other and" in shown
    assert "no question" not in shown


@pytest.mark.slow
def test_generations_are_what_they_are_without_rivals(
    arguments: Arguments, tmp_path: Path, server: Server
) -> None:
    cli.main(arguments("alone"))
    cli.main(arguments("held", "--against", server.url))
    alone, held = exported(tmp_path / "alone"), exported(tmp_path / "held")
    differing = {name for name in alone if alone[name] != held[name]}
    tables = {"rival", "prediction", "prediction_score", "evaluation", "meta"}
    assert differing <= {f"{table}.jsonl" for table in tables}
    for table in ("prediction", "evaluation"):
        kept = [row for row in rows(tmp_path / "held", table) if int(str(row["generation"])) >= 0]
        assert kept == rows(tmp_path / "alone", table)
    scores = (one["prediction_score.jsonl"].splitlines() for one in (alone, held))
    assert set(next(scores)) < set(next(scores))


@pytest.mark.slow
def test_a_rival_may_come_when_the_run_is_complete(
    arguments: Arguments, tmp_path: Path, server: Server, other: Path, capsys: object
) -> None:
    cli.main(arguments("run"))
    before = exported(tmp_path / "run")
    again = ["run", "--run", str(tmp_path / "run"), "--against"]
    assert cli.main([*again, server.url]) == 0
    assert len(server.bodies) == 18
    # another one: the first keeps its number, and is not asked again
    assert cli.main([*again, f"{other},{server.url}"]) == 0
    assert len(server.bodies) == 18
    numbers = {row["generation"]: row["name"] for row in rows(tmp_path / "run", "rival")}
    assert numbers == {-1: server.url, -2: str(other)}
    # left out of the settings it stays in the run, and all else is as it was
    assert cli.main([*again, ""]) == 0
    after = exported(tmp_path / "run")
    assert len(rows(tmp_path / "run", "rival")) == 2
    for name in ("promotion.jsonl", "difference.jsonl", "adapter.jsonl", "selection.jsonl"):
        assert after[name] == before[name]


@pytest.mark.slow
def test_a_rival_comes_late_to_a_run_that_gave_up(
    arguments: Arguments, tmp_path: Path, server: Server
) -> None:
    more = ("--generations", "5", "--promote.patience", "1", "--promote.on-failure", "nothing")
    cli.main(arguments("run", *more))
    last = len(rows(tmp_path / "run", "promotion"))
    assert last < 6
    assert cli.main(["run", "--run", str(tmp_path / "run"), "--against", server.url]) == 0
    assert _means(tmp_path / "run", -1)["domain closed"] == 50.0
    assert len(rows(tmp_path / "run", "promotion")) == last


@pytest.mark.slow
@pytest.mark.parametrize("places", [pytest.param(range(5, 12), marks=pytest.mark.drill), [8]])
def test_killed_in_the_middle_a_rival_goes_on(
    arguments: Arguments, tmp_path: Path, other: Path, places: Sequence[int]
) -> None:
    """The first places are in reading, splitting and building, the last ones in what follows."""
    more = ("--against", str(other), "--generations", "1")
    assert in_child(arguments("whole", *more)) == 0
    expected = exported(tmp_path / "whole")
    kills = 0
    for at in places:
        name = f"killed-{at}"
        assert in_child(arguments(name, *more), kill_at=at) == -signal.SIGKILL
        killed = {row["name"]: row["done"] for row in _stages(tmp_path / name)}
        kills += killed.get("build") == 1 and killed.get("rivals") != 1
        assert in_child(arguments(name, *more)) == 0
        assert exported(tmp_path / name) == expected
    assert kills > len(places) / 2


def _stages(run: Path) -> list[dict[str, object]]:
    ledger = Ledger(run / "run.db")
    try:
        return [row._asdict() for row in ledger.stages()]
    finally:
        ledger.close()


@pytest.mark.slow
def test_another_model_under_the_same_name_is_refused(
    arguments: Arguments, tmp_path: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = arguments("run", "--against", str(other), "--generations", "1")
    assert cli.main(["read", *words[1:]]) == 0
    run = str(tmp_path / "run")
    for stage in ("split", "build"):
        cli.main([stage, run])
    assert in_child(["rivals", run], kill_at=2) == -signal.SIGKILL
    other.write_text(json.dumps(RULES))
    capsys.readouterr()
    assert cli.main(["rivals", run]) == 2
    assert "no longer the model that answered before" in capsys.readouterr().err


@pytest.mark.slow
def test_another_revision_of_a_hubs_model_is_another_model(
    arguments: Arguments,
    tmp_path: Path,
    other: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = arguments("run", "--against", str(other), "--generations", "1")
    assert cli.main(["read", *words[1:]]) == 0
    run = str(tmp_path / "run")
    for stage in ("split", "build"):
        cli.main([stage, run])
    monkeypatch.setattr(ScriptedEngine, "revision", "4f1a")
    assert in_child(["rivals", run], kill_at=2) == -signal.SIGKILL
    monkeypatch.setattr(ScriptedEngine, "revision", "9c0e")
    capsys.readouterr()
    assert cli.main(["rivals", run]) == 2
    assert "no longer the model that answered before" in capsys.readouterr().err
    monkeypatch.setattr(ScriptedEngine, "revision", "4f1a")
    assert cli.main(["rivals", run]) == 0


@pytest.mark.slow
def test_the_base_is_known_among_its_rivals(
    arguments: Arguments, tmp_path: Path, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedEngine, "revision", "4f1a")
    words = arguments("run", "--against", str(script), "--generations", "1")
    assert cli.main(words) == 0
    page = (tmp_path / "run" / "report" / "report.md").read_text()
    assert "is the base model itself" in page


@pytest.mark.slow
def test_a_model_under_another_name_is_no_second_rival(
    arguments: Arguments, tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(arguments("run", "--against", f"{server.url}#tiny", "--generations", "1"))
    asked = len(server.bodies)
    again = ["run", "--run", str(tmp_path / "run"), "--against", f"{server.url}#tiny,{server.url}"]
    capsys.readouterr()
    assert cli.main(again) == 0
    assert "is rival 1, and not asked again" in capsys.readouterr().err
    assert len(server.bodies) == asked and len(rows(tmp_path / "run", "rival")) == 1


@pytest.mark.slow
def test_variants_share_rivals_of_a_seed(
    arguments: Arguments, tmp_path: Path, server: Server
) -> None:
    words = arguments("vary", "--against", server.url, "--generations", "1")
    recipe = tmp_path / "plain.yaml"
    recipe.write_text("recipe: plain\n")
    vary = ["--vary", "select.strategy=hard,all", "--seeds", "2", "--recipe", str(recipe)]
    assert cli.main(["ablate", *words[1:], *vary]) == 0
    runs = sorted((tmp_path / "vary").glob("strategy=*/seed-*"))
    assert len(runs) == 4
    for run in runs:
        assert _means(run, -1) == {
            "domain closed": 50.0,
            "domain retrieved": 100.0,
            "domain open": 100.0,
        }
    assert len(server.bodies) == 2 * 18


@pytest.mark.slow
def test_it_is_a_stage_that_comes_after_the_questions(
    arguments: Arguments, tmp_path: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = arguments("run", "--generations", "1")
    assert cli.main(["read", *words[1:]]) == 0
    run = str(tmp_path / "run")
    assert cli.main(["rivals", run]) == 2
    assert "this run does not have that stage; --evaluate.against" in capsys.readouterr().err
    named = ["--evaluate.against", str(other)]
    assert cli.main(["rivals", run, *named]) == 2
    assert "comes after split" in capsys.readouterr().err
    for stage in ("split", "build"):
        assert cli.main([stage, run]) == 0
    assert cli.main(["evaluate", run, *named]) == 2
    assert "evaluate of generation 0 comes after rivals" in capsys.readouterr().err
    assert cli.main(["rivals", run, *named]) == 0
    assert "rival 1, other: domain closed 16.7" in capsys.readouterr().err
    assert cli.main(["evaluate", run]) == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("{tmp}/nowhere", "--evaluate.against {tmp}/nowhere: no such folder"),
        ("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1: does not answer"),
        ("http://me:secret@host/v1", "--evaluate.against http://host: neither password nor"),
        ("http://me:secret@host:x/v1", "--evaluate.against http://host: neither password nor"),
        ("{url}#huge", "no model huge there; it has: tiny"),
        ("nobody/nothing", "--evaluate.against nobody/nothing: no such folder, and no model"),
    ],
)
def test_who_cannot_be_asked_is_refused_before_anything_is_made(
    arguments: Arguments,
    tmp_path: Path,
    server: Server,
    name: str,
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name, told = (text.format(tmp=tmp_path, url=server.url) for text in (name, told))
    assert cli.main(arguments("run", "--against", name)) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_rival_that_is_off_by_now_stops_nothing_but_what_it_is_asked(
    arguments: Arguments, tmp_path: Path, other: Path
) -> None:
    with serving(knows) as server:
        cli.main(arguments("run", "--against", server.url, "--generations", "1"))
        url = server.url
    more = ["run", "--run", str(tmp_path / "run"), "--generations", "2"]
    assert cli.main([*more, "--against", f"{url},{other}"]) == 0
    assert len(rows(tmp_path / "run", "rival")) == 2


@pytest.mark.slow
def test_questions_that_do_not_fit_are_left_out_and_counted(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(knows) as server:

        def short(body: dict[str, object]) -> object:
            long = "The port of server Alpha is" in str(body["messages"])
            return (400, "maximum context length is 8 tokens") if long else None

        server.script = [short] * 18
        assert cli.main(arguments("run", "--against", server.url, "--generations", "1")) == 0
    assert "2 refused by the endpoint, because they do not fit" in capsys.readouterr().err
    found = {
        row["mode"]: row["n"]
        for row in rows(tmp_path / "run", "evaluation")
        if row["generation"] == -1 and row["metric"] == "exact-match"
    }
    assert found == {"closed": 6, "retrieved": 5, "open": 5}


def _thinks(often: int) -> Iterator[dict[str, object]]:
    for i in range(99):
        text = None if i % often == 0 else "The port of server Alpha is 4711."
        yield {"content": text, "finish_reason": "stop" if text else "length"}


@pytest.mark.slow
def test_answers_that_say_nothing_are_counted(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(knows) as server:
        server.script = list(_thinks(3))
        assert cli.main(arguments("run", "--against", server.url, "--generations", "1")) == 0
    told = ("6 of 18 answers are empty", "6 of 18 answers were cut off after 384 tokens")
    said = " ".join(capsys.readouterr().err.split())
    assert all(said.count(one) == 1 for one in told)
    cli.main(["report", str(tmp_path / "run")])
    for name in ("index.html", "report.md"):
        text = (tmp_path / "run" / "report" / name).read_text()
        assert all(one in text for one in told)


@pytest.mark.slow
def test_a_rival_that_says_nothing_is_refused_and_may_come_again(
    arguments: Arguments,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(knows) as server:
        server.script = list(_thinks(1))
        words = arguments("run", "--against", server.url, "--generations", "1")
        assert cli.main(words) == 2
        told = "rival 1: all of the first 6 answers (domain, closed book) are empty, and 6 of"
        assert told in capsys.readouterr().err
        assert len(server.bodies) == 6
        server.script = []
        assert cli.main(words) == 0
        assert _means(tmp_path / "run", -1)["domain closed"] == 50.0


def test_a_rival_that_says_nothing_is_not_asked_on_and_on(
    arguments: Arguments,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("self_evolution.evaluation.predict.SILENCE", 4)
    mute = tmp_path / "mute.json"
    mute.write_text(json.dumps({"rules": [], "default": ""}))
    assert cli.main(arguments("run", "--against", str(mute))) == 2
    assert "all of the first 4 answers (domain, closed book)" in capsys.readouterr().err
    assert rows(tmp_path / "run", "prediction") == []


@pytest.mark.slow
def test_small_batches_are_no_matter_to_an_endpoint(arguments: Arguments) -> None:
    gate = threading.Barrier(6, timeout=60)  # opens only if all six are there together

    def waits(messages: list[dict[str, str]]) -> str:
        gate.wait()
        return knows(messages)

    with serving(waits) as server:
        words = arguments("run", "--model.batch-size", "1", "--generations", "1")
        assert cli.main([*words, "--against", server.url]) == 0
        assert server.most == 6


def test_who_it_goes_to_is_said_where_that_is_far(
    tmp_path: Path,
    script: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = Config.model_validate({"model": {"engine": "scripted", "name": str(script)}})
    ledger = Ledger(tmp_path / "run.db")
    run = Run(tmp_path, settings, ledger, Progress())
    monkeypatch.setattr("self_evolution.models.other_models.open_model", lambda *_: None)
    run.models.open_other("https://models.example.com/v1#m", "--evaluate.against")
    assert "questions and passages go to models.example.com" in capsys.readouterr().err
    run.models.open_other("https://models.example.com/v1#m", "--evaluate.judge")
    assert "questions, references and answers go to models" in capsys.readouterr().err
    run.models.open_other("https://models.example.com/v1#m", "--evaluate.judge")
    assert capsys.readouterr().err == ""  # once is enough
    run.models.open_other("http://127.0.0.1:8000/v1#m", "--evaluate.against")
    assert capsys.readouterr().err == ""
    ledger.close()


@pytest.mark.parametrize(
    ("flag", "what"),
    [("--against", "questions and passages"), ("--judge", "questions, references and answers")],
)
def test_it_is_said_before_the_first_request(
    arguments: Arguments,
    profile: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flag: str,
    what: str,
) -> None:
    said = []

    def check(*_: object) -> None:
        said.append(capsys.readouterr().err)
        raise UserError("that is enough")

    monkeypatch.setattr("self_evolution.models.other_models.check", check)
    words = arguments("run", "--domain.prompts", str(profile))
    assert cli.main([*words, flag, "https://models.example.com/v1#m"]) == 2
    assert said == [f"{what} go to models.example.com\n"]


def test_one_key_for_several_hosts_is_refused_before_anything_is_sent(
    arguments: Arguments,
    tmp_path: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(KEY, "secret")
    assert cli.main(arguments("run", "--against", f"https://models.invalid/v1,{server.url}")) == 2
    assert f"{KEY}: this key would go to models.invalid and 127.0.0.1" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_memory_never_holds_two_models(tmp_path: Path) -> None:
    tiny = pytest.importorskip("tiny")
    copy = tmp_path / "copy"
    shutil.copytree(tiny.folder("qwen2"), copy)
    settings = Config.model_validate(
        {"model": {"name": str(tiny.folder("llama3")), "device": "cpu"}}
    )
    ledger = Ledger(tmp_path / "run.db")
    run = Run(tmp_path, settings, ledger, Progress(quiet=True))
    assert run.models.count(["a b"]) and run.engine.window
    own = weakref.ref(run.engine)
    other = run.models.open_other(str(copy), "--evaluate.against")
    assert own() is None
    other_model = weakref.ref(other.generator)
    (reply,) = other.generator.generate(
        [[{"role": "user", "content": "Which alarm?"}]], tiny_sampling(), 0, "current"
    )
    alone = tiny.engine(copy).generate(
        [[{"role": "user", "content": "Which alarm?"}]], tiny_sampling(), 0, "base"
    )
    assert [reply] == alone  # by its own template
    del other
    assert run.engine.window
    gc.collect()
    assert other_model() is None
    ledger.close()


def tiny_sampling() -> object:
    from self_evolution.models import SamplingParams

    return SamplingParams(0.0, 1.0, 8)
