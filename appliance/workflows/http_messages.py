"""What HTTP nodes send and what they make of an answer, in all their versions.

Owns n8n's way of writing values into queries and bodies, and of reading answers into items; which
parameter says what is left to the nodes.
"""

from __future__ import annotations

import codecs
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Literal
from urllib.parse import quote

from msgspec import Struct, field

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.whole_characters import join_halves
from appliance.errors import AuthFailed, Rejected, Unavailable
from appliance.ports.outbound_http import OutboundRequest, OutboundResponse
from appliance.workflows.conversions import encode_json, parse_json, to_text
from appliance.workflows.field_paths import set_path
from appliance.workflows.items import Item

ArrayForm = Literal["brackets", "indices", "repeat"]
MAX_REDIRECTS = 10
_MAX_TIMEOUT_S = 120.0
_RETRY_STATUSES = (408, 425, 429, 500, 502, 503, 504)
_CHARSET = re.compile(r"charset=([^;,\s]+)", re.I)
_NOT_OF_THE_WEB = ("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape")
"""Codecs of Python's own; the first two take long for long texts."""
_PLAIN = "-_.!~*'()"
"""What JavaScript's ``encodeURIComponent`` leaves as it is."""


class HttpCall(Struct, kw_only=True):
    """One request as a node puts it together; header names are in lower case.

    ``credential_hosts`` are set by a credential that goes along.
    """

    method: str
    url: str
    query: JsonObject = field(default_factory=dict)
    arrays: ArrayForm = "indices"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_s: float = 30.0
    max_redirects: int = 0
    credential_hosts: tuple[str, ...] | None = None

    def build(self) -> OutboundRequest:
        """Return the request as it is sent.

        Raises:
            Rejected: The address is none.
        """
        url = self.url.strip().replace(" ", "%20")
        if not url.startswith(("http://", "https://")):
            raise Rejected(f"the address {url!r} does not start with http:// or https://")
        if query := encode_query(self.query, self.arrays):
            url += ("&" if "?" in url else "?") + query
        return OutboundRequest(
            method=self.method.upper(),
            url=url,
            headers=self.headers,
            body=self.body,
            timeout_s=min(self.timeout_s, _MAX_TIMEOUT_S),
            max_redirects=min(self.max_redirects, MAX_REDIRECTS),
            credential_hosts=self.credential_hosts,
        )


def encode_query(values: Mapping[str, JsonValue], arrays: ArrayForm = "indices") -> str:
    """Return ``values`` as a query: ``a[x]=1`` for what is within, lists in the given form."""
    pairs = (pair for name, value in values.items() for pair in _flatten(name, value, arrays))
    return "&".join(f"{_escape(name)}={_escape(text)}" for name, text in pairs)


def _escape(text: str) -> str:
    return quote(text, safe=_PLAIN)


def _flatten(name: str, value: JsonValue, arrays: ArrayForm) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flatten(f"{name}[{key}]", inner, arrays)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            suffix = {"brackets": "[]", "indices": f"[{index}]", "repeat": ""}[arrays]
            yield from _flatten(name + suffix, inner, arrays)
    else:
        yield name, "" if value is None else to_text(value)


def collect(
    pairs: Iterable[tuple[str, JsonValue]], *, keeps_all: bool = False, is_nested: bool = False
) -> JsonObject:
    """Return named values as an object.

    Args:
        pairs: In the node's order.
        keeps_all: A name that comes again makes a list; otherwise its last value counts.
        is_nested: ``a.b`` is a field within a field.
    """
    made: JsonObject = {}
    seen: set[str] = set()
    for name, value in pairs:
        if keeps_all and name in seen:
            before = made[name]
            made[name] = [*(before if isinstance(before, list) else [before]), value]
        elif is_nested and name:
            set_path(made, name, value)
        else:
            made[name] = value
        seen.add(name)
    return made


def write_json(value: JsonValue) -> tuple[bytes, str]:
    """Return a JSON body and its type."""
    return encode_json(value).encode(), "application/json"


