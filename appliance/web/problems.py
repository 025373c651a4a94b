"""Errors as RFC 9457 problem details, the one place that maps the error tree to HTTP.

Owns statuses, codes and wording towards the outside; raising errors is left to everyone else.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    SerializationException,
    ValidationException,
)
from litestar.params import ParameterKwarg
from msgspec import UNSET, Struct, UnsetType

from appliance.errors import (
    AddressInUse,
    ApplianceError,
    BackupRefused,
    Cancelled,
    Conflict,
    FieldError,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerStopping,
    StorageError,
    Unavailable,
    UnsupportedMediaType,
    UpstreamError,
    UserInputError,
    read_field_error,
)

logger = structlog.get_logger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
STORAGE_RETRY_AFTER_S = 5

_STATUS: Final[dict[type[ApplianceError], HTTPStatus]] = {
    InvalidInput: HTTPStatus.BAD_REQUEST,
    NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    PermissionDenied: HTTPStatus.FORBIDDEN,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    BackupRefused: HTTPStatus.CONFLICT,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    UserInputError: HTTPStatus.BAD_REQUEST,
    AddressInUse: HTTPStatus.CONFLICT,
    UpstreamError: HTTPStatus.BAD_GATEWAY,
    StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
}

_STATUS_BY_CODE: Final = {"storage_full": HTTPStatus.INSUFFICIENT_STORAGE}
_STATUSES_THAT_PASS: Final = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INSUFFICIENT_STORAGE,
)

_CODES: Final[dict[int, str]] = {
    400: "invalid_request",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    500: "internal_error",
    503: "unavailable",
}


class ProblemField(Struct, frozen=True):
    """One field of a refused request."""

    field: str
    message: str


class Problem(Struct, frozen=True, kw_only=True):
    """RFC 9457 problem details with the product's stable ``code``."""

    title: str
    status: int
    detail: str
    code: str
    type: str = "about:blank"
    errors: list[ProblemField] | UnsetType = UNSET


def build_problem(
    error: Exception, names: Mapping[str, str] | None = None
) -> tuple[Problem, dict[str, str]]:
    """Return the problem and the headers that tell of ``error``, without any of its internals.

    Args:
        error: What went wrong.
        names: What the caller knows a handler's parameters as, where it is another name.
    """
    if isinstance(error, ApplianceError):
        return _from_appliance(error)
    if isinstance(error, HTTPException):
        return _from_litestar(error, names or {}), dict(error.headers or {})
    return _problem(500, "Something went wrong on our side. The error has been logged."), {}


def _from_appliance(error: ApplianceError) -> tuple[Problem, dict[str, str]]:
    status = _STATUS_BY_CODE.get(error.code) or next(
        (_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS),
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
    headers: dict[str, str] = {}
    retry_after_s = getattr(error, "retry_after_s", None)
    if status in _STATUSES_THAT_PASS:
        retry_after_s = retry_after_s or STORAGE_RETRY_AFTER_S
    if retry_after_s and not isinstance(error, Unavailable):
        headers["Retry-After"] = str(max(1, round(retry_after_s)))
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    errors = error.errors if isinstance(error, InvalidInput) else ()
    return _problem(status, error.message, code=error.code, errors=errors), headers


def _from_litestar(error: HTTPException, names: Mapping[str, str]) -> Problem:
    status = error.status_code
    if isinstance(error, ValidationException):
        fields = [
            _read_field(_name_key(item, names), str(item["message"]))
            for item in (error.extra if isinstance(error.extra, list) else [])
            if isinstance(item, dict) and "message" in item
        ]
        return _problem(
            400, "Some fields of the request do not fit.", code="validation_failed", errors=fields
        )
    if _is_malformed_body(error):
        return _problem(400, "The body is not valid JSON.", code="malformed_json")
    details = {
        404: "There is nothing at this address.",
        405: "This address does not take this method.",
        413: "The body is too large.",
    }
    return _problem(status, details.get(status, HTTPStatus(status).description or "Refused."))


def _is_malformed_body(error: HTTPException) -> bool:
    return isinstance(error, ClientException) and isinstance(
        error.__cause__, msgspec.DecodeError | SerializationException
    )


def _name_key(item: dict[str, Any], names: Mapping[str, str]) -> str:
    key = str(item.get("key") or "")
    return key if item.get("source") == "body" else names.get(key, key)


def _read_field(key: str, message: str) -> FieldError:
    """Return which field msgspec means, by its dotted path, and what is wrong with it."""
    if message == "'data'":
        return FieldError("body", "Send a JSON object.")
    return read_field_error("" if key == "data" else key.removeprefix("data."), message)


def _problem(status: int, detail: str, *, code: str | None = None, errors: Any = ()) -> Problem:
    return Problem(
        title=HTTPStatus(status).phrase,
        status=int(status),
        detail=detail,
        code=code or _CODES.get(int(status), "invalid_request"),
        errors=[ProblemField(*error) for error in errors] or UNSET,
    )


def log_problem(problem: Problem, error: Exception, *, path: str) -> None:
    """Log what only the operator can mend."""
    if problem.status >= 500 and not isinstance(error, Cancelled | ServerStopping):
        is_bug = not isinstance(error, ApplianceError)
        logger.error(
            "request_failed",
            path=path,
            code=problem.code,
            error=None if is_bug else str(error),
            exc_info=error if is_bug else None,
        )


def respond_with_problem(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer ``request`` with the problem ``error`` means; log what only the operator can mend."""
    problem, headers = build_problem(error, _read_names(request))
    log_problem(problem, error, path=request.scope["path"])
    return Response(
        content=msgspec.json.encode(problem),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def _read_names(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return the public names of the handler's parameters that have one of their own.

    Those of what is provided to the handler are among them.
    """
    handler: Any = request.scope.get("route_handler")  # absent where no route was found
    if handler is None:
        return {}
    providers = handler.resolve_dependencies().values()
    return {
        name: parameter.kwarg_definition.name
        for source in (*providers, handler)
        for name, parameter in source.parsed_fn_signature.parameters.items()
        if isinstance(parameter.kwarg_definition, ParameterKwarg)
        and parameter.kwarg_definition.name
    }
