"""Listings of tools of which some are not as MCP has them.

Owns taking those out before the SDK reads a listing, which it would refuse as a whole; what becomes
of them is left to ``offers``. The SDK has to be prepared before this is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from mcp.shared.dispatcher import CallOptions
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp_types import ListToolsResult, methods
from pydantic import ValidationError

METHOD: Final = "tools/list"
FIELDS: Final = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")


class SiftingDispatcher(JSONRPCDispatcher[Any]):
    """The SDK's dispatcher, but for tools in listings that the SDK could not read.

    ``version`` is that of the protocol, once it is agreed on. ``unfit`` are the reasons, by the
    server's name of the tool, or by its place where it has none.
    """

    def __init__(self, reading: Any, writing: Any) -> None:
        super().__init__(reading, writing)
        self.version = ""
        self.unfit: dict[str, str] = {}

    async def send_raw_request(
        self,
        method: str,
        params: Mapping[str, Any] | None,
        opts: CallOptions | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Send a request and return the raw result."""
        raw = await super().send_raw_request(method, params, opts, **more)
        return self._sift(raw) if method == METHOD else raw

    def _sift(self, raw: dict[str, Any]) -> dict[str, Any]:
        tools = raw.get("tools")
        is_broken = _find_problem({**raw, "tools": []}, self.version) is not None
        if is_broken or not isinstance(tools, list) or _find_problem(raw, self.version) is None:
            return raw
        fit = []
        for place, tool in enumerate(tools, 1):
            reason = _find_problem({**raw, "tools": [tool]}, self.version)
            if reason is None:
                fit.append(tool)
                continue
            name = tool.get("name") if isinstance(tool, dict) else None
            self.unfit[name if isinstance(name, str) else f"tool {place}"] = reason
        return {**raw, "tools": fit}


def _find_problem(listing: dict[str, Any], version: str) -> str | None:
    """Return why the SDK could not read ``listing``; nothing that the server wrote is in it."""
    try:
        with suppress(KeyError):  # a version without a form of its own
            methods.validate_server_result(METHOD, version, listing)
        ListToolsResult.model_validate(listing, by_name=False)
    except ValidationError as exc:
        places = (place for error in exc.errors() for place in error["loc"])
        field = next((place for place in places if place in FIELDS), None)
        if field is None:
            return "What the server says of it is not as MCP has it."
        return f"Its {field} is missing, or not as MCP has it."
    return None
