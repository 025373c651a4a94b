"""What Shopify's answers mean: statuses, GraphQL errors under 200, refused input.

Owns the operator's sentences, in which nothing stands that Shopify wrote but names of fields, codes
and places; who asks is left to ``kind``.

Source: shopify.dev, "Shopify API response status and error codes", "GraphQL Admin API reference".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from appliance.domain.json_types import JsonValue
from appliance.domain.tool_failures import FailureKind
from appliance.errors import AuthFailed, Rejected, Unavailable, UpstreamError
from appliance.integrations.http_system import Answer, HttpFailure

VERSION_HEADER: Final = "x-shopify-api-version"
VERSION: Final = re.compile(r"20\d\d-\d\d|unstable")
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")

_Told = tuple[type[UpstreamError], FailureKind, str]
_STATUSES: Final[dict[int, _Told]] = {
    401: (
        AuthFailed, "not_available",
        "Shopify refused the access token (401): it is wrong, has expired or was revoked, or the "
        "app was removed from the shop. The operator should enter a new one.",
    ),
    402: (
        Rejected, "not_available",
        "The shop is frozen at Shopify (402). Its owner should settle the account there.",
    ),
    403: (
        AuthFailed, "not_available",
        "Shopify does not let the app in (403). The operator should give it the scopes that the "
        "endpoints need, and install it in the shop again.",
    ),
    404: (
        Rejected, "not_available",
        "Shopify has no such shop (404). The operator should correct the connection's 'shop'.",
    ),
    423: (
        Rejected, "not_available",
        "The shop is locked at Shopify (423). Its owner should ask Shopify's support.",
    ),
    429: (Unavailable, "unreachable", "Shopify takes no more queries just now. It may work later."),
}  # fmt: skip
_CODES: Final[dict[str, _Told]] = {
    "ACCESS_DENIED": (
        AuthFailed, "not_available",
        "Shopify does not let the app see or do this. The operator should give it the scope that "
        "the endpoint needs; customers' e-mail addresses are also kept from apps on some plans.",
    ),
    "SHOP_INACTIVE": (
        Rejected, "not_available", "The shop is not active at Shopify. Its owner should look there."
    ),
    "MAX_COST_EXCEEDED": (
        Rejected, "not_available",
        "The endpoint's query costs more than Shopify allows. The operator should let it ask for "
        "less.",
    ),
    "INVALID_VARIABLE": (
        Rejected, "refused",
        "Shopify did not accept a value of the query's variables. What was asked may not be "
        "possible; the operator should compare the endpoint's parameters with the query.",
    ),
    "INTERNAL_SERVER_ERROR": (
        Unavailable, "unknown", "Shopify failed while answering. It may work later."
    ),
    "TIMEOUT": (Unavailable, "unknown", "Shopify took too long to answer. It may work later."),
}  # fmt: skip


class _Place(Struct):
    line: int
    column: int


class _Extensions(Struct):
    code: Any = None


class _Error(Struct):
    extensions: _Extensions = field(default_factory=_Extensions)
    locations: list[_Place] = field(default_factory=list)


class _Envelope(Struct):
    data: Any = None
    errors: list[_Error] = field(default_factory=list)


def read_data(answer: Answer) -> Answer:
    """Return the answer with the ``data`` of GraphQL as its value.

    Raises:
        HttpFailure: Shopify reports errors, refuses a mutation, or speaks no GraphQL.
    """
    try:
        envelope = msgspec.convert(answer.value, _Envelope)
    except msgspec.ValidationError as exc:
        raise _fail(answer, Rejected, "unknown", _NO_GRAPHQL) from exc
    if envelope.errors:
        raise _fail(answer, *_read_errors(envelope.errors))
    if not isinstance(envelope.data, dict):
        raise _fail(answer, Rejected, "unknown", _NO_GRAPHQL)
    refused = sorted(set(_find_refused_fields(envelope.data)))
    if refused:
        named = ", ".join(name for name in refused if name) or "what it was given"
        raise _fail(
            answer, Rejected, "refused",
            f"Shopify did not accept {named}. What was asked may not be possible; the operator "
            "should compare the endpoint's parameters with the mutation's.",
        )  # fmt: skip
    return msgspec.structs.replace(answer, value=envelope.data)


def describe_failure(failure: HttpFailure) -> HttpFailure:
    """Return a failure in Shopify's terms, where its status has a meaning of its own there."""
    if failure.status not in _STATUSES:
        return failure
    kind, what, sentence = _STATUSES[failure.status]
    if failure.failure == "unknown":
        what = "unknown"  # an earlier attempt may have done something
    return HttpFailure(
        kind(sentence), failure=what, response=failure.response, attempts=failure.attempts
    )


def read_other_version(answer: Answer, asked: str) -> str | None:
    """Return the version that Shopify answered in, where it is not the one that was asked for.

    Shopify answers for a version that it no longer has in the oldest one that it has.
    """
    used = answer.headers.get(VERSION_HEADER, asked)
    return used if VERSION.fullmatch(used) and used != asked else None


_NO_GRAPHQL: Final = (
    "Shopify answered with something that is not GraphQL. It may work later; the operator should "
    "check the connection's 'shop'."
)


def _read_errors(errors: list[_Error]) -> _Told:
    for error in errors:
        if error.extensions.code in _CODES:
            return _CODES[error.extensions.code]
    first = errors[0]
    code = first.extensions.code
    named = f" ({code})" if isinstance(code, str) and NAME.fullmatch(code) else ""
    where = "".join(
        f" at line {place.line}, column {place.column}" for place in first.locations[:1]
    )
    sentence = (
        f"Shopify does not understand the endpoint's query{named}{where}. The operator should "
        "correct the query, or the connection's api_version."
    )
    return Rejected, "not_available", sentence


def _find_refused_fields(data: dict[str, Any]) -> Iterator[str]:
    """Yield the paths of what mutations refused; an empty one where none is told."""
    for payload in data.values():
        for name, errors in payload.items() if isinstance(payload, dict) else ():
            if name.lower().endswith("usererrors") and isinstance(errors, list):
                yield from map(_read_path, errors)


def _read_path(error: JsonValue) -> str:
    path = error.get("field") if isinstance(error, dict) else None
    names = [str(name) for name in path] if isinstance(path, list) else []
    return ".".join(name for name in names if NAME.fullmatch(name) or name.isdecimal())


def _fail(
    answer: Answer, kind: type[UpstreamError], failure: FailureKind, sentence: str
) -> HttpFailure:
    return HttpFailure(
        kind(sentence), failure=failure, response=answer.response, attempts=answer.attempts
    )
