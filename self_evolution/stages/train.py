"""Train: continue the adapter on the selection, with the book closed."""

from __future__ import annotations

import contextlib
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from self_evolution.config import Train
from self_evolution.models import TrainingJob, engines
from self_evolution.models.training import ranks
from self_evolution.progress import Bar
from self_evolution.records import Adapter, Message, Pair, context
from self_evolution.run import Run
from self_evolution.run.adapters import known_adapter
from self_evolution.run.outcome import Outcome
from self_evolution.schedule import stage_seed
from self_evolution.text.counts import many
from self_evolution.text.language import detect
from self_evolution.text.shared import leading

Chosen = TypeVar("Chosen")


def train(run: Run, generation: int) -> Outcome:
    """Train the generation's adapter, and add its row once its files are complete."""
    if any(row.generation == generation for row in run.ledger.training.adapters()):
        return Outcome(0)
    start = run.start(generation)
    folder = run.adapter(generation)
    assert folder is not None  # generation 0 is never trained
    folder.parent.mkdir(exist_ok=True)
    seed = stage_seed(run.config, "train", generation)
    settings = run.config.train.of(generation)
    chosen = _lessons(run, generation)
    if settings.samples:
        chosen = sampled(chosen, settings.samples[0], seed)
    rate = peak_rate(run.config.train, generation) * start.rate
    plan = engines.parallel(run.config)
    with _Steps(run, generation) as steps:
        conversations, rehearsed, open_book = zip(*chosen, strict=True)
        job = TrainingJob(
            conversations,
            settings,
            rate,
            folder,
            seed,
            steps.on_step,
            rehearsed,
            steps.on_loss,
            open_book=open_book,
        )
        if plan.kind == "none":
            run.use(start.parent)
            trained = run.engine.train(job)
        else:
            run.models.unload()  # the devices are needed whole
            adapter = known_adapter(run.folder, run.ledger, start.parent)
            trained = ranks.train(run.config.model, plan, job, adapter, lambda: run.stop_asked)
    path = folder.relative_to(run.folder).as_posix()
    run.ledger.add([Adapter(generation, start.parent, path, *trained)])
    note = (
        f"loss {trained.first_loss:.3f} → {trained.last_loss:.3f} in {many(trained.steps, 'step')}"
    )
    note += f", {trained.divergence:.2f} nats a token from the base"
    if settings.objective == "distill":
        taught = sum(map(bool, open_book))
        note += f"; {many(taught, 'example')} with soft targets, which are "
        note += f"{settings.distill_share:.0%} of the loss there"
    if plan.kind != "none":
        note += f"; in {plan}"
    if start.rate != 1:
        note += f"; at {start.rate:g} of the learning rate, after what was rolled back"
    if left_out := len(chosen) - trained.examples:
        note += f"; {many(left_out, 'example')} longer than --train.max-tokens left out"
    return Outcome(trained.examples, note)


def peak_rate(settings: Train, generation: int) -> float:
    """The generation's peak learning rate; generation 1 has the full one.

    It does not depend on the number of generations, because a run may be given more of them later.
    """
    return float(settings.learning_rate * settings.generation_decay ** (generation - 1))


class _Lesson(NamedTuple):
    """A conversation to train on, whether it is rehearsal, and the prompt of its teacher."""

    messages: list[Message]
    rehearsed: bool
    open_book: list[Message]


def _lessons(run: Run, generation: int) -> list[_Lesson]:
    """Return the selected pairs without their fragments, then rewrites of fragments, then the
    conversations of rehearsal.

    Of a pair, only its own answer is learnt: answers in the turns before it have the weight 0. A
    rewrite is learnt as a whole, as the answer to its prompt.
    """
    selected = run.ledger.pairs.get(run.ledger.training.selected_pairs(generation))
    answers = _leading(run, selected) if run.config.train.lead else {}
    pairs = [
        [
            *(context(turn) for turn in run.prompts.chat(pair.prompt)),
            {"role": "assistant", "content": answers.get(pair.answer_id, pair.answer)},
        ]
        for pair in selected
    ]
    open_book = _open_book(run, selected) if run.config.train.objective == "distill" else {}
    rewrites = [
        [
            *run.prompts.chat([{"role": "user", "content": rewrite.prompt}]),
            {"role": "assistant", "content": rewrite.text},
        ]
        for rewrite in run.ledger.rewrites.selected(generation)
    ]
    rehearsal = run.ledger.training.selected_conversations(generation)
    return [
        *(
            _Lesson(messages, False, open_book.get(pair.answer_id, []))
            for pair, messages in zip(selected, pairs, strict=True)
        ),
        *(_Lesson(messages, False, []) for messages in rewrites),
        *(_Lesson(messages, True, []) for messages in rehearsal),
    ]


