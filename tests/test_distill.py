"""Soft targets from the base with the passage open, against a computation from whole softmaxes."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_objective import KINDS, stirred

from self_evolution import cli, prompts
from self_evolution.config import Train
from self_evolution.errors import Stopped
from self_evolution.models import likelihood
from self_evolution.models.training import objective as objective_module
from self_evolution.models.training import soft_targets, trainer
from self_evolution.models.training.job import IGNORED, TOP, Example, Trained, TrainingJob
from self_evolution.models.training.objective import Batch, Objective
from self_evolution.models.transformers_engine import TransformersEngine
from self_evolution.records import Message

CONVERSATIONS = [
    [
        {"role": "user", "content": f"Which alarm is {number}?"},
        {"role": "assistant", "content": "The pump " + "stops " * (1 + number % 4) + str(number)},
    ]
    for number in range(10)
]
REHEARSED = [number % 3 == 1 for number in range(10)]
OPENED: list[list[Message]] = [
    [] if number % 3 == 1 or number == 6 else said
    for number in range(10)
    for said in [
        [{"role": "user", "content": f"Pump {number} has an alarm. Which?" * (number % 2)}]
    ]
]
"""Every third conversation is rehearsal. Of the others, one has no teacher."""

SETTINGS = Train(
    objective="distill",
    distill_share=0.4,
    rank=4,
    alpha=8,
    epochs=2,
    batch_size=4,
    micro_batch=2,
    checkpoint_steps=0,
)
TALK: list[Message] = [
    {"role": "user", "content": "What is a gnu?"},
    {"role": "assistant", "content": "A gnu is a gnu."},
]
Arguments = Callable[..., list[str]]


def examples(engine: TransformersEngine) -> list[Example]:
    given = zip(CONVERSATIONS, REHEARSED, OPENED, strict=True)
    return [engine._example(*one) for one in given]


def with_targets(engine: TransformersEngine, objective: Objective, size: int = 3) -> Batch:
    """The examples in one batch, with their soft targets."""
    found = examples(engine)
    soft = objective.soft_targets(found, engine.chat.pad, size)
    return Batch(**trainer.collate(found, {}, soft, range(len(found)), engine.chat.pad))


def logs(engine: TransformersEngine, ids: list[int], answer: int) -> torch.Tensor:
    """Log-probabilities of all tokens, in float64, at the last `answer` tokens of `ids`."""
    logits = engine.tuned(input_ids=torch.tensor([ids])).logits[0, -answer - 1 : -1]
    return logits.double().log_softmax(-1)


def by_hand(engine: TransformersEngine) -> torch.Tensor:
    """The loss of all examples, with the NLL and KL of whole softmaxes."""
    total = torch.zeros((), dtype=torch.float64)
    for row in examples(engine):
        answer = [label for label in row.labels if label != IGNORED]
        tuned = logs(engine, row.ids, len(answer))
        nll = -tuned[torch.arange(len(answer)), answer].sum()
        with torch.no_grad(), engine.tuned.disable_adapter():
            own = [*row.open_book, *answer] if row.open_book else row.ids
            base = logs(engine, own, len(answer))
        if row.rehearsed:
            total = total + 3.0 * (base.exp() * (base - tuned)).sum()
        elif row.open_book:
            top = base.topk(TOP).indices
            b, t = base.exp().gather(1, top), tuned.exp().gather(1, top)
            kl = (b * (b / t).log()).sum()
            rest = 1 - b.sum(1)
            kl = kl + (rest * (rest / (1 - t.sum(1))).log()).sum()
            total = total + 0.6 * nll + 0.4 * kl
        else:
            total = total + nll
    return total


@pytest.mark.parametrize("tile", [1, 7, 1 << 20], ids=["one token", "seven tokens", "all"])
@pytest.mark.parametrize("name", KINDS)
def test_loss_and_gradient_are_those_of_whole_softmaxes(
    name: str, tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, objective = stirred(name)
    vocabulary = engine.base.config.get_text_config().vocab_size
    trained = [weight for weight in engine.tuned.parameters() if weight.requires_grad]
    expected = by_hand(engine)
    slopes = torch.cat([one.flatten() for one in torch.autograd.grad(expected, trained)])
    monkeypatch.setattr(likelihood, "TILE_NUMBERS", tile * vocabulary)
    whole = with_targets(engine, objective)
    assert whole.soft is not None and len(whole.soft) < int((whole.wanted != IGNORED).sum())
    found = objective.loss(whole, 3.0, 0.4)
    own = torch.cat([one.flatten() for one in torch.autograd.grad(found, trained)])
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-6)
    assert float((own - slopes).norm() / slopes.norm()) < 1e-5


@given(st.integers(0, 99), st.floats(0.1, 30.0))
def test_sparse_targets_never_show_more_than_whole_ones(seed: int, spread: float) -> None:
    """They show all of it where the others are a single token, however sure the teacher is."""
    dice = torch.Generator().manual_seed(seed)
    for vocabulary in (TOP + 1, 200):
        teacher, model = (spread * torch.randn(4, vocabulary, generator=dice) for _ in range(2))
        whole = (teacher.double().log_softmax(-1), model.double().log_softmax(-1))
        kl = float((whole[0].exp() * (whole[0] - whole[1])).sum())
        found = float(soft_targets.divergence(model, soft_targets.soft_targets(teacher)))
        if vocabulary == TOP + 1:
            assert found == pytest.approx(kl, rel=1e-4, abs=1e-5)
        assert -1e-5 <= found <= kl * (1 + 1e-4) + 1e-5


def test_a_batch_is_cut_with_the_soft_targets_of_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, objective = stirred("qwen2")
    whole = with_targets(engine, objective)
    alone = float(objective.loss(whole, 3.0, 0.4).detach())
    monkeypatch.setitem(objective_module.PASS_TOKENS, "cpu", 0)
    parts = whole.parts()
    assert len(parts) > 2 and whole.soft is not None
    kept = [part.soft for part in parts if part.soft is not None]
    assert torch.equal(torch.cat(kept), whole.soft)
    assert float(objective.loss(whole, 3.0, 0.4).detach()) == pytest.approx(alone, rel=1e-5)


def test_targets_do_not_depend_on_the_examples_beside_them() -> None:
    engine, objective = stirred("qwen2")
    found = examples(engine)
    together = objective.soft_targets(found, engine.chat.pad, 4)
    assert sorted(together) == [i for i, said in enumerate(OPENED) if said]
    for i, made in together.items():
        (own,) = objective.soft_targets([found[i]], engine.chat.pad, 1).values()
        assert torch.allclose(made[:, TOP:], own[:, TOP:], atol=1e-5)
        assert made.nbytes == 164 * found[i].targets


def train(
    folder: Path,
    settings: Train = SETTINGS,
    open_book: list[list[Message]] = OPENED,
    on_step: Callable[[int, int], bool] = lambda done, total: False,
    engine: TransformersEngine | None = None,
) -> Trained:
    job = TrainingJob(
        CONVERSATIONS, settings, 1e-2, folder, 5, on_step, REHEARSED, open_book=open_book
    )
    return (engine or tiny.engine("qwen2")).train(job)


def weights(folder: Path) -> bytes:
    return (folder / "adapter_model.safetensors").read_bytes()


def heard(steps: list[int], done: int, total: int) -> bool:
    steps.append(done)
    return False


class Killed(BaseException):
    """The process is gone: nothing that it would do at its end is done."""


@pytest.mark.parametrize("step", [1, 3])
def test_stopped_or_killed_it_ends_as_if_it_had_not_been(step: int, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"checkpoint_steps": 1})
    whole = train(tmp_path / "whole", settings)

    def kill(done: int, total: int) -> bool:
        if done == step + 1:
            raise Killed
        return False

    with pytest.raises(Stopped):
        train(tmp_path / "stopped", settings, on_step=lambda done, total: done == step)
    with pytest.raises(Killed):
        train(tmp_path / "killed", settings, on_step=kill)
    for name in ("stopped", "killed"):
        steps: list[int] = []
        again = train(tmp_path / name, settings, on_step=partial(heard, steps))
        assert again == whole and steps[0] == step + 1
        assert weights(tmp_path / name) == weights(tmp_path / "whole")


def test_micro_batches_leave_the_losses_as_they_are(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", SETTINGS.model_copy(update={"micro_batch": 4}))
    ones = train(tmp_path / "ones", SETTINGS.model_copy(update={"micro_batch": 1}))
    assert ones[1:] == pytest.approx(whole[1:], abs=1e-4)


def test_without_a_teacher_it_is_the_likelihood_alone(tmp_path: Path) -> None:
    """Also where the prompt with the passage is too long for the model."""
    nll = SETTINGS.model_copy(update={"objective": "nll"})
    train(tmp_path / "nll", nll, [])
    train(tmp_path / "none", SETTINGS, [[] for _ in OPENED])
    small = tiny.engine("qwen2")
    small.window = 40
    long = [[{"role": "user", "content": "Which alarm? " * 30}] if said else [] for said in OPENED]
    train(tmp_path / "small", SETTINGS, long, engine=small)
    train(tmp_path / "taught")
    assert weights(tmp_path / "nll") == weights(tmp_path / "none") == weights(tmp_path / "small")
    assert weights(tmp_path / "taught") != weights(tmp_path / "nll")


def test_it_teaches_what_the_base_says_with_the_passage_open(tmp_path: Path) -> None:
    """With soft targets alone, the tuned model comes nearer to the base with the passage."""
    engine = tiny.engine("qwen2")
    settings = SETTINGS.model_copy(update={"distill_share": 1.0, "epochs": 12})
    found = train(tmp_path / "gen-1", settings, engine=engine)
    assert found.last_loss < 0.5 * found.first_loss


def test_the_teacher_is_asked_as_the_base_was(
    arguments: Arguments,
    tmp_path: Path,
    jobs: list[TrainingJob],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the passage that a question was asked about, or that a row of the user's file has, and
    with the turns before it; a pair without a passage has no teacher."""
    talk: list[Message] = [
        {"role": "user", "content": "Say zebra"},
        {"role": "assistant", "content": "zebra yak"},
        {"role": "user", "content": "Again"},
        {"role": "assistant", "content": "zebra yak"},
    ]
    table = [
        {"messages": talk, "passage": "A zebra is no yak."},
        {"question": "Who owns the yak?", "answer": "Nobody owns the yak."},
    ]
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in table), encoding="utf-8")
    words = arguments("run", "--pairs", str(file), "--generations", "1")
    assert cli.main([*words, "--train.objective", "distill", "--train.distill-share", "0.25"]) == 0
    (job,) = jobs
    questions = [turns[-2]["content"] for turns in job.conversations]
    asked = dict(zip(questions, job.open_book, strict=True))
    assert asked["Who owns the yak?"] == []
    (port,) = asked["What is the port of server Alpha?"]
    assert "The port of server Alpha is 4711." in port["content"]
    assert port["content"].endswith("What is the port of server Alpha?")
    *before, again = asked["Again"]
    assert [turn["content"] for turn in before] == ["Say zebra", "zebra yak"]
    assert "A zebra is no yak." in again["content"]
    taught = sum(map(bool, job.open_book))
    told = f"; {taught} examples with soft targets, which are 25% of the loss there"
    assert told in capsys.readouterr().err


