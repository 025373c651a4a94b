"""Handing out what is stored of a visitor or a tenant.

Owns the forms of exports, written piece by piece so that memory does not grow with them; reading
is left to the export store.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from typing import Any, Final, Literal

import msgspec

from appliance import __version__
from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.json_types import JsonObject
from appliance.errors import NotFound
from appliance.ports.clock import Clock
from appliance.ports.exports import ConversationFilter, ExportStore
from appliance.ports.repositories import TenantRepository
from appliance.services.csv_text import write_csv

ExportFormat = Literal["csv", "json"]

_CONVERSATION_FIELDS: Final = (
    "id", "channel", "status", "user_identifier", "visitor", "locale", "page_url", "started_at",
    "last_message_at", "ended_at", "message_count", "input_tokens", "output_tokens", "rating",
    "metadata", "pending_action", "content_deleted_at",
)  # fmt: skip
_MESSAGE_FIELDS: Final = (
    "id", "role", "content", "created_at", "citations", "tool_calls", "tool_call_id", "tool_name",
    "author_name",
)  # fmt: skip
_EXECUTION_FIELDS: Final = (
    "call_id", "tool_name", "parameters", "sent", "response", "is_success", "error", "executed_at",
    "execution_time_ms",
)  # fmt: skip
_ESCALATION_FIELDS: Final = (
    "id", "cause", "status", "reason", "contact", "requested_at", "closed_at",
)  # fmt: skip
_FEEDBACK_FIELDS: Final = ("message_id", "rating", "comment", "created_at", "updated_at")
CSV_COLUMNS: Final = (
    "tenant_id", "conversation_id", "channel", "status", "user_identifier", "started_at",
    "message_id", "seq", "role", "created_at", "content", "input_tokens", "output_tokens",
)  # fmt: skip

_encode = msgspec.json.encode


class ExportService:
    """Builds exports.

    Each yields its first piece once the first rows are read: a database that cannot be read is
    found out before anything is sent.
    """

    def __init__(self, *, store: ExportStore, tenants: TenantRepository, clock: Clock) -> None:
        self._store = store
        self._tenants = tenants
        self._clock = clock

    async def check_tenant(self, tenant_id: TenantId) -> None:
        """Find out before the first byte that there is something to export.

        Raises:
            NotFound: There is no such tenant.
        """
        if await self._tenants.get(tenant_id) is None:
            raise NotFound(f"There is no tenant {tenant_id!r}.", code="tenant_not_found")

    async def has_visitor(self, tenant_id: TenantId, user_identifier: str) -> bool:
        """Say whether anything is stored under a visitor's identifier."""
        wanted = ConversationFilter(tenant_id=tenant_id, user_identifier=user_identifier)
        async for _ in self._store.read_conversations(wanted):
            return True
        return False

    async def export_visitor(
        self, tenant_id: TenantId, user_identifier: str
    ) -> AsyncIterator[bytes]:
        """Yield one JSON document of all that is stored under a visitor's identifier.

        Source: GDPR, articles 15 and 20: a structured, common, machine-readable form.
        """
        tenant = await self._tenants.get(tenant_id)
        head = {
            "exported_at": self._clock.now(),
            "tenant": {"id": tenant_id, "name": tenant.name if tenant else ""},
            "user_identifier": user_identifier,
        }
        wanted = ConversationFilter(tenant_id=tenant_id, user_identifier=user_identifier)
        start = _encode(head)[:-1] + b',"conversations":['
        async for piece in enclose(start, self._json_conversations(wanted), b"]}\n"):
            yield piece

    async def export_tenant(self, tenant_id: TenantId) -> AsyncIterator[bytes]:
        """Yield a zip archive with one JSON Lines file a table, and ``manifest.json`` at last."""
        sink = _Sink()
        counts: dict[str, int] = {}
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            for table in self._store.table_names():
                counts[table] = 0
                with archive.open(f"{table}.jsonl", "w", force_zip64=True) as file:
                    async for rows in self._store.read_table(table, tenant_id):
                        counts[table] += len(rows)
                        file.write(b"".join(_encode(row) + b"\n" for row in rows))
                        yield sink.take()
            manifest: JsonObject = {
                "tenant_id": tenant_id,
                "exported_at": self._clock.now(),
                "version": __version__,
                "rows": counts,
            }
            archive.writestr("manifest.json", _encode(manifest))
        yield sink.take()

    async def export_conversations(
        self, wanted: ConversationFilter, form: ExportFormat
    ) -> AsyncIterator[bytes]:
        """Yield conversations with their messages: a JSON array, or a CSV line for each message."""
        if form == "csv":
            start = write_csv([CSV_COLUMNS], has_mark=True)
            pieces = enclose(start, self._csv_messages(wanted), b"")
        else:
            pieces = enclose(b"[", self._json_conversations(wanted), b"]\n")
        async for piece in pieces:
            yield piece

    async def _json_conversations(self, wanted: ConversationFilter) -> AsyncIterator[bytes]:
        is_first = True
        async for page in self._store.read_conversations(wanted):
            for conversation in page:
                tenant_id = TenantId(conversation["tenant_id"])
                found = ConversationId(conversation["id"])
                head = _encode(_pick(conversation, ("tenant_id", *_CONVERSATION_FIELDS)))[:-1]
                yield (b"" if is_first else b",") + head + b',"messages":['
                is_first = False
                store = self._store
                parts = (
                    (b"", store.read_messages, _MESSAGE_FIELDS),
                    (b'],"tool_calls":[', store.read_executions, _EXECUTION_FIELDS),
                    (b'],"escalations":[', store.read_escalations, _ESCALATION_FIELDS),
                    (b'],"ratings":[', store.read_feedback, _FEEDBACK_FIELDS),
                )
                for start, read, fields in parts:
                    yield start
                    separator = b""
                    async for rows in read(tenant_id, found):
                        yield separator + b",".join(_encode(_pick(row, fields)) for row in rows)
                        separator = b","
                yield b"]}"

    async def _csv_messages(self, wanted: ConversationFilter) -> AsyncIterator[bytes]:
        async for page in self._store.read_conversations(wanted):
            for conversation in page:
                start = [
                    conversation[name]
                    for name in ("tenant_id", "id", "channel", "status", "user_identifier")
                ]
                start.append(conversation["started_at"])
                read = self._store.read_messages(
                    TenantId(conversation["tenant_id"]), ConversationId(conversation["id"])
                )
                async for rows in read:
                    yield write_csv(
                        [
                            [
                                *start, row["id"], row["seq"], row["role"], row["created_at"],
                                row["content"], row["input_tokens"], row["output_tokens"],
                            ]
                            for row in rows
                        ]
                    )  # fmt: skip


class _Sink(io.RawIOBase):
    """Takes what an archive writes, which never goes back, and hands it on."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken = bytes(self._written)
        self._written.clear()
        return taken


async def enclose(start: bytes, pieces: AsyncIterator[bytes], end: bytes) -> AsyncIterator[bytes]:
    """Yield ``start`` together with the first of the pieces, and ``end`` behind the last."""
    async for piece in pieces:
        yield start + piece
        start = b""
    yield start + end


def _pick(row: JsonObject, names: tuple[str, ...]) -> JsonObject:
    return {name: row[name] for name in names}
