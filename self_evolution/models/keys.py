"""Keys of endpoints: from the environment alone, each to one host, and not in clear over a net."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from self_evolution.errors import UserError
from self_evolution.models.address import Address, address, is_address

KEY = "SELF_EVOLUTION_API_KEY"
"""The variable with the key of the only host; `KEY_HOST` has that of one among several."""


def variable(host: str) -> str:
    """The variable that this host's key is taken from: its own if there is one, also if empty."""
    own = _own(host)
    return own if own in os.environ else KEY


def key(place: Address) -> str:
    """The key for it, or empty. Raises UserError if it is none, or would be seen on its way."""
    name = variable(place.host)
    found = os.environ.get(name, "").strip()
    if not found.isascii() or not found.isprintable():
        raise UserError(f"{name}: not a key, which has plain letters, digits and signs only")
    if found and place.base.startswith("http://") and not place.near:
        raise UserError(
            f"{place.base}: the key in {name} would go there unencrypted; give an address with "
            "https://, in numbers if it is of your own network, or take the key away"
        )
    return found


def refuse_shared(names: Iterable[str]) -> None:
    """Raises UserError if several hosts among the models `names` would get the same key."""
    hosts = dict.fromkeys(address(name).host for name in names if is_address(name))
    takers: dict[str, list[str]] = {}
    for host in hosts:
        takers.setdefault(variable(host), []).append(host)
    for name, some in takers.items():
        if len(some) > 1 and os.environ.get(name, "").strip():
            raise UserError(
                f"{name}: this key would go to {' and '.join(some)}; give each its own, in "
                f"{' and '.join(map(_own, some))} (empty for none)"
            )


def _own(host: str) -> str:
    return f"{KEY}_{re.sub(r'[^A-Z0-9]', '_', host.upper())}"
