"""An endpoint and its arguments as the parts of a request.

Owns putting arguments into addresses, headers and bodies so that none can be read as anything but a
value; who the request is from is left to the types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from appliance.domain.integration import Endpoint, EndpointParameter, ParameterType
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.integrations.connection_fields import refuse_field

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
BODILESS: Final = ("GET", "HEAD")
PLACE: Final = re.compile(r"\{([^{}]*)\}")
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
TEMPLATE: Final = re.compile(r"[^\x00-\x20\x7f\\#]*")
OWN_HEADERS: Final = frozenset(
    ("authorization", "connection", "content-length", "content-type", "cookie", "host",
     "proxy-authorization", "transfer-encoding")
)  # fmt: skip


class RequestParts(Struct, frozen=True, kw_only=True):
    """What an endpoint is asked with; ``path`` begins with a slash or is empty."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None


def check_endpoint_request(endpoint: Endpoint, *, reserved_headers: frozenset[str]) -> None:
    """Look whether requests can be built from ``endpoint``.

    Args:
        endpoint: As it shall be stored.
        reserved_headers: Names, in lower case, that the connection itself sets.

    Raises:
        InvalidInput: A field does not fit; names it.
    """
    if endpoint.method not in METHODS:
        raise refuse_field("method", f"Choose one of {', '.join(METHODS)}.")
    template = endpoint.url_template
    if template and not template.startswith("/"):
        raise refuse_field("url_template", "Begin with a slash; the address comes before it.")
    path = template.partition("?")[0]
    if not TEMPLATE.fullmatch(template) or {".", ".."} & set(path.split("/")) or "//" in path:
        raise refuse_field(
            "url_template", "Give a path without blanks, backslashes, '#', '//', '.' and '..'."
        )
    places = PLACE.findall(template)
    if "{" in PLACE.sub("", template) or "}" in PLACE.sub("", template):
        raise refuse_field("url_template", "Write {name} where a parameter stands.")
    for name in places:
        if not NAME.fullmatch(name):
            raise refuse_field("url_template", f"{{{name}}} is no name of a parameter.")
    _check_parameters(endpoint, places, OWN_HEADERS | reserved_headers)


def _check_parameters(endpoint: Endpoint, places: list[str], taken: frozenset[str]) -> None:
    names = [parameter.name for parameter in endpoint.parameters]
    for number, parameter in enumerate(endpoint.parameters):
        field = f"parameters.{number}"
        target = parameter.target or parameter.name
        if parameter.name in names[:number]:
            raise refuse_field(f"{field}.name", "This parameter is there twice.")
        if parameter.location == "path" and target not in places:
            raise refuse_field(f"{field}.name", f"The url_template has no {{{target}}}.")
        if parameter.location == "header" and (
            not HEADER.fullmatch(target) or target.lower() in taken
        ):
            raise refuse_field(f"{field}.target", f"The header {target!r} cannot be set.")
        if parameter.location == "body" and endpoint.method in BODILESS:
            raise refuse_field(f"{field}.location", f"A {endpoint.method} request has no body.")


def build_request_parts(endpoint: Endpoint, arguments: Mapping[str, JsonValue]) -> RequestParts:
    """Return the request for ``arguments``; what ``endpoint`` does not declare is not sent.

    A ``{name}`` without a declared parameter is filled by the argument of that name.

    Raises:
        Rejected: An argument is missing, or cannot stand where it should.
    """
    places: dict[str, JsonValue] = {}
    query: list[tuple[str, str]] = []
    headers: dict[str, str] = {}
    for parameter in endpoint.parameters:
        value = choose_argument(parameter, arguments)
        if value is None:
            continue
        target = parameter.target or parameter.name
        match parameter.location:
            case "path":
                places[target] = value
            case "query":
                listed = value if isinstance(value, list) else [value]
                query += [(target, write_text(item, parameter.name)) for item in listed]
            case "header":
                headers[target] = _write_header(value, parameter.name)
            case "body":
                pass
    path = _fill(endpoint.url_template, {**arguments, **places})
    if query:
        path += ("&" if "?" in path else "?") + urlencode(query, quote_via=quote, safe="")
    has_body = any(parameter.location == "body" for parameter in endpoint.parameters)
    if has_body:
        headers["Content-Type"] = "application/json"
    return RequestParts(
        method=endpoint.method,
        path=path,
        headers=headers,
        body=msgspec.json.encode(build_body(endpoint, arguments)) if has_body else None,
    )


