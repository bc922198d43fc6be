"""Format `adapter`: the LoRA adapter alone, for every program that loads PEFT's format."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from self_evolution.export.adapter_files import CONFIG, adapter_faults
from self_evolution.export.job import TEMPLATE, Base, Job
from self_evolution.export.templates import plain_prompt, template_faults, write_template
from self_evolution.models import Generator, open_engine
from self_evolution.models.base.memory import BYTES, adapter_weights, shape
from self_evolution.models.training import lora

ADDRESS = ""


def check(base: Base) -> int:
    return BYTES["float32"] * adapter_weights(shape(base.base), base.config.train)


def foreseen(base: Base, folder: Path) -> Iterator[str]:
    write_template(base, folder)
    yield from template_faults(base, plain_prompt(base.base, folder / TEMPLATE))


def write(job: Job, folder: Path) -> None:
    shutil.copyfile(job.adapter / lora.WEIGHTS, folder / lora.WEIGHTS)
    config = json.loads((job.adapter / CONFIG).read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = str(job.base)
    text = json.dumps(config, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")
    write_template(job, folder)


def faults(job: Job, folder: Path) -> Iterator[str]:
    yield from adapter_faults(folder, job.base)
    yield from template_faults(job, plain_prompt(job.base, folder / TEMPLATE))


def open_model(job: Job, folder: Path) -> Generator | None:
    template = {"chat_template": str(folder / TEMPLATE)}
    engine = open_engine(job.settings.model_copy(update=template))
    engine.set_adapter(folder)
    return engine


def suspect(job: Job) -> str:
    return "precision: this machine computes otherwise than the one that the run was made on"


def usage(job: Job, folder: Path) -> str:
    return f"""\
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained({str(job.base)!r})
    tokenizer.chat_template = open({str(folder / TEMPLATE)!r}, encoding="utf-8").read()
    model = AutoModelForCausalLM.from_pretrained({str(job.base)!r}, dtype="auto")
    model = PeftModel.from_pretrained(model, {str(folder)!r})
"""
