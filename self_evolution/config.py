"""Settings: one section a stage. The docstring under a field is its help on the command line.

The defaults here are the recipe `default`; the files in `recipes/` say what differs from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)
from pydantic.fields import FieldInfo

from self_evolution.errors import UserError, nearest

COMMAND_LINE = "the command line"
RECIPES = Path(__file__).parent / "recipes"

Share = Annotated[float, Field(ge=0.0, le=1.0)]
TopP = Annotated[float, Field(gt=0.0, le=1.0)]
Points = Annotated[float, Field(ge=0.0, le=100.0)]
ShareBelowOne = Annotated[float, Field(ge=0.0, lt=1.0)]


class Settings(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


class Model(Settings):
    name: str = ""
    """Folder or hub name of a causal language model; `embedded` is the miniature that ships."""
    download: bool = False
    """Let a hub name be fetched; without it only folders and what was fetched before are used."""
    engine: str = "transformers"
    """What runs the model: transformers, or for dry runs scripted, whose `name` is a JSON file."""
    device: str = "auto"
    """Where it runs: auto, cpu, cuda, cuda:1, mps."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Precision of the weights; auto takes float32 on a CPU and the file's own elsewhere."""
    chat_template: str = ""
    """Jinja file with a chat template, or `plain`; empty takes the tokenizer's own."""
    thinking: bool = False
    """Let a thinking model think; its thoughts are stripped from the text either way."""
    batch_size: PositiveInt = 32
    """Prompts generated together; halved by itself when the memory does not hold them."""
    threads: NonNegativeInt = 0
    """CPU threads of the model; 0 leaves the choice to torch."""


class Domain(Settings):
    name: str = ""
    """What the documents are about, in a few words, for the prompts."""
    description: str = ""
    """A sentence or two more about the domain, for the prompts."""
    language: Annotated[str, Field(pattern="^(auto|[a-z]{2})$")] = "auto"
    """Language of questions and answers as a code such as de or zh; auto follows each fragment."""
    prompts: str = "auto"
    """Prompt profile: auto (by language), zh, en, embedded, or a YAML file."""


class Read(Settings):
    documents: tuple[str, ...] = ()
    """Files and folders to read; those on the command line take their place."""
    limit: NonNegativeInt = 0
    """Take at most this many passages, in order; 0 takes all."""
    follow_links: bool = False
    """Follow symbolic links in a folder to files and folders outside it."""
    max_file_mb: PositiveInt = 256
    """Largest file that is read, in megabytes; archives may unpack to four times as much."""
    memory_mb: Annotated[int, Field(ge=256)] = 2048
    """Memory that a reader may use, in megabytes; a file that needs more is refused."""
    seconds: PositiveFloat = 30.0
    """Time for one document; a second more for each 100 kB of it."""
    workers: NonNegativeInt = 0
    """Processes that read files, side by side; 0 takes one for each core."""


class Split(Settings):
    max_tokens: PositiveInt = 512
    """Longest fragment, in tokens of the run's model."""
    min_tokens: NonNegativeInt = 48
    """Shorter sections are joined with their neighbours under the same heading; 0 joins none."""
    min_chars: NonNegativeInt = 20
    """Fragments with less text than this are left out, and counted."""
    near_duplicates: Share = 0.8
    """Likeness from which a fragment that says nothing new is a near-duplicate; 1 finds none."""


class Ask(Settings):
    asker: Literal["base", "current"] = "base"
    """Who asks: the base model (adapter off), or the one tuned so far, as in the paper."""
    per_fragment: PositiveInt = 4
    """Questions for each fragment in each generation."""
    temperature: NonNegativeFloat = 0.8
    """Sampling temperature; 0 is greedy."""
    top_p: TopP = 0.95
    """Nucleus of the sampling."""
    max_tokens: PositiveInt = 96
    """Longest question, in tokens."""


class Answer(Settings):
    answerer: Literal["base", "current"] = "base"
    """Who answers with the fragment open: the base model, or the one tuned so far."""
    temperature: NonNegativeFloat = 0.0
    """Sampling temperature; 0 is greedy."""
    top_p: TopP = 0.95
    """Nucleus of the sampling."""
    max_tokens: PositiveInt = 384
    """Longest answer, in tokens."""


class Check(Settings):
    enabled: bool = True
    """Check pairs before training; off keeps every pair that has a question and an answer."""
    grounding: Share = 0.6
    """Share of the answer's words that must stand in fragment or question; 0 switches it off."""
    values: bool = True
    """Reject answers with a number, code or name that fragment and question do not have."""
    pointing: bool = True
    """Reject questions that point at something unnamed ("this parameter", "the above table")."""
    duplicates: bool = True
    """Reject a question that was asked before with the same answer."""
    max_question_chars: PositiveInt = 400
    """Longest question that is kept, in characters."""


