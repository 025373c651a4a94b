from __future__ import annotations

import asyncio
import sqlite3

from tests.contract.test_stored_turn_store import opened_on
from tests.fakes.sqlite_database import open_temporary_database


async def test_reads_wait_for_no_write():
    async with open_temporary_database() as temporary:
        opened = opened_on(temporary)
        start = await opened.begin("one", new_session="s1")
        outside = sqlite3.connect(
            temporary.folder / "database" / "csai.sqlite3", isolation_level=None
        )
        outside.execute("BEGIN IMMEDIATE")
        write = asyncio.ensure_future(opened.begin("two", new_session="s2"))
        async with asyncio.timeout(2):
            assert await opened.contents(start.conversation.id) == ["one"]
            assert (await opened.conversation("s1")).message_count == 1
        assert not write.done()
        outside.execute("ROLLBACK")
        outside.close()
        await write
