from __future__ import annotations

import pytest

from appliance.errors import AuthFailed, Rejected, Unavailable
from appliance.integrations.mcp.failures import describe
from appliance.integrations.mcp.notes import Notes
from appliance.integrations.mcp.sdk import prepare_sdk

prepare_sdk()

from mcp.shared.exceptions import MCPError  # noqa: E402 - the SDK has to be prepared first

SAID = "internal words of the server"


@pytest.mark.parametrize(
    ("error", "notes", "kind", "failure", "words"),
    [
        (MCPError(-32602, SAID), Notes(status=200), Rejected, "refused", "error -32602"),
        (MCPError(-32603, SAID), Notes(status=200), Rejected, "unknown", "error -32603"),
        (MCPError(-32700, SAID), Notes(status=200), Unavailable, "unknown", "as it should"),
        (
            MCPError(-32600, SAID),
            Notes(status=200, is_foreign=True),
            Unavailable,
            "unknown",
            "as it should",
        ),
        (
            MCPError(-32603, SAID),
            Notes(status=401),
            AuthFailed,
            "not_available",
            "(401)",
        ),
        (MCPError(-32601, SAID), Notes(status=404), Rejected, "not_available", "ends with /mcp"),
        (MCPError(-32603, SAID), Notes(status=503), Unavailable, "unknown", "(503)"),
        (
            MCPError(-32600, SAID),
            Notes(status=302),
            Rejected,
            "unknown",
            "elsewhere (302)",
        ),
        (MCPError(-32000, SAID), Notes(), Unavailable, "unknown", "ended the connection"),
        (MCPError(-32001, SAID), Notes(status=200), Unavailable, "unknown", "in time"),
        (MCPError(-32022, SAID), Notes(status=400), Rejected, "refused", "(400)"),
        (MCPError(-32022, SAID), Notes(), Rejected, "not_available", "no version"),
        (TimeoutError(), Notes(), Unavailable, "unknown", "in time"),
        (FileNotFoundError(SAID), Notes(), Rejected, "not_available", "mcp_programs"),
        (ValueError(SAID), Notes(), Unavailable, "unknown", "as it should"),
        (ExceptionGroup(SAID, [TimeoutError()]), Notes(), Unavailable, "unknown", "in time"),
    ],
)
def test_a_failure_says_who_should_act_in_our_words(
    error: Exception, notes: Notes, kind: type, failure: str, words: str
) -> None:
    told, known = describe(error, notes)
    assert isinstance(told, kind)
    assert known == failure
    assert words in told.message
    assert SAID not in told.message


def test_what_was_noted_of_a_request_comes_first() -> None:
    notes = Notes(failure=Rejected("No. CSAI_EGRESS_ALLOW", code="egress_denied"), status=200)
    told, failure = describe(ExceptionGroup("x", [ValueError()]), notes)
    assert (told.code, failure) == ("egress_denied", "not_available")
