"""Deleting what is older than it may be: messages, executions, records.

Owns ages, order, archiving and pace; the rows themselves are left to the retention store. See
docs/adr/0015.
"""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, get_args

import msgspec
import structlog
from msgspec import Struct

from appliance.domain.ids import TenantId
from appliance.domain.tenant import Tenant
from appliance.errors import ApplianceError, Conflict
from appliance.ports.archive import Archive
from appliance.ports.clock import Clock
from appliance.ports.repositories import TenantRepository
from appliance.ports.retention import Leftover, OldContent, OldMessage, Record, RetentionStore
from appliance.services.cached_copies import CachedCopies
from appliance.services.pace import Pace

logger = structlog.get_logger(__name__)

AUDIT_DAYS: Final = 730
ENDED_LOGIN_DAYS: Final = 30
EXPIRED_KEY_DAYS: Final = 90
SLOW_STEP_MS: Final = 50.0
_LEFTOVER_DAYS: Final[dict[Leftover, int]] = {
    "audit_log": AUDIT_DAYS,
    "refresh_tokens": ENDED_LOGIN_DAYS,
    "api_keys": EXPIRED_KEY_DAYS,
}

_encode_lines = msgspec.json.Encoder().encode_lines


class RetentionDefaults(Struct, frozen=True, kw_only=True):
    """How many days content is kept where the tenant does not say."""

    message_days: int
    tool_execution_days: int


class TenantRetention(Struct, kw_only=True):
    """What a run did for one tenant, or would do.

    ``records`` are traces, escalations, notices and ratings; they go at the messages' age.
    """

    tenant_id: TenantId
    name: str
    messages: int = 0
    archived_messages: int = 0
    archive_objects: int = 0
    tool_executions: int = 0
    records: int = 0

    @property
    def is_empty(self) -> bool:
        """Say whether there was nothing to do."""
        return not (self.messages or self.tool_executions or self.records)


class RetentionReport(Struct, kw_only=True):
    """What a run did. Tenants without anything to do are left out.

    ``longest_hold_ms`` is the longest time a step worked within its transaction, ``slow_steps``
    counts those above 50 ms: on a busy machine a step may have waited for the processor.
    """

    is_dry_run: bool
    started_at: datetime
    ended_at: datetime | None = None
    tenants: list[TenantRetention] = []
    audit_entries: int = 0
    logins: int = 0
    keys: int = 0
    steps: int = 0
    slow_steps: int = 0
    longest_hold_ms: float = 0.0


class Progress(Struct, frozen=True):
    """How far a run is, in rows."""

    done: int
    total: int


OnProgress = Callable[[Progress], None]


class _Work(Struct, kw_only=True):
    """One tenant's part of a run."""

    tenant: Tenant
    messages_before: datetime
    executions_before: datetime
    old: OldContent
    report: TenantRetention


class _Run:
    """The state of one run: its report, its pace and how far it is."""

    def __init__(self, report: RetentionReport, pace: Pace, on_progress: OnProgress) -> None:
        self.report = report
        self.pace = pace
        self._total = 0
        self._done = 0
        self._on_progress = on_progress

    def begin(self, total: int) -> None:
        """Tell how many rows there are to delete."""
        self._total = total
        self._on_progress(Progress(0, total))

    async def after(self, rows: int, held_ms: float, *, started: float, writes: int = 1) -> None:
        """Note a step that was started at a ``perf_counter``, tell of it, and rest."""
        self._done += rows
        self._on_progress(Progress(self._done, max(self._total, self._done)))
        self.report.steps += 1
        self.report.slow_steps += held_ms > SLOW_STEP_MS
        self.report.longest_hold_ms = max(self.report.longest_hold_ms, held_ms)
        took_ms = (time.perf_counter() - started) * 1000
        await self.pace.rest(rows, held_ms, took_ms=took_ms, writes=writes)


