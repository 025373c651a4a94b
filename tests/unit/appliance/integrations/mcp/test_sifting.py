from __future__ import annotations

from typing import Any

import pytest

from appliance.integrations.mcp.sdk import prepare_sdk

prepare_sdk()

from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher  # noqa: E402 - the SDK is prepared now

from appliance.integrations.mcp.sifting import SiftingDispatcher  # noqa: E402

GOOD = {"name": "find", "inputSchema": {"type": "object"}}
MORE = {
    "2025-06-18": {},
    "2025-11-25": {},
    "2026-07-28": {"resultType": "complete", "ttlMs": 1_000, "cacheScope": "private"},
}


async def ask(
    monkeypatch: pytest.MonkeyPatch, raw: Any, version: str, method: str = "tools/list"
) -> tuple[Any, dict[str, str]]:
    """Return what is left of ``raw`` and what was taken out."""

    async def answer(*_: Any) -> Any:
        return raw

    monkeypatch.setattr(JSONRPCDispatcher, "send_raw_request", answer)
    dispatcher = SiftingDispatcher(None, None)
    dispatcher.version = version
    return await dispatcher.send_raw_request(method, {}), dispatcher.unfit


@pytest.mark.parametrize("version", MORE)
async def test_only_what_cannot_be_read_is_taken_out(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    whole = {**MORE[version], "tools": [GOOD], "nextCursor": "2"}
    assert await ask(monkeypatch, whole, version) == (whole, {})
    mixed = {**whole, "tools": [{"name": "odd"}, GOOD, None]}
    left, unfit = await ask(monkeypatch, mixed, version)
    assert left == whole
    assert unfit == {
        "odd": "Its inputSchema is missing, or not as MCP has it.",
        "tool 3": "What the server says of it is not as MCP has it.",
    }


@pytest.mark.parametrize("raw", [{}, {"tools": "many"}, {"tools": [GOOD, 1], "nextCursor": 5}])
async def test_a_listing_that_is_broken_as_a_whole_is_left_to_the_sdk(
    monkeypatch: pytest.MonkeyPatch, raw: Any
) -> None:
    assert await ask(monkeypatch, raw, "2025-11-25") == (raw, {})


async def test_other_results_are_none_of_its_business(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = {"tools": [1]}
    assert await ask(monkeypatch, raw, "2025-11-25", "tools/call") == (raw, {})
