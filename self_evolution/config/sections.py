"""The settings, one class for each section. The text under a setting is its help.

The defaults are the recipe `default`. The other files in `recipes/` list what differs from it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from self_evolution.config.types import (
    Settings,
    Share,
    ShareBelowOne,
)

StrategyName = Literal["hard", "easy", "even", "random", "mastery", "all", "none"]
"""The names in `STRATEGIES`."""


class Model(Settings):
    name: str = ""
    """Model to tune: a folder, a GGUF file, a name on the Hugging Face hub, or `embedded` for the
    miniature that ships."""
    download: bool = False
    """Allow the model to be downloaded from the hub. By default nothing is downloaded."""
    engine: str = "transformers"
    """Program that runs the model. `scripted` takes its answers from the JSON file that
    `model.name` gives, so that a run can be tried without a model."""
    generator: str = ""
    """Address of a vLLM server with the same model, http://HOST:PORT/v1. It writes all questions
    and answers, with the adapter of each generation. If empty, the model in this process does."""
    device: str = "auto"
    """Device that runs the model: cpu, cuda, cuda:1 or mps. `auto` takes a GPU if there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format of the weights. On a CPU, `auto` takes bfloat16 if the processor is faster with
    it and the model is not tiny, else float32; elsewhere the format of the model's files. A run
    keeps the format that it began with."""
    quantize: Literal["none", "nf4", "int8"] = "none"
    """Hold the base's weights in about 4 bits (`nf4`) or 8 (`int8`), and train the adapter on them
    (QLoRA): less memory, and slightly different scores. It needs the extra `quantized`."""
    chat_template: str = ""
    """Jinja file with a chat template, or `plain` for a base model that has none. If empty, the
    tokenizer's own template is used."""
    thinking: bool = False
    """Let a reasoning model write its thoughts first. They are always removed from the answer."""
    batch_size: PositiveInt = 32
    """Prompts that are answered together. The number is halved when memory is too small."""
    threads: NonNegativeInt = 0
    """CPU threads of the model. 0 lets PyTorch choose."""


class Cluster(Settings):
    address: str = ""
    """Ray cluster whose machines ask, answer, score and evaluate: `local` starts one on this
    machine, `auto` takes the one that runs here, HOST:PORT or ray://HOST:PORT another one. If
    empty, this process does all the work. It needs the extra `ray`."""
    actors: NonNegativeInt = 0
    """Processes on the cluster that hold the model. 0 starts as many as there is room for."""
    cpus: PositiveFloat = 1.0
    """CPU cores that each of these processes takes."""
    gpus: NonNegativeFloat = 0.0
    """GPUs that each of these processes takes. With 0, they run on the CPU."""


class Domain(Settings):
    name: str = ""
    """Subject of the documents in a few words, which the prompts mention."""
    description: str = ""
    """One or two sentences more about the subject, which the prompts mention too."""
    language: Annotated[str, Field(pattern="^(auto|[a-z]{2})$")] = "auto"
    """Language of questions and answers, as a code such as de or zh. `auto` takes the language of
    each fragment."""
    prompts: str = "auto"
    """Prompts to use: zh, en, embedded, or a YAML file. `auto` chooses by language."""


class Read(Settings):
    documents: tuple[str, ...] = ()
    """Files and folders to read. Documents on the command line replace them."""
    limit: NonNegativeInt = 0
    """Read only this many sections, the first ones, to try things out. 0 reads all."""
    follow_links: bool = False
    """Follow symbolic links that lead out of the folder."""
    max_file_mb: PositiveInt = 256
    """Size of the largest file that is read, in megabytes. An archive may unpack to four times
    this size."""
    memory_mb: Annotated[int, Field(ge=256)] = 2048
    """Memory that one reading process may use, in megabytes. A file that needs more is skipped."""
    seconds: PositiveFloat = 30.0
    """Time limit for one document, in seconds. Each 100 kB of the document adds one second."""
    workers: NonNegativeInt = 0
    """Processes that read files at the same time. 0 starts one for each CPU core, at
    most 8."""


class Split(Settings):
    max_tokens: PositiveInt = 512
    """Length of the longest fragment, in tokens of the model."""
    min_tokens: NonNegativeInt = 48
    """Join sections that are shorter than this many tokens with their neighbours under the same
    heading. 0 joins none."""
    near_duplicates: Share = 0.8
    """Likeness to an earlier fragment, from 0 to 1. A fragment that says nothing new is left out as
    a near-duplicate if its likeness is at least this. 1 leaves none out."""


class Score(Settings):
    scorer: Literal["base", "current"] = "base"
    """Model that computes the IFD score (how little the question helps to predict the answer): the
    base model, or the model as tuned so far."""
    template: str = ""
    """JSON file with two texts that are put before the answer: `given_question` (which contains
    {input}) and `alone` (without a question). If empty, the chat template is used."""
    max_tokens: PositiveInt = 2048
    """Length of the longest pair that is scored, in tokens of question and answer together."""
    batch_tokens: PositiveInt = 8192
    """Number of tokens that are scored together, padding included."""


class Select(Settings):
    strategy: StrategyName = "random"
    """Choice of earlier pairs to train on again. `hard` takes those with the highest IFD scores,
    whose question helps least to predict the answer; `easy` those with the lowest, `even` some of
    all scores, `random` any, `mastery` mostly pairs that the model does not know yet, `all` takes
    all and `none` no pairs."""
    k: NonNegativeInt = 2000
    """Number of earlier pairs that are chosen. Strategies such as `all` do not use it."""
    recite: PositiveInt = 500
    """Largest number of earlier pairs that the model is asked about, with the book closed, for a
    strategy that needs this, such as `mastery`."""


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
