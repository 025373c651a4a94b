"""How SQLite looks for executed calls; what it finds is in the contract's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Engine, event

from appliance.ports.execution_log import ExecutionSearch
from tests.contract.conversations_contract import fill
from tests.contract.executions_contract import add_executions
from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database

BY_TIME = "USING COVERING INDEX ix_tool_executions_tenant_id_executed_at_id"


@pytest_asyncio.fixture
async def temporary() -> AsyncIterator[TemporaryDatabase]:
    async with open_temporary_database() as opened:
        yield opened


async def explain(temporary: TemporaryDatabase, wanted: ExecutionSearch, cursor: str | None) -> str:
    """Return how SQLite carries out the search for a page."""
    transactions, asked = temporary.database.backend.transactions, []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await temporary.database.executions.list_page(wanted, limit=50, cursor=cursor)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    [(statement, parameters)] = asked
    plan = await transactions.read(
        lambda connection: connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statement}", parameters
        ).all()
    )
    return "\n".join(row[3] for row in plan)


@pytest.mark.parametrize("wanted", [{}, {"tool_name": "refund"}, {"is_success": False}])
async def test_a_tenants_calls_are_looked_for_in_the_index_alone(
    temporary: TemporaryDatabase, wanted: dict[str, Any]
) -> None:
    """However long the rows are, and however seldom what is looked for."""
    opened = await fill(temporary.database, temporary.clock)
    await add_executions(opened, opened.mine, {}, {})
    search = ExecutionSearch(tenant_id=opened.mine)
    page = await temporary.database.executions.list_page(search, limit=1, cursor=None)
    for cursor in (None, page.next_cursor):
        plan = await explain(temporary, ExecutionSearch(tenant_id=opened.mine, **wanted), cursor)
        assert f"{BY_TIME} (tenant_id=?" in plan, plan
        assert "SCAN tool_executions" not in plan


async def test_a_conversations_calls_are_found_by_its_own_index(
    temporary: TemporaryDatabase,
) -> None:
    opened = await fill(temporary.database, temporary.clock)
    found = await add_executions(opened, opened.mine, {}, {})
    search = ExecutionSearch(tenant_id=opened.mine, conversation_id=found)
    plan = await explain(temporary, search, None)
    assert "USING INDEX ix_tool_executions_conversation_id_call_id (conversation_id=?)" in plan
    assert "tenant_id=?" not in plan
