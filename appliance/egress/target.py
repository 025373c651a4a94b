"""A URL that somebody typed, as the parts that are really used.

Owns reading and refusing URLs. The connection is made from these parts and from nothing else, so
that no second parser can see another host in the same text.

Source: the URL standard for what browsers take as a host; RFC 3986 for the rest.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from urllib.parse import quote, urljoin, urlsplit

import idna
from msgspec import Struct

from appliance.egress.addresses import read_literal
from appliance.errors import Rejected

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL_CHARS = 8_000
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
URL_CHARS = "!#$%&'()*+,/:;=?@[]~"


class Target(Struct, frozen=True, kw_only=True):
    """Where a request goes.

    ``host`` is in ASCII and lower case, an IPv6 address without brackets; ``path`` includes the
    query.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """The value of the ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return self.scheme, self.host, self.port


def refuse(reason: str) -> Rejected:
    """Build the error for an address that must not be reached."""
    return Rejected(reason, code="egress_denied")


def read_target(url: str) -> Target:
    """Return the parts of ``url``.

    Raises:
        Rejected: It is not an absolute http or https URL with a plain host and no credentials.
    """
    if len(url) > MAX_URL_CHARS or UNSAFE.search(url):
        raise refuse("The address has blanks, control characters or backslashes, or is too long.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise refuse("The address is not a URL.") from exc
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise refuse("The address must begin with http:// or https://.")
    if "@" in parts.netloc:
        raise refuse("The address must not hold a user name or password.")
    if port == 0:
        raise refuse("The address has no usable port.")
    path = quote(parts.path or "/", safe=URL_CHARS)
    if parts.query:
        path += "?" + quote(parts.query, safe=URL_CHARS)
    host = read_host(parts.hostname or "")
    return Target(scheme=scheme, host=host, port=port or DEFAULT_PORTS[scheme], path=path)


def read_redirect(base: Target, location: str) -> Target:
    """Return where ``location`` leads from ``base``.

    Raises:
        Rejected: It is not an address to follow.
    """
    if UNSAFE.search(location):
        raise refuse("The server redirects to something that is not an address.")
    try:
        url = urljoin(f"{base.scheme}://{base.host_header}{base.path}", location)
    except ValueError as exc:
        raise refuse("The server redirects to something that is not an address.") from exc
    return read_target(url)


def read_host(host: str) -> str:
    """Return ``host`` in ASCII.

    Raises:
        Rejected: It is no host name, or a number that some program would take for an address.
    """
    literal = read_literal(host)
    if literal is not None:
        if isinstance(literal, IPv6Address) and literal.scope_id is not None:
            raise refuse("The address names a network interface.")
        return str(literal)
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError as exc:
        raise refuse("The host of the address is not a name.") from exc
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise refuse("The host of the address is not a name.")
    if NUMBER.fullmatch(labels[-1]) and read_literal(name) is None:
        raise refuse("The host of the address is a number; write it as four decimal numbers.")
    return name
