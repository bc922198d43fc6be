"""The settings, one class for each section. The text under a setting is its help.

The defaults are the recipe `default`. The other files in `recipes/` list what differs from it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from self_evolution.config.types import Settings, Share

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
