"""The loss of training: likelihood of the answers, soft targets, nearness to the base on rehearsal.

In a rehearsed conversation nothing new is to be learnt. There the target is all that the base
would say, its whole distribution at each token of the answer: KL(base || tuned), which is 0 as
long as nothing was forgotten. The base is the same model with its adapter off: it needs no memory
of its own, and its states are made once a generation where they are few enough to be kept.

Soft targets (soft_targets.py) of what is new come from the base too, and are made once a
generation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from self_evolution.meter import begin, pulse
from self_evolution.models.likelihood import Likelihood
from self_evolution.models.training import soft_targets
from self_evolution.models.training.job import IGNORED, Example
from self_evolution.models.training.world import World
from self_evolution.progress import interruptible

KEPT_NUMBERS = 1 << 28
"""States of the base that are kept through a generation's training: 1 GiB in float32."""

PASS_TOKENS = {"cpu": 128}
"""What another pass through the model costs beside its tokens, in tokens, by kind of device;
elsewhere ELSEWHERE."""

ELSEWHERE = 2048


class Batch(NamedTuple):
    """B examples of up to T tokens, padded on the right, in the names of transformers.

    `base` has the base's states at the answers that are rehearsed, if they were made beforehand.
    `soft` has the soft targets at the answers that have a teacher.
    """

    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor
    rehearsed: Tensor
    distilled: Tensor
    base: Tensor | None = None
    soft: Tensor | None = None

    @classmethod
    def of(cls, examples: Sequence[Example], pad: int, device: Any = None) -> Batch:
        size = max(len(example.ids) for example in examples)

        def padded(columns: Iterable[list[int]], filler: int) -> Tensor:
            rows = [column + [filler] * (size - len(column)) for column in columns]
            return torch.tensor(rows, device=device)

        return cls(
            padded((example.ids for example in examples), pad),
            padded(([1] * len(example.ids) for example in examples), 0),
            padded((example.labels for example in examples), IGNORED),
            torch.tensor([example.rehearsed for example in examples], device=device),
            torch.tensor([bool(example.open_book) for example in examples], device=device),
        )

    @property
    def wanted(self) -> Tensor:
        """The label of the next token at each place (B, T)."""
        ends = self.labels.new_full((len(self.labels), 1), IGNORED)
        return torch.cat([self.labels[:, 1:], ends], dim=1)

    def rows(self, chosen: Any) -> Batch:
        """Some of the rows, without what the base says."""
        return Batch(*(part[chosen] for part in self[:5]))

    def parts(self) -> list[Batch]:
        """The batch cut between rows where that spares more padding than a pass costs."""
        lengths = self.attention_mask.sum(1).tolist()
        device = self.input_ids.device.type
        ends = cuts(lengths, PASS_TOKENS.get(device, ELSEWHERE))
        if len(ends) == 1:
            return [self]
        found = []
        for start, end in pairwise([0, *ends]):
            size = max(lengths[start:end])
            ids, mask, labels = (part[start:end, :size] for part in self[:3])
            base = self._cut(self.base, self.rehearsed, start, end)
            soft = self._cut(self.soft, self.distilled, start, end)
            marks = (self.rehearsed[start:end], self.distilled[start:end])
            found.append(Batch(ids, mask, labels, *marks, base, soft))
        return found

    def _cut(self, made: Tensor | None, marked: Tensor, start: int, end: int) -> Tensor | None:
        """What was made for the targets of the `marked` rows, of the rows from start to end."""
        if made is None:
            return None
        targets = ((self.labels[:, 1:] != IGNORED).sum(1) * marked).tolist()
        places = [0, *accumulate(targets)]
        return made[places[start] : places[end]]


def cuts(lengths: Sequence[int], price: int) -> list[int]:
    """Where to end the parts of a batch, so that padded tokens and `price` a part are fewest."""
    best, before = [0], [0]
    for end in range(1, len(lengths) + 1):
        choices, longest = [], 0
        for start in reversed(range(end)):
            longest = max(longest, lengths[start])
            choices.append((best[start] + (end - start) * longest + price, start))
        cost, start = min(choices)
        best.append(cost)
        before.append(start)
    ends = [len(lengths)]
    while before[ends[0]]:
        ends.insert(0, before[ends[0]])
    return ends


