"""What WooCommerce's failures mean: its error codes, and what WordPress says in its place.

Owns the operator's sentences, in which nothing stands that the shop wrote but names of parameters;
who asks is left to ``kind``.

Source: woocommerce.github.io/woocommerce-rest-api-docs, "Errors"; WooCommerce's
``WC_REST_Authentication``; WordPress's ``WP_REST_Server``.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from msgspec import Struct

from appliance.domain.json_types import BROKEN_JSON
from appliance.domain.tool_failures import FailureKind
from appliance.errors import AuthFailed, Rejected, UpstreamError
from appliance.integrations.http_system import HttpFailure

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}")
AUTHENTICATION: Final = "woocommerce_rest_authentication_error"
CAPABILITY: Final = "woocommerce_rest_cannot_"
NO_ROUTE: Final = "rest_no_route"

_Told = tuple[UpstreamError, FailureKind]


class _Error(Struct):
    code: str
    message: str = ""
    data: Any = None


def describe_failure(failure: HttpFailure, *, is_writing: bool) -> HttpFailure:
    """Return a failure in WooCommerce's terms, where it has a meaning of its own there."""
    told = _describe(failure, is_writing=is_writing)
    if told is None:
        return failure
    error, kind = told
    if failure.failure == "unknown":
        kind = "unknown"  # an earlier attempt may have done something
    return HttpFailure(error, failure=kind, response=failure.response, attempts=failure.attempts)


def _describe(failure: HttpFailure, *, is_writing: bool) -> _Told | None:
    error = _read_error(failure)
    match failure.status:
        case int() if failure.error.code == "broken_response":
            sentence = (
                "The shop answered with a web page in place of data. It may be in maintenance, or "
                "a security plugin or firewall stands before it; the operator should let the REST "
                "API through."
            )
            return Rejected(sentence, code="broken_response"), "unknown"
        case 401 | 403 if error is not None:
            return AuthFailed(_describe_refusal(error, failure.status, is_writing)), "not_available"
        case 404 if error is None:
            sentence = (
                "The shop has no REST API at its address (404). The operator should choose any "
                "permalinks but plain ones in WordPress (Settings, Permalinks), or correct "
                "store_url."
            )
            return Rejected(sentence), "not_available"
        case 404 if error is not None and error.code == NO_ROUTE:
            sentence = (
                "WordPress answers, but knows no such address (404). The operator should check "
                "that WooCommerce is active, and the endpoint's url_template."
            )
            return Rejected(sentence), "not_available"
        case 400 if error is not None:
            params = error.data.get("params") if isinstance(error.data, dict) else None
            listed = params if isinstance(params, dict | list) else ()
            names = [name for name in map(str, listed) if NAME.fullmatch(name)]
            if names:
                sentence = (
                    f"WooCommerce did not accept {', '.join(names)} (400). What was asked may not "
                    "be possible; the operator should compare the endpoint's parameters with its."
                )
                return Rejected(sentence), "refused"
    return None


def _describe_refusal(error: _Error, status: int, is_writing: bool) -> str:
    verb = "write" if is_writing else "read"
    if error.code.startswith(CAPABILITY) and status == 401:
        return (
            "The key did not arrive (401): the web server before WordPress withholds the "
            "Authorization header. Who runs it should let it through."
        )
    if error.code.startswith(CAPABILITY):
        return (
            f"The key's user may not do this in WordPress ({status}). The operator should make a "
            "key for a shop manager."
        )
    # One code for both; the words are in WordPress's language.
    words = error.message.lower() if error.code == AUTHENTICATION else ""
    if "permission" in words:
        kind = "Read/Write" if is_writing else "Read"
        return (
            f"The key may not {verb} ({status}). The operator should make one with the permission "
            f"{kind}."
        )
    may_be = "" if "invalid" in words else f", or may not {verb}"
    return (
        f"WooCommerce refused the key ({status}): it is wrong or was revoked{may_be}. "
        "The operator should enter a new one."
    )


def _read_error(failure: HttpFailure) -> _Error | None:
    if failure.response is None:
        return None
    try:
        return msgspec.json.decode(failure.response.body, type=_Error)
    except BROKEN_JSON:
        return None
