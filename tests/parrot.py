"""A small engine, as docs/how-to-add-an-engine.md describes it: it says only what it has read.

It asks for, and answers with, facts of the form "The KEY of THING is VALUE." Its adapter is a file
of the answers that it has learnt. A token is a character.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from self_evolution.config import Config, Model
from self_evolution.errors import Stopped, UserError
from self_evolution.files import complete
from self_evolution.models.adapter import digest, require_adapter
from self_evolution.models.protocols import (
    Capability,
    Engine,
    OnText,
    Row,
    SamplingParams,
    Seeds,
    Weights,
    check_request,
)
from self_evolution.models.reply import Reply
from self_evolution.models.tokens import TokenCounter
from self_evolution.models.training.job import Trained, TrainingJob
from self_evolution.records import Message

CAPABILITIES: frozenset[Capability] = frozenset({"token_ids", "scoring", "training"})
FILE = "answers.json"
_FACT = re.compile(r"The (\w+) of ([\w ]+?) is ([^.]+)\.")


def opens(name: str) -> bool:
    return name.startswith("parrot:")


def check(settings: Model) -> None:
    if not opens(settings.name):
        raise UserError(f"--model {settings.name}: expected parrot:NAME")


def identity(settings: Model) -> dict[str, str]:
    return {"parrot": settings.name}


def settled(settings: Config) -> Config:
    return settings


def shape(settings: Model) -> None:
    return None


def open_counter(settings: Model) -> TokenCounter:
    return lambda texts: [len(text) for text in texts]


def open_model(settings: Model) -> Engine:
    return Parrot()


class Parrot:
    capabilities = CAPABILITIES
    revision = ""
    concurrency = 1
    window = 1 << 14

    def __init__(self) -> None:
        self._learnt: dict[str, str] = {}

    def close(self) -> None:
        self._learnt = {}

    def begin_batch(self) -> None:
        """Nothing is kept between two calls."""

    def fits(self, messages: Sequence[Message], max_tokens: int) -> bool:
        return len(self.prompt_ids(messages)) + max_tokens <= self.window

    def generate(
        self,
        prompts: Sequence[Sequence[Message]],
        params: SamplingParams,
        seed: Seeds,
        weights: Weights,
        on_text: OnText | None = None,
    ) -> list[Reply]:
        check_request("a parrot", self.capabilities, params, on_text)
        texts = [self._text(messages[-1]["content"], weights) for messages in prompts]
        return [
            Reply(
                text[: params.max_tokens].strip(),
                "length" if len(text) > params.max_tokens else "stop",
                self.text_ids(text[: params.max_tokens]),
            )
            for text in texts
        ]

    def _text(self, prompt: str, weights: Weights) -> str:
        if weights == "current" and prompt in self._learnt:
            return self._learnt[prompt]
        fact = _FACT.search(prompt)
        if fact is None:
            return "Nothing."
        return f"What is the {fact[1]} of {fact[2]}?" if "Ask" in prompt else fact[0]

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        return [0, *self.text_ids("\n".join(message["content"] for message in messages)), 0]

    def opening_ids(self) -> list[int]:
        return [0]

    def text_ids(self, text: str, *, reply: bool = False) -> list[int]:
        return [ord(letter) for letter in text]

    def id_texts(self, ids: Sequence[int]) -> list[str]:
        return [chr(id) for id in ids]

    def nll(self, rows: Sequence[Row], weights: Weights) -> list[float]:
        return [sum(0.5 if id in prompt else 3.0 for id in ids) / len(ids) for prompt, ids in rows]

    def set_adapter(self, folder: Path | None, sha256: str = "") -> None:
        self._learnt = {}
        if folder is not None:
            require_adapter(folder, FILE, sha256)
            self._learnt = json.loads((folder / FILE).read_text(encoding="utf-8"))

    def train(self, job: TrainingJob) -> Trained:
        if job.on_step(1, 2):
            raise Stopped
        job.on_step(2, 2)
        learnt = {turns[-2]["content"]: turns[-1]["content"] for turns in job.conversations}
        with complete(job.folder) as folder:
            folder.mkdir(parents=True)
            text = json.dumps(self._learnt | learnt, sort_keys=True)
            (folder / FILE).write_text(text, encoding="utf-8")
        self.set_adapter(job.folder)
        return Trained(digest(job.folder / FILE), len(job.conversations), 2, 3.0, 0.5, 0.0)
