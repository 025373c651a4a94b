"""Erasing a visitor, a conversation or a whole tenant, everywhere in this installation.

Owns the order of an erasure and what is told of it; rows are left to the erasure store, copies in
memory to those who keep them. Backups and archives made before still hold what was erased.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from msgspec import Struct

from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.tenant import Tenant
from appliance.errors import NotFound
from appliance.ports.clock import Clock
from appliance.ports.erasure import ErasureStep, ErasureStore
from appliance.ports.repositories import TenantRepository
from appliance.services.audit import Auditor
from appliance.services.cached_copies import CachedCopies
from appliance.services.pace import Pace
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.turn_streams import TurnStreams

logger = structlog.get_logger(__name__)

CONVERSATIONS_AT_ONCE: Final = 50

OnErased = Callable[[int], None]


class ErasureReport(Struct, frozen=True, kw_only=True):
    """How many rows of which table were erased."""

    tenant_id: TenantId
    rows: dict[str, int]

    @property
    def conversations(self) -> int:
        """How many conversations were erased."""
        return self.rows.get("conversations", 0)


class ErasureService:
    """Erases in short steps. An erasure that was interrupted is simply asked for again.

    Args:
        store: Erases rows.
        tenants: Knows the tenants.
        streams: Keeps the turns of the last minutes in memory.
        directory: Keeps tenants in memory.
        copies: What the cache remembers of conversations.
        auditor: Records that something was erased, not what.
        clock: Tells the time.
        build_pace: Makes the pace of an erasure.
    """

    def __init__(
        self,
        *,
        store: ErasureStore,
        tenants: TenantRepository,
        streams: TurnStreams,
        directory: TenantDirectory,
        copies: CachedCopies,
        auditor: Auditor,
        clock: Clock,
        build_pace: Callable[[], Pace] = Pace,
    ) -> None:
        self._store = store
        self._tenants = tenants
        self._streams = streams
        self._directory = directory
        self._copies = copies
        self._auditor = auditor
        self._clock = clock
        self._build_pace = build_pace

    async def find_tenant(self, tenant_id: TenantId) -> Tenant:
        """Return the tenant.

        Raises:
            NotFound: There is none of this id.
        """
        tenant = await self._tenants.get(tenant_id)
        if tenant is None:
            raise NotFound(f"There is no tenant {tenant_id!r}.", code="tenant_not_found")
        return tenant

    async def find_tenant_of(self, conversation_id: ConversationId) -> TenantId:
        """Return whose conversation it is.

        Raises:
            NotFound: There is no such conversation.
        """
        tenant_id = await self._store.find_tenant_of(conversation_id)
        if tenant_id is None:
            raise _unknown_conversation(conversation_id)
        return tenant_id

    async def erase_conversation(
        self, actor: str, tenant_id: TenantId, conversation_id: ConversationId
    ) -> ErasureReport:
        """Erase one conversation with all that belongs to it.

        Raises:
            NotFound: The tenant has no such conversation.
        """
        tenant = await self.find_tenant(tenant_id)
        if not await self._store.close_conversation(
            tenant_id, conversation_id, at=self._clock.now()
        ):
            raise _unknown_conversation(conversation_id)
        erasing = _Erasing(self._build_pace())
        await self._erase_closed(tenant, [conversation_id], erasing)
        return await self._finish(actor, "conversation.erase", conversation_id, tenant_id, erasing)

    async def erase_visitor(
        self,
        actor: str,
        tenant_id: TenantId,
        user_identifier: str,
        *,
        on_erased: OnErased = lambda _: None,
    ) -> ErasureReport:
        """Erase all conversations of a visitor; none is no error. Sums of usage stay.

        Raises:
            NotFound: There is no such tenant.
        """
        tenant = await self.find_tenant(tenant_id)
        erasing = _Erasing(self._build_pace(), on_erased)
        while True:
            ids = await self._store.close_conversations_of(
                tenant_id, user_identifier, at=self._clock.now(), limit=CONVERSATIONS_AT_ONCE
            )
            if not ids:
                break
            await self._erase_closed(tenant, ids, erasing)
        return await self._finish(actor, "visitor.erase", tenant_id, tenant_id, erasing)

    async def erase_tenant(
        self, actor: str, tenant_id: TenantId, *, on_erased: OnErased = lambda _: None
    ) -> ErasureReport:
        """Erase a tenant with everything it has: usage and accounts bound to it too.

        Raises:
            NotFound: There is no such tenant.
        """
        if not await self._store.close_tenant(tenant_id):
            raise NotFound(f"There is no tenant {tenant_id!r}.", code="tenant_not_found")
        self._directory.forget(tenant_id)
        self._streams.forget_tenant(tenant_id)
        erasing = _Erasing(self._build_pace(), on_erased)
        while True:
            started = time.perf_counter()
            step = await self._store.erase_tenant(tenant_id, limit=erasing.pace.rows)
            await erasing.after(step, started)
            if step.is_done:
                break
        self._directory.forget(tenant_id)
        return await self._finish(actor, "tenant.erase", tenant_id, tenant_id, erasing)

    async def _erase_closed(
        self, tenant: Tenant, ids: Sequence[ConversationId], erasing: _Erasing
    ) -> None:
        for conversation_id in ids:
            self._streams.forget(conversation_id)
        while True:
            started = time.perf_counter()
            step = await self._store.erase_conversations(
                tenant.id, ids, limit=erasing.pace.rows, time_zone=tenant.time_zone
            )
            await erasing.after(step, started)
            if step.is_done:
                return

    async def _finish(
        self, actor: str, action: str, subject: str, tenant_id: TenantId, erasing: _Erasing
    ) -> ErasureReport:
        """Clean up behind the rows, and record that something was erased."""
        await self._copies.forget_tenant(tenant_id)
        await self._store.scrub()
        await self._auditor.record(
            actor, action, subject, tenant_id=tenant_id, changes={"rows": erasing.rows}
        )
        logger.info("erased", action=action, tenant_id=tenant_id, rows=erasing.rows)
        return ErasureReport(tenant_id=tenant_id, rows=erasing.rows)


class _Erasing:
    """How far an erasure is, and its pace."""

    def __init__(self, pace: Pace, on_erased: OnErased = lambda _: None) -> None:
        self.pace = pace
        self.rows: dict[str, int] = {}
        self._on_erased = on_erased

    async def after(self, step: ErasureStep, started: float) -> None:
        """Note a step that was started at a ``perf_counter``, tell of it, and rest."""
        for table, count in step.rows.items():
            self.rows[table] = self.rows.get(table, 0) + count
        self._on_erased(sum(self.rows.values()))
        took_ms = (time.perf_counter() - started) * 1000
        await self.pace.rest(sum(step.rows.values()), step.held_ms, took_ms=took_ms)


def _unknown_conversation(conversation_id: ConversationId) -> NotFound:
    return NotFound(f"There is no conversation {conversation_id!r}.", code="conversation_not_found")
