"""The API keys of endpoints.

They come from the environment alone. Each goes to one host only, and never unencrypted to a host
outside.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from self_evolution.errors import UserError
from self_evolution.models.endpoint.address import Address, is_address, parse_address

KEY = "SELF_EVOLUTION_API_KEY"
"""The variable for the key of a single host; `KEY_HOST` has the key of one of several hosts."""


def variable(host: str) -> str:
    """Return the variable for the key of `host`: its own if it is set, even to an empty text."""
    own = _own(host)
    return own if own in os.environ else KEY


def find_key(address: Address) -> str:
    """Return the key, or an empty text. Raises UserError if it is malformed, or would go
    unencrypted."""
    name = variable(address.host)
    found = os.environ.get(name, "").strip()
    if not found.isascii() or not found.isprintable():
        raise UserError(f"{name}: not a key, which has plain letters, digits and signs only")
    if found and address.base.startswith("http://") and not address.is_private:
        raise UserError(
            f"{address.base}: the key in {name} would go there unencrypted; give an address with "
            "https://, in numbers if it is of your own network, or take the key away"
        )
    return found


def refuse_shared_key(names: Iterable[str]) -> None:
    """Raises UserError if several hosts among the models `names` would get the same key."""
    hosts = dict.fromkeys(parse_address(name).host for name in names if is_address(name))
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
