from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.json_types import JsonObject
from appliance.errors import NotFound, StorageError
from appliance.ports.exports import ConversationFilter
from appliance.services.exports import ExportService
from tests.fakes.sqlite_database import TemporaryDatabase

PAGES = 300
ROWS = 100


class EndlessStore:
    """Implements ``ExportStore`` with more rows than memory should hold."""

    def table_names(self) -> tuple[str, ...]:
        return ("tenants", "messages")

    async def read_table(self, table: str, tenant_id: TenantId) -> AsyncIterator[list[JsonObject]]:
        for page in range(PAGES):
            yield [{"id": f"{page}-{row}", "content": f"{page} {row} " * 50} for row in range(ROWS)]

    async def read_conversations(
        self, wanted: ConversationFilter
    ) -> AsyncIterator[list[JsonObject]]:
        if False:
            yield []

    async def read_messages(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> AsyncIterator[list[JsonObject]]:
        if False:
            yield []

    read_executions = read_escalations = read_feedback = read_messages


async def test_memory_does_not_grow_with_the_export(temporary: TemporaryDatabase):
    service = ExportService(
        store=EndlessStore(), tenants=temporary.database.tenants, clock=temporary.clock
    )
    content = io.BytesIO()
    tracemalloc.start()
    try:
        async for piece in service.export_tenant(temporary.tenant_id):
            content.write(piece)
        size, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - len(content.getvalue()) < 6_000_000, (size, peak)
    with zipfile.ZipFile(content) as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["rows"] == {"tenants": PAGES * ROWS, "messages": PAGES * ROWS}
        assert archive.getinfo("messages.jsonl").file_size > 10_000_000


async def test_an_unknown_tenant_is_found_out_before_the_first_byte(temporary: TemporaryDatabase):
    database = temporary.database
    service = ExportService(store=database.exports, tenants=database.tenants, clock=temporary.clock)
    await service.check_tenant(temporary.tenant_id)
    with pytest.raises(NotFound):
        await service.check_tenant(TenantId("nobody"))


class BrokenStore(EndlessStore):
    """Cannot be read at all."""

    async def read_table(self, table: str, tenant_id: TenantId) -> AsyncIterator[list[JsonObject]]:
        raise StorageError("The database cannot be reached.")
        yield []

    async def read_conversations(
        self, wanted: ConversationFilter
    ) -> AsyncIterator[list[JsonObject]]:
        raise StorageError("The database cannot be reached.")
        yield []


async def test_a_broken_database_is_found_out_before_the_first_byte(temporary: TemporaryDatabase):
    service = ExportService(
        store=BrokenStore(), tenants=temporary.database.tenants, clock=temporary.clock
    )
    for pieces in (
        service.export_tenant(temporary.tenant_id),
        service.export_visitor(temporary.tenant_id, "dana"),
        service.export_conversations(ConversationFilter(), "csv"),
        service.export_conversations(ConversationFilter(), "json"),
    ):
        with pytest.raises(StorageError):
            await anext(pieces)


async def test_nothing_found_is_a_whole_document(temporary: TemporaryDatabase):
    database = temporary.database
    service = ExportService(store=database.exports, tenants=database.tenants, clock=temporary.clock)
    wanted = ConversationFilter(since=datetime(2026, 1, 1, tzinfo=UTC))
    found = b"".join([piece async for piece in service.export_conversations(wanted, "json")])
    assert json.loads(found) == []
    lines = b"".join([piece async for piece in service.export_conversations(wanted, "csv")])
    assert len(lines.splitlines()) == 1


async def test_who_left_nothing_is_known(temporary: TemporaryDatabase):
    database = temporary.database
    service = ExportService(store=database.exports, tenants=database.tenants, clock=temporary.clock)
    assert not await service.has_visitor(temporary.tenant_id, "nobody")
