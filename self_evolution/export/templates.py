"""The chat template as an exported folder has it: it renders what the run's own model was shown."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from self_evolution.export.conversations import CONVERSATIONS
from self_evolution.export.job import TEMPLATE, Base
from self_evolution.models.reply import thinking_options
from self_evolution.records import Message

Prompt = Callable[[Sequence[Message]], list[int]]
"""The token ids of a conversation up to where the reply begins."""

_TOKENIZER = (
    *("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json"),
    *("added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "spiece.model", "tekken.json"),
)
# Where a template has no system role, its text stands before the first question, as in the run.
_SYSTEM_FIRST = """\
{%- if messages and messages[0]['role'] == 'system' -%}
{%- set first = messages[0]['content'] + '\\n\\n' + messages[1]['content'] -%}
{%- set messages = [{'role': 'user', 'content': first}] + messages[2:] -%}
{%- endif -%}
"""


def write_template(base: Base, folder: Path) -> None:
    """Write the template so that it needs no options to render what the run rendered.

    It has the run's fixed date, says itself whether the model thinks, and takes a system message.
    """
    chat = base.chat()
    options = thinking_options(base.settings.thinking)
    settled = "".join(
        f"{{%- set {name} = {name} | default({json.dumps(value)}) -%}}\n"
        for name, value in options.items()
    )
    system = "" if chat.takes_system else _SYSTEM_FIRST
    text = settled + system + chat.tokenizer.chat_template
    (folder / TEMPLATE).write_text(text, encoding="utf-8")


def copy_tokenizer(base: Base, folder: Path) -> None:
    """Copy the base's tokenizer, whose configuration then leaves the template to its file."""
    for name in _TOKENIZER:
        if (base.base / name).is_file():
            shutil.copyfile(base.base / name, folder / name)
    path = folder / "tokenizer_config.json"
    if path.is_file():
        config = json.loads(path.read_text(encoding="utf-8"))
        config.pop("chat_template", None)
        path.write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    write_template(base, folder)


def template_faults(base: Base, exported: Prompt) -> Iterator[str]:
    """Describe the first conversation of which `exported` makes other token ids than the run."""
    own = base.chat()
    for number, messages in enumerate(CONVERSATIONS, 1):
        try:
            same = exported(messages) == own.prompt(messages)
        except Exception as error:  # a template may raise anything
            yield f"template: conversation {number} of {len(CONVERSATIONS)} fails ({error})"
            return
        if not same:
            yield (
                f"template: conversation {number} of {len(CONVERSATIONS)} becomes other tokens "
                "than in the run, so the model is not asked as it was trained"
            )
            return


def plain_text(tokenizer: Path, template: Path) -> tuple[Any, Callable[[Sequence[Message]], str]]:
    """The tokenizer in a folder, and the text of a conversation by the template in a file.

    The template is rendered as another program does it, without any option.
    """
    import transformers

    found = transformers.AutoTokenizer.from_pretrained(
        str(tokenizer), trust_remote_code=False, local_files_only=True
    )
    found.chat_template = template.read_text(encoding="utf-8")

    def text(messages: Sequence[Message]) -> str:
        turns = [dict(message) for message in messages]
        return str(found.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))

    return found, text


def plain_prompt(tokenizer: Path, template: Path) -> Prompt:
    """Return a function that renders a conversation as `plain_text` does, as token ids."""
    found, text = plain_text(tokenizer, template)

    def prompt(messages: Sequence[Message]) -> list[int]:
        ids: list[int] = found(text(messages), add_special_tokens=False)["input_ids"]
        return ids

    return prompt