class Score(Settings):
    scorer: Literal["base", "current"] = "base"
    """Whose likelihoods the IFD is made of: the base model's, or the one tuned so far."""
    template: str = ""
    """JSON file with `given_question` (holding {input}) and `alone`; empty: the chat template."""
    max_tokens: PositiveInt = 2048
    """Window: question and answer together may have this many tokens."""
    batch_tokens: PositiveInt = 8192
    """Tokens scored together, padding counted."""


class Select(Settings):
    strategy: Literal["hard", "easy", "even", "random", "all", "none"] = "random"
    """Which pairs of earlier generations are replayed, by their IFD."""
    k: NonNegativeInt = 2000
    """How many of them."""


class Train(Settings):
    learning_rate: PositiveFloat = 2e-4
    """Peak learning rate."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """Course of the learning rate within a generation."""
    generation_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Peak learning rate of a generation, as a share of that of the one before."""
    warmup: Share = 0.03
    """Share of the steps with a rising learning rate."""
    weight_decay: NonNegativeFloat = 0.0
    """Weight decay of AdamW."""
    epochs: PositiveInt = 3
    """Passes over the training set in each generation."""
    steps: tuple[PositiveInt, ...] = ()
    """Steps of each generation in place of passes: the order of training is cut or goes on, and
    the last number counts for all further generations."""
    samples: tuple[PositiveInt, ...] = ()
    """Examples of each generation: a larger set is cut to a random part, a smaller one repeats."""
    batch_size: PositiveInt = 16
    """Examples a step, over all micro-batches."""
    micro_batch: PositiveInt = 4
    """Examples in memory at once on each device."""
    max_tokens: PositiveInt = 1024
    """Longest example; a longer one is left out, and counted."""
    rank: PositiveInt = 32
    """Rank of the LoRA adapter, on all linear layers."""
    alpha: PositiveInt = 64
    """Scale of the LoRA adapter is alpha / rank."""
    dropout: ShareBelowOne = 0.0
    """Dropout before the LoRA matrices."""
    rehearsal: ShareBelowOne = 0.0
    """Share of the training set that is rehearsal, against forgetting."""
    rehearsal_file: str = ""
    """JSONL of conversations ({"messages": [...]}) to rehearse; `embedded` for the miniature's."""
    gradient_checkpointing: bool = False
    """Trade time for memory in training."""
    checkpoint_steps: NonNegativeInt = 200
    """Steps between checkpoints within a generation; 0 keeps none but that of Ctrl-C."""
    report_to: tuple[str, ...] = ()
    """Logging back ends of transformers' Trainer, such as tensorboard; none without your word."""

    def of(self, generation: int) -> Train:
        """The same, where `steps` and `samples` have at most one number: this generation's."""

        def mine(numbers: tuple[int, ...]) -> tuple[int, ...]:
            return numbers[generation - 1 : generation] or numbers[-1:]

        return self.model_copy(update={"steps": mine(self.steps), "samples": mine(self.samples)})


class Evaluate(Settings):
    file: str = ""
    """Evaluation set: JSON, JSONL or CSV of instruction (passage), input (question), output."""
    build: Literal["auto", "always", "never"] = "auto"
    """Build test questions from the documents: auto (if there is no file), always, never."""
    questions: PositiveInt = 300
    """How many to build of each kind, on documents trained on and on held-out ones, at most."""
    held_out: Annotated[float, Field(ge=0.0, le=0.2)] = 0.1
    """Share of the documents that is kept out of training for them; none of fewer than five."""
    samples: Annotated[int, Field(ge=2)] = 3
    """Open-book answers that must agree before one of them is the reference of a built question."""
    abilities: NonNegativeInt = 300
    """Questions of general knowledge and skill that the base sets and answers itself, so that what
    training costs is seen; 0 makes none."""
    retention_file: str = ""
    """The same format, for former abilities whose loss is to be seen; `embedded` for its own."""
    limit: NonNegativeInt = 0
    """Take at most this many questions of each set; 0 takes all."""
    top_k: NonNegativeInt = 3
    """Passages that a search gives the model with each test question, in mode `retrieved`; 0
    leaves that mode out."""
    max_tokens: PositiveInt = 384
    """Longest prediction, in tokens."""
    temperature: NonNegativeFloat = 0.0
    """Sampling temperature; 0 is greedy, which is what we recommend."""
    top_p: TopP = 0.95
    """Nucleus of the sampling."""
    resamples: PositiveInt = 10_000
    """Bootstrap resamples behind each interval."""
    against: tuple[str, ...] = ()
    """Other models that answer the same questions: folders, hub names, endpoints
    (http://HOST:PORT/v1#MODEL)."""
    judge: str = ""
    """Who says which of two answers is better, the base's or a generation's: base, a folder, a hub
    name, or an endpoint; empty: nobody. It decides nothing."""


