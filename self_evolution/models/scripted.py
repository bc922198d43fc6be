"""An engine without a model, for dry runs and tests: replies come from rules or a function.

Its "adapter" is a memory of the pairs it was trained on, so that a whole run has something to
evaluate: with the book closed, it answers a trained question from memory.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from self_evolution.config import Config, Model
from self_evolution.errors import Stopped, UserError
from self_evolution.files import complete
from self_evolution.models.adapter import digest, require_adapter
from self_evolution.models.base.digest import sampled_digest
from self_evolution.models.base.gguf_cache import is_gguf
from self_evolution.models.base.memory import Shape
from self_evolution.models.protocols import (
    EVERYTHING,
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

Script = Callable[[Sequence[Message]], str]
MEMORY = "memory.json"
CAPABILITIES: frozenset[Capability] = EVERYTHING - {"logprobs", "sharing", "served"}
_WORD = re.compile(r"\w+|[^\w\s]")
_PIECE = re.compile(r"\s*\S+")


def opens(name: str) -> bool:
    return Path(name).is_file() and not is_gguf(name)


def check(settings: Model) -> None:
    _from_file(settings.name)


def identity(settings: Model) -> dict[str, str]:
    check(settings)
    return {"script": sampled_digest(Path(settings.name))}


def settled(settings: Config) -> Config:
    return settings


def shape(settings: Model) -> Shape | None:
    return None


def open_counter(settings: Model) -> TokenCounter:
    return count


def open_model(settings: Model) -> Engine:
    return ScriptedEngine(settings)


def count(texts: Sequence[str]) -> list[int]:
    return [len(_WORD.findall(text)) for text in texts]


class ScriptedEngine:
    """Replies by `script(messages)`, or by the rules in the JSON file that `settings.name` gives.

    The file: {"rules": [{"pattern": REGEX, "reply": TEXT}, …], "default": TEXT}. The first pattern
    found in the last message gives the reply, in which \\1 stands for its first group.
    """

    capabilities = CAPABILITIES
    window = 1 << 20
    revision = ""
    concurrency = 1

    def __init__(self, settings: Model, script: Script | None = None) -> None:
        self._script = script or _from_file(settings.name)
        self._memory: dict[str, str] = {}

    def close(self) -> None:
        """Do nothing: the engine holds no resources."""

    def begin_batch(self) -> None:
        """Do nothing: the engine remembers nothing."""

    def count(self, texts: Sequence[str]) -> list[int]:
        return count(texts)

    def set_adapter(self, folder: Path | None, sha256: str = "") -> None:
        self._memory = {}
        if folder is not None:
            require_adapter(folder, MEMORY, sha256)
            self._memory = json.loads((folder / MEMORY).read_text(encoding="utf-8"))

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
        check_request("the scripted engine", self.capabilities, params, on_text)
        replies = [self._reply(messages, params.max_tokens, weights) for messages in prompts]
        if on_text:
            for i, reply in enumerate(replies):
                for piece in _PIECE.findall(reply.text):
                    on_text(i, piece)
        return replies

    def _reply(self, messages: Sequence[Message], limit: int, weights: Weights) -> Reply:
        question = messages[-1]["content"] if messages else ""
        remembered = self._memory.get(question) if weights == "current" else None
        words = list(_WORD.finditer(text := remembered or self._script(messages)))
        finish_reason = "length" if len(words) > limit else "stop"
        if finish_reason == "length":
            text = text[: words[limit - 1].end()]
        return Reply(text.strip(), finish_reason, self.text_ids(text))

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        return [1, *(id for message in messages for id in self.text_ids(message["content"])), 2]

    def opening_ids(self) -> list[int]:
        return [1, 2]

    def text_ids(self, text: str, *, reply: bool = False) -> list[int]:
        return [zlib.crc32(word.encode()) for word in _WORD.findall(text)]

    def id_texts(self, ids: Sequence[int]) -> list[str]:
        return [str(id) for id in ids]  # an id is a checksum of a word, from which no word follows

    def nll(self, rows: Sequence[Row], weights: Weights) -> list[float]:
        """A word that is in the prompt costs 0.5 nats, any other 2; one from memory 0.1."""
        known = set()
        if weights == "current":
            known = {tuple(self.text_ids(text)) for text in self._memory.values()}
        result = []
        for prompt, answer in rows:
            seen = set(prompt)
            costs = [0.5 if id in seen else 2.0 for id in answer]
            result.append(0.1 if tuple(answer) in known else sum(costs) / len(costs))
        return result

    def train(self, job: TrainingJob) -> Trained:
        size = job.settings.batch_size
        steps = job.settings.steps[0] if job.settings.steps else -(-len(job.conversations) // size)
        for step in range(1, steps + 1):
            job.on_loss(2.0 if step == 1 else 0.1)
            if job.on_step(step, steps) and step < steps:
                raise Stopped
        seen = job.conversations[: steps * size]
        learnt = {turns[-2]["content"]: turns[-1]["content"] for turns in seen}
        memory = json.dumps(self._memory | learnt, ensure_ascii=False, sort_keys=True)
        with complete(job.folder) as folder:
            folder.mkdir(parents=True)
            (folder / MEMORY).write_text(memory, encoding="utf-8")
        self.set_adapter(job.folder)
        sha256 = digest(job.folder / MEMORY)
        return Trained(sha256, len(job.conversations), steps, 2.0, 0.1, 0.0)


def _from_file(name: str) -> Script:
    expected = 'expected JSON {"rules": [{"pattern": REGEX, "reply": TEXT}], "default": TEXT}'
    try:
        table = json.loads(Path(name).read_text(encoding="utf-8"))
        rules = [(re.compile(rule["pattern"], re.DOTALL), rule["reply"]) for rule in table["rules"]]
        default = str(table["default"])
    except OSError as error:
        raise UserError(f"--model {name}: {error.strerror}; {expected}") from None
    except (ValueError, KeyError, TypeError, re.error) as error:
        raise UserError(f"--model {name}: {error!r}; {expected}") from None

    def reply(messages: Sequence[Message]) -> str:
        text = messages[-1]["content"] if messages else ""
        for pattern, template in rules:
            if match := pattern.search(text):
                return match.expand(template)
        return default

    return reply
