"""What can go wrong between the panel and the server, split by what the operator can do about it.

Owns the classes and how a status and body become one of them; wording for the screen beyond the
one sentence each carries is left to the pages.

::

    ApiError
    ├ Unreachable        nobody listens there                    start the server, try again
    ├ TimedOut           no answer within the deadline           try again
    ├ SignedOut          no valid credential (any more)          sign in
    ├ Refused            understood and refused                  mend the fields named
    │ ├ NotPermitted     the account may not do this
    │ └ Missing          it does not exist (any more)
    ├ Busy               too many requests, or not ready yet     try again after a while
    ├ ServerFault        the server failed                       look at the logs
    └ UnexpectedAnswer   not this API                            another program has the port
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct
from PySide6.QtCore import QCoreApplication


class Problem(Struct, frozen=True):
    """An RFC 9457 problem document as the server sends it."""

    title: str = ""
    detail: str = ""
    code: str = ""
    errors: list[ProblemField] = []


class ProblemField(Struct, frozen=True):
    """One field of a refused request."""

    field: str = ""
    message: str = ""


class ApiError(Exception):
    """Root of every failed exchange; ``message`` is one sentence for the operator."""

    can_retry = False

    def __init__(self, message: str, *, code: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id


class Unreachable(ApiError):
    """Nobody listens at the address."""

    can_retry = True


class TimedOut(ApiError):
    """The answer did not come within the deadline; a write may have happened all the same."""

    can_retry = True


class SignedOut(ApiError):
    """No credential, or one that is not valid any more."""


class Refused(ApiError):
    """The server understood and refused; ``fields`` maps a dotted path to what to mend."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        request_id: str = "",
        fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, code=code, request_id=request_id)
        self.fields = dict(fields or {})


class NotPermitted(Refused):
    """The account is known and may not do this."""


class Missing(Refused):
    """The thing does not exist (any more)."""


class Busy(ApiError):
    """Too many requests, or the server is not ready; ``retry_after_s`` where it said so."""

    can_retry = True

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        request_id: str = "",
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message, code=code, request_id=request_id)
        self.retry_after_s = retry_after_s


class ServerFault(ApiError):
    """The server failed; its log says why."""

    can_retry = True


class UnexpectedAnswer(ApiError):
    """The answer is not one of this API."""

    can_retry = True


def build_error(
    status: int, body: bytes, *, request_id: str = "", retry_after_s: int | None = None
) -> ApiError:
    """Turn an answer of status 400 or above into the error the operator can act on.

    Args:
        status: The HTTP status.
        body: The answer's body; anything that is not a problem document is not shown.
        request_id: The server's ``X-Request-ID``.
        retry_after_s: The ``Retry-After`` header in seconds, where there was one.
    """
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.MsgspecError:
        problem = Problem()
    message = problem.detail or problem.title or _describe_status(status)
    code = problem.code
    if status == 401:
        return SignedOut(message, code=code, request_id=request_id)
    if status in {429, 503}:
        return Busy(message, code=code, request_id=request_id, retry_after_s=retry_after_s)
    if status >= 500:
        return ServerFault(message, code=code, request_id=request_id)
    fields = {error.field: error.message for error in problem.errors if error.field}
    refusal: type[Refused] = {403: NotPermitted, 404: Missing}.get(status, Refused)
    return refusal(message, code=code, request_id=request_id, fields=fields)


def _describe_status(status: int) -> str:
    translate = QCoreApplication.translate
    match status:
        case 401:
            return translate("ApiError", "Please sign in.")
        case 403:
            return translate("ApiError", "Your account may not do this.")
        case 404:
            return translate("ApiError", "This no longer exists on the server.")
        case 429:
            return translate("ApiError", "Too many requests at once. Try again in a moment.")
        case 503:
            return translate("ApiError", "The server is not ready yet. Try again in a moment.")
        case _ if status >= 500:
            return translate("ApiError", "The server failed to answer. Its log says why.")
        case _:
            return translate("ApiError", "The server refused the request (status {0}).").format(
                status
            )
