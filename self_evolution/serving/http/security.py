"""Who may call the service: its own pages and programs on its own names, with the token if any."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import socket
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

from self_evolution.errors import UserError
from self_evolution.serving.http.problems import Refusal

COOKIE = "self_evolution_login"
_SHORTEST = 16
_PAGE = re.compile(r"(/[A-Za-z0-9_-]+)+")
"""The pages that a login leads to, beside `/`: a path of this form is on no other host."""
_HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""Headers of every response: nothing from another host, no inline script, no copy in a cache.

No other site is told a Referer. Our own is, as browsers would otherwise hide the Origin of a form.
"""


def read_token(file: Path) -> str:
    """The token in a file. Raises UserError if it is not there, or too short to be a secret."""
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"--token-file {file}: {error}; expected a file with a secret in it, such as "
            "`openssl rand -hex 32` prints"
        ) from None
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable():
        raise UserError(
            f"--token-file {file}: expected at least {_SHORTEST} printable ASCII characters, such "
            "as `openssl rand -hex 32` prints"
        )
    return token


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def login_for(path: str) -> str:
    """The address of the login that leads to a page."""
    return f"/login?to={path}" if page_after_login(path) == path != "/" else "/login"


def page_after_login(wanted: str) -> str:
    """The page that was wanted if it can be trusted to be one of these, else the first one."""
    return wanted if _PAGE.fullmatch(wanted) else "/"


class Access:
    """Decides about a request by its headers, whose names are in lower case.

    The Host must be a name of the service. Otherwise any page could have the browser of a visitor
    call it, by giving its own name the address of the service (DNS rebinding). An address instead
    of a name cannot be given away like this, so it is always allowed where the service listens to
    other machines.
    """

    def __init__(self, host: str, token: str = "", names: tuple[str, ...] = ()) -> None:
        """`host` is what the service listens on; `names` are further names of this machine."""
        self._local = is_loopback(host)
        self._names = {"localhost", host, *names}
        if not self._local:
            self._names |= {socket.gethostname(), socket.getfqdn()}
        self._names = {name.lower() for name in self._names}
        self._token = token.encode()

    def check(self, headers: Mapping[str, str], open_to_all: bool) -> None:
        """Raises Refusal: 403 for another Host or Origin, 401 without the token."""
        host = headers.get("host", "")
        if not self._is_own(host):
            raise Refusal(403, "this Host is not a name of the service", "host")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise Refusal(403, "a page of another origin may not call the service", "origin")
        if not open_to_all and not self._is_known(headers):
            raise Refusal(
                401,
                "the token is missing or wrong; send it as `Authorization: Bearer TOKEN`",
                "invalid_api_key",
                {"WWW-Authenticate": "Bearer"},
            )

    def is_token(self, text: str) -> bool:
        """Whether a text is the token; the time this takes does not depend on the text."""
        return hmac.compare_digest(text.encode(), self._token)

    @property
    def needs_token(self) -> bool:
        return bool(self._token)

    @property
    def cookie(self) -> str:
        """The value of the cookie after a login. The token cannot be found out from it."""
        return hmac.new(self._token, b"login", hashlib.sha256).hexdigest()

    def _is_own(self, host: str) -> bool:
        found = _HOST.fullmatch(host.lower())
        if found is None:
            return False
        name = found[1].strip("[]")
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._local

    def _is_known(self, headers: Mapping[str, str]) -> bool:
        if not self._token:
            return True
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(given.strip()):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        value = cookie.value if cookie else ""
        return hmac.compare_digest(value.encode(), self.cookie.encode())
