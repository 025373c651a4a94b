"""The address of a Redis or Valkey server.

Owns reading it, and what of it may be shown: never the credentials. Talking to the server is left
to ``redis_cache``.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from msgspec import Struct

from appliance.errors import ConfigurationError

SETTING = "CSAI_CACHE_URL"
DEFAULT_PORT = 6379
CA_OPTION = "ssl_ca_certs"


class RedisAddress(Struct, frozen=True, kw_only=True):
    """Where the server is and how to get in. ``ca_file`` names whom to trust besides the usual."""

    host: str
    port: int = DEFAULT_PORT
    database: int = 0
    username: str | None = None
    password: str | None = None
    is_tls: bool = False
    ca_file: str | None = None

    @property
    def shown(self) -> str:
        """The address without its credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self.is_tls else 'redis'}://{host}:{self.port}/{self.database}"

    def __repr__(self) -> str:
        return f"RedisAddress({self.shown})"


def parse_redis_url(url: str) -> RedisAddress:
    """Read ``redis://[user:password@]host[:port][/database]``, ``rediss`` for TLS.

    Raises:
        ConfigurationError: It is no such address; says what is wrong, not what was given.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refuse("its host or port is wrong") from error
    if parts.scheme not in ("redis", "rediss"):
        raise _refuse("it begins with neither redis:// nor rediss://")
    if not parts.hostname:
        raise _refuse("it names no host")
    if parts.fragment:
        raise _refuse("a # in the password is written %23")
    is_tls = parts.scheme == "rediss"
    return RedisAddress(
        host=unquote(parts.hostname),
        port=DEFAULT_PORT if port is None else port,
        database=_read_database(parts),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        is_tls=is_tls,
        ca_file=_read_ca_file(parts, is_tls=is_tls),
    )


def _read_database(parts: SplitResult) -> int:
    text = parts.path.strip("/")
    if text and not (text.isascii() and text.isdecimal()):
        raise _refuse("after the host comes the number of a database")
    return int(text or 0)


def _read_ca_file(parts: SplitResult, *, is_tls: bool) -> str | None:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    path = options.pop(CA_OPTION, None)
    if options:
        raise _refuse(f"the only option is {CA_OPTION}, a file of certificates to trust")
    if path is not None and not is_tls:
        raise _refuse(f"{CA_OPTION} needs rediss://")
    if path is not None and not Path(path).is_file():
        raise _refuse(f"there is no file {path!r} for {CA_OPTION}")
    return path


def _refuse(reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"{SETTING} is no address of a cache server: {reason}. Give an address such as "
        "redis://user:password@127.0.0.1:6379/0.",
        setting=SETTING,
    )
