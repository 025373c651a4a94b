"""What every ``RetentionStore`` must do, seen through the service that uses it.

Owns the suite; opening a store is left to the subclasses.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest
import pytest_asyncio

from appliance.domain.conversation import Summary
from appliance.domain.ids import MessageId, TenantId
from appliance.domain.tenant import RetentionSettings, Tenant
from appliance.domain.user import AuditEntry
from appliance.errors import Conflict, Unavailable
from appliance.ports.turn_store import TurnReplayed
from appliance.storage.tables import (
    audit_log,
    conversations,
    escalations,
    feedback,
    messages,
    outbox,
    pending_archives,
    tool_executions,
    tool_usage,
    turn_traces,
)
from tests.contract.turn_store_contract import build_pending
from tests.fakes.stored_history import StoredHistory


class MemoryArchive:
    """Implements ``Archive`` in memory; fails when told to."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.is_broken = False

    async def put(self, name: str, content: bytes) -> None:
        if self.is_broken:
            raise Unavailable("The archive cannot be reached.", code="archive_unavailable")
        self.objects[name] = content

    async def close(self) -> None:
        """Hold nothing open."""

    def list_ids(self) -> list[str]:
        """Return the ids of all archived messages, as often as they are there."""
        return [
            json.loads(line)["id"]
            for content in self.objects.values()
            for line in gzip.decompress(content).splitlines()
        ]


