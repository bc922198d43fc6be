"""Checks before a run starts that the model, files and other models named in settings exist.

A mistake is found at once, and not after hours of work.
"""

from __future__ import annotations

from collections.abc import Container

from self_evolution.config import Config
from self_evolution.documents.readers.items import read_conversations, read_items
from self_evolution.documents.readers.pairs import read_pairs
from self_evolution.errors import UserError
from self_evolution.models import engines, other_models
from self_evolution.models.cluster import ray_session
from self_evolution.models.endpoint.keys import refuse_shared_key
from self_evolution.models.endpoint.lora_server import LoraServer
from self_evolution.models.ifd import read_template
from self_evolution.models.training.log_backends import check_report_to
from self_evolution.progress import Progress
from self_evolution.prompts import Prompts
from self_evolution.run.side_files import FAQ, side_files


def check_files(settings: Config) -> None:
    """Raises UserError if the model's folder, or a file, is missing or not what it should be."""
    engines.check_engine(settings.model)
    if settings.train.processes or settings.train.parallel != "auto":  # else it is what is there
        engines.parallel(settings)
    ray_session.check(settings)
    check_report_to(settings.train.report_to)
    if settings.train.objective == "distill" and settings.train.lead:
        raise UserError(
            "--train.objective distill and --train.lead true do not go together: the base does not "
            "begin its answers with the thing asked for, so its soft targets would unteach that; "
            "leave one of them out"
        )
    prompts = Prompts(settings.domain)
    if settings.ask.rewrites and not prompts.rewrites:
        raise UserError(
            f"--ask.rewrites {settings.ask.rewrites}: the prompt profile {settings.domain.prompts} "
            "lists no `rewrites`, so no text can be written; add them to the profile, or leave "
            "--ask.rewrites out"
        )
    _refuse_faq_of_others(settings)
    files = side_files(settings)
    for key, path in files.items():
        if not path.is_file():
            raise UserError(f"--{key.replace('_', '-')} {path}: no such file")
    for key in ("evaluate.file", "evaluate.retention_file"):
        if key in files:
            read_items(files[key])
    if "ask.pairs" in files:
        read_pairs(files["ask.pairs"])
    elif not settings.ask.per_fragment:
        raise UserError(
            "--ask.per-fragment 0 asks no question, so there would be nothing to train on; give "
            "your own pairs with --pairs FILE, or a number from 1 on"
        )
    read_template(settings.score.template)
    if "train.rehearsal_file" in files:
        read_conversations(files["train.rehearsal_file"])
    elif settings.train.rehearsal and not any(settings.rehearse.counts().values()):
        raise UserError(
            "--train.rehearsal needs conversations: give --train.rehearsal-file, or let the base "
            "make some (--rehearse.topics)"
        )


def _refuse_faq_of_others(settings: Config) -> None:
    """The FAQ that ships says nothing about documents of the user's own, and its test questions
    nothing about what was learnt from pairs of the user's own."""
    own = FAQ if "embedded" in settings.read.documents else ""
    for flag, name, about in (
        ("--pairs", settings.ask.pairs, own),
        ("--eval", settings.evaluate.file, own and settings.ask.pairs),
    ):
        if name == FAQ and about != FAQ:
            raise UserError(
                f"{flag} {FAQ}, as in the recipe `demo`, is about the handbook that ships, and not "
                f"about your documents and pairs; give your own file with {flag} FILE"
            )


def check_others(settings: Config, known: Container[str], progress: Progress) -> None:
    """Raises UserError if another model, except the `known` ones, could not be asked later.

    An endpoint is asked for its models; the user is first told if its host is not private.
    """
    judge = settings.evaluate.judge
    named = [(name, other_models.AGAINST) for name in settings.evaluate.against]
    if judge and not Prompts(settings.domain).judges:
        raise UserError(
            f"--evaluate.judge {judge}: the prompt profile {settings.domain.prompts} has no "
            "`judge`, so it cannot be asked; leave the judge out, or take another profile"
        )
    if judge and judge != "base":
        named.append((judge, other_models.JUDGE))
    if teacher := settings.ask.teacher:
        named.append((teacher, other_models.TEACHER))
    if generator := settings.model.generator:
        progress.print_once(other_models.notice(generator, other_models.GENERATOR))
        LoraServer(generator)
    notices = [other_models.notice(*one) for one in named]
    refuse_shared_key([*(name for name, _ in named), *([generator] if generator else [])])
    for (name, flag), text in zip(named, notices, strict=True):
        if name not in known:
            progress.print_once(text)
            other_models.check(settings.model, name, flag)
