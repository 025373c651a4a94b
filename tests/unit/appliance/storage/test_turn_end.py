from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from appliance.errors import StorageError
from appliance.ports.turn_store import TurnInFlight
from tests.contract.test_stored_turn_store import opened_on
from tests.contract.turn_store_contract import build_execution
from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database


def failpoint(temporary: TemporaryDatabase, table: str) -> None:
    """Make the next insert into ``table`` fail, as a failing disk would."""
    path: Path = temporary.folder / "database" / "csai.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute(
        f"CREATE TRIGGER failpoint BEFORE INSERT ON {table}"
        " BEGIN SELECT raise(ABORT, 'failpoint'); END"
    )
    connection.commit()
    connection.close()


@pytest.mark.parametrize("table", ["messages", "tool_executions", "api_usage"])
async def test_an_answer_is_stored_whole_or_not_at_all(table: str):
    async with open_temporary_database() as temporary:
        opened = opened_on(temporary)
        start = await opened.begin("one", new_session="s1", message_id="m1")
        failpoint(temporary, table)
        with pytest.raises(StorageError):
            await opened.finish(start, executions=[build_execution(opened.clock)])
        assert await opened.contents(start.conversation.id) == ["one"]
        assert await opened.sum_usage() == {}
        again = await opened.store.begin_turn(
            opened.build_turn("one", session="s1", message_id="m1")
        )
        assert isinstance(again, TurnInFlight)
        assert (await opened.conversation("s1")).message_count == 1
