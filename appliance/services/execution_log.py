"""Executed tool calls as operators look them through, over all conversations.

Owns that no secret is shown, and the forms of the export; what one conversation's calls were is
shown by ``conversation_log``. An operator's own trials are not among them: they are nobody's turn
and count as nobody's usage, and their answer shows all that there is to know.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from appliance.ports.execution_log import ExecutionLogStore, ExecutionSearch, LoggedExecution
from appliance.ports.repositories import Page
from appliance.services.conversation_log import mask_fields
from appliance.services.csv_text import write_csv
from appliance.services.exports import ExportFormat, enclose

CSV_COLUMNS: Final = (
    "tenant_id", "conversation_id", "call_id", "tool_name", "executed_at", "is_success", "error",
    "failure", "execution_time_ms", "attempts", "parameters", "sent", "response",
)  # fmt: skip

_encode = msgspec.json.encode


class ExecutionLog:
    """Shows executed tool calls to operators."""

    def __init__(self, store: ExecutionLogStore) -> None:
        self._store = store

    async def list_page(
        self, wanted: ExecutionSearch, *, limit: int, cursor: str | None
    ) -> Page[LoggedExecution]:
        """Return executed calls, the newest first.

        Raises:
            InvalidInput: ``cursor`` is not of this list.
        """
        page = await self._store.list_page(wanted, limit=limit, cursor=cursor)
        return Page(items=[mask_execution(row) for row in page.items], next_cursor=page.next_cursor)

    async def export(self, wanted: ExecutionSearch, form: ExportFormat) -> AsyncIterator[bytes]:
        """Yield executed calls as a JSON array or as CSV, tenant by tenant, the oldest first.

        The first piece comes once the first rows are read.
        """
        if form == "csv":
            pieces = enclose(write_csv([CSV_COLUMNS], has_mark=True), self._csv(wanted), b"")
        else:
            pieces = enclose(b"[", self._json(wanted), b"]\n")
        async for piece in pieces:
            yield piece

    async def _json(self, wanted: ExecutionSearch) -> AsyncIterator[bytes]:
        separator = b""
        async for rows in self._store.read_all(wanted):
            yield separator + b",".join(_encode(mask_execution(row)) for row in rows)
            separator = b","

    async def _csv(self, wanted: ExecutionSearch) -> AsyncIterator[bytes]:
        async for rows in self._store.read_all(wanted):
            masked = map(mask_execution, rows)
            yield write_csv([[_write_cell(row, name) for name in CSV_COLUMNS] for row in masked])


def mask_execution(row: LoggedExecution) -> LoggedExecution:
    """Return the call without what looks like a secret."""
    return mask_fields(row, "parameters", "sent", "response", "error")


def _write_cell(row: LoggedExecution, name: str) -> Any:
    """Return a cell: what is JSON, as JSON."""
    value = getattr(row, name)
    if name in ("parameters", "sent", "response"):
        return None if value is None else _encode(value).decode()
    return value