class Promote(Settings):
    rule: Literal["significant", "rises", "always"] = "significant"
    """A generation leads if its gain on the leader has an interval above 0, if it has any gain,
    or in any case."""
    metric: Literal[
        "exact-match", "token-f1", "bleu-4", "rouge-1", "rouge-2", "rouge-l", "sacrebleu", "chrf"
    ] = "exact-match"
    """The closed-book metric that decides; pairs it does not apply to are left out."""
    retention_bound: Points = 5.0
    """Points of former abilities that a leader may lose, at the lower end of the interval."""
    rollback: bool = True
    """Start the next generation from the leader, not from the generation before."""
    on_failure: Literal["lower-rate", "more-rehearsal", "both", "nothing"] = "lower-rate"
    """What changes after a rollback: half the learning rate, twice the rehearsal (up to half)."""
    patience: NonNegativeInt = 2
    """Stop after this many generations in a row that were not promoted; 0 never stops."""


class Config(Settings):
    recipe: str = "default"
    """Name of the recipe this came from."""
    seed: int = 0
    """Every random choice follows from it."""
    generations: PositiveInt = 5
    """How many times to ask, answer, train and evaluate."""
    model: Model = Model()
    domain: Domain = Domain()
    read: Read = Read()
    split: Split = Split()
    ask: Ask = Ask()
    answer: Answer = Answer()
    check: Check = Check()
    score: Score = Score()
    select: Select = Select()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    promote: Promote = Promote()

    def flat(self) -> dict[str, Any]:
        """{"train.learning_rate": 0.0002, …} in the order of definition, JSON values."""
        return {key: getattr_path(self, key) for key, _ in fields()}

    def changed(self, values: dict[str, Any]) -> Config:
        """A copy with flat `values` ({"select.k": "100"}) in place; text is parsed by type."""
        nested = self.model_dump(mode="json")
        for key, value in values.items():
            section, _, name = key.rpartition(".")
            (nested[section] if section else nested)[name] = value
        return parse(nested, COMMAND_LINE)


def getattr_path(config: Config, key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return list(value) if isinstance(value, tuple) else value


def fields() -> Iterator[tuple[str, FieldInfo]]:
    """Every setting as ("train.learning_rate", field), in the order of definition."""
    for name, field in Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            for inner, inner_field in field.annotation.model_fields.items():
                yield f"{name}.{inner}", inner_field
        else:
            yield name, field


def parse(values: Any, origin: str) -> Config:
    """Settings from nested values. Raises UserError that names the key, the value and the cure."""
    if not isinstance(values, dict):
        raise UserError(f"{origin}: expected settings as `section: {{key: value}}`")
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(_explain(origin, one) for one in error.errors())) from None


def load(recipe: str) -> Config:
    """The recipe of that name, or in that YAML file. Raises UserError if there is none."""
    shipped = {path.stem: path for path in sorted(RECIPES.glob("*.yaml"))}
    path = shipped.get(recipe, Path(recipe))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UserError(
            f"--recipe {recipe}: no such recipe or readable file; shipped: {', '.join(shipped)}"
        ) from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    values = {} if values is None else values
    if isinstance(values, dict):
        values.setdefault("recipe", path.stem)
    return parse(values, str(path))


def dump(config: Config) -> str:
    """The whole configuration as YAML that `load` reads back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _explain(origin: str, error: Any) -> str:
    path = [str(part) for part in error["loc"]]
    key = ".".join(path)
    if error["type"] == "extra_forbidden":
        known = [name for name, _ in fields()]
        if len(path) == 1:
            close = nearest(key, list(Config.model_fields))
        else:
            close = nearest(key, [name for name in known if name.startswith(path[0] + ".")])
        return f"{origin}: unknown setting `{key}`; {close}"
    if origin == COMMAND_LINE:
        origin, key = "", "--" + key.replace("_", "-")
    expected = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{origin}{': ' if origin else ''}{key} {error['input']!r}: expected {expected}"
