"""What every ``ErasureStore`` and ``ExportStore`` must do, seen through their services.

Owns the suite; opening the stores is left to the subclasses.
"""

from __future__ import annotations

import io
import json
import zipfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Boolean, Column, Connection, Integer, Table, insert, select

from appliance.domain.ids import ConversationId, TenantId, new_id
from appliance.domain.trace import StoredTrace
from appliance.domain.user import AuditEntry
from appliance.errors import Conflict, NotFound
from appliance.ports.erasure import ErasureStore
from appliance.ports.exports import ConversationFilter
from appliance.services.audit import Auditor
from appliance.services.cached_copies import CachedCopies
from appliance.services.erasure import ErasureService
from appliance.services.exports import ExportService
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.turn_streams import TurnStream, TurnStreams
from appliance.storage.erasure_store import StoredErasure
from appliance.storage.ownership import conversation_tables, tenant_tables
from appliance.storage.tables import (
    api_usage,
    audit_log,
    conversations,
    escalations,
    feedback,
    messages,
    metadata,
    outbox,
    tenants,
    tool_executions,
    turn_traces,
)
from appliance.storage.tables.metadata import ID_LENGTH, CompressedJson, UtcDateTime
from tests.contract.turn_store_contract import DAY
from tests.fakes.stored_history import SteadyPace, StoredHistory


