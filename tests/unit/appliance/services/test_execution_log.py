from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator

import pytest_asyncio

from appliance.ports.execution_log import ExecutionSearch
from appliance.services.execution_log import CSV_COLUMNS, ExecutionLog
from appliance.services.exports import ExportFormat
from tests.contract.conversations_contract import OpenedConversations, fill
from tests.contract.executions_contract import add_executions
from tests.fakes.sqlite_database import TemporaryDatabase

SECRET = {"api_key": "hunter2"}
FAILED = {
    "is_success": False,
    "response": None,
    "error": "=The address https://x.example/?token=hunter2 answered 500.",
    "sent": SECRET,
    "parameters": {"city": "חיפה", **SECRET},
}


@pytest_asyncio.fixture
async def opened(temporary: TemporaryDatabase) -> AsyncIterator[OpenedConversations]:
    yield await fill(temporary.database, temporary.clock)


async def export(opened: OpenedConversations, form: ExportFormat, **wanted: object) -> str:
    log = ExecutionLog(opened.database.executions)
    pieces = log.export(ExecutionSearch(**wanted), form)  # type: ignore[arg-type]
    return b"".join([piece async for piece in pieces]).decode()


async def test_a_page_shows_no_secret(opened: OpenedConversations) -> None:
    await add_executions(opened, opened.mine, FAILED)
    log = ExecutionLog(opened.database.executions)
    page = await log.list_page(ExecutionSearch(is_success=False), limit=50, cursor=None)
    [row] = page.items
    assert "hunter2" not in repr(row)
    assert (row.attempts, row.execution_time_ms) == (1, 3)
    assert row.parameters == {"city": "חיפה", "api_key": "[redacted]"}


async def test_an_export_as_json_holds_what_the_list_shows(opened: OpenedConversations) -> None:
    await add_executions(opened, opened.mine, {}, FAILED)
    rows = json.loads(await export(opened, "json", tool_name="check_inventory"))
    assert [(row["call_id"], row["is_success"]) for row in rows] == [
        ("call_1", True),
        ("call_2", False),
    ]
    assert rows[0]["response"] == {"found": 1}
    assert "hunter2" not in json.dumps(rows)


async def test_an_export_as_csv_has_a_line_for_each_call(opened: OpenedConversations) -> None:
    await add_executions(opened, opened.mine, {}, FAILED)
    text = await export(opened, "csv", tool_name="check_inventory")
    head, good, bad = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert tuple(head) == CSV_COLUMNS
    cells = dict(zip(head, bad, strict=True))
    assert json.loads(cells["parameters"]) == {"city": "חיפה", "api_key": "[redacted]"}
    assert cells["error"].startswith("'=The address")
    assert (cells["is_success"], cells["response"]) == ("False", "")
    assert json.loads(dict(zip(head, good, strict=True))["response"]) == {"found": 1}
    assert "hunter2" not in text


async def test_an_export_of_nothing_is_whole(opened: OpenedConversations) -> None:
    assert json.loads(await export(opened, "json", tool_name="nothing")) == []
    assert len((await export(opened, "csv", tool_name="nothing")).splitlines()) == 1