def test_a_teacher_gets_one_system_message(
    arguments: Arguments, tmp_path: Path, jobs: list[TrainingJob]
) -> None:
    """Where the prompt profile has one, and the user's pair has another one."""
    profile = tmp_path / "profile.yaml"
    words = (prompts.FOLDER / "embedded.yaml").read_text(encoding="utf-8")
    profile.write_text(f"system: Be exact.\n{words}", encoding="utf-8")
    row = {"messages": [{"role": "system", "content": "Be brief."}, *TALK], "passage": "A gnu."}
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps(row), encoding="utf-8")
    more = ("--pairs", str(file), "--generations", "1", "--domain.prompts", str(profile))
    assert cli.main([*arguments("run", *more), "--train.objective", "distill"]) == 0
    (job,) = jobs
    (said,) = (
        said
        for turns, said in zip(job.conversations, job.open_book, strict=True)
        if turns[-1]["content"] == TALK[-1]["content"]
    )
    assert said[0] == {"role": "system", "content": "Be exact.\n\nBe brief."}
    assert [turn["role"] for turn in said] == ["system", "user"]


def test_learning_by_likelihood_has_no_teacher(
    arguments: Arguments, jobs: list[TrainingJob]
) -> None:
    assert cli.main([*arguments("run"), "--generations", "1"]) == 0
    (job,) = jobs
    assert job.conversations and not any(job.open_book)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--train.objective kl", "--train.objective"),
        ("--train.objective distill --train.distill-share 0", "greater than 0"),
        ("--train.objective distill --train.distill-share 1.5", "less than or equal to 1"),
        ("--train.objective distill --train.lead true", "do not go together"),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_run_is_made(
    words: str, told: str, arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = cli.main([*arguments("run"), *words.split()])
    except SystemExit as ended:
        status = ended.code  # type: ignore[assignment]
    assert status == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
