"""The processes that train one adapter together, each on its own device. Usually there is one.

Each takes its share of every step's examples. Their gradients are added before the optimizer's
step, so that all of them take the same step, as one process would with all of the examples.

The adapter is whole in each process. The base is whole too (`ddp`), or each process holds a part of
every layer's weights, and a layer is put together while it computes (`fsdp`, which is FSDP2). In
the second case all processes must go through the model equally often: they are in `lockstep`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from self_evolution.errors import UserError
from self_evolution.progress import interruptible

if TYPE_CHECKING:
    from torch import Tensor

_LOOK = 2e-4
"""Seconds between two looks whether the other processes have sent their part."""


class Held(NamedTuple):
    """The digest of a process's adapter, the base's weights in its memory, and all there are."""

    adapter: str
    here: int
    whole: int


class World:
    """This process is number `rank` of `size`, on its `device`. One alone is the simplest case."""

    def __init__(
        self, rank: int = 0, size: int = 1, lockstep: bool = False, device: str = ""
    ) -> None:
        self.rank, self.size, self.lockstep, self._device = rank, size, lockstep, device
        self.held: Held | None = None

    @property
    def leads(self) -> bool:
        """Whether this process writes the checkpoints and the adapter."""
        return self.rank == 0

    def join(self, meeting: Path) -> None:
        """Meet the other processes, by a file that all of them can see."""
        import torch.distributed as dist

        dist.init_process_group(
            "nccl" if self._device == "cuda" else "gloo",
            init_method=f"file://{meeting.absolute()}",
            rank=self.rank,
            world_size=self.size,
        )

    def divide(self, tuned: Any) -> None:
        """In lockstep: leave only this process's part of PEFT's model `tuned`, on its device."""
        if self.lockstep:
            _shard(tuned, self._device, self.size)
            tuned.to(self._device)

    def sign(self, tuned: Any) -> None:
        """Note what this process has at the end of the training (`held`)."""
        digest, here, whole = hashlib.sha256(), 0, 0
        for weight in tuned.parameters():
            if weight.requires_grad:
                digest.update(weight.detach().float().cpu().numpy().tobytes())
            else:
                here += (weight.to_local() if hasattr(weight, "to_local") else weight).numel()
                whole += weight.numel()
        self.held = Held(digest.hexdigest(), here, whole)

    def share(self, order: Sequence[int], batch: int, blank: int) -> list[int]:
        """This process's examples of each step of `batch`: every size-th of them.

        So all processes have examples of like length. Where there are not enough for all, `blank`
        fills up.
        """
        found: list[int] = []
        for start in range(0, len(order), batch):
            step = list(order[start : start + batch])
            step += [blank] * (-len(step) % self.size)
            found += step[self.rank :: self.size]
        return found

    def add(self, parts: Sequence[Tensor]) -> None:
        """Replace each of these tensors, which have one dtype, by its sum over all processes."""
        if self.size == 1:
            return
        import torch
        import torch.distributed as dist

        flat = torch.cat([part.detach().reshape(-1) for part in parts])
        _wait(dist.all_reduce(flat, async_op=True))
        sums = torch.split(flat, [part.numel() for part in parts])
        for part, summed in zip(parts, sums, strict=True):
            part.detach().copy_(summed.view_as(part))

    def first(self, number: int, device: Any) -> int:
        """The first process's `number`."""
        import torch

        told = torch.tensor([number if self.leads else 0], device=device)
        self.add([told])
        return int(told)

    def exchange(self, own: Tensor, rows: Sequence[int]) -> Iterator[Tensor]:
        """The tensor `own` of each process in turn, of which the sizes are `rows`."""
        if self.size == 1:
            yield own
            return
        import torch.distributed as dist

        for i, size in enumerate(rows):
            part = own if i == self.rank else own.new_empty((size, *own.shape[1:]))
            _wait(dist.broadcast(part, src=i, async_op=True))
            yield part


def checksum(weights: Sequence[Tensor]) -> int:
    """A number below 65521 that hardly two adapters share. Sums of that many are exact in float32
    for 256 processes."""
    import torch

    # Whole numbers, whose sum does not depend on the order in which a device adds them.
    sums = [weight.detach().float().view(torch.int32).sum() for weight in weights]
    return int(torch.stack(sums).sum() % 65521)


def apart(size: int, when: str) -> UserError:
    """The error for processes whose adapters differ."""
    return UserError(
        f"the adapters of {size} training processes differ {when}, so they did not train together; "
        "give --train.parallel none, and report this"
    )


def _wait(work: Any) -> None:
    """Wait for the other processes in a way that a request to stop can interrupt."""
    with interruptible():
        while not work.is_completed():
            time.sleep(_LOOK)
        work.wait()


def _shard(tuned: Any, device: str, size: int) -> None:
    """Leave in this process its part of the base's layers, by FSDP2.

    The adapter stays whole, and so do the embeddings and the output layer, which the likelihood
    reads without calling them. Nothing that is divided is trained, so no gradient is either.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    base = tuned.get_base_model()
    decoder = base.get_decoder()
    kinds = set(base._no_split_modules or ())
    layers = [module for module in decoder.modules() if type(module).__name__ in kinds]
    if not layers:
        raise UserError(
            f"--train.parallel fsdp: transformers does not say what the layers of "
            f"{type(base).__name__} are, so they cannot be divided; give --train.parallel ddp"
        )
    whole = {weight for weight in tuned.parameters() if weight.requires_grad}
    for part in (base.get_input_embeddings(), base.get_output_embeddings()):
        whole |= set(part.parameters())
    how: dict[str, Any] = {"mesh": init_device_mesh(device, (size,)), "ignored_params": whole}
    for layer in layers:
        fully_shard(layer, **how)
    fully_shard(decoder, **how)
