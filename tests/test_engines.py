"""The promises of every engine, and how one is added to the table."""

from __future__ import annotations

import json
from collections.abc import Callable
from inspect import get_annotations
from pathlib import Path

import pytest
import tiny
from conftest import RULES, rows
from parrot import Parrot

from self_evolution import cli
from self_evolution.config import Model, Train
from self_evolution.errors import Stopped, UserError
from self_evolution.models import Engine, SamplingParams, TrainingJob, engines
from self_evolution.models.engines import EngineModule, engine_for, engine_module, open_engine
from self_evolution.models.scripted import ScriptedEngine
from self_evolution.records import Message

Arguments = Callable[..., list[str]]

ALL: dict[str, Callable[[], Engine]] = {
    "transformers": lambda: tiny.engine("qwen2"),
    "scripted": lambda: ScriptedEngine(Model(), lambda messages: messages[-1]["content"]),
    "parrot": Parrot,
}
PARAMS = SamplingParams(0.8, 0.95, 24)
PROMPTS: list[list[Message]] = [
    [{"role": "user", "content": text}]
    for text in ("The port of server Alpha is 4711. Ask one question.", "Which?", "泵站在哪里？")
]
REPLY: Message = {"role": "assistant", "content": "Alpha, at last."}


@pytest.fixture(params=list(ALL))
def engine(request: pytest.FixtureRequest) -> Engine:
    return ALL[request.param]()


def job(folder: Path, on_step: Callable[[int, int], bool]) -> TrainingJob:
    settings = Train(rank=2, epochs=30, batch_size=1, learning_rate=1e-2)
    return TrainingJob([[*PROMPTS[1], REPLY]] * 2, settings, 1e-2, folder, 7, on_step)


def members(protocol: type) -> set[str]:
    """The public names that a protocol demands, those of its bases included."""
    named = [{*vars(one), *get_annotations(one)} for one in protocol.__mro__[:-1]]
    return {name for name in set().union(*named) if not name.startswith("_")}


def test_no_member_of_the_protocols_is_missing(engine: Engine) -> None:
    wanted = members(Engine)
    assert {"capabilities", "generate", "id_texts", "train", "begin_batch"} <= wanted
    assert sorted(name for name in wanted if not hasattr(engine, name)) == []


@pytest.mark.parametrize("name", ["parrot", *engines.ENGINES])
def test_no_member_of_the_module_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "ENGINES", {"parrot": "parrot", **engines.ENGINES})
    wanted = members(EngineModule)
    assert {"CAPABILITIES", "opens", "open_model"} <= wanted
    assert sorted(one for one in wanted if not hasattr(engine_module(name), one)) == []


def test_replies_follow_from_the_arguments(engine: Engine) -> None:
    replies = engine.generate(PROMPTS, PARAMS, 7, "base")
    assert engine.generate(PROMPTS, PARAMS, 7, "base") == replies
    assert [reply.finish_reason in ("stop", "length") for reply in replies] == [True] * 3
    assert all(reply.text == reply.text.strip() and reply.top is None for reply in replies)
    assert engine.generate([], PARAMS, 7, "base") == []


def test_what_is_declared_is_given_and_anything_else_refused(engine: Engine) -> None:
    pieces: list[list[str]] = [[] for _ in PROMPTS]
    for capability, ask in (
        ("streaming", lambda: engine.generate(PROMPTS, PARAMS, 7, "base", append)),
        ("logprobs", lambda: engine.generate(PROMPTS, PARAMS._replace(logprobs=2), 7, "base")),
    ):

        def append(place: int, text: str) -> None:
            pieces[place].append(text)

        if capability in engine.capabilities:
            replies = ask()
            if capability == "streaming":
                assert ["".join(some) for some in pieces] == [reply.text for reply in replies]
            else:
                assert [len(reply.top or ()) for reply in replies] == [
                    len(reply.ids or ()) for reply in replies
                ]
        else:
            with pytest.raises(UserError, match=r"cannot give .*; choose another --model\.engine"):
                ask()
    known = {reply.ids is not None for reply in engine.generate(PROMPTS, PARAMS, 7, "base")}
    assert known == {"token_ids" in engine.capabilities}


