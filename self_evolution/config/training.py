"""The settings of the section `train`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from self_evolution.config.types import Settings, Share, ShareBelowOne


class Train(Settings):
    learning_rate: PositiveFloat = 2e-4
    """Highest learning rate of the first generation."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """Course of the learning rate within a generation, after the warm-up."""
    generation_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Factor that lowers the learning rate from one generation to the next. 1 keeps it."""
    warmup: Share = 0.03
    """Share of a generation's steps, from 0 to 1, in which the learning rate rises."""
    epochs: PositiveInt = 3
    """Times that each generation goes through its training set."""
    steps: tuple[PositiveInt, ...] = ()
    """Training steps, a number for each generation, in place of epochs. The last number counts for
    all further generations."""
    samples: tuple[PositiveInt, ...] = ()
    """Training examples, a number for each generation. A larger set is reduced at random, a
    smaller one is repeated. The last number counts for all further generations."""
    batch_size: PositiveInt = 16
    """Examples in each training step."""
    micro_batch: PositiveInt = 4
    """Examples that are in memory at the same time. A training step is made of several such
    parts."""
    max_tokens: PositiveInt = 1024
    """Length of the longest training example, in tokens. Longer examples are left out."""
    rank: PositiveInt = 32
    """Rank of the LoRA adapter."""
    layers: Literal["all", "mlp"] = "all"
    """Linear layers that the LoRA adapter changes. `mlp` leaves out those of attention, so that
    less is forgotten."""
    alpha: NonNegativeInt = 0
    """Alpha of the LoRA adapter, which multiplies its output by alpha / rank. 0 takes twice the
    rank."""
    lora_plus_ratio: PositiveFloat = 1.0
    """Learning rate of the LoRA matrices B, as a multiple of that of the matrices A (LoRA+)."""
    lead: bool = False
    """Put the thing asked for at the beginning of each answer that is learnt, as in `gnt-job
    watch. The log is shown by gnt-job watch`. It is taken to be what the answers about the same
    passage share and the question lacks. It needs several wordings of each question among your
    own pairs."""
    objective: Literal["nll", "distill"] = "nll"
    """The loss on the answer of a pair. `nll` is its likelihood. `distill` adds soft
    targets: the probabilities that the base, with the passage in its prompt, gives to the tokens
    at each place of the answer. A pair without a passage is learnt as with `nll`."""
    distill_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """Share of the soft targets in the loss of `distill`; the rest is the likelihood of the
    answer."""
    rewrites: ShareBelowOne = 0.2
    """Share of rewrites, from 0 to 1, among the examples that are not rehearsal: texts that the
    model wrote about fragments (`ask.rewrites`). If there are too few, each is used once."""
    rehearsal: ShareBelowOne = 0.5
    """Share of the training set, from 0 to 1, that is rehearsal against forgetting: conversations
    that the base wrote (`rehearse.*`), and those of `train.rehearsal-file`."""
    rehearsal_file: str = ""
    """JSONL file of conversations ({"messages": [...]}) to rehearse, or `embedded` for those of the
    miniature."""
    rehearsal_loss: Literal["kl", "nll"] = "kl"
    """Loss on rehearsal. `kl` is the KL divergence of the tuned model from the base's distribution
    of each token, which keeps the tuned model near the base. `nll` trains the answers like any
    others."""
    rehearsal_weight: PositiveFloat = 2.0
    """Weight of the KL divergence on a token of rehearsal; a token of any other answer has 1."""
    checkpointing: Literal["auto", "on", "off"] = "auto"
    """Save memory in training at the price of time, by computing activations twice. `auto` does so
    if a step would not fit the memory otherwise. A run keeps the choice that it began with."""
    checkpoint_steps: NonNegativeInt = 200
    """Steps between two checkpoints within a generation. 0 writes one only on Ctrl-C."""
    parallel: Literal["auto", "none", "ddp", "fsdp"] = "auto"
    """How several devices share a training step. With `ddp` each holds the whole model, with `fsdp`
    a part of every layer (FSDP2). `none` trains on one device. `auto` takes `none` if there is one
    device, `ddp` if each can hold the model, else `fsdp`."""
    processes: NonNegativeInt = 0
    """Processes that share the training. 0 starts one for each GPU, and one on a CPU."""
    report_to: tuple[str, ...] = ()
    """Logging back ends of transformers' Trainer that follow the training, such as tensorboard. By
    default there are none."""

    @property
    def lora_alpha(self) -> int:
        """The alpha in effect."""
        return self.alpha or 2 * self.rank

    def of(self, generation: int) -> Train:
        """Return a copy in which `steps` and `samples` have only the number of this generation, if
        they have any."""

        def mine(numbers: tuple[int, ...]) -> tuple[int, ...]:
            return numbers[generation - 1 : generation] or numbers[-1:]

        return self.model_copy(update={"steps": mine(self.steps), "samples": mine(self.samples)})
