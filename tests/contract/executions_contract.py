"""What reading executed tool calls must do on every database.

Owns the suite; opening the database is left to the subclasses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Connection, insert

from appliance.domain.ids import ConversationId, TenantId, new_id
from appliance.errors import InvalidInput
from appliance.ports.execution_log import ExecutionSearch
from appliance.storage.repositories import executions
from appliance.storage.tables import tool_executions
from tests.contract.conversations_contract import OpenedConversations


async def add_executions(
    opened: OpenedConversations, tenant_id: TenantId, *rows: dict[str, Any]
) -> ConversationId:
    """Store executed calls in a new conversation of the tenant, a second apart; return it."""
    turn = await opened.talk(tenant_id, "Where is it?")
    now = opened.clock.now()
    values = [
        {
            "id": new_id(),
            "tenant_id": tenant_id,
            "conversation_id": turn.conversation.id,
            "call_id": f"call_{number}",
            "tool_name": "check_inventory",
            "parameters": {"number": number},
            "response": {"found": number},
            "is_success": True,
            "execution_time_ms": 3,
            "attempts": 1,
            "executed_at": now + timedelta(seconds=number),
            **row,
        }
        for number, row in enumerate(rows, start=1)
    ]
    opened.clock.advance(len(rows))

    def add(connection: Connection) -> None:
        for value in values:
            connection.execute(insert(tool_executions).values(**value))

    await opened.database.backend.transactions.write(add)
    return turn.conversation.id


async def find(opened: OpenedConversations, **wanted: Any) -> list[str]:
    """Return the call ids of the executed calls that a search finds, but the one of each turn."""
    page = await opened.database.executions.list_page(
        ExecutionSearch(**wanted), limit=200, cursor=None
    )
    return [row.call_id for row in page.items if row.tool_name != "get_order_status"]


class ExecutionsContract(ABC):
    """Holds for every database."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[OpenedConversations]:
        """Open a database with two tenants."""

    @pytest_asyncio.fixture
    async def opened(self) -> AsyncIterator[OpenedConversations]:
        async with self.open() as opened:
            yield opened

    async def test_a_call_is_read_whole(self, opened: OpenedConversations) -> None:
        turn = await opened.talk(opened.mine, "Where is it?")
        page = await opened.database.executions.list_page(ExecutionSearch(), limit=50, cursor=None)
        [row] = page.items
        assert (row.tenant_id, row.conversation_id) == (opened.mine, turn.conversation.id)
        assert (row.tool_name, row.is_success, row.attempts) == ("get_order_status", True, 1)
        assert (row.parameters, row.response) == ({"order_number": "12345"}, {"status": "baking"})
        assert row.executed_at == opened.clock.now()
        assert page.next_cursor is None

    async def test_calls_are_found_by_what_they_are(self, opened: OpenedConversations) -> None:
        began = opened.clock.now()
        first = await add_executions(opened, opened.mine, {}, {"tool_name": "refund"}, {})
        second = await add_executions(
            opened, opened.theirs, {"call_id": "t1"}, {"call_id": "t2", "is_success": False}
        )
        assert await find(opened) == ["t2", "t1", "call_3", "call_2", "call_1"]
        assert await find(opened, tenant_id=opened.mine) == ["call_3", "call_2", "call_1"]
        assert await find(opened, tool_name="refund") == ["call_2"]
        assert await find(opened, is_success=False) == ["t2"]
        assert await find(opened, is_success=True, tenant_id=opened.theirs) == ["t1"]
        assert await find(opened, conversation_id=second) == ["t2", "t1"]
        assert await find(opened, conversation_id=first, tenant_id=opened.mine) == [
            "call_3",
            "call_2",
            "call_1",
        ]
        assert await find(opened, conversation_id=first, tenant_id=opened.theirs) == []
        middle = began + timedelta(seconds=62)
        assert await find(opened, since=middle, until=middle + timedelta(seconds=1)) == ["call_2"]

    @pytest.mark.parametrize("tenant", ["mine", None])
    async def test_calls_come_in_pages_even_of_one_moment(
        self, opened: OpenedConversations, tenant: str | None
    ) -> None:
        at = opened.clock.now() + timedelta(seconds=100)
        await add_executions(opened, opened.mine, *({"executed_at": at},) * 3, {}, {})
        wanted = ExecutionSearch(
            tenant_id=opened.mine if tenant else None, tool_name="check_inventory"
        )
        seen: list[str] = []
        cursor = None
        for _ in range(3):
            page = await opened.database.executions.list_page(wanted, limit=2, cursor=cursor)
            seen += [row.call_id for row in page.items]
            cursor = page.next_cursor
        assert cursor is None
        assert sorted(seen) == [f"call_{number}" for number in range(1, 6)]

    async def test_a_strange_cursor_is_refused(self, opened: OpenedConversations) -> None:
        with pytest.raises(InvalidInput):
            await opened.database.executions.list_page(
                ExecutionSearch(), limit=2, cursor="elsewhere"
            )

    async def test_all_calls_are_read_tenant_by_tenant_and_oldest_first(
        self, opened: OpenedConversations, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(executions, "PAGE_ROWS", 2)
        await add_executions(opened, opened.theirs, {}, {}, {})
        await add_executions(opened, opened.mine, {}, {}, {}, {})
        wanted = ExecutionSearch(tool_name="check_inventory")
        pages = [page async for page in opened.database.executions.read_all(wanted)]
        assert [len(page) for page in pages] == [2, 2, 2, 1]
        read = [(row.tenant_id, row.executed_at, row.call_id) for page in pages for row in page]
        assert read == sorted(read)
        assert len(set(read)) == 7
