from __future__ import annotations

import pytest
from sqlalchemy import event

from appliance.storage.tables import pending_archives
from tests.fakes.stored_history import DATABASES, open_history


@pytest.mark.parametrize("kind", DATABASES)
async def test_an_archive_that_is_begun_twice_keeps_its_first_object(kind: str):
    async with open_history(kind) as history:
        store, now = history.temporary.database.retention, history.clock.now()
        assert await store.begin_archive(history.tenant_id, "a", at=now) == "a"
        assert await store.begin_archive(history.tenant_id, "b", at=now) == "a"
        assert await store.begin_archive(history.other_tenant_id, "b", at=now) == "b"
        assert await history.count(pending_archives) == 2


@pytest.mark.parametrize("kind", DATABASES)
async def test_pages_continue_behind_each_other(kind: str):
    async with open_history(kind) as history:
        for number in range(7):
            await history.talk(f"s{number}", f"question {number}")
        store = history.temporary.database.retention
        history.pass_days(1)
        before, after = history.clock.now(), None
        seen: list[str] = []
        while batch := await store.read_old_messages(
            history.tenant_id, before=before, after=after, limit=3, with_content=True
        ):
            seen += [message.line["content"] for message in batch if message.line]
            after = batch[-1]
        assert [text for text in seen if text != "Soon."] == [f"question {n}" for n in range(7)]
        assert len(seen) == 14


@pytest.mark.parametrize("kind", DATABASES)
async def test_only_one_holds_the_work(kind: str):
    async with open_history(kind) as history:
        store = history.temporary.database.retention
        async with store.exclusively() as first, store.exclusively() as second:
            assert (first, second) == (True, False)
        async with store.exclusively() as again:
            assert again


async def test_no_step_walks_over_all_messages_of_a_tenant():
    """SQLite chooses such a plan gladly: a tenant's index stands beside a list of ids."""
    async with open_history() as history:
        await history.talk("s1", tools=2, user_identifier="dana")
        database, tenant_id = history.temporary.database, history.tenant_id
        statements: list[tuple[str, object]] = []

        def note(connection, cursor, statement, parameters, context, many):
            statements.append((statement, parameters))

        transactions = database.backend.transactions
        engine = await transactions.write(lambda connection: connection.engine)
        event.listen(engine, "before_cursor_execute", note)
        history.pass_days(100)
        now = history.clock.now()
        ids = sorted(await history.list_message_ids())
        await database.retention.delete_messages(tenant_id, ids, at=now, all_or_none=True)
        await history.talk("s1", user_identifier="dana")
        found = await database.erasure.close_conversations_of(tenant_id, "dana", at=now, limit=9)
        for _ in range(3):
            await database.erasure.erase_conversations(tenant_id, found, limit=9, time_zone="UTC")
        assert len(statements) > 8
        for statement, parameters in statements:
            plan = await transactions.read(
                lambda connection, statement=statement, parameters=parameters: [
                    row[3]
                    for row in connection.exec_driver_sql(
                        f"EXPLAIN QUERY PLAN {statement}", parameters
                    )
                ]
            )
            assert not [line for line in plan if line.startswith("SCAN")], statement
            assert not [
                line
                for line in plan
                if line.endswith("(tenant_id=?)") and "pending_archives" not in line
            ], statement