def test_training_changes_the_current_weights_alone(engine: Engine, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    base = engine.generate(PROMPTS, PARAMS, 7, "base")
    assert engine.generate(PROMPTS, PARAMS, 7, "current") == base

    trained = engine.train(job(tmp_path / "gen-1", lambda *step: bool(steps.append(step))))
    assert steps == [(i, trained.steps) for i in range(1, trained.steps + 1)]
    assert trained.last_loss < trained.first_loss
    assert engine.generate(PROMPTS, PARAMS, 7, "base") == base
    tuned = engine.generate(PROMPTS, PARAMS, 7, "current")
    assert tuned != base

    engine.set_adapter(None)
    assert engine.generate(PROMPTS, PARAMS, 7, "current") == base
    engine.set_adapter(tmp_path / "gen-1", trained.sha256)
    assert engine.generate(PROMPTS, PARAMS, 7, "current") == tuned
    engine.set_adapter(None)
    with pytest.raises(UserError, match="not the adapter that this run trained"):
        engine.set_adapter(tmp_path / "gen-1", "0" * 64)
    engine.close()


def test_training_stops_when_it_is_asked_to(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        engine.train(job(tmp_path / "gen-1", lambda done, total: True))
    assert not (tmp_path / "gen-1").exists()


def test_likelihoods_are_mean_losses(engine: Engine) -> None:
    row = (engine.prompt_ids(PROMPTS[0]), engine.text_ids("Alpha", reply=True))
    alone, both = engine.nll([row], "base"), engine.nll([row, row], "base")
    assert both == pytest.approx(alone * 2, abs=1e-5)
    assert alone[0] > 0
    assert len(engine.id_texts(row[1])) == len(row[1])
    assert engine.count(["", "Alpha"])[0] == 0 < engine.count(["", "Alpha"])[1]
    assert engine.fits(PROMPTS[0], 8) and not engine.fits(PROMPTS[0], engine.window)


# -- the table -----------------------------------------------------------------------------------


def test_an_engine_of_ones_own_runs_the_whole_loop(
    arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found by its name in the table alone, as the run's model and as another one."""
    monkeypatch.setattr(engines, "ENGINES", {"parrot": "parrot", **engines.ENGINES})
    words = arguments("run", "--model.engine", "parrot", "--model", "parrot:one")
    assert cli.main([*words, "--against", "parrot:two"]) == 0
    run = tmp_path / "run"
    assert [row["generation"] for row in rows(run, "adapter")] == [1, 2]
    assert [row["name"] for row in rows(run, "rival")] == ["parrot:two"]
    assert {row["outcome"] for row in rows(run, "score")} == {"scored"}
    selected = [row for row in rows(run, "selection") if row["generation"] == 1]
    assert len(selected) == 6


def test_an_unknown_engine_is_named(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("run", "--model.engine", "transformer")) == 2
    said = capsys.readouterr().err
    assert "--model.engine transformer: no such engine; did you mean `transformers`?" in said
    assert not (tmp_path / "run").exists()


def test_an_engine_that_cannot_be_trained_is_refused_before_the_run_begins(
    arguments: Arguments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(engines, "ENGINES", {"parrot": "parrot", **engines.ENGINES})
    monkeypatch.setattr("parrot.CAPABILITIES", frozenset({"scoring"}))
    words = arguments("run", "--model.engine", "parrot", "--model", "parrot:one")
    assert cli.main(words) == 2
    assert "--model.engine parrot cannot be trained" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_other_models_go_to_the_engine_that_opens_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps(RULES))
    assert engine_for(str(script)) == "scripted"
    assert engine_for("Qwen/Qwen3-8B") == engine_for(str(tiny.folder("qwen2"))) == "transformers"
    monkeypatch.setattr(engines, "ENGINES", {"scripted": engines.ENGINES["scripted"]})
    with pytest.raises(UserError, match="no engine opens it; the engines are scripted"):
        engine_for("Qwen/Qwen3-8B")


def test_the_model_of_a_run_is_opened_by_its_settings(script: Path) -> None:
    settings = Model(engine="scripted", name=str(script))
    assert isinstance(open_engine(settings), ScriptedEngine)
    assert engines.open_counter(settings)(["two words"]) == [2]
    with pytest.raises(UserError, match=r"--model nowhere\.json: No such file"):
        open_engine(settings.model_copy(update={"name": "nowhere.json"}))
