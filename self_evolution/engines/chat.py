"""Conversations as token ids, whatever the model's chat template and tokenizer are like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from self_evolution.engines.base import Reply
from self_evolution.errors import UserError
from self_evolution.records import Message

IGNORED = -100  # the label that the loss passes over, as in torch and transformers
_MARK = "QXZMARKZXQ"
_THOUGHTS = re.compile(r"^.*?</think>|<think>.*", re.DOTALL)


class Chat:
    """A tokenizer with its chat template.

    Settles once what templates differ in: whether they take a system role (otherwise its text
    goes before the first user turn), what ends an assistant's turn, whether a space precedes it.
    """

    def __init__(self, tokenizer: Any, template: str, thinking: bool, model_stops: object) -> None:
        """`template`: empty, `plain`, or a Jinja file. `model_stops`: eos ids of its config."""
        self.tokenizer = tokenizer
        self._thinking = thinking
        if template:
            tokenizer.chat_template = _template_text(template)
        if not tokenizer.chat_template:
            raise UserError(
                "this model has no chat template (is it a base model?): choose its chat or "
                "instruct variant, or give --model.chat-template plain, or a Jinja file"
            )
        self._takes_system = self._try_system()
        self._lead, self._end = self._reply_frame()
        stops = [tokenizer.eos_token_id, *self._end]
        stops += model_stops if isinstance(model_stops, list) else [model_stops]
        self.stops: list[int] = sorted({id for id in stops if isinstance(id, int)})
        pad = tokenizer.pad_token_id
        self.pad: int = pad if pad is not None else (self.stops[0] if self.stops else 0)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Token ids up to where the assistant's reply begins."""
        return self.text(self._render(messages, prompt=True))

    def text(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def reply(self, text: str) -> list[int]:
        """Token ids of an assistant's reply, without what ends the turn."""
        return self.text(self._lead + text)

    def opening(self) -> list[int]:
        """Token ids of the assistant's header alone (and the start token, if there is one).

        A template without such a header (Mistral) gives that of an empty question.
        """
        question = [{"role": "user", "content": _MARK}]
        before, after = self._render(question, prompt=False), self._render(question, prompt=True)
        header = after[len(before) :] if after.startswith(before) else ""
        if header.strip():
            bos = self.tokenizer.bos_token
            return self.text((bos if bos and after.startswith(bos) else "") + header)
        return self.prompt([{"role": "user", "content": ""}])

    def example(self, messages: Sequence[Message]) -> tuple[list[int], list[int]]:
        """Token ids and labels of a conversation; the labels are the assistant's turns.

        Where the template shows earlier turns differently from how they were asked for (thinking
        models drop the thoughts), only the last turn is a target.
        """
        ids: list[int] = []
        labels: list[int] = []
        for i, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            prompt = self.prompt(messages[:i])
            if prompt[: len(ids)] != ids:
                ids, labels = [], []
            target = self.reply(message["content"]) + self._end
            labels += [IGNORED] * (len(prompt) - len(ids)) + target
            ids = prompt + target
        return ids, labels

    def read(self, ids: Sequence[int]) -> Reply:
        """The text of generated ids: up to the first stop, without thoughts."""
        cut = next((i for i, id in enumerate(ids) if id in self.stops), None)
        text = self.tokenizer.decode(ids[:cut], skip_special_tokens=True)
        return Reply(_THOUGHTS.sub("", text).strip(), "length" if cut is None else "stop")

    def _render(self, messages: Sequence[Message], prompt: bool) -> str:
        turns = [dict(message) for message in messages]
        if turns and turns[0]["role"] == "system" and not self._takes_system:
            system = turns.pop(0)["content"]
            turns[0]["content"] = f"{system}\n\n{turns[0]['content']}"
        text: str = self.tokenizer.apply_chat_template(
            turns,
            tokenize=False,
            add_generation_prompt=prompt,
            enable_thinking=self._thinking,
        )
        return text

    def _try_system(self) -> bool:
        import jinja2

        self._takes_system = True
        turns = [{"role": "system", "content": _MARK}, {"role": "user", "content": "?"}]
        try:
            return _MARK in self._render(turns, prompt=True)
        except jinja2.TemplateError:  # "System role not supported" is raised by the template
            return False

    def _reply_frame(self) -> tuple[str, list[int]]:
        """What stands between the prompt and a reply (a space, or nothing), and what ends it."""
        question = [{"role": "user", "content": "?"}]
        before = self._render(question, prompt=True)
        whole = self._render([*question, {"role": "assistant", "content": _MARK}], prompt=False)
        at = whole.index(_MARK)
        lead = whole[len(before) : at] if whole.startswith(before) else ""
        special = set(self.tokenizer.all_special_ids) | set(self.tokenizer.added_tokens_decoder)
        for id in self.text(whole[at + len(_MARK) :]):
            if id in special:
                return lead, [id]
        eos = self.tokenizer.eos_token_id
        return lead, [] if eos is None else [eos]


def _template_text(template: str) -> str:
    path = Path(__file__).with_name("plain.jinja") if template == "plain" else Path(template)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"--model.chat-template {template}: {error}; expected `plain` or a Jinja file"
        ) from None
