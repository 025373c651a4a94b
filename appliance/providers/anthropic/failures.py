"""What the API's errors mean for the one who can act.

Owns the translation into the error tree; upstream text goes to the log only, since it may quote the
visitor.
"""

from __future__ import annotations

import structlog
from msgspec import Struct

from appliance.errors import (
    ApplianceError,
    AuthFailed,
    ContextWindowExceeded,
    Rejected,
    Unavailable,
)

logger = structlog.get_logger(__name__)

KEY_SETTING = "CSAI_ANTHROPIC_API_KEY"
MAX_LOGGED_CHARS = 300
IN_STREAM = 200
"""The status of an error that arrives in the middle of an answer."""

_TOO_LONG = ("prompt is too long", "context limit", "context window")
_SPENT = ("usage limits", "spend limit")
_STATUS_OF_KIND = {
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
    "invalid_request_error": 400,
}


class ApiError(Exception):
    """The API answered with an error; never leaves the package.

    ``kind`` is the vendor's error type, empty when something in front of the API answered;
    ``cause`` its stable code for the reason, if any.
    """

    def __init__(
        self,
        status: int,
        *,
        kind: str = "",
        cause: str = "",
        text: str = "",
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{status} {kind} {cause}".strip())
        self.kind = kind
        self.cause = cause
        self.text = text
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.status = _STATUS_OF_KIND.get(kind, 500) if status == IN_STREAM else status

    def mentions(self, *words: str) -> bool:
        """Say whether the error's text contains any of ``words``, letter case ignored."""
        return any(word in self.text.lower() for word in words)


class BrokenAnswer(Exception):
    """The answer breaks the protocol or off; never leaves the package."""


class Server(Struct, frozen=True, kw_only=True):
    """Whom the provider asks, as messages name it."""

    base_url: str
    is_vendor: bool

    @property
    def spoken(self) -> str:
        """Return the name to put into a sentence."""
        return "Claude's API" if self.is_vendor else f"The Claude server at {self.base_url}"


def translate_error(error: ApiError, *, model: str, server: Server) -> ApplianceError:
    """Return the error of the tree that ``error`` stands for, with its remedy."""
    logger.warning(
        "anthropic_error",
        status=error.status,
        kind=error.kind,
        cause=error.cause,
        model=model,
        vendor_request_id=error.request_id,
        text=error.text[:MAX_LOGGED_CHARS],
    )
    return _account_error(error, server) or _request_error(error, model, server)


def _account_error(error: ApiError, server: Server) -> ApplianceError | None:
    """Return the error if the operator's account or key is the reason."""
    if "spend_limit" in error.cause or (error.status == 400 and error.mentions(*_SPENT)):
        return Rejected(
            "The spend limit of the Claude account is reached; raise it in the Claude Console "
            "or wait until it is renewed.",
            code="spend_limit_reached",
        )
    if error.status == 402 or (error.status == 400 and error.mentions("credit balance")):
        return Rejected(
            "Claude's API does not answer for want of payment; look at the billing page of the "
            "Claude Console.",
            code="billing_problem",
        )
    if error.status == 401:
        return AuthFailed(f"{server.spoken} refused the API key; set a valid one as {KEY_SETTING}.")
    if error.status == 403:
        return AuthFailed(
            f"{server.spoken} does not allow the API key to do this; look at the key's workspace "
            f"in the Claude Console, or set another one as {KEY_SETTING}."
        )
    return None


def _request_error(error: ApiError, model: str, server: Server) -> ApplianceError:
    if error.status == 404:
        address = "" if server.is_vendor else " or check CSAI_ANTHROPIC_BASE_URL"
        return Rejected(
            f"{server.spoken} has no model {model!r} for this key; choose another one{address}.",
            code="model_not_found",
        )
    if error.status == 413 or (error.status == 400 and error.mentions(*_TOO_LONG)):
        return ContextWindowExceeded(
            f"The conversation does not fit the context window of the model {model!r}."
        )
    if error.status == 429:
        return Unavailable(
            f"{server.spoken} takes no more requests just now; ask for a higher rate limit in the "
            "Claude Console if it happens often.",
            code="rate_limited",
            retry_after_s=error.retry_after_s,
        )
    if error.status == 529:
        return Unavailable(
            f"{server.spoken} is overloaded; try again later.",
            code="overloaded",
            retry_after_s=error.retry_after_s,
        )
    if error.status >= 500 or error.status in (408, 409):
        return Unavailable(
            f"{server.spoken} failed with status {error.status}; status.claude.com says whether "
            "it is known.",
            code="provider_failed",
            retry_after_s=error.retry_after_s,
        )
    return Rejected(
        f"{server.spoken} refused the request to the model {model!r} with status {error.status}; "
        "the log says why.",
        code="request_refused",
    )


def unreachable(server: Server) -> Unavailable:
    """Build the error for a server to which there is no connection."""
    return Unavailable(
        f"{server.spoken} cannot be reached; check this machine's internet connection and firewall."
        if server.is_vendor
        else f"{server.spoken} cannot be reached; check CSAI_ANTHROPIC_BASE_URL.",
        code="connect_failed",
    )


def timed_out(server: Server) -> Unavailable:
    """Build the error for an answer that does not come or does not go on."""
    return Unavailable(f"{server.spoken} took too long to answer.", code="timed_out")


def broken_response(server: Server) -> Unavailable:
    """Build the error for an answer that is cut or is not the API's."""
    remedy = "check what stands between this machine and it"
    if not server.is_vendor:
        remedy = "check CSAI_ANTHROPIC_BASE_URL"
    return Unavailable(
        f"{server.spoken} broke off or answered with something else than its protocol; {remedy}.",
        code="broken_response",
    )