class Objective:
    """Sums over the target tokens of a batch, in nats, that can be differentiated.

    Logits are there for one tile of these tokens at a time.
    """

    def __init__(self, tuned: Any, outputs: Likelihood, world: World | None = None) -> None:
        """`tuned` is the PEFT model around the one that `outputs` reads."""
        self._tuned, self._outputs = tuned, outputs
        self._world = world or World()
        self.always_asks_base = False
        """Whether `loss` calls the base for each batch, because it may be called in another
        process."""

    def loss(self, batch: Batch, weight: float, share: float = 0.0) -> Tensor:
        """NLL of the answers, and on rehearsal `weight` times the divergence in its place.

        Where there are soft targets, this `share` of the loss is the divergence from them.
        """
        parts = [batch] if self._world.lockstep else batch.parts()
        return torch.stack([self._loss(part, weight, share) for part in parts]).sum()

    def _loss(self, batch: Batch, weight: float, share: float) -> Tensor:
        wanted = batch.wanted
        base = batch.base
        if base is None and batch.rehearsed.any():
            base = self._base_states(batch.rows(batch.rehearsed))
        elif self.always_asks_base:
            self._base_states(batch.rows(slice(1)))
        chosen = wanted != IGNORED
        states = self._outputs.states(batch.input_ids, batch.attention_mask, chosen)
        rehearsed, distilled = (
            rows.unsqueeze(1).expand_as(chosen)[chosen]
            for rows in (batch.rehearsed, batch.distilled)
        )
        others = ~(rehearsed | distilled)
        loss = self._sum(self._nll, states[others], wanted[chosen][others])
        if base is not None:
            loss = loss + weight * self._sum(self._kl, states[rehearsed], base)
        if batch.soft is not None:
            mixed = partial(self._mixed, share)
            answers = wanted[chosen][distilled]
            loss = loss + self._sum(mixed, states[distilled], answers, batch.soft)
        return loss

    def divergence(self, batch: Batch) -> Tensor:
        """KL(base || tuned) at all answers, rehearsed or not."""
        chosen = batch.wanted != IGNORED
        states = self._outputs.states(batch.input_ids, batch.attention_mask, chosen)
        return self._sum(self._kl, states, self._base_states(batch))

    def base_states(self, examples: Sequence[Example], pad: int, size: int) -> dict[int, Tensor]:
        """{place: the base's states at the answers} of the rehearsed examples; empty if too many.

        Made once, `size` examples of like length at a time, they spare every step a forward pass.
        Each process makes its part of them.
        """
        some = {i: example for i, example in enumerate(examples) if example.rehearsed}
        if sum(example.targets for example in some.values()) * self._outputs.width > KEPT_NUMBERS:
            return {}
        return self._once(some, pad, size, self._base_states)

    def soft_targets(self, examples: Sequence[Example], pad: int, size: int) -> dict[int, Tensor]:
        """{place: the soft targets} of the examples that have a teacher, made in the same way."""
        some = {i: one.as_teacher() for i, one in enumerate(examples) if one.open_book}
        return self._once(some, pad, size, self._soft_targets)

    def _once(
        self, examples: dict[int, Example], pad: int, size: int, make: Callable[[Batch], Tensor]
    ) -> dict[int, Tensor]:
        """{place: what `make` returns for the targets of the example there}."""
        places = sorted(examples, key=lambda i: (len(examples[i].ids), i))
        counts = {i: examples[i].targets for i in places}
        found: dict[int, Tensor] = {}
        parts = [places[start : start + size] for start in range(0, len(places), size)]
        begin()
        for start in range(0, len(parts), self._world.size):
            turn = parts[start : start + self._world.size]
            mine = turn[min(self._world.rank, len(turn) - 1)]
            batch = Batch.of([examples[i] for i in mine], pad, self._tuned.device)
            with interruptible():
                own = make(batch)
            pulse(int(batch.attention_mask.sum()), "score", batch.input_ids.shape[1])
            rows = [sum(counts[i] for i in part) for part in turn]
            for part, made in zip(turn, self._world.exchange(own, rows), strict=True):
                split = torch.split(made.cpu(), [counts[i] for i in part])
                found.update(zip(part, split, strict=True))
        return found

    @torch.no_grad()
    def _base_states(self, batch: Batch) -> Tensor:
        """The base's states at all answers, without dropout."""
        training = self._tuned.training
        self._tuned.eval()
        try:
            with self._tuned.disable_adapter():
                return self._outputs.states(
                    batch.input_ids, batch.attention_mask, batch.wanted != IGNORED
                )
        finally:
            self._tuned.train(training)

    @torch.no_grad()
    def _soft_targets(self, batch: Batch) -> Tensor:
        tiles = torch.split(self._base_states(batch), self._outputs.tile)
        return torch.cat([soft_targets.soft_targets(self._outputs.logits(one)) for one in tiles])

    def _nll(self, states: Tensor, wanted: Tensor) -> Tensor:
        return cross_entropy(self._outputs.logits(states), wanted, reduction="sum")

    def _kl(self, states: Tensor, base: Tensor) -> Tensor:
        tuned, target = (log_softmax(self._outputs.logits(one), -1) for one in (states, base))
        return kl_div(tuned, target, reduction="sum", log_target=True)

    def _mixed(self, share: float, states: Tensor, wanted: Tensor, soft: Tensor) -> Tensor:
        logits = self._outputs.logits(states)
        nll = cross_entropy(logits, wanted, reduction="sum")
        return (1 - share) * nll + share * soft_targets.divergence(logits, soft)

    def _sum(self, loss: Callable[..., Tensor], *parts: Tensor) -> Tensor:
        """The sum of `loss` over tiles of tensors with a row a token; the first are states."""
        split = (torch.split(part, self._outputs.tile) for part in parts)
        tiles = list(zip(*split, strict=True))
        if len(tiles) == 1:
            return loss(*tiles[0])
        if not parts[0].requires_grad:
            return torch.stack([loss(*tile) for tile in tiles]).sum()
        total: Any = _Summed.apply
        summed: Tensor = total(parts[0], loss, tiles)
        return summed


class _Summed(torch.autograd.Function):
    """The sum of a loss over tiles. The gradient of each is made at once, while its logits are
    there, so that they are neither kept nor made again."""

    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        loss: Callable[..., Tensor],
        tiles: Sequence[tuple[Tensor, ...]],
    ) -> Tensor:
        losses: list[Tensor] = []
        gradients: list[Tensor] = []
        for own, *targets in tiles:
            with torch.enable_grad():
                leaf = own.detach().requires_grad_()
                found = loss(leaf, *targets)
            gradients += torch.autograd.grad(found, leaf)
            losses.append(found.detach())
        ctx.save_for_backward(torch.cat(gradients))
        return torch.stack(losses).sum()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (slopes,) = ctx.saved_tensors
        return slopes * gradient, None, None
