"""A GGUF file in this process, through llama-cpp-python where it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from self_evolution.models.protocols import (
    Capability,
    OnText,
    SamplingParams,
    Seeds,
    Weights,
    seeds_of,
)
from self_evolution.models.reply import Reply, without_thoughts
from self_evolution.records import Message


def installed() -> bool:
    return importlib.util.find_spec("llama_cpp") is not None


class LlamaCpp:
    """Generates with a GGUF file; prompts are made by its own template and tokenizer.

    `render`: another way to make the text of a conversation. `vocabulary`: read no weights, so
    that only prompts can be made. Raises ValueError if llama.cpp cannot load the file.
    """

    capabilities: frozenset[Capability] = frozenset()
    revision = ""
    concurrency = 1

    def __init__(
        self,
        path: Path,
        window: int = 512,
        vocabulary: bool = False,
        render: Callable[[Sequence[Message]], str] | None = None,
    ) -> None:
        import llama_cpp
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        self._model: Any = llama_cpp.Llama(
            model_path=str(path), n_ctx=window, vocab_only=vocabulary, verbose=False
        )
        self._window = window
        self._render = render
        words = self._model.metadata
        self._formatter = Jinja2ChatFormatter(
            template=words.get("tokenizer.chat_template", ""),
            eos_token=self._word(self._model.token_eos()),
            bos_token=self._word(self._model.token_bos()),
        )

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The token ids of a conversation as llama.cpp sees it."""
        if self._render:
            text, begins = self._render(messages), False
        else:
            made = self._formatter(messages=list(messages))
            text, begins = made.prompt, made.added_special
        return self._tokens(text, begins=not begins)

    def text(self, text: str) -> list[int]:
        """The token ids of a text alone."""
        return self._tokens(text, begins=False)

    def _tokens(self, text: str, begins: bool) -> list[int]:
        ids: list[int] = self._model.tokenize(text.encode("utf-8"), add_bos=begins, special=True)
        return ids

    def fits(self, messages: Sequence[Message], max_tokens: int) -> bool:
        return len(self.prompt(messages)) + max_tokens <= self._window

    def generate(
        self,
        prompts: Sequence[Sequence[Message]],
        params: SamplingParams,
        seed: Seeds,
        weights: Weights,
        on_text: OnText | None = None,
    ) -> list[Reply]:
        return [
            self._reply(messages, params, one % 2**31)
            for messages, one in zip(prompts, seeds_of(seed, len(prompts)), strict=True)
        ]

    def close(self) -> None:
        self._model.close()

    def _reply(self, messages: Sequence[Message], params: SamplingParams, seed: int) -> Reply:
        import llama_cpp

        prompt, ids = self.prompt(messages), list[int]()
        self._model.set_seed(seed)
        sampled = self._model.generate(
            prompt,
            temp=params.temperature,
            top_p=params.top_p,
            top_k=0,
            min_p=0.0,
            repeat_penalty=1.0,
        )
        finish = "length"
        for id in islice(sampled, params.max_tokens):
            if llama_cpp.llama_vocab_is_eog(self._model._model.vocab, id):
                finish = "stop"
                break
            ids.append(id)
        # Its own text of a reply leaves out bytes that are no text, which the run's shows as �.
        text = self._model.detokenize(ids, prev_tokens=prompt).decode("utf-8", errors="replace")
        return Reply(without_thoughts(text), finish)

    def _word(self, token: int) -> str:
        if token < 0:
            return ""
        found: str = self._model._model.token_get_text(token)
        return found
