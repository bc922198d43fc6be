"""Measures the base model: what it can do with an open book and what it does not know.

Run `python -m tools.miniature.measure [MODEL]` for the table.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from self_evolution.miniature import EVALUATION, MODEL, RETENTION
from tools.miniature.lessons import ASK_FIRST, ASK_NEXT, Conversation, conversation
from tools.miniature.wordings import TYPES
from tools.miniature.world import Entity, domain_entities

ASKED = 4
"""Questions put to a fragment in one conversation."""


def load(path: Path) -> tuple[Any, Any]:
    """Tokenizer (padding left, as generation needs) and model in float32."""
    tokenizer = AutoTokenizer.from_pretrained(path, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    return tokenizer, model.eval()


def reply(
    tokenizer: Any, model: Any, chats: list[Conversation], temperature: float = 0.0
) -> list[str]:
    """The assistant's next text for each conversation; greedy at temperature 0."""
    replies: list[str] = []
    choice: dict[str, Any] = {"do_sample": False}
    if temperature:
        choice = {"do_sample": True, "temperature": temperature, "top_k": 0}
    for start in range(0, len(chats), 64):
        part = chats[start : start + 64]
        texts = tokenizer.apply_chat_template(part, add_generation_prompt=True, tokenize=False)
        ids = tokenizer(texts, return_tensors="pt", padding=True, return_token_type_ids=False)
        with torch.inference_mode():
            out = model.generate(**ids, max_new_tokens=48, **choice)
        new = out[:, ids["input_ids"].shape[1] :]
        replies += tokenizer.batch_decode(new, skip_special_tokens=True)
    return replies


def contains(answer: str, values: list[str]) -> bool:
    """Whether every value stands in the answer as a whole word."""
    return all(re.search(rf"(?<![\w-]){re.escape(v)}(?![\w-])", answer) for v in values)


def exact_match(tokenizer: Any, model: Any, items: list[dict[str, Any]], open_book: bool) -> float:
    """The share of items whose value is in the greedy answer."""
    chats = [
        conversation(f"{item['instruction']}\n\n{item['input']}" if open_book else item["input"])
        for item in items
    ]
    replies = reply(tokenizer, model, chats)
    hits = [contains(text, item["values"]) for text, item in zip(replies, items, strict=True)]
    return sum(hits) / len(hits)


def asked_key(entity: Entity, text: str) -> str | None:
    """Return the attribute that a question asks for in an asking wording; None for other
    questions."""
    for attribute in TYPES[entity.kind]:
        if text in {entity.say(wording) for wording in attribute.asking}:
            return attribute.key
    return None


def ask(tokenizer: Any, model: Any, fragments: list[str], temperature: float) -> list[list[str]]:
    """Four questions for each fragment, asked in one conversation each."""
    chats = [conversation(f"{fragment}\n\n{ASK_FIRST}") for fragment in fragments]
    for turn in range(ASKED):
        replies = reply(tokenizer, model, chats, temperature)
        for chat, text in zip(chats, replies, strict=True):
            chat.append({"role": "assistant", "content": text})
            if turn < ASKED - 1:
                chat.append({"role": "user", "content": ASK_NEXT})
    return [[m["content"] for m in chat if m["role"] == "assistant"] for chat in chats]


def asking_shares(
    tokenizer: Any, model: Any, fragments: list[str], temperature: float
) -> tuple[float, float]:
    """The share of valid questions, and of questions about a fact not asked for before."""
    torch.manual_seed(0)
    valid = distinct = 0
    asked = ask(tokenizer, model, fragments, temperature)
    for entity, questions in zip(domain_entities(), asked, strict=True):
        keys = [asked_key(entity, question) for question in questions]
        valid += sum(key is not None for key in keys)
        distinct += len({key for key in keys if key is not None})
    total = ASKED * len(fragments)
    return valid / total, distinct / total


def read(path: Path) -> list[dict[str, Any]]:
    """The records of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def table(path: Path = MODEL) -> str:
    """All measurements of a base model as lines of text."""
    tokenizer, model = load(path)
    items, kept = read(EVALUATION), read(RETENTION)
    known = [item for item in kept if not item["instruction"]]
    unseen = [item for item in kept if item["instruction"]]
    fragments = list(dict.fromkeys(item["instruction"] for item in items))
    rows = [
        ("domain, open book, exact match", exact_match(tokenizer, model, items, True)),
        ("domain, closed book, exact match", exact_match(tokenizer, model, items, False)),
        ("known entities, closed book", exact_match(tokenizer, model, known, False)),
        ("unseen entities, open book", exact_match(tokenizer, model, unseen, True)),
    ]
    for temperature in (0.0, 0.7, 1.0):
        valid, distinct = asking_shares(tokenizer, model, fragments, temperature)
        rows.append((f"asking at temperature {temperature}: valid questions", valid))
        rows.append((f"asking at temperature {temperature}: distinct facts", distinct))
    return "\n".join(f"{name:<46} {figure:.3f}" for name, figure in rows)


if __name__ == "__main__":
    print(table(Path(sys.argv[1]) if len(sys.argv) > 1 else MODEL))
