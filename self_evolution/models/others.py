"""Models besides the run's own, by name: a folder, a hub name, a script (dry runs), an endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from self_evolution.config import Model
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.models import weights
from self_evolution.models.address import address, is_address
from self_evolution.models.protocols import Speaker
from self_evolution.records import content_id

AGAINST, JUDGE = "--evaluate.against", "--evaluate.judge"
"""The flags that name them."""


class Other(NamedTuple):
    """A model that is not trained here; `identity` tells it from another of the same name."""

    identity: str
    speaker: Speaker


def look(own: Model, name: str, flag: str) -> None:
    """Raises UserError, with `flag` before the name, where it could not be asked later."""
    try:
        if is_address(name):
            _endpoint(own, name)
            return
        settings = settings_of(own, name)
        weights.require_here(settings)
        weights.require_template(settings)
    except UserError as error:
        raise _by_flag(error, flag) from None


def open_other(own: Model, name: str, flag: str) -> Other:
    """Load it, or reach it. Raises UserError as `look` does."""
    try:
        if is_address(name):
            return _endpoint(own, name)
        from self_evolution.models import open_engine

        settings = settings_of(own, name)
        speaker = open_engine(settings)
        return Other(identity(weights.identity(settings), speaker.revision), speaker)
    except UserError as error:
        raise _by_flag(error, flag) from None


def identity(files: dict[str, str], revision: str) -> str:
    """Of a model that is not an endpoint: `files` as of `weights.identity`, a hub's by revision."""
    return content_id(files | ({"revision": revision} if revision else {}))


def base_identity(ledger: Ledger) -> str:
    """Of a run's own model."""
    return identity(ledger.meta("model") or {}, ledger.meta("revision") or "")


def settings_of(own: Model, name: str) -> Model:
    """Settings for it: those of the run's model, with a chat template and weights of its own."""
    engine = "scripted" if Path(name).is_file() else "transformers"
    return own.model_copy(update={"name": name, "engine": engine, "chat_template": ""})


def told(name: str, flag: str) -> str:
    """What to say before the model that `flag` names is asked for anything; empty if it is near.

    Raises UserError if the name is no address but begins like one.
    """
    try:
        host = far(name)
    except UserError as error:
        raise _by_flag(error, flag) from None
    what = "questions, references and answers" if flag == JUDGE else "questions and passages"
    return f"{what} go to {host}" if host else ""


def far(name: str) -> str:
    """The host that conversations would go to, if that is neither here nor near; or empty."""
    if not is_address(name):
        return ""
    place = address(name)
    return "" if place.near else place.host


def label(name: str, identity: str = "") -> str:
    """A short name for people: the folder's own, or MODEL at HOST:PORT.

    `identity` of an endpoint tells its model, also where the name does not.
    """
    if not is_address(name):
        return Path(name).stem if Path(name).suffix == ".json" else name.rstrip("/").split("/")[-1]
    found = address(identity or name)
    place = found.base.partition("://")[2].partition("/")[0]
    return f"{found.model} at {place}" if found.model else place


def _endpoint(own: Model, name: str) -> Other:
    from self_evolution.models.endpoint import Endpoint

    found = Endpoint(name, own.thinking)
    return Other(found.identity, found)


def _by_flag(error: UserError, flag: str) -> UserError:
    """The same said of this flag, where the run's own model has another."""
    text = str(error)
    text = text.replace("--model ", f"{flag} ", 1) if "--model " in text else f"{flag} {text}"
    return UserError(f"{text}\n`{flag} ''` goes on without")
