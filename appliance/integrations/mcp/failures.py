"""What went wrong with an MCP server, in sentences that say who should act.

Owns the translation of the SDK's errors; nothing that a server wrote is in a sentence.
"""

from __future__ import annotations

from typing import Final

from appliance.domain.tool_failures import FailureKind
from appliance.errors import Rejected, Unavailable, UpstreamError
from appliance.integrations.http_system import (
    describe_no_answer,
    describe_status,
    find_failure,
    find_status_failure,
)
from appliance.integrations.mcp.notes import Notes
from appliance.integrations.mcp.sdk import prepare_sdk

NOTHING_DONE: Final = (-32600, -32601, -32602)
"""JSON-RPC's codes for a request that was not begun."""
PARSE_ERROR: Final = -32700
"""The SDK's code for an answer that it cannot read; what we send can be read."""
CONNECTION_CLOSED: Final = -32000
REQUEST_TIMEOUT: Final = -32001
UNSUPPORTED_VERSION: Final = -32022


def describe(error: BaseException, notes: Notes) -> tuple[UpstreamError, FailureKind]:
    """Return what happened, and what is known of whether something was done."""
    prepare_sdk()
    from mcp.shared.exceptions import MCPError

    if notes.failure is not None:
        return describe_no_answer(notes.failure), find_failure(notes.failure)
    if isinstance(error, BaseExceptionGroup):
        return describe(error.exceptions[0], notes)
    if isinstance(error, UpstreamError):
        return describe_no_answer(error), find_failure(error)
    if isinstance(error, TimeoutError) or (
        isinstance(error, MCPError) and error.code == REQUEST_TIMEOUT
    ):
        late = describe_no_answer(Unavailable("", code="timed_out"))
        return late, "unknown"
    if notes.status is not None and notes.status >= 300:
        return _describe_status(notes.status)
    if isinstance(error, OSError):
        refusal = Rejected(
            "The program of the server cannot be started. The machine's owner should look at "
            "mcp_programs in config.toml."
        )
        return refusal, "not_available"
    if isinstance(error, MCPError) and error.code != PARSE_ERROR and not notes.is_foreign:
        return _describe_answer(error.code)
    broken = Unavailable(
        "The server does not speak MCP as it should. The operator should check its address.",
        code="broken_response",
    )
    return broken, "unknown"


def _describe_status(status: int) -> tuple[UpstreamError, FailureKind]:
    if status in (404, 405, 406, 410, 415):
        nobody = Rejected(
            f"There is no MCP server at this address ({status}). "
            "The operator should correct the url; it often ends with /mcp."
        )
        return nobody, "not_available"
    described = describe_status(status)
    if isinstance(described, Rejected) and status >= 400:
        described = Rejected(f"The server did not accept the request ({status}).")
    return described, find_status_failure(status)


def _describe_answer(code: int) -> tuple[UpstreamError, FailureKind]:
    if code == CONNECTION_CLOSED:
        closed = Unavailable("The server ended the connection.", code="broken_response")
        return closed, "unknown"
    if code == UNSUPPORTED_VERSION:
        return Rejected("The server speaks no version of MCP that is known here."), "not_available"
    refusal = Rejected(f"The server refused the request (error {code}).")
    return refusal, "refused" if code in NOTHING_DONE else "unknown"
