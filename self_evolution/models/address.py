"""Addresses of endpoints, as people write them: http://HOST[:PORT]/v1#MODEL."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from self_evolution.errors import UserError, printable

EXPECTED = "expected http://HOST:PORT/v1#MODEL"


class Address(NamedTuple):
    """`base` ends before `/chat/completions`; `model` is empty where none is named."""

    base: str
    model: str
    host: str

    @property
    def near(self) -> bool:
        """Whether the host is this machine, or has an address that is not reached from outside."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            found = ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return found.is_loopback or found.is_private


def is_address(name: str) -> bool:
    return name.lower().startswith(("http://", "https://"))


def address(name: str) -> Address:
    """Raises UserError if it is none, or has what would be kept in the run: a password, a key."""
    # No error repeats what may be a secret; an @ may also stand in a model's name.
    told = "http://…" if "@" in name or "?" in name else printable(name)
    none = UserError(f"{told}: not an address; {EXPECTED}")
    if not name.isprintable():
        raise none
    try:
        parts = urlsplit(name)
    except ValueError:
        raise none from None
    host = parts.hostname or ""
    if "@" in parts.netloc or parts.query:
        raise UserError(
            f"{parts.scheme}://{host}: neither password nor query may stand in an endpoint's "
            f"address, which the run keeps; {EXPECTED}, and the key in SELF_EVOLUTION_API_KEY"
        )
    try:
        port = parts.port
    except ValueError:
        raise none from None
    if not is_address(name) or not host:
        raise none
    place = f"[{host}]" if ":" in host else host
    place += f":{port}" if port else ""
    base = f"{parts.scheme.lower()}://{place}{parts.path.rstrip('/')}"
    return Address(base.removesuffix("/chat/completions"), parts.fragment, host)
