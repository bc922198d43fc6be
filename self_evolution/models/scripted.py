"""An engine without a model: replies come from rules or a function. For dry runs and tests.

Its "adapter" is a memory of the pairs it was trained on, so that a whole run has something to
evaluate: a question it was trained on is answered from memory, closed book.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from self_evolution.config import Model, Train
from self_evolution.errors import Stopped, UserError
from self_evolution.models.adapter import require_adapter
from self_evolution.models.protocols import Reply, Row, Sampling, Who
from self_evolution.models.training import Trained
from self_evolution.records import Message

Script = Callable[[Sequence[Message]], str]
MEMORY = "memory.json"
_WORD = re.compile(r"\w+|[^\w\s]")


class ScriptedEngine:
    """Replies by `script(messages)`, or by the rules in the JSON file that `settings.name` gives.

    The file: {"rules": [{"pattern": REGEX, "reply": TEXT}, …], "default": TEXT}. The first pattern
    found in the last message gives the reply, in which \\1 stands for its first group.
    """

    window = 1 << 20
    revision = ""
    at_once = 1

    def __init__(self, settings: Model, script: Script | None = None) -> None:
        self._script = script or _from_file(settings.name)
        self._memory: dict[str, str] = {}

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(_WORD.findall(text)) for text in texts]

    def use(self, adapter: Path | None, sha256: str = "") -> None:
        self._memory = {}
        if adapter is not None:
            require_adapter(adapter, MEMORY, sha256)
            self._memory = json.loads((adapter / MEMORY).read_text(encoding="utf-8"))

    def fits(self, messages: Sequence[Message], max_tokens: int) -> bool:
        return len(self.prompt_ids(messages)) + max_tokens <= self.window

    def generate(
        self, prompts: Sequence[Sequence[Message]], sampling: Sampling, seed: int, who: Who
    ) -> list[Reply]:
        return [self._reply(messages, sampling.max_tokens, who) for messages in prompts]

    def _reply(self, messages: Sequence[Message], limit: int, who: Who) -> Reply:
        remembered = self._memory.get(messages[-1]["content"]) if who == "current" else None
        words = list(_WORD.finditer(text := remembered or self._script(messages)))
        if len(words) > limit:
            return Reply(text[: words[limit - 1].end()].strip(), "length")
        return Reply(text.strip(), "stop")

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        return [1, *(id for message in messages for id in self.text_ids(message["content"])), 2]

    def opening_ids(self) -> list[int]:
        return [1, 2]

    def text_ids(self, text: str, *, reply: bool = False) -> list[int]:
        return [zlib.crc32(word.encode()) for word in _WORD.findall(text)]

    def nll(self, rows: Sequence[Row], who: Who) -> list[float]:
        """A word that the prompt has costs 0.5 nats, any other 2; one from memory 0.1."""
        known = set()
        if who == "current":
            known = {tuple(self.text_ids(text)) for text in self._memory.values()}
        result = []
        for prompt, answer in rows:
            seen = set(prompt)
            costs = [0.5 if id in seen else 2.0 for id in answer]
            result.append(0.1 if tuple(answer) in known else sum(costs) / len(costs))
        return result

    def train(
        self,
        conversations: Sequence[Sequence[Message]],
        settings: Train,
        learning_rate: float,
        folder: Path,
        seed: int,
        on_step: Callable[[int, int], bool],
    ) -> Trained:
        steps = (
            settings.steps[0] if settings.steps else -(-len(conversations) // settings.batch_size)
        )
        for step in range(1, steps + 1):
            if on_step(step, steps) and step < steps:
                raise Stopped
        seen = conversations[: steps * settings.batch_size]
        learnt = {turns[-2]["content"]: turns[-1]["content"] for turns in seen}
        memory = json.dumps(self._memory | learnt, ensure_ascii=False, sort_keys=True)
        temporary = folder.with_name(folder.name + ".tmp")
        for stale in (temporary, folder):
            shutil.rmtree(stale, ignore_errors=True)
        temporary.mkdir(parents=True)
        (temporary / MEMORY).write_text(memory, encoding="utf-8")
        temporary.rename(folder)
        self.use(folder)
        digest = hashlib.sha256(memory.encode()).hexdigest()
        return Trained(digest, len(conversations), steps, 2.0, 0.1)


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
        text = messages[-1]["content"]
        for pattern, template in rules:
            if match := pattern.search(text):
                return match.expand(template)
        return default

    return reply
