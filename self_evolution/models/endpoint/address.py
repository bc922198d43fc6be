"""The address of an endpoint, as people write it: http://HOST[:PORT]/v1#MODEL."""

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
    def is_private(self) -> bool:
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


def parse_address(name: str) -> Address:
    """Raises UserError if `name` is not an address, or contains a secret, which the run would
    store."""
    # No error repeats what may be a secret; an @ may also stand in a model's name.
    shown = "http://…" if "@" in name or "?" in name else printable(name)
    invalid = UserError(f"{shown}: not an address; {EXPECTED}")
    if not name.isprintable():
        raise invalid
    try:
        parts = urlsplit(name)
    except ValueError:
        raise invalid from None
    host = parts.hostname or ""
    if "@" in parts.netloc or parts.query:
        raise UserError(
            f"{parts.scheme}://{host}: neither password nor query may stand in an endpoint's "
            f"address, which the run keeps; {EXPECTED}, and the key in SELF_EVOLUTION_API_KEY"
        )
    try:
        port = parts.port
    except ValueError:
        raise invalid from None
    if not is_address(name) or not host:
        raise invalid
    authority = f"[{host}]" if ":" in host else host
    authority += f":{port}" if port else ""
    base = f"{parts.scheme.lower()}://{authority}{parts.path.rstrip('/')}"
    return Address(base.removesuffix("/chat/completions"), parts.fragment, host)
