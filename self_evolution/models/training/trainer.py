"""Training an adapter on token ids and labels, with transformers' Trainer.

Its logging back ends and checkpoints come with it. Examples of like length go into a batch
together, because padding is most of the cost of short pairs.

The loss of a step is that of objective.py, as a mean over its target tokens, however many
micro-batches it has, and however many processes share them (world.py). Dropout, which few models
have, draws from the number of the step and of the process alone.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft.optimizers import create_loraplus_optimizer
from transformers import (
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

from self_evolution.errors import Stopped
from self_evolution.meter import begin, pulse
from self_evolution.models.training import lora
from self_evolution.models.training.adapter_trainer import AdapterTrainer
from self_evolution.models.training.job import IGNORED, MEASURED, Example, Trained, TrainingJob
from self_evolution.models.training.objective import Batch, Objective
from self_evolution.models.training.trainer_watch import Watch
from self_evolution.progress import interruptible

STEPS_SORTED = 50
"""The number of steps whose examples are drawn, and sorted by length, together."""


def train(
    model: Any, examples: Sequence[Example], objective: Objective, pad: int, job: TrainingJob
) -> Trained:
    """Train `model`'s adapter on the examples of the job, and save it in its folder.

    `job.settings.steps` has at most one number, which then takes the place of the epochs.

    Goes on from the checkpoint that an interrupted call left beside the folder, with the same
    result as without the interruption. Raises Stopped when `job.on_step` returns True, or in the
    midst of a step, which is then given up.
    """
    settings, folder, world = job.settings, job.folder, job.world
    partial = folder.with_name(folder.name + ".partial")
    step = world.first(_checkpoint(partial, examples, job) if world.leads else 0, model.device)
    order = in_order(
        [len(example.ids) for example in examples],
        settings.batch_size,
        settings.epochs,
        job.seed,
        *settings.steps,
    )
    keeps = settings.rehearsal_loss == "kl" and any(example.rehearsed for example in examples)
    base = objective.base_states(examples, pad, settings.micro_batch) if keeps else {}
    soft = objective.soft_targets(examples, pad, settings.micro_batch)
    objective.always_asks_base = world.lockstep and keeps and not base
    shown = list(examples) if keeps else [one._replace(rehearsed=False) for one in examples]
    shortest = min(examples, key=lambda one: len(one.ids))
    shown.append(Example(shortest.ids, [IGNORED] * len(shortest.ids)))  # fills a share up
    arguments = training_arguments(model, job, partial, len(order))
    watch = Watch(job)
    use_cache = model.config.use_cache
    loop = AdapterTrainer(
        model=model,
        args=arguments,
        train_dataset=world.share(order, settings.batch_size, len(examples)),
        data_collator=lambda places: collate(shown, base, soft, places, pad),
        callbacks=[watch],
        optimizers=(_optimizer(model, arguments, settings.lora_plus_ratio), None),
    )
    loop.use(objective, settings, world)
    loop.remove_callback(PrinterCallback)
    begin()
    try:
        loop.train(resume_from_checkpoint=str(partial / f"checkpoint-{step}") if step else None)
    except Stopped:
        loop.keep_last_step()
        raise
    finally:
        # Under bfloat16 the forward method is wrapped, once more in each generation.
        loop.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
        model.config.use_cache = use_cache
        model.eval()
    if watch.stopped:
        raise Stopped
    losses = [entry["loss"] for entry in loop.state.log_history if "loss" in entry]
    last = losses[-max(1, len(losses) // 20) :]
    try:
        moved = _divergence(objective, examples, model.device, pad, settings.micro_batch)
    except Stopped:
        loop.keep_last_step()
        raise
    steps = loop.state.global_step
    trained = Trained("", len(examples), steps, losses[0], sum(last) / len(last), moved)
    if world.size > 1:
        world.sign(model)
    if not world.leads:
        return trained
    digest = lora.save(model, folder)
    if (partial / "runs").is_dir():  # what `report_to` wrote
        logs = folder.with_name(folder.name + ".logs")
        shutil.rmtree(logs, ignore_errors=True)
        (partial / "runs").rename(logs)
    shutil.rmtree(partial, ignore_errors=True)
    return trained._replace(sha256=digest)


def in_order(
    lengths: Sequence[int], batch: int, epochs: int, seed: int, steps: int = 0
) -> list[int]:
    """Indices of all epochs' examples in the order of training, each once an epoch.

    They are shuffled, but so that steps of `batch` examples have similar lengths. An epoch need not
    end with a step: the next one fills it up. The order depends only on the arguments, so a single
    number describes a checkpoint's place in it. With `steps` it is as long as these need, whatever
    the epochs.
    """
    if steps:
        epochs = -(-steps * batch // len(lengths))
    dice = random.Random(seed)
    order: list[int] = []
    for _ in range(epochs):
        rest = dice.sample(range(len(lengths)), len(lengths))
        filling = -len(order) % batch
        order, rest = order + rest[:filling], rest[filling:]
        for start in range(0, len(rest), batch * STEPS_SORTED):
            near = sorted(rest[start : start + batch * STEPS_SORTED], key=lambda i: lengths[i])
            whole = len(near) // batch
            cut = [near[i * batch : (i + 1) * batch] for i in range(whole)]
            dice.shuffle(cut)
            order += [i for one in cut for i in one] + near[whole * batch :]
    return order[: steps * batch] if steps else order


def collate(
    examples: Sequence[Example],
    base: dict[int, torch.Tensor],
    soft: dict[int, torch.Tensor],
    places: Sequence[int],
    pad: int,
) -> dict[str, torch.Tensor]:
    """The batch of the examples at `places`, the shortest first, with what there is of the base's
    states and of soft targets."""
    places = sorted(places, key=lambda i: len(examples[i].ids))
    batch = Batch.of([examples[i] for i in places], pad)
    for name, made in (("base", base), ("soft", soft)):
        if mine := [made[i] for i in places if i in made]:
            batch = batch._replace(**{name: torch.cat(mine)})
    return {name: part for name, part in batch._asdict().items() if part is not None}


@torch.no_grad()
def _divergence(
    objective: Objective, examples: Sequence[Example], device: Any, pad: int, size: int
) -> float:
    """KL(base || tuned) in nats a target token of what is new: a number that goes with forgetting.

    On MEASURED examples at most, evenly spaced over those that are not rehearsal.
    """
    new = [example for example in examples if not example.rehearsed] or examples
    chosen = (
        [new[i * len(new) // MEASURED] for i in range(MEASURED)] if len(new) > MEASURED else new
    )
    total = tokens = 0.0
    begin()
    for start in range(0, len(chosen), size):
        batch = Batch.of(chosen[start : start + size], pad, device)
        with interruptible():
            total += float(objective.divergence(batch))
        pulse(2 * int(batch.attention_mask.sum()), "score", batch.input_ids.shape[1])
        tokens += int((batch.wanted != IGNORED).sum())
    return total / tokens


def _checkpoint(partial: Path, examples: Sequence[Example], job: TrainingJob) -> int:
    """The step of the newest whole checkpoint in `partial`, if it is one of this very training.

    0 if there is none. It does not matter how many processes share the training.
    """
    key, file = _key(examples, job), partial / "key"
    if not file.is_file() or file.read_text(encoding="utf-8") != key:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        file.write_text(key, encoding="utf-8")
    found = [0]
    for path in partial.glob("checkpoint-*"):
        try:  # the state is written last: without it a crash left half a checkpoint
            state = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
            found.append(state["global_step"])
        except (OSError, ValueError):
            shutil.rmtree(path)
    return max(found)


def _key(examples: Sequence[Example], job: TrainingJob) -> str:
    """The digest of what the result depends on.

    What only soft targets need is left out where there are none. So a training goes on that began
    with a version that did not have them. The share of rewrites shows in the examples.
    """
    without = {"checkpoint_steps", "report_to", "parallel", "processes", "rewrites"}
    rows: Sequence[tuple[Any, ...]] = examples
    if not any(example.open_book for example in examples):
        without |= {"objective", "distill_share"}
        rows = [example[:3] for example in examples]
    own = job.settings.model_dump(mode="json", exclude=without)
    text = json.dumps([rows, own, job.learning_rate, job.seed])
    return hashlib.sha256(text.encode()).hexdigest()


def training_arguments(
    model: Any, job: TrainingJob, partial: Path, examples: int
) -> TrainingArguments:
    """The settings of transformers' Trainer for so many `examples`, all epochs counted."""
    settings = job.settings
    size = -(-settings.batch_size // job.world.size)
    micro = max(n for n in range(1, settings.micro_batch + 1) if size % n == 0)
    steps = -(-examples // settings.batch_size)
    device = model.device.type
    known = TrainingArguments.__dataclass_fields__
    name = "activation_checkpointing"  # since transformers 5.23, which calls the older deprecated
    checkpointing = name if name in known else "gradient_checkpointing"
    arguments = TrainingArguments(
        output_dir=str(partial),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=size // micro,
        num_train_epochs=1,  # the data set has all of them, in the order of training
        train_sampling_strategy="sequential",
        learning_rate=job.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=round(settings.warmup * steps),
        bf16=device == "cuda" and next(model.parameters()).dtype == torch.bfloat16,
        use_cpu=device == "cpu",
        save_strategy="steps" if settings.checkpoint_steps else "no",
        save_steps=settings.checkpoint_steps or 500,
        save_total_limit=1,
        logging_strategy="steps",
        logging_steps=1,
        report_to=(list(settings.report_to) if job.world.leads else []) or "none",
        disable_tqdm=True,
        dataloader_pin_memory=device == "cuda",
        remove_unused_columns=False,
        seed=job.seed,
        **{checkpointing: settings.checkpointing == "on"},
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # or other GPUs in sight would share the step
    return arguments


def _optimizer(model: Any, arguments: TrainingArguments, ratio: float) -> Any:
    """The optimizer with a rate of its own for the matrices B; None, the Trainer's own, without."""
    if ratio == 1:
        return None
    kind, how = Trainer.get_optimizer_cls_and_kwargs(arguments, model)
    return create_loraplus_optimizer(model, kind, loraplus_lr_ratio=ratio, **how)
