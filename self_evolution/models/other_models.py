"""Models that a run only asks, as rivals, judges or teachers: from a folder, the hub or an
endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from self_evolution.config import Model
from self_evolution.errors import UserError
from self_evolution.models import engines
from self_evolution.models.base.gguf_cache import SUFFIX
from self_evolution.models.endpoint.address import is_address, parse_address
from self_evolution.models.protocols import Generator
from self_evolution.records import content_id

AGAINST, JUDGE, TEACHER = "--evaluate.against", "--evaluate.judge", "--ask.teacher"
"""The flags that name them."""

GENERATOR = "--model.generator"


class OtherModel(NamedTuple):
    """A model that is not trained here; `identity` differs between models of the same name."""

    identity: str
    generator: Generator


def check(own: Model, name: str, flag: str) -> None:
    """Raises UserError, with `flag` before the name, if the model could not be asked later."""
    try:
        if is_address(name):
            _open_endpoint(own, name)
        else:
            engines.check(settings_of(own, name))
    except UserError as error:
        raise _with_flag(error, flag) from None


def open_model(own: Model, name: str, flag: str) -> OtherModel:
    """Load the model, or connect to it. Raises UserError as `check` does."""
    try:
        if is_address(name):
            return _open_endpoint(own, name)
        settings = settings_of(own, name)
        generator = engines.open_generator(settings)
        return OtherModel(identity(engines.identity(settings), generator.revision), generator)
    except UserError as error:
        raise _with_flag(error, flag) from None


def identity(files: dict[str, str], revision: str) -> str:
    """One id for `files` (of `engines.identity`) and the revision of a model from a hub."""
    return content_id(files | ({"revision": revision} if revision else {}))


def settings_of(own: Model, name: str) -> Model:
    """The settings of the run's model, except its engine, server and chat template."""
    engine = engines.engine_for(name)
    return own.model_copy(
        update={"name": name, "engine": engine, "generator": "", "chat_template": ""}
    )


def notice(name: str, flag: str) -> str:
    """A sentence for people on what is sent to which host; empty if the model is private.

    Raises UserError if the name begins like an address but is none.
    """
    try:
        host = remote_host(name)
    except UserError as error:
        raise _with_flag(error, flag) from None
    what = "questions, references and answers" if flag == JUDGE else "questions and passages"
    return f"{what} go to {host}" if host else ""


def remote_host(name: str) -> str:
    """The host that conversations would go to; empty if it is this machine or a private one."""
    if not is_address(name):
        return ""
    address = parse_address(name)
    return "" if address.is_private else address.host


def label(name: str, identity: str = "") -> str:
    """A short name for people: the folder's own, or MODEL at HOST:PORT.

    The `identity` of an endpoint tells its model, also where the name does not.
    """
    if not is_address(name):
        file = Path(name).suffix in (".json", SUFFIX)
        return Path(name).stem if file else name.rstrip("/").split("/")[-1]
    address = parse_address(identity or name)
    authority = address.base.partition("://")[2].partition("/")[0]
    return f"{address.model} at {authority}" if address.model else authority


def _open_endpoint(own: Model, name: str) -> OtherModel:
    from self_evolution.models.endpoint.endpoint import Endpoint

    endpoint = Endpoint(name, own.thinking)
    return OtherModel(endpoint.identity, endpoint)


def _with_flag(error: UserError, flag: str) -> UserError:
    """Return the error with this flag in place of --model, which names the run's own model."""
    text = str(error)
    text = text.replace("--model ", f"{flag} ", 1) if "--model " in text else f"{flag} {text}"
    return UserError(f"{text}\n`{flag} ''` goes on without")