def _open_book(run: Run, pairs: Sequence[Pair]) -> dict[str, list[Message]]:
    """{pair id: its prompt with the passage}, as in the stage `answer`, with the turns before it.

    Left out are pairs without a passage, and those of corrections: there the base's own answer was
    wrong, or another one was wanted.
    """
    corrected = {one.answer_id for one in run.ledger.corrections.taught()}
    passages = run.ledger.pairs.passages([pair.answer_id for pair in pairs])
    placed = [pair.fragment_id for pair in pairs if pair.fragment_id]
    fragments = {one.id: one for one in run.ledger.fragments.get(list(dict.fromkeys(placed)))}
    found = {}
    for pair in pairs:
        passage = passages.get(pair.answer_id)
        if not passage or pair.answer_id in corrected:
            continue
        if one := fragments.get(passage):
            asked = (one.heading, one.askable, pair.question, one.language)
        else:
            asked = ((), passage, pair.question, detect(passage))
        *system, question = run.prompts.answer(*asked)
        turns = [*system, *run.prompts.chat(pair.turns), question]
        found[pair.answer_id] = _with_one_system_message(turns)
    return found


def _with_one_system_message(turns: Sequence[Message]) -> list[Message]:
    """That of the prompt profile and that of a pair in one, because many chat templates refuse a
    second one."""
    systems = [turn["content"] for turn in turns if turn["role"] == "system"]
    others = [turn for turn in turns if turn["role"] != "system"]
    if not systems:
        return others
    return [{"role": "system", "content": "\n\n".join(systems)}, *others]


def _leading(run: Run, pairs: Sequence[Pair]) -> dict[str, str]:
    """{pair id: its answer, with what the answers about the same passage share before it}."""
    passages = run.ledger.pairs.passages([pair.answer_id for pair in pairs])
    groups: dict[str, dict[str, Pair]] = defaultdict(dict)
    for pair in pairs:
        if pair.answer_id in passages:
            groups[passages[pair.answer_id]][pair.answer_id] = pair
    return {
        id: leading(pair.answer, [o.answer for o in group.values() if o is not pair], pair.question)
        for group in groups.values()
        for id, pair in group.items()
    }


def sampled(conversations: list[Chosen], samples: int, seed: int) -> list[Chosen]:
    """Return exactly `samples` conversations: a random part in the given order, or all of them
    repeated.

    Any two conversations occur equally often, or one of them once more.
    """
    if not conversations:
        return []
    whole, rest = divmod(samples, len(conversations))
    chosen = sorted(random.Random(seed).sample(range(len(conversations)), rest))
    return conversations * whole + [conversations[i] for i in chosen]


class _Steps:
    """The progress bar of training, whose length is known at the first step."""

    def __init__(self, run: Run, generation: int) -> None:
        self._run, self._label = run, f"gen {generation} train"
        self._stack = contextlib.ExitStack()
        self._bar: Bar | None = None

    def __enter__(self) -> _Steps:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def on_loss(self, loss: float) -> None:
        """Show the loss of the step, in nats a token, beside the bar."""
        self._run.progress.note = f"loss {loss:.3f}"

    def on_step(self, done: int, total: int) -> bool:
        """Show the step; True asks the trainer to stop."""
        if self._bar is None:
            bar = self._run.progress.bar(self._label, "steps", total, done - 1)
            self._bar = self._stack.enter_context(bar)
        self._bar.advance(1)
        return self._run.stop_asked
