"""Conversations as token ids, for any chat template and tokenizer."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

from self_evolution.errors import UserError
from self_evolution.models.base.location import NO_TEMPLATE
from self_evolution.models.reply import (
    MARKERS,
    OPENINGS,
    Reply,
    thinking_options,
    without_thoughts,
)
from self_evolution.models.training.job import IGNORED
from self_evolution.records import Message

_KNOWN = 256
"""Prompts whose ids are remembered."""
_MARK = "QXZMARKZXQ"
_PRIVATE = range(0x100000, 0x10FFFE)
"""Characters without a meaning, which no vocabulary contains."""

_TODAY = datetime.date(2024, 7, 26)
_DATE = re.compile(r"""strftime_now\(\s*(["'])(.*?)\1\s*\)""")


class Chat:
    """A tokenizer with its chat template.

    Templates differ, so three things are found out once: whether it has a system role (otherwise
    that text goes before the first user turn), what ends an assistant's turn, and what precedes it.
    """

    def __init__(self, tokenizer: Any, template: str, thinking: bool, model_stops: object) -> None:
        """`template`: empty, `plain`, or a Jinja file. `model_stops`: eos ids of its config."""
        self.tokenizer = tokenizer
        self._thinking = thinking
        # The same prompt is measured, counted and put, one after the other.
        self._known = lru_cache(_KNOWN)(self._prompt)
        if template:
            tokenizer.chat_template = _template_text(template)
        if not tokenizer.chat_template:
            raise UserError(NO_TEMPLATE)
        tokenizer.chat_template = _undated(tokenizer.chat_template)
        special = [
            (id, token.content)
            for id, token in tokenizer.added_tokens_decoder.items()
            if token.special and token.content not in ("<think>", "</think>")
        ]
        # These are left out of the text of a reply, but for the marks around thoughts.
        self._silent = {id for id, word in special if word not in MARKERS}
        words = sorted((word for _, word in special), key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, words)) or r"(?!)")
        try:
            self.takes_system = self._try_system()
            self._before = self._render([{"role": "user", "content": "?"}], prompt=True)
            self._before_ids = self.text(self._before)
            # Some templates open the thought themselves, so that the reply only closes it.
            opened = (one for one in OPENINGS if self._before.rstrip().endswith(one))
            self._thought = next(opened, "")
            self._lead, self._end = self._reply_frame()
        except (jinja2.TemplateError, ValueError) as error:
            raise UserError(
                f"{template or 'the chat template of this model'} does not show a question and "
                f"its answer ({error}); give another --model.chat-template: plain, or a Jinja file"
            ) from None
        stops = [tokenizer.eos_token_id, *self._end[-1:]]
        stops += model_stops if isinstance(model_stops, list) else [model_stops]
        self.stops: list[int] = sorted({id for id in stops if isinstance(id, int)})
        self._user = self._user_opening()
        pad = tokenizer.pad_token_id
        self.pad: int = pad if pad is not None else (self.stops[0] if self.stops else 0)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Token ids up to where the assistant's reply begins; without messages, up to where the
        user's turn begins.

        In the second case the list is empty if the template does not show where the user's turn
        begins and what ends it.
        """
        if not messages:
            return list(self._user)
        return list(self._known(tuple((one["role"], one["content"]) for one in messages)))

    def _prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        roles = [role for role, _ in messages]

        def render(contents: list[str]) -> str:
            pairs = zip(roles, contents, strict=True)
            turns = [{"role": role, "content": content} for role, content in pairs]
            return self._render(turns, prompt=True)

        return self._guarded([content for _, content in messages], render)

    def text(self, text: str) -> list[int]:
        """Token ids of a text, in which the strings of special tokens become those tokens."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def reply(self, text: str) -> list[int]:
        """Token ids of an assistant's reply, without the end of the turn.

        They are the ids after a prompt: some tokenizers begin a separate text with a space.
        """
        if not text:
            return []
        before, size = self._before + self._lead, len(self._before_ids)
        whole = self._guarded([text], lambda contents: before + contents[0])
        if whole[:size] == self._before_ids:
            return whole[size:]
        # Its first character would merge with the prompt.
        return self._guarded([text], lambda contents: self._lead + contents[0])

    def opening(self) -> list[int]:
        """Token ids of the assistant's header alone (and the start token, if there is one).

        For a template without such a header (Mistral) they are those of an empty question.
        """
        question = [{"role": "user", "content": _MARK}]
        without = self.text(self._render(question, prompt=False))
        ids = self.prompt(question)
        pairs = enumerate(zip(ids, without, strict=False))
        same = next((i for i, (a, b) in pairs if a != b), min(len(ids), len(without)))
        if not self.tokenizer.decode(ids[same:]).strip():
            return self.prompt([{"role": "user", "content": ""}])
        start = self.tokenizer.bos_token_id
        # In ChatML the start token of some models (SmolLM2) begins each header.
        return [id for id in ids[:1] if id == start != ids[same]] + ids[same:]

    def example(self, messages: Sequence[Message]) -> tuple[list[int], list[int]]:
        """Token ids and labels of a conversation; the labels are the assistant's turns.

        A turn of the assistant with the weight 0 is context, and no target.
        If the template shows earlier turns differently from how they were asked for (thinking
        models drop the thoughts), only the last turn is a target.
        """
        ids: list[int] = []
        labels: list[int] = []
        for i, message in enumerate(messages):
            if message["role"] != "assistant" or str(message.get("weight")) == "0":
                continue
            prompt = self.prompt(messages[:i])
            if prompt[: len(ids)] != ids:
                ids, labels = [], []
            target = self.reply(message["content"]) + self._end
            labels += [IGNORED] * (len(prompt) - len(ids)) + target
            ids = prompt + target
        return ids, labels

    def read(self, ids: Sequence[int]) -> Reply:
        """Return the reply in the generated ids, up to the first stop."""
        cut = next((i for i, id in enumerate(ids) if id in self.stops), None)
        text = self.tokenizer.decode([id for id in ids[:cut] if id not in self._silent])
        return Reply(
            without_thoughts(self._thought + text),
            "length" if cut is None else "stop",
            list(ids if cut is None else ids[: cut + 1]),
        )

    def _guarded(self, contents: list[str], render: Callable[[list[str]], str]) -> list[int]:
        """Token ids of `render(contents)`, in which special-token strings of a content are plain
        text.

        A document may contain such a string, for example that for the end of a turn. A separator is
        inserted into the string, which makes it plain text, and the separator's own tokens are then
        removed: so nothing else is tokenized differently. If that cannot be done, the string is
        left out.
        """
        if not any(map(self._special.search, contents)):
            return self.text(render(contents))
        used = set("".join(contents))
        mark = next((chr(code) for code in _PRIVATE if chr(code) not in used), "")
        ids = None
        if mark and self.tokenizer.is_fast:
            ids = self._unmarked(render([self._broken(text, mark) for text in contents]), mark)
        return ids or self.text(render([self._broken(text, "") for text in contents]))

    def _broken(self, text: str, mark: str) -> str:
        """Insert `mark` into each special-token string of `text`; an empty mark removes the
        strings."""

        def broken(found: re.Match[str]) -> str:
            return found[0][0] + mark + found[0][1:] if mark and len(found[0]) > 1 else ""

        while self._special.search(text):  # again: words overlap, or join where one was left out
            text = self._special.sub(broken, text)
        return text

    def _unmarked(self, text: str, mark: str) -> list[int] | None:
        """Token ids of `text` without its separators; None if one shares a token with other
        letters."""
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        parts = [text[start:end] for start, end in encoded["offset_mapping"]]
        if any(mark in part and part != mark for part in parts):
            return None
        return [id for id, part in zip(encoded["input_ids"], parts, strict=True) if part != mark]

    def _render(self, messages: Sequence[Message], prompt: bool) -> str:
        turns = [dict(message) for message in messages]
        if turns and turns[0]["role"] == "system" and not self.takes_system:
            system = turns.pop(0)["content"]
            turns[0]["content"] = f"{system}\n\n{turns[0]['content']}"
        text: str = self.tokenizer.apply_chat_template(
            turns,
            tokenize=False,
            add_generation_prompt=prompt,
            **thinking_options(self._thinking),
        )
        return text

    def _try_system(self) -> bool:
        self.takes_system = True
        turns = [{"role": "system", "content": _MARK}, {"role": "user", "content": "?"}]
        try:
            return _MARK in self._render(turns, prompt=True)
        except jinja2.TemplateError:  # "System role not supported" is raised by the template
            return False

    def _user_opening(self) -> list[int]:
        """The ids before a user's first message, if it ends with a token that ends replies too."""
        whole = self._render([{"role": "user", "content": _MARK}], prompt=True)
        before, _, after = whole.partition(_MARK)
        return self.text(before) if self.text(after)[:1] in [[id] for id in self.stops] else []

    def _reply_frame(self) -> tuple[str, list[int]]:
        """The text between a prompt and its reply (a space, or nothing), and its end."""
        turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _MARK}]
        whole = self._render(turns, prompt=False)
        at = whole.index(_MARK)
        lead = whole[len(self._before) : at] if whole.startswith(self._before) else ""
        special = set(self.tokenizer.all_special_ids) | set(self.tokenizer.added_tokens_decoder)
        end = self.text(whole[at + len(_MARK) :])
        for i, id in enumerate(end):
            if id in special:
                return lead, end[: i + 1]
        eos = self.tokenizer.eos_token_id
        return lead, [] if eos is None else [eos]


def _undated(template: str | dict[str, str]) -> str:
    """Return the template with a fixed date, so that prompts do not change during a run.

    Where there are several named templates, the default one is taken.
    """
    text = template if isinstance(template, str) else template.get("default", "")
    return _DATE.sub(lambda match: repr(_TODAY.strftime(match[2])), text)


def _template_text(template: str) -> str:
    path = Path(__file__).with_name("plain.jinja") if template == "plain" else Path(template)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"--model.chat-template {template}: {error}; expected `plain` or a Jinja file"
        ) from None