def build_body(endpoint: Endpoint, arguments: Mapping[str, JsonValue]) -> JsonObject:
    """Return what ``endpoint`` says in a body; a number in a target's path is a place in a list.

    Raises:
        Rejected: An argument is missing, or two of them do not go together.
    """
    body: JsonObject = {}
    for parameter in endpoint.parameters:
        value = choose_argument(parameter, arguments)
        if parameter.location == "body" and value is not None:
            _put(body, parameter.target or parameter.name, value)
    return body


def write_text(value: JsonValue, name: str) -> str:
    """Return a single value as text.

    Raises:
        Rejected: It is a list, an object or nothing.
    """
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return msgspec.json.encode(value).decode()
        case _:
            raise _misfit(name, "it must be a single value")


def choose_argument(parameter: EndpointParameter, arguments: Mapping[str, JsonValue]) -> JsonValue:
    """Return the value of ``parameter``, of its type, its default, or ``None``.

    Raises:
        Rejected: There is none and must be, or it is of another type.
    """
    value = arguments.get(parameter.name)
    if value is None:
        value = parameter.default
    if value is None and (parameter.required or parameter.location == "path"):
        raise _misfit(parameter.name, "it is missing")
    if value is not None and parameter.type is not None:
        return _read_as(parameter.type, value, parameter.name)
    return value


def _read_as(kind: ParameterType, value: JsonValue, name: str) -> JsonValue:
    """Return ``value`` as what ``kind`` says; a text of digits counts as a number.

    Raises:
        Rejected: It is something else.
    """
    try:
        if kind == "string":
            return write_text(value, name)
        if kind == "array":
            return msgspec.convert(value, list[Any])
        kinds = {"integer": int, "number": int | float, "boolean": bool}
        read: JsonValue = msgspec.convert(value, kinds[kind], strict=not isinstance(value, str))
    except msgspec.ValidationError as exc:
        raise _misfit(name, f"it must be of the type {kind}") from exc
    return read


def _fill(template: str, values: Mapping[str, JsonValue]) -> str:
    """Return the template with each value in its place, never read as more than one segment."""

    def write(found: re.Match[str]) -> str:
        name = found[1]
        text = write_text(values[name], name) if values.get(name) is not None else ""
        if not text:
            raise _misfit(name, "it is missing")
        # Some servers take %2F for a slash; a value must not climb there either.
        if {".", ".."} & set(re.split(r"[/\\]", text)):
            raise _misfit(name, "it cannot be a part of an address")
        return quote(text, safe="")

    filled = PLACE.sub(write, template)
    path = filled.partition("?")[0]
    if {".", ".."} & set(path.split("/")):
        raise Rejected(
            "The parameters do not make an address that can be asked.", code="parameter_misfit"
        )
    return filled


def _write_header(value: JsonValue, name: str) -> str:
    text = write_text(value, name)
    if not text.isascii() or not text.isprintable():
        raise _misfit(name, "it has characters that a header must not have")
    return text


def _put(body: dict[str, Any], target: str, value: JsonValue) -> None:
    """Set ``value`` at a dotted path of ``body``."""
    names = target.split(".")
    holder: Any = body
    for name, below in pairwise(names):
        holder = _reach(holder, name, [] if below.isdecimal() else {})
    _reach(holder, names[-1], value)


def _reach(holder: Any, name: str, value: Any) -> Any:
    """Return what ``holder`` has under ``name``, which is ``value`` if it had nothing."""
    if isinstance(holder, dict):
        return holder.setdefault(name, value)
    if isinstance(holder, list) and name.isdecimal() and int(name) <= len(holder):
        holder.extend([value] if int(name) == len(holder) else [])
        return holder[int(name)]
    raise Rejected(
        f"The endpoint's body has no place for {name!r}. "
        "The operator should correct its parameters.",
        code="parameter_misfit",
    )


def _misfit(name: str, why: str) -> Rejected:
    return Rejected(f"The parameter {name!r} does not fit: {why}.", code="parameter_misfit")