class ErasureContract(ABC):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        """Open an empty database with two tenants."""

    @pytest_asyncio.fixture
    async def history(self) -> AsyncIterator[StoredHistory]:
        async with self.open() as history:
            yield history

    async def test_a_visitor_goes_with_all_conversations(self, history: StoredHistory):
        other = history.temporary.other_tenant_id
        for number in range(3):
            await history.talk(f"dana-{number}", tools=4, user_identifier="dana")
        await history.talk("bob", "kept", tools=1, user_identifier="bob")
        await history.talk("dana-there", tools=1, user_identifier="dana", tenant_id=other)
        tools, usage = await history.sum_tools(), await history.list_usage()
        report = await build_erasure(history).erase_visitor("ann", history.tenant_id, "dana")
        assert report.rows == {"conversations": 3, "messages": 6, "tool_executions": 12}
        assert {row.user_identifier for row in await history.rows(conversations)} == {"bob", "dana"}
        assert await history.count(messages, history.tenant_id) == 2
        assert await history.count(messages, other) == 2
        assert await history.sum_tools() == tools
        assert await history.list_usage() == usage

    async def test_nothing_to_erase_is_no_error_but_an_unknown_tenant_is(
        self, history: StoredHistory
    ):
        erasure = build_erasure(history)
        report = await erasure.erase_visitor("ann", history.tenant_id, "nobody")
        assert report.rows == {}
        with pytest.raises(NotFound):
            await erasure.erase_visitor("ann", TenantId("nobody"), "dana")
        with pytest.raises(NotFound):
            await erasure.erase_tenant("ann", TenantId("nobody"))
        with pytest.raises(NotFound):
            await erasure.erase_conversation("ann", history.tenant_id, ConversationId("none"))

    async def test_a_conversation_of_another_tenant_is_not_found(self, history: StoredHistory):
        await history.talk("s1")
        found = await history.conversation_id("s1")
        erasure = build_erasure(history)
        assert await erasure.find_tenant_of(found) == history.tenant_id
        with pytest.raises(NotFound):
            await erasure.erase_conversation("ann", history.temporary.other_tenant_id, found)
        assert await history.count(messages) == 2
        await erasure.erase_conversation("ann", history.tenant_id, found)
        assert await history.count(messages) == await history.count(conversations) == 0

    async def test_a_running_turn_does_not_bring_its_conversation_back(
        self, history: StoredHistory
    ):
        accepted = await history.ask("s1", "erase me", user_identifier="dana")
        await build_erasure(history).erase_visitor("ann", history.tenant_id, "dana")
        with pytest.raises(Conflict):
            await history.opened.finish(accepted, executions=history.build_executions(accepted, 1))
        await history.opened.store.record_execution(
            history.tenant_id,
            accepted.conversation.id,
            history.build_executions(accepted, 1)[0],
            usage_day=DAY,
        )
        await history.opened.fail(accepted, executions=history.build_executions(accepted, 1))
        assert not await history.opened.store.renew_lease(
            history.tenant_id,
            accepted.conversation.id,
            accepted.fencing_token,
            until=history.clock.now(),
        )
        for table in (conversations, messages, tool_executions, api_usage):
            assert await history.count(table) == 0, table.name

    async def test_an_erasure_that_was_interrupted_is_asked_for_again(self, history: StoredHistory):
        await history.talk("s1", tools=9, user_identifier="dana")
        store = history.temporary.database.erasure
        now = history.clock.now()
        ids = await store.close_conversations_of(history.tenant_id, "dana", at=now, limit=9)
        step = await store.erase_conversations(history.tenant_id, ids, limit=4, time_zone="UTC")
        assert not step.is_done
        assert sum(step.rows.values()) == 4
        started_anew = await history.opened.begin("hello", session="s1")
        assert started_anew.is_new_session
        await build_erasure(history).erase_visitor("ann", history.tenant_id, "dana")
        assert await history.count(tool_executions) == 0
        assert await history.count(conversations) == 1

    async def test_what_is_in_memory_goes_too(self, history: StoredHistory):
        await history.talk("s1", user_identifier="dana")
        found = await history.conversation_id("s1")
        streams = TurnStreams(history.clock)
        abandoned: list[str] = []
        streams.add(build_stream(history.tenant_id, found, abandoned))
        mine, theirs = f"{history.tenant_id}:x", f"{history.other_tenant_id}:x"
        for key in (mine, theirs):
            await history.cache.set(key, b"what was said", ttl_s=3600)
        await build_erasure(history, streams=streams).erase_visitor(
            "ann", history.tenant_id, "dana"
        )
        assert abandoned == [found]
        assert await history.cache.get(mine) is None
        assert await history.cache.get(theirs) == b"what was said"

    async def test_a_tenant_goes_with_everything_and_its_twin_stays(self, history: StoredHistory):
        twin = history.temporary.other_tenant_id
        for tenant_id in (history.tenant_id, twin):
            for number in range(3):
                await history.talk(f"s{number}-{tenant_id}", tools=2, tenant_id=tenant_id)
            await plant_canaries(history, tenant_id)
        before = await read_rows_of(history, twin)
        planted = {table.name for table, _ in tenant_tables()}
        assert {name for name, rows in before.items() if rows} == planted | {
            "tenants",
            "audit_log",
        }
        erasure = build_erasure(history)
        report = await erasure.erase_tenant("ann", history.tenant_id)
        assert set(report.rows) == (planted | {"tenants"}) - {"api_keys"}  # gone when it was closed
        assert await read_rows_of(history, twin) == before
        left = await read_rows_of(history, history.tenant_id)
        assert {name for name, rows in left.items() if rows} == {"audit_log"}
        entries = {row.action: row.changes for row in await history.rows(audit_log)
                   if row.tenant_id == history.tenant_id}  # fmt: skip
        assert entries.pop("tenant.erase")["rows"] == report.rows
        assert entries == {"canary.plant": {}}
        with pytest.raises(NotFound):
            await erasure.erase_tenant("ann", history.tenant_id)

    async def test_a_tenants_running_turn_ends(self, history: StoredHistory):
        accepted = await history.ask("s1")
        await build_erasure(history).erase_tenant("ann", history.tenant_id)
        with pytest.raises(Conflict):
            await history.opened.finish(accepted)
        await history.opened.fail(accepted)
        assert await history.count(api_usage) == await history.count(messages) == 0

    @pytest.mark.parametrize("of", ["tenant", "visitor"])
    async def test_what_is_written_meanwhile_goes_too(self, history: StoredHistory, of: str):
        await history.talk("s1", tools=1, user_identifier="dana")
        [question, _] = await history.rows(messages)
        trace = StoredTrace(
            tenant_id=history.tenant_id,
            conversation_id=question.conversation_id,
            message_id=question.id,
            created_at=history.clock.now(),
            steps=(),
        )
        database = history.temporary.database
        late = LateBackend(database.backend, lambda: database.traces.add([trace]))
        erasure = build_erasure(history, store=StoredErasure(late))
        if of == "tenant":
            report = await erasure.erase_tenant("ann", history.tenant_id)
        else:
            report = await erasure.erase_visitor("ann", history.tenant_id, "dana")
        assert not late.waiting
        assert report.rows["turn_traces"] == report.rows["conversations"] == 1
        for table in (conversations, messages, turn_traces):
            assert await history.count(table) == 0, table.name

    async def test_a_visitors_export_reads_whole(self, history: StoredHistory):
        for number in range(3):
            await history.talk(
                f"s{number}", f"question {number}", tools=number, user_identifier="dana"
            )
        await history.talk("bob", "not hers", user_identifier="bob")
        exports = build_exports(history)
        document = json.loads(
            b"".join([p async for p in exports.export_visitor(history.tenant_id, "dana")])
        )
        assert document["user_identifier"] == "dana"
        assert document["tenant"]["name"] == "Bob's Pizza Shop"
        found = [
            ([message["content"] for message in conversation["messages"]],
             len(conversation["tool_calls"]))
            for conversation in document["conversations"]
        ]  # fmt: skip
        assert found == [([f"question {n}", "Soon."], n) for n in range(3)]
        empty = [p async for p in exports.export_visitor(history.tenant_id, "nobody")]
        assert json.loads(b"".join(empty))["conversations"] == []

    async def test_a_visitors_export_has_escalations_and_ratings(self, history: StoredHistory):
        await history.remark("s1", user_identifier="dana")
        exports = build_exports(history)
        pieces = [p async for p in exports.export_visitor(history.tenant_id, "dana")]
        [conversation] = json.loads(b"".join(pieces))["conversations"]
        [escalation] = conversation["escalations"]
        [rating] = conversation["ratings"]
        assert (escalation["reason"], rating["comment"]) == ("Broken", "Fine")
        await build_erasure(history).erase_visitor("ann", history.tenant_id, "dana")
        for table in (escalations, feedback, outbox, turn_traces):
            assert await history.count(table) == 0

    async def test_a_tenants_export_has_every_table_and_no_secret(self, history: StoredHistory):
        other = history.temporary.other_tenant_id
        await history.talk("s1", "mine", tools=2)
        await history.talk("s2", "theirs", tenant_id=other)
        await plant_canaries(history, history.tenant_id)
        exports = build_exports(history)
        content = b"".join([piece async for piece in exports.export_tenant(history.tenant_id)])
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            files = {name: archive.read(name) for name in archive.namelist()}
        manifest = json.loads(files.pop("manifest.json"))
        tables = {table.name for table, _ in tenant_tables()} | {"tenants"}
        assert set(files) == {
            f"{name}.jsonl" for name in tables - {"refresh_tokens", "pending_archives"}
        }
        for name, lines in files.items():
            rows = [json.loads(line) for line in lines.splitlines()]
            assert len(rows) == manifest["rows"][name.removesuffix(".jsonl")] > 0, name
        everything = b"".join(files.values())
        assert b"mine" in everything
        assert b"theirs" not in everything
        assert other.encode() not in everything
        assert b"SECRET" not in everything

    async def test_conversations_are_exported_by_day(self, history: StoredHistory):
        await history.talk("s1", "=cmd|'/c calc'!A1", "-1+1", user_identifier="@SUM(A1)")
        first_day = history.clock.now()
        history.pass_days(2)
        await history.talk("s2", "later")
        exports = build_exports(history)
        wanted = ConversationFilter(
            tenant_id=history.tenant_id, until=first_day + timedelta(seconds=1)
        )
        text = b"".join([p async for p in exports.export_conversations(wanted, "csv")]).decode()
        lines = text.removeprefix("\ufeff").splitlines()
        assert len(lines) == 3
        assert lines[1].count("'=cmd") == 1
        assert "'-1+1" in lines[2]
        assert ",'@SUM(A1)," in lines[2]
        everything = ConversationFilter(since=first_day + timedelta(days=1))
        pieces = [p async for p in exports.export_conversations(everything, "json")]
        (only,) = json.loads(b"".join(pieces))
        assert only["messages"][0]["content"] == "later"