class RetentionContract(ABC):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        """Open an empty database with two tenants."""

    @pytest_asyncio.fixture
    async def history(self) -> AsyncIterator[StoredHistory]:
        async with self.open() as history:
            yield history

    async def test_messages_older_than_their_days_go(self, history: StoredHistory):
        for number in range(12):
            await history.talk(f"old-{number}")
        history.pass_days(31)
        await history.talk("new")
        report = await history.build_retention().run()
        (done,) = report.tenants
        assert (done.messages, done.archived_messages) == (24, 0)
        assert await history.count(messages) == 2
        assert await history.count(conversations) == 13

    async def test_a_tenant_may_have_its_own_days(self, history: StoredHistory):
        other = history.temporary.other_tenant_id
        await history.talk("mine", tools=1)
        await history.talk("theirs", tools=1, tenant_id=other)
        database = history.temporary.database
        tenant = await database.tenants.get(other)
        assert tenant is not None
        await database.tenants.save(_with_days(tenant, message_days=5, tool_execution_days=6))
        history.pass_days(7)
        await history.build_retention().run()
        assert await history.count(messages, other) == 0
        assert await history.count(tool_executions, other) == 0
        assert await history.count(messages, history.tenant_id) == 2
        assert await history.count(tool_executions, history.tenant_id) == 1

    async def test_a_dry_run_only_counts(self, history: StoredHistory):
        await history.talk("old", tools=2)
        history.pass_days(91)
        report = await history.build_retention().run(is_dry_run=True)
        (would,) = report.tenants
        assert (would.messages, would.tool_executions) == (2, 2)
        assert await history.count(messages) == 2

    async def test_an_emptied_conversation_keeps_its_counters_only(self, history: StoredHistory):
        pending = build_pending(history.clock)
        accepted = await history.ask(
            "s1", user_identifier="dana@example.org", page_url="https://shop.example/x"
        )
        await history.opened.finish(accepted, pending_action=pending)
        history.pass_days(31)
        await history.build_retention().run()
        (row,) = await history.rows(conversations)
        assert (row.user_identifier, row.page_url, row.metadata, row.pending_action) == (None,) * 4
        assert row.content_deleted_at == history.clock.now()
        assert (row.message_count, row.input_tokens, row.output_tokens) == (2, 10, 5)

    async def test_the_identifier_stays_while_executions_can_be_asked_for(
        self, history: StoredHistory
    ):
        await history.talk("s1", tools=1, user_identifier="dana", page_url="https://shop.example")
        history.pass_days(31)
        await history.build_retention().run()
        (row,) = await history.rows(conversations)
        assert (row.user_identifier, row.page_url) == ("dana", None)
        history.pass_days(60)
        await history.build_retention().run()
        (row,) = await history.rows(conversations)
        assert row.user_identifier is None

    async def test_traces_escalations_notices_and_ratings_go_at_the_messages_age(
        self, history: StoredHistory
    ):
        for number in range(20):
            await history.remark(f"old-{number}")
        history.pass_days(31)
        await history.remark("new")
        assert (await history.build_retention().run(is_dry_run=True)).tenants[0].records == 100
        (done,) = (await history.build_retention().run()).tenants
        assert (done.messages, done.records) == (40, 100)
        left = [await history.count(table) for table in (turn_traces, escalations, feedback)]
        assert (left, await history.count(outbox)) == ([1, 1, 1], 2)
        rows = await history.rows(conversations)
        assert [row.rating for row in rows] == [4] * 21
        assert (await history.build_retention().run()).tenants == []

    async def test_records_of_another_tenant_stay(self, history: StoredHistory):
        database, other = history.temporary.database, history.other_tenant_id
        await history.remark("mine")
        await history.remark("theirs", tenant_id=other)
        tenant = await database.tenants.get(other)
        assert tenant is not None
        await database.tenants.save(_with_days(tenant, message_days=5, tool_execution_days=5))
        history.pass_days(7)
        await history.build_retention().run()
        for table in (turn_traces, escalations, feedback, outbox):
            assert await history.count(table, other) == 0
            assert await history.count(table, history.tenant_id) > 0

    async def test_a_visitor_who_comes_back_continues_the_session(self, history: StoredHistory):
        await history.talk("s1", "one")
        history.pass_days(31)
        await history.build_retention().run()
        accepted = await history.ask("s1", "two", user_identifier="dana")
        assert not accepted.is_new_session
        await history.opened.finish(accepted, "again")
        conversation = await history.opened.conversation("s1")
        assert await history.opened.contents(conversation.id) == ["two", "again"]
        assert conversation.message_count == 4
        history.pass_days(31)
        await history.build_retention().run()
        (row,) = await history.rows(conversations)
        assert row.user_identifier is None

    async def test_newer_messages_of_a_conversation_stay(self, history: StoredHistory):
        await history.talk("s1", "one", page_url="https://shop.example", message_id="m1")
        history.pass_days(20)
        accepted = await history.ask("s1", "two", message_id="m2")
        await history.opened.finish(accepted, summary=Summary(text="one", through_seq=1))
        history.pass_days(15)
        await history.build_retention().run()
        conversation = await history.opened.conversation("s1")
        assert conversation.summary is None
        assert await history.opened.contents(conversation.id) == ["two", "Soon."]
        (row,) = await history.rows(conversations)
        assert row.page_url == "https://shop.example"
        assert row.content_deleted_at is None
        again = await history.opened.store.begin_turn(
            history.opened.build_turn("two", session="s1", message_id="m2")
        )
        assert isinstance(again, TurnReplayed)

    async def test_a_running_turn_keeps_its_conversation(self, history: StoredHistory):
        await history.talk("s1", "one", tools=1)
        history.pass_days(91)
        accepted = await history.ask("s1", "two")
        report = await history.build_retention().run()
        assert report.tenants == []
        assert await history.count(messages) == 3
        await history.opened.finish(accepted)
        await history.build_retention().run()
        conversation = await history.opened.conversation("s1")
        assert await history.opened.contents(conversation.id) == ["two", "Soon."]

    async def test_an_unfinished_message_without_a_lease_stays(self, history: StoredHistory):
        accepted = await history.ask("s1", "one")
        await history.opened.fail(accepted)
        history.pass_days(31)
        assert (await history.build_retention().run()).tenants[0].messages == 1

    async def test_executions_become_daily_sums_of_the_tenants_days(self, history: StoredHistory):
        database = history.temporary.database
        tenant = await database.tenants.get(history.tenant_id)
        assert tenant is not None
        await database.tenants.save(_in_zone(tenant, "Pacific/Kiritimati"))  # UTC+14
        await history.talk("s1", tools=4)
        history.pass_days(1)
        await history.talk("s1", tools=3)
        before = await history.sum_tools()
        history.pass_days(100)
        await history.build_retention(rows=2).run()
        assert await history.count(tool_executions) == 0
        sums = await history.rows(tool_usage)
        assert [(row.day, row.calls, row.failures) for row in sums] == [
            ("2026-03-02", 4, 1),
            ("2026-03-03", 3, 1),
        ]
        assert await history.sum_tools() == before

    async def test_old_records_go(self, history: StoredHistory):
        await history.talk("s1")
        database = history.temporary.database
        for number in range(3):
            await database.audit.append(
                AuditEntry(
                    id=f"a{number}", actor="dana", action="tenant.change", subject="x",
                    changes={}, at=history.clock.now(),
                )
            )  # fmt: skip
        key = await database.tenants.add_publishable_key(
            history.tenant_id, "pk_0123456789abcdef", at=history.clock.now()
        )
        await database.tenants.expire_publishable_keys(
            history.tenant_id, except_key_id="", at=history.clock.now()
        )
        assert key.expires_at is None
        history.pass_days(729)
        report = await history.build_retention().run()
        assert (report.audit_entries, report.keys) == (0, 1)
        history.pass_days(2)
        assert (await history.build_retention().run()).audit_entries == 3
        assert await history.count(audit_log) == 0

    async def test_messages_are_archived_before_they_go(self, history: StoredHistory):
        for number in range(5):
            await history.talk(f"s{number}", f"question {number}", user_identifier=f"v{number}")
        ids = await history.list_message_ids()
        history.pass_days(31)
        archive = MemoryArchive()
        report = await history.build_retention(archive, rows=4).run()
        assert sorted(archive.list_ids()) == sorted(ids)
        assert report.tenants[0].archived_messages == 10
        assert report.tenants[0].archive_objects == len(archive.objects) == 3
        first = min(archive.objects)
        assert first.startswith(f"{history.tenant_id}/2026/03/")
        line = json.loads(gzip.decompress(archive.objects[first]).splitlines()[0])
        assert line["content"] == "question 0"
        assert line["conversation_user_identifier"] == "v0"
        assert line["created_at"] == "2026-03-02T09:30:01Z"

    async def test_without_its_archive_nothing_goes(self, history: StoredHistory):
        await history.talk("s1", tools=2)
        history.pass_days(100)
        archive = MemoryArchive()
        archive.is_broken = True
        with pytest.raises(Unavailable):
            await history.build_retention(archive).run()
        assert await history.count(messages) == 2
        assert await history.count(tool_executions) == 2
        archive.is_broken = False
        await history.build_retention(archive).run()
        assert await history.count(messages) == await history.count(tool_executions) == 0
        assert len(archive.list_ids()) == 2

    async def test_a_batch_that_was_archived_only_is_written_again_to_its_object(
        self, history: StoredHistory
    ):
        """As after a kill between the two, when meanwhile a visitor came back to its first."""
        for number in range(6):
            await history.talk(f"s{number}")
        ids = await history.list_message_ids()
        history.pass_days(31)
        archive = MemoryArchive()
        store = history.temporary.database.retention
        before = history.clock.now()
        batch = await store.read_old_messages(
            history.tenant_id, before=before, after=None, limit=5, with_content=True
        )
        name = await store.begin_archive(history.tenant_id, "t/first.jsonl.gz", at=before)
        await archive.put(name, gzip.compress(json.dumps({"id": batch[0].id}).encode()))
        accepted = await history.ask("s0", "I am back")
        service = history.build_retention(archive, rows=5)
        await service.run()
        await history.opened.finish(accepted)
        await service.run()
        left = await history.list_message_ids()
        archived = archive.list_ids()
        assert len(archived) == len(set(archived)) == 12
        assert set(archived) == ids
        assert not ids & left
        assert await history.count(pending_archives) == 0

    async def test_all_or_none(self, history: StoredHistory):
        await history.talk("s1")
        await history.talk("s2")
        ids = [MessageId(found) for found in sorted(await history.list_message_ids())]
        await history.ask("s1", "two")
        store = history.temporary.database.retention
        now = history.clock.now()
        none = await store.delete_messages(history.tenant_id, ids, at=now, all_or_none=True)
        assert none.rows == 0
        some = await store.delete_messages(history.tenant_id, ids, at=now, all_or_none=False)
        assert some.rows == 2
        foreign = TenantId("nobody")
        rest = await store.delete_messages(foreign, ids, at=now, all_or_none=False)
        assert rest.rows == 0

    async def test_a_visitor_who_comes_back_between_archiving_and_deleting(
        self, history: StoredHistory
    ):
        for number in range(3):
            await history.talk(f"s{number}", user_identifier="dana")
        ids = await history.list_message_ids()
        history.pass_days(31)

        class Visited(MemoryArchive):
            came = False

            async def put(self, name: str, content: bytes) -> None:
                await super().put(name, content)
                if not self.came:
                    self.came = True
                    self.accepted = await history.ask("s1", "I am back")

        archive = Visited()
        await history.build_retention(archive, rows=50).run()
        archived = archive.list_ids()
        assert len(archived) == len(set(archived)) == 4
        assert set(archived) == ids - await history.list_message_ids()

    async def test_two_runs_at_once_are_refused(self, history: StoredHistory):
        store = history.temporary.database.retention
        async with store.exclusively() as is_alone:
            assert is_alone
            with pytest.raises(Conflict, match="running already"):
                await history.build_retention().run()
        await history.build_retention().run()

    async def test_cached_copies_go_too(self, history: StoredHistory):
        await history.talk("s1")
        mine = f"{history.tenant_id}:conversation:x"
        theirs = f"{history.other_tenant_id}:conversation:y"
        for key in (mine, theirs):
            await history.cache.set(key, b"what was said", ttl_s=3600)
        history.pass_days(31)
        await history.build_retention().run()
        assert await history.cache.get(mine) is None
        assert await history.cache.get(theirs) == b"what was said"

    async def test_turns_go_on_meanwhile(self, history: StoredHistory):
        for number in range(20):
            await history.talk(f"old-{number}", tools=1)
        usage = await history.list_usage()
        history.pass_days(100)
        running = asyncio.create_task(history.build_retention(rows=3).run())
        for number in range(20):
            await history.talk(f"old-{number}", "back")
        await running
        await history.build_retention().run()
        assert await history.count(messages) == 40
        assert len(await history.list_usage()) == len(usage)


def _with_days(tenant: Tenant, **days: int) -> Tenant:
    return msgspec.structs.replace(tenant, retention=RetentionSettings(**days))


def _in_zone(tenant: Tenant, time_zone: str) -> Tenant:
    return msgspec.structs.replace(tenant, time_zone=time_zone)