def write_form(values: Mapping[str, JsonValue]) -> tuple[bytes, str]:
    """Return a form as a body, and its type."""
    return encode_query(values).encode(), "application/x-www-form-urlencoded"


def write_multipart(values: Mapping[str, JsonValue]) -> tuple[bytes, str]:
    """Return a form in parts as a body, and its type."""
    boundary = f"form-{secrets.token_hex(12)}"
    lines: list[str] = []
    for name, value in values.items():
        quoted = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        lines += [
            f"--{boundary}",
            f'Content-Disposition: form-data; name="{quoted}"',
            "",
            "" if value is None else to_text(value),
        ]
    lines += [f"--{boundary}--", ""]
    return "\r\n".join(lines).encode(), f"multipart/form-data; boundary={boundary}"


def write_raw(value: JsonValue, content_type: str) -> tuple[bytes, str]:
    """Return a text as a body, or what is no text as JSON."""
    text = value if isinstance(value, str) else "" if value is None else encode_json(value)
    return text.encode(), content_type


def read_headers(values: Mapping[str, JsonValue]) -> dict[str, str]:
    """Return headers by their names in lower case; those that are null are left out."""
    return {name.lower(): to_text(v) for name, v in values.items() if name and v is not None}


def require_success(response: OutboundResponse) -> None:
    """Raise for any status but a successful one.

    The other side's text may hold secrets and stays out of the message.

    Raises:
        AuthFailed: The credential was refused.
        Unavailable: It may work later.
        Rejected: It will not.
    """
    status = response.status
    if 200 <= status < 300:
        return
    if status in (401, 403):
        raise AuthFailed(f"the server refused the credential (status {status})")
    if status in _RETRY_STATUSES:
        raise Unavailable(f"the server answered with status {status}", code="http_status")
    raise Rejected(f"the server answered with status {status}", code="http_status")


def is_json(response: OutboundResponse) -> bool:
    """Say whether the server calls its answer JSON."""
    return "json" in response.headers.get("content-type", "")


def read_json(response: OutboundResponse, charset: str = "utf-8") -> JsonValue:
    """Return an answer's JSON; an empty answer is an empty object.

    Raises:
        Rejected: It is none, or neither an object nor a list; or the charset is not known.
    """
    text = read_text(response, charset)
    value = parse_json(text, "the answer") if text.strip() else None
    if value is None:
        return {}
    if not isinstance(value, dict | list):
        raise Rejected("the answer is JSON, but neither an object nor a list; read it as text")
    return value


def read_text(response: OutboundResponse, charset: str = "utf-8") -> str:
    """Return an answer's text.

    Raises:
        Rejected: The charset is not known.
    """
    try:
        if codecs.lookup(charset).name in _NOT_OF_THE_WEB:
            raise LookupError(charset)
        return join_halves(response.body.decode(charset, errors="replace"))
    except (LookupError, ValueError) as exc:
        raise Rejected(f"the answer is written in {charset[:40]!r}, which is not known") from exc


def find_charset(response: OutboundResponse) -> str:
    """Return the charset that the server declares, UTF-8 by default."""
    found = _CHARSET.search(response.headers.get("content-type", ""))
    return found[1].strip("\"'").lower() if found else "utf-8"


def describe(response: OutboundResponse, body: JsonObject) -> Item:
    """Return the whole answer as one item; ``body`` is its body under the name that it gets."""
    phrase = HTTPStatus(response.status).phrase if response.status in _STATUSES else ""
    whole: JsonObject = {
        **body,
        "headers": dict(response.headers),
        "statusCode": response.status,
        "statusMessage": phrase,
    }
    return Item(json=whole)


def spread(body: JsonValue, name: str) -> list[Item]:
    """Return an item for each entry of a list, or the one there is; others stand under ``name``."""
    entries = body if isinstance(body, list) else [body]
    return [Item(json=entry if isinstance(entry, dict) else {name: entry}) for entry in entries]


_STATUSES = frozenset(HTTPStatus)