class LateBackend:
    """A backend on which something is written after a step has found its rows, once."""

    def __init__(self, backend: Any, write_late: Callable[[], Awaitable[None]]) -> None:
        self._backend = backend
        self.transactions = self
        self.write = backend.transactions.write
        self.waiting = [write_late]

    async def read(self, work: Callable[[Connection], Any]) -> Any:
        found = await self._backend.transactions.read(work)
        if found and self.waiting:
            await self.waiting.pop()()
        return found

    async def scrub(self) -> None:
        await self._backend.scrub()


def build_erasure(
    history: StoredHistory,
    *,
    streams: TurnStreams | None = None,
    rows: int = 5,
    store: ErasureStore | None = None,
) -> ErasureService:
    """Return a service over the history's database."""
    database, clock = history.temporary.database, history.clock
    return ErasureService(
        store=store or database.erasure,
        tenants=database.tenants,
        streams=streams or TurnStreams(clock),
        directory=TenantDirectory(tenants=database.tenants, tools=database.tools, clock=clock),
        copies=CachedCopies(history.cache),
        auditor=Auditor(log=database.audit, clock=clock),
        clock=clock,
        build_pace=lambda: SteadyPace(rows),
    )


def build_exports(history: StoredHistory) -> ExportService:
    """Return a service over the history's database."""
    database = history.temporary.database
    return ExportService(store=database.exports, tenants=database.tenants, clock=history.clock)


