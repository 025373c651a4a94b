"""What Ollama's error answers mean for the one who can act.

Owns the translation; the upstream text goes to the log only, since it may quote the visitor.
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
from appliance.providers.ollama.http import OllamaError

logger = structlog.get_logger(__name__)

MAX_LOGGED_CHARS = 300


def lacks_native_tools(error: OllamaError) -> bool:
    """Say whether the model was refused because its template knows no tools."""
    return error.status == 400 and error.mentions("does not support tools")


def cannot_hold_format(error: OllamaError) -> bool:
    """Say whether the schema of the answer was refused: by an old Ollama, or as too intricate."""
    return error.status in (400, 500) and (error.mentions("format") or error.mentions("grammar"))


def cannot_think(error: OllamaError) -> bool:
    """Say whether the model was refused because ``think`` means nothing to it."""
    return error.status == 400 and error.mentions("does not support thinking")


def translate_error(error: OllamaError, *, model: str, base_url: str) -> ApplianceError:
    """Return the error of the tree that ``error`` stands for, with its remedy."""
    logger.warning(
        "ollama_error", status=error.status, model=model, text=error.text[:MAX_LOGGED_CHARS]
    )
    if error.status in (401, 403):
        return AuthFailed(f"The server in front of Ollama at {base_url} refused the credential.")
    if error.status == 404 and error.mentions("not found"):
        return Rejected(
            f"The model {model!r} is not installed in Ollama; get it with `ollama pull {model}` "
            "or choose another one.",
            code="model_not_found",
        )
    if error.mentions("context length") or error.mentions("context size"):
        return ContextWindowExceeded(
            f"The conversation does not fit the context window of the model {model!r}."
        )
    if error.status in (429, 503):
        return Unavailable(
            f"Ollama at {base_url} is busy; try again later.",
            code="rate_limited" if error.status == 429 else "overloaded",
            retry_after_s=error.retry_after_s,
        )
    if error.status >= 500:
        return Unavailable(
            f"Ollama failed while running the model {model!r}; its log says why.",
            code="model_failed",
        )
    return Rejected(
        f"Ollama refused the request to the model {model!r} with status {error.status}."
    )