class RetentionService:
    """Deletes what is old. A run that was killed anywhere is simply run again.

    Args:
        store: Finds and deletes rows.
        tenants: Whose content it is.
        archive: Where messages go first; ``None`` for nowhere.
        copies: What is remembered of conversations elsewhere.
        defaults: How long content is kept.
        clock: Tells what is old.
        build_pace: Makes the pace of a run.
    """

    def __init__(
        self,
        *,
        store: RetentionStore,
        tenants: TenantRepository,
        archive: Archive | None,
        copies: CachedCopies,
        defaults: RetentionDefaults,
        clock: Clock,
        build_pace: Callable[[], Pace] = Pace,
    ) -> None:
        self._store = store
        self._tenants = tenants
        self._archive = archive
        self._copies = copies
        self._defaults = defaults
        self._clock = clock
        self._build_pace = build_pace

    async def run(
        self, *, is_dry_run: bool = False, on_progress: OnProgress = lambda _: None
    ) -> RetentionReport:
        """Delete what is older than it may be, or with ``is_dry_run`` only count it.

        Raises:
            Conflict: Another run is under way (``code="retention_running"``).
            UpstreamError: The archive does not take messages; those stay.
            ConfigurationError: A setting of the archive does not fit; as before.
            StorageError: The database cannot be used.
        """
        report = RetentionReport(is_dry_run=is_dry_run, started_at=self._clock.now(), tenants=[])
        if is_dry_run:
            report.tenants = [
                TenantRetention(
                    tenant_id=work.tenant.id,
                    name=work.tenant.name,
                    messages=work.old.messages,
                    tool_executions=work.old.tool_executions,
                    records=work.old.records,
                )
                for work in await self._plan()
                if work.old != OldContent()
            ]
            return self._finish(report)
        async with self._store.exclusively() as is_alone:
            if not is_alone:
                raise Conflict(
                    "Retention is running already. Wait for its end.", code="retention_running"
                )
            await self._delete(_Run(report, self._build_pace(), on_progress))
        return self._finish(report)

    def _finish(self, report: RetentionReport) -> RetentionReport:
        report.ended_at = self._clock.now()
        if not report.is_dry_run:
            logger.info(
                "retention_finished",
                messages=sum(tenant.messages for tenant in report.tenants),
                archived=sum(tenant.archived_messages for tenant in report.tenants),
                tool_executions=sum(tenant.tool_executions for tenant in report.tenants),
                records=sum(tenant.records for tenant in report.tenants),
                audit_entries=report.audit_entries,
                longest_hold_ms=round(report.longest_hold_ms, 1),
            )
        return report

    async def _delete(self, run: _Run) -> None:
        """Messages of all tenants go first: when the archive does not take them, nothing goes."""
        plan = await self._plan()
        run.begin(
            sum(work.old.messages + work.old.tool_executions + work.old.records for work in plan)
        )
        try:
            for work in plan:
                await self._delete_messages(work, run)
                if work.report.messages:
                    await self._copies.forget_tenant(work.tenant.id)
            for work in plan:
                await self._delete_executions(work, run)
                await self._delete_records(work, run)
            await self._delete_leftovers(run)
        except ApplianceError:
            await self._store.scrub()
            raise
        run.report.tenants = [work.report for work in plan if not work.report.is_empty]
        # Also when nothing was old: an earlier run may have been stopped before it came to this.
        await self._store.scrub()

    async def _plan(self) -> list[_Work]:
        now = self._clock.now()
        plan: list[_Work] = []
        async for tenant in self._list_tenants():
            own = tenant.retention
            messages_before = now - timedelta(days=own.message_days or self._defaults.message_days)
            executions_before = now - timedelta(
                days=own.tool_execution_days or self._defaults.tool_execution_days
            )
            old = await self._store.count_old(
                tenant.id, messages_before=messages_before, executions_before=executions_before
            )
            plan.append(
                _Work(
                    tenant=tenant,
                    messages_before=messages_before,
                    executions_before=executions_before,
                    old=old,
                    report=TenantRetention(tenant_id=tenant.id, name=tenant.name),
                )
            )
        return plan

    async def _list_tenants(self) -> AsyncIterator[Tenant]:
        cursor: str | None = None
        while True:
            page = await self._tenants.list_page(limit=200, cursor=cursor)
            for tenant in page.items:
                yield tenant
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _delete_messages(self, work: _Work, run: _Run) -> None:
        tenant_id = work.tenant.id
        after: OldMessage | None = None
        run.pace.begin_anew()
        while True:
            batch = await self._store.read_old_messages(
                tenant_id,
                before=work.messages_before,
                after=after,
                limit=run.pace.rows,
                with_content=self._archive is not None,
            )
            if not batch:
                return
            if self._archive is not None:
                await self._put(self._archive, tenant_id, batch)
            started = time.perf_counter()
            deletion = await self._store.delete_messages(
                tenant_id,
                [message.id for message in batch],
                at=self._clock.now(),
                all_or_none=self._archive is not None,
            )
            if deletion.rows or self._archive is None:
                after = batch[-1]
            # Else a visitor came back to one of them: the same object is written anew without it.
            work.report.messages += deletion.rows
            if self._archive is not None and deletion.rows:
                work.report.archived_messages += deletion.rows
                work.report.archive_objects += 1
            writes = 1 if self._archive is None else 2
            await run.after(deletion.rows, deletion.held_ms, started=started, writes=writes)

    async def _put(self, archive: Archive, tenant_id: TenantId, batch: list[OldMessage]) -> None:
        """Write the batch to its object: to that of an earlier run that could not delete it."""
        first = batch[0]
        name = await self._store.begin_archive(
            tenant_id, _name_object(tenant_id, first), at=self._clock.now()
        )
        content = await asyncio.to_thread(_compress, batch)
        await archive.put(name, content)

    async def _delete_executions(self, work: _Work, run: _Run) -> None:
        run.pace.begin_anew()
        while True:
            limit = run.pace.rows
            started = time.perf_counter()
            deletion = await self._store.delete_executions(
                work.tenant.id,
                before=work.executions_before,
                limit=limit,
                time_zone=work.tenant.time_zone,
            )
            work.report.tool_executions += deletion.rows
            if not deletion.rows:
                return
            await run.after(deletion.rows, deletion.held_ms, started=started)

    async def _delete_records(self, work: _Work, run: _Run) -> None:
        for kind in get_args(Record):
            run.pace.begin_anew()
            while True:
                started = time.perf_counter()
                deletion = await self._store.delete_records(
                    kind, work.tenant.id, before=work.messages_before, limit=run.pace.rows
                )
                if not deletion.rows:
                    break
                work.report.records += deletion.rows
                await run.after(deletion.rows, deletion.held_ms, started=started)

    async def _delete_leftovers(self, run: _Run) -> None:
        now = self._clock.now()
        deleted: dict[Leftover, int] = {}
        for kind, days in _LEFTOVER_DAYS.items():
            deleted[kind] = 0
            run.pace.begin_anew()
            while True:
                started = time.perf_counter()
                deletion = await self._store.delete_leftovers(
                    kind, before=now - timedelta(days=days), limit=run.pace.rows
                )
                deleted[kind] += deletion.rows
                if not deletion.rows:
                    break
                await run.after(deletion.rows, deletion.held_ms, started=started)
        run.report.audit_entries = deleted["audit_log"]
        run.report.logins = deleted["refresh_tokens"]
        run.report.keys = deleted["api_keys"]


def _name_object(tenant_id: TenantId, first: OldMessage) -> str:
    return f"{tenant_id}/{first.created_at:%Y/%m}/{first.id}.jsonl.gz"


def _compress(batch: Sequence[OldMessage]) -> bytes:
    """Return the same bytes for the same messages, whenever it is."""
    return gzip.compress(_encode_lines([message.line for message in batch]), 6, mtime=0)