def build_stream(
    tenant_id: TenantId, conversation_id: ConversationId, abandoned: list[str]
) -> TurnStream:
    """Return the stream of a running turn that notes its end."""
    from appliance.domain.ids import MessageId

    return TurnStream(
        tenant_id=tenant_id,
        conversation_id=conversation_id,
        user_message_id=MessageId(new_id()),
        turn_number=1,
        on_abandoned=lambda: abandoned.append(conversation_id),
    )


async def plant_canaries(history: StoredHistory, tenant_id: TenantId) -> str:
    """Put a row into every table of tenants that has none, each text telling what it is."""
    canary = f"CANARY-{tenant_id}"
    keys: dict[str, Any] = {"tenants": tenant_id}

    def plant(connection: Connection) -> None:
        for table, _ in reversed(tenant_tables()):
            if table.name == "conversations" or "tenant_id" in table.c:
                found = connection.execute(
                    select(*table.primary_key.columns).where(table.c.tenant_id == tenant_id)
                ).first()
                if found is not None:
                    keys[table.name] = found[0]
                    continue
            values = {
                column.name: _plant_value(column, canary, keys, connection) for column in table.c
            }
            connection.execute(insert(table).values(**values))
            keys[table.name] = values[next(iter(table.primary_key.columns)).name]

    await history.temporary.database.backend.transactions.write(plant)
    await history.temporary.database.audit.append(
        AuditEntry(
            id=new_id(),
            actor="ann",
            action="canary.plant",
            subject="x",
            tenant_id=tenant_id,
            changes={"name": canary},
            at=history.clock.now(),
        )
    )
    return canary


def _plant_value(column: Column[Any], canary: str, keys: dict[str, Any], sql: Connection) -> Any:
    if column.name == "tenant_id":
        return keys["tenants"]
    if column.foreign_keys:
        (key,) = column.foreign_keys
        parent = key.column.table
        if parent.name not in keys:  # of no tenant, such as the tool catalogue
            keys[parent.name] = _plant_parent(parent, canary, keys, sql)
        return keys[parent.name]
    if column.name == "kind":
        return "publishable"
    if column.name == "encrypted_secret":
        return None
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat("2026-03-02T00:00:00+00:00")
    if isinstance(column.type, Boolean):
        return False
    if isinstance(column.type, Integer):
        return 1
    if isinstance(column.type, CompressedJson) or column.type.python_type is dict:
        return {"note": canary}
    is_secret = column.name.startswith("encrypted_") or column.name.endswith("_hash")
    text = f"SECRET-{new_id()}-{canary}" if is_secret else f"{canary}-{new_id()}"
    length = getattr(column.type, "length", None)
    return new_id() if column.primary_key and length == ID_LENGTH else text[:length]


def _plant_parent(table: Table, canary: str, keys: dict[str, Any], sql: Connection) -> Any:
    values = {
        column.name: "shared" if column.name == "description"
        else _plant_value(column, "shared", keys, sql)
        for column in table.c
    }  # fmt: skip
    sql.execute(insert(table).values(**values))
    return values["id"]


async def read_rows_of(history: StoredHistory, tenant_id: TenantId) -> dict[str, list[Any]]:
    """Return every row of every table that names a tenant, or belongs to a row that does."""
    found: dict[str, list[Any]] = {}
    owned = {table.name for table, _ in tenant_tables()} | {"tenants", "audit_log"}
    user_ids: set[str] = set()
    for table in metadata.sorted_tables:
        if table.name not in owned:
            continue
        rows = await history.rows(table)
        if table is tenants:
            found[table.name] = [row for row in rows if row.id == tenant_id]
        elif "tenant_id" in table.c:
            found[table.name] = [row for row in rows if row.tenant_id == tenant_id]
            if table.name == "users":
                user_ids = {row.id for row in found[table.name]}
        else:
            found[table.name] = [row for row in rows if row.user_id in user_ids]
    assert conversation_tables()
    return found
