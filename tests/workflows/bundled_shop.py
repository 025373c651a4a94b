"""A shop with the bundled tools, for tests of what a visitor's call gives and changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject
from appliance.ports.data_tables import RowFilter
from appliance.ports.outbound_http import OutboundHttp
from appliance.ports.workflow_engine import WorkflowRun
from appliance.providers.builtin.phrasebook import choose_phrasebook
from appliance.providers.builtin.result_rendering import render_result
from appliance.workflows.bundled import load_bundled, load_data_tables, load_demo_rows
from appliance.workflows.runner import WorkflowRunner
from tests.fakes.clock import SettableClock
from tests.fakes.refusing_http import RefusingHttp
from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database

FOLDER = Path(__file__).parents[2] / "bundled-workflows"
ZONE = "America/New_York"
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # Monday, 10:00 in New York
BOOKING = {"date": "2026-03-03", "time": "19:00", "name": "Ann Lee"}
TOOLS = {tool.tool_name: tool for tool in load_bundled(FOLDER)}


class Shop:
    """A shop with the bundled tools, its rows, and a clock."""

    def __init__(self, stored: TemporaryDatabase, http: OutboundHttp | None = None) -> None:
        self.clock = SettableClock(NOW)
        self.tables = stored.database.data_tables
        self.tenant, self.other = stored.tenant_id, stored.other_tenant_id
        self.runner = WorkflowRunner(self.tables, http or RefusingHttp(), self.clock)
        self.calls = 0

    async def open(self) -> None:
        rows = load_demo_rows(FOLDER, NOW, time_zone=ZONE)
        self.shipped = {table: len(found) for table, found in rows.items()}
        for table in load_data_tables(FOLDER):
            for tenant in (self.tenant, self.other):
                await self.tables.ensure_table(tenant, table.name, table.columns)
            await self.tables.insert_rows(self.tenant, table.name, rows[table.name])

    async def call(
        self, tool: str, /, *, tenant: TenantId | None = None, config: Any = None, **parameters: Any
    ) -> Any:
        """Return what the tool answers."""
        return (await self.run(tool, tenant=tenant, config=config, **parameters)).output

    async def run(
        self, tool: str, /, *, tenant: TenantId | None = None, config: Any = None, **parameters: Any
    ) -> WorkflowRun:
        """Call the tool."""
        self.calls += 1
        tenant = tenant or self.tenant
        call_id = parameters.pop("call_id", f"call-{self.calls}")
        context = {"tenant_id": tenant, "call_id": call_id, "tool": tool, "time_zone": ZONE}
        return await self.runner.run(
            TOOLS[tool].workflow,
            {**parameters, "_context": context},
            tenant_id=tenant,
            time_zone=ZONE,
            config=config,
        )

    async def rows(self, table: str) -> list[Any]:
        """Return all rows of a table but those of the demo."""
        rows = await self.tables.get_rows(self.tenant, table, RowFilter())
        return rows[self.shipped[table] :]

    async def bookings(self) -> list[Any]:
        return await self.rows("bookings")


def tell(tool: str, answer: Any, language: str = "en") -> str:
    """Return what a visitor reads of a tool's answer."""
    words: JsonObject = TOOLS[tool].parameters_schema["x-results"]
    book = choose_phrasebook(language, "")
    is_write = TOOLS[tool].risk != "read"
    content = msgspec.json.encode(answer).decode()
    return render_result(content, book, is_write=is_write, words=words)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_temporary_database() as stored:
        opened = Shop(stored)
        await opened.open()
        yield opened
        opened.runner.close()
