"""Fifty conversations with which two ways of rendering a chat are compared."""

from __future__ import annotations

from collections.abc import Iterator

from self_evolution.records import Message

_QUESTIONS = (
    "What is the port of server Alpha?",
    "Which alarm stops the pump,\nand who resets it?",
    "如何查询可用的加密套件集名称？",
    "Wie hoch ist die Grenze für Ω in «Anlage 7»?",
    'Is `{{ .Content }}` or {% if x %} "quoted" text here?',
    "a\n\n- b\n- c\n\n| x | y |\n|---|---|\n| 1 | 2 |",
    "1,250.00 € ± 0.5 mm → 10^-6 😀",
    "if a == 'b' and c != \"d\": return [x for x in y]",
    "Why?",
    "The valve opens at 250 rpm; the default is 100. " * 6 + "What is the default?",
)
_ANSWERS = ("4711.", "Alarm 4711 stops it.\n\nThe operator resets it.", "使用命令查询。", "Yes.")
_SYSTEM = (
    "You answer from the handbook of the plant.",
    "Be brief.\nAnswer in the language of the question.",
    "回答要简短。",
)


def _made() -> Iterator[list[Message]]:
    """One to four questions, the last one open, each conversation without and with a system
    message."""
    for number in range(25):
        turns: list[Message] = []
        for turn in range(number % 4):
            at = number + 3 * turn
            turns.append({"role": "user", "content": _QUESTIONS[at % len(_QUESTIONS)]})
            turns.append({"role": "assistant", "content": _ANSWERS[at % len(_ANSWERS)]})
        turns.append({"role": "user", "content": _QUESTIONS[(7 * number) % len(_QUESTIONS)]})
        yield turns
        yield [{"role": "system", "content": _SYSTEM[number % len(_SYSTEM)]}, *turns]


CONVERSATIONS = list(_made())
"""25 conversations, each twice: without a system message, and with one."""
