"""The fixed words around the texts of a conversation, taken from a rendered chat template.

Most chat templates write fixed words before, between and after the messages. These words are found
by rendering marks in place of texts. From them the same prompt is made in another language of
templates, such as that of Go, which Ollama uses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from self_evolution.errors import UserError
from self_evolution.records import Message

_MARKS = ("QXZONEXQ", "QXZTWOXQ", "QXZTHREEXQ")

_UNKNOWN = (
    "this chat template cannot be written for Ollama ({}); --to gguf keeps the template as it is, "
    "and llama.cpp's own server renders it"
)


class Frames(NamedTuple):
    """The fixed words of a template.

    `start`: before the first question. `system`: before and after a system text. `reply`: between
    the last question and the reply. `answer`: between an earlier question and its answer. `next`:
    between an answer and the next question.
    """

    start: str
    system: tuple[str, str]
    reply: str
    answer: str
    next: str

    def text(self, messages: Sequence[Message]) -> str:
        """A conversation as text, up to where the reply begins."""
        parts = []
        for place, message in enumerate(messages):
            content, last = message["content"], place == len(messages) - 1
            if message["role"] == "system":
                parts += [self.system[0], content, self.system[1]]
            elif message["role"] == "user":
                parts += ["" if place else self.start, content, self.reply if last else self.answer]
            else:
                parts += [content, "" if last else self.next]
        return "".join(parts)

    def without(self, beginning: str) -> Frames:
        """The frames without a word at the beginning of each prompt, which the server adds."""
        before, after = self.system
        system = (before.removeprefix(beginning), after)
        return self._replace(start=self.start.removeprefix(beginning), system=system)

    def go(self) -> str:
        """The template in the language of Go, as Ollama executes it."""
        return (
            "{{- range $i, $m := .Messages }}"
            "{{- $last := eq (len (slice $.Messages $i)) 1 }}\n"
            f'{{{{- if eq $m.Role "system" }}}}{_go(self.system[0])}{{{{ $m.Content }}}}'
            f"{_go(self.system[1])}\n"
            f'{{{{- else if eq $m.Role "user" }}}}{{{{ if eq $i 0 }}}}{_go(self.start)}'
            "{{ end }}{{ $m.Content }}"
            f"{{{{ if $last }}}}{_go(self.reply)}{{{{ else }}}}{_go(self.answer)}{{{{ end }}}}\n"
            f"{{{{- else }}}}{{{{ $m.Content }}}}{{{{ if not $last }}}}{_go(self.next)}"
            "{{ end }}\n{{- end }}\n{{- end }}"
        )


def frames(text: Callable[[Sequence[Message]], str]) -> Frames:
    """The frames of a template that makes `text` of a conversation.

    Raises UserError if the template does not write the same words around each message.
    """
    one, two, three = _MARKS
    start, reply = _between(text([_user(one)]), one)
    before, middle, same = _between(
        text([{"role": "system", "content": two}, _user(one)]), two, one
    )
    first, answer, following, last = _between(
        text([_user(one), {"role": "assistant", "content": two}, _user(three)]), one, two, three
    )
    if (same, first, last) != (reply, start, reply):
        raise UserError(_UNKNOWN.format("its words depend on the number of turns"))
    return Frames(start, (before, middle), reply, answer, following)


def _between(text: str, *marks: str) -> list[str]:
    parts = []
    for mark in marks:
        before, found, text = text.partition(mark)
        if not found:
            raise UserError(_UNKNOWN.format("it leaves out a message, or changes the order"))
        parts.append(before)
    return [*parts, text]


def _user(content: str) -> Message:
    return {"role": "user", "content": content}


def _go(text: str) -> str:
    """A text as an action of Go's templates; JSON's escapes are Go's too."""
    return f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}" if text else ""
