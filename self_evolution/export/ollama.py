"""Format `ollama`: a GGUF file with a Modelfile, whose template is derived from the model's own."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from self_evolution.export import gguf
from self_evolution.export.frames import Frames, frames
from self_evolution.export.job import TEMPLATE, Base, Job
from self_evolution.export.llama_cpp import LlamaCpp, installed
from self_evolution.export.templates import Prompt, plain_text, template_faults, write_template
from self_evolution.models import Generator
from self_evolution.records import Message

MODELFILE = "Modelfile"
ADDRESS = "http://127.0.0.1:11434/v1#tuned"


def check(base: Base) -> int:
    return gguf.check(base)


def foreseen(base: Base, folder: Path) -> Iterator[str]:
    write_template(base, folder)
    yield from template_faults(base, _rendered(base, folder))
    inside = folder / "vocabulary"
    inside.mkdir()
    yield from gguf.vocabulary_faults(base, inside, _served(base, folder).text)


def write(job: Job, folder: Path) -> None:
    gguf.write(job, folder)
    write_template(job, folder)
    (folder / MODELFILE).write_text(_modelfile(job, folder), encoding="utf-8")


def faults(job: Job, folder: Path) -> Iterator[str]:
    if installed():
        render = _served(job, folder).text
        yield from gguf.prompt_faults(job, folder / gguf.name(job), render)
    yield from template_faults(job, _rendered(job, folder))
    if _template(job, folder) not in (folder / MODELFILE).read_text(encoding="utf-8"):
        yield f"template: {MODELFILE} does not have the template that was derived and checked"


def open_model(job: Job, folder: Path) -> Generator | None:
    if not installed():
        return None
    render = _served(job, folder).text
    return LlamaCpp(folder / gguf.name(job), window=gguf.window(job), render=render)


def suspect(job: Job) -> str:
    return gguf.suspect(job)


def usage(job: Job, folder: Path) -> str:
    return f"""\
    cd {shlex.quote(str(folder))} && ollama create tuned -f {MODELFILE}
    ollama run tuned

"""


def _rendered(base: Base, folder: Path) -> Prompt:
    """The prompts that the derived template makes, with the tokenizer of the base."""
    tokenizer, text = plain_text(base.base, folder / TEMPLATE)
    found = frames(text)

    def prompt(messages: Sequence[Message]) -> list[int]:
        ids: list[int] = tokenizer(found.text(messages), add_special_tokens=False)["input_ids"]
        return ids

    return prompt


def _served(base: Base, folder: Path) -> Frames:
    """The frames without the start token, where llama.cpp puts it before each text itself.

    It does so for the models whose tokenizer does.
    """
    tokenizer = base.chat().tokenizer
    begins = tokenizer("?")["input_ids"][:1] == [tokenizer.bos_token_id]
    found = frames(plain_text(base.base, folder / TEMPLATE)[1])
    return found.without(tokenizer.bos_token if begins else "")


def _template(job: Job, folder: Path) -> str:
    return _served(job, folder).go()


def _modelfile(job: Job, folder: Path) -> str:
    """The Modelfile; its parameters are those under which the run was evaluated."""
    settings = job.config.evaluate
    lines = [
        f"FROM ./{gguf.name(job)}",
        f'TEMPLATE """{_template(job, folder)}"""',
        f"PARAMETER num_ctx {gguf.window(job)}",
        f"PARAMETER num_predict {settings.max_tokens}",
        f"PARAMETER temperature {settings.temperature:g}",
        f"PARAMETER top_p {settings.top_p:g}",
        "PARAMETER repeat_penalty 1",
    ]
    chat = job.chat()
    stops = [chat.tokenizer.convert_ids_to_tokens(id) for id in chat.stops]
    lines += [f"PARAMETER stop {json.dumps(stop, ensure_ascii=False)}" for stop in stops]
    return "\n".join(lines) + "\n"
