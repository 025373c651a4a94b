"""What a server's error answers mean for the one who can act.

Owns the translation; the server's own text goes to the log only, since it may quote the visitor.
"""

from __future__ import annotations

import structlog

from appliance.errors import (
    ApplianceError,
    AuthFailed,
    ContextWindowExceeded,
    Rejected,
    Unavailable,
)
from appliance.providers.openai_compatible.server import Server, ServerError

logger = structlog.get_logger(__name__)

MAX_LOGGED_CHARS = 300
CONTEXT_WORDS = (
    "context_length_exceeded",
    "exceed_context_size",
    "context length",
    "context size",
    "context window",
    "maximum context",
    "prompt is too long",
    "prompt too long",
    "reduce the length",
)
SPENT_WORDS = (
    "insufficient_quota",
    "current quota",
    "spend_limit",
    "billing",
    "insufficient balance",
    "insufficient credits",
)
MISSING_MODEL_WORDS = (
    "model_not_found",
    "does not exist",
    "not found",
    "no models loaded",
    "invalid model",
    "unknown model",
)


def translate_error(error: ServerError, *, model: str, server: Server) -> ApplianceError:
    """Return the error of the tree that ``error`` stands for, with its remedy."""
    logger.warning(
        "openai_compatible_error",
        status=error.status,
        code=error.code,
        model=model,
        text=error.text[:MAX_LOGGED_CHARS],
    )
    if error.status in (401, 403):
        return _auth_failed(server)
    if error.status == 402 or (error.status == 429 and error.mentions(*SPENT_WORDS)):
        return Rejected(
            f"The account at {server.base_url} has used up its money or quota; raise the limit "
            "with the vendor.",
            code="spend_limit_reached",
        )
    if error.status == 413 or (error.status != 429 and error.mentions(*CONTEXT_WORDS)):
        return ContextWindowExceeded(
            f"The conversation does not fit the context window of the model {model!r}."
        )
    if error.status in (400, 404) and _is_about_model(error):
        return Rejected(
            f"The server at {server.base_url} has no model {model!r}; load it there or choose "
            "another one, for the tenant or as CSAI_OPENAI_MODEL.",
            code="model_not_found",
        )
    if error.status in (404, 405) or 300 <= error.status < 400:
        return Rejected(
            f"The address {server.base_url} is not where the server answers chats; correct "
            "CSAI_OPENAI_BASE_URL, which usually ends in /v1.",
            code="address_not_found",
        )
    if error.status == 429:
        return Unavailable(
            f"The server at {server.base_url} takes no more requests for now; raise the rate limit "
            "with the vendor.",
            code="rate_limited",
            retry_after_s=error.retry_after_s,
        )
    if error.status in (408, 425, 503):
        return Unavailable(
            f"The model server at {server.base_url} is busy or still loads its model; try again "
            "later.",
            code="overloaded",
            retry_after_s=error.retry_after_s,
        )
    if error.status >= 500:
        return Unavailable(
            f"The server at {server.base_url} failed while running the model {model!r}; its log "
            "says why.",
            code="model_failed",
            retry_after_s=error.retry_after_s,
        )
    return Rejected(
        f"The server at {server.base_url} refused the request to the model {model!r} with status "
        f"{error.status}."
    )


def _auth_failed(server: Server) -> AuthFailed:
    problem = "refused the key" if server.has_key else "asks for a key"
    return AuthFailed(
        f"The server at {server.base_url} {problem}; set CSAI_OPENAI_API_KEY to a valid one."
    )


def _is_about_model(error: ServerError) -> bool:
    return error.mentions("model") and error.mentions(*MISSING_MODEL_WORDS)
