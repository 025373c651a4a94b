"""What is cached, under which keys and for how long.

Owns the keys: the tenant's id, then the name of the role as data.md gives it, so that everything of
a tenant is deleted by one prefix. Sessions are named by their hash: a session id is a credential.
How a value is remembered is left to the cache, the counting of messages to ``rate_limits``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from msgspec import Struct

from appliance.domain.ids import ConversationId, SessionHash, TenantId, new_id
from appliance.domain.json_types import BROKEN_JSON, JsonObject, JsonValue
from appliance.domain.message import ChatMessage, Citation
from appliance.ports.cache import Cache
from appliance.ports.clock import Clock

Kind = TypeVar("Kind", bound=Struct)

CONVERSATION_TTL_S = 3_600.0
RATE_LIMIT_TTL_S = 60.0
RESPONSE_TTL_S = 300.0
LOCK_TTL_S = 30.0


def tenant_prefix(tenant_id: TenantId) -> str:
    """Return what all keys of a tenant begin with, and no other's."""
    return f"{tenant_id}:"


def conversation_key(tenant_id: TenantId, session: SessionHash) -> str:
    """Return the key of a conversation's context."""
    return f"{tenant_id}:conversation:{session}"


def rate_limit_key(tenant_id: TenantId, minute: int) -> str:
    """Return the key of a tenant's count in one minute, numbered since 1970."""
    return f"{tenant_id}:rate_limit:{minute}"


def response_key(tenant_id: TenantId, basis: Sequence[str]) -> str:
    """Return the key of the answer that follows from ``basis``."""
    return f"{tenant_id}:cache:{_digest(basis)}"


def lock_key(tenant_id: TenantId, session: SessionHash) -> str:
    """Return the key of a session's lock."""
    return f"{tenant_id}:lock:conversation:{session}"


def live_data_key(tenant_id: TenantId, endpoint: str, parameters: JsonObject) -> str:
    """Return the key of what an endpoint answered to ``parameters``, in whatever order."""
    return f"{tenant_id}:live_data:{endpoint}:{_digest(parameters)}"


async def forget_tenant(cache: Cache, tenant_id: TenantId) -> None:
    """Delete every cached copy of a tenant's data: its own, and those of its visitors.

    Whoever erases a visitor, a tenant or old messages calls this after the database is changed.

    Raises:
        StorageError: Some may be left, none for longer than an hour.
    """
    await cache.delete_prefix(tenant_prefix(tenant_id))


class HistoryVersion(Struct, frozen=True, kw_only=True):
    """Which state of a conversation's messages something was made from.

    Every turn has its fencing token; the times tell apart what only looks alike, such as a database
    that was restored from a backup.
    """

    conversation_id: ConversationId
    fencing_token: int
    last_message_at: datetime | None
    content_deleted_at: datetime | None


class ConversationContext(Struct, frozen=True, kw_only=True):
    """A conversation as the model reads it, before the visitor's next message.

    ``loaded_at`` is when its messages were last read from the database.
    """

    version: HistoryVersion
    loaded_at: datetime
    messages: tuple[ChatMessage, ...]


class ConversationContexts:
    """Remembers contexts for an hour after they were read from the database.

    The hour does not begin anew with every turn, so that a copy of deleted messages cannot go on
    for as long as a visitor keeps talking.
    """

    def __init__(self, cache: Cache, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock
        self._decoder = msgspec.json.Decoder(ConversationContext)

    async def find(
        self, tenant_id: TenantId, session: SessionHash, version: HistoryVersion
    ) -> ConversationContext | None:
        """Return the context of exactly this version, if it is remembered."""
        stored = await self._cache.get(conversation_key(tenant_id, session))
        if not isinstance(stored, bytes):
            return None
        try:
            context = self._decoder.decode(stored)
        except BROKEN_JSON:
            return None
        is_current = context.version == version and self._left_s(context) > 0
        return context if is_current else None

    async def remember(
        self, tenant_id: TenantId, session: SessionHash, context: ConversationContext
    ) -> None:
        """Remember the context in place of an earlier one."""
        left_s = self._left_s(context)
        if left_s > 0:
            key = conversation_key(tenant_id, session)
            await self._cache.set(key, msgspec.json.encode(context), ttl_s=left_s)

    def _left_s(self, context: ConversationContext) -> float:
        ends_at = context.loaded_at + timedelta(seconds=CONVERSATION_TTL_S)
        return (ends_at - self._clock.now()).total_seconds()


class SessionLock:
    """Says early that a session is being answered elsewhere; the database's lease decides.

    A holder that dies leaves the lock for up to 30 seconds, and a cache that cannot be used gives
    it to everybody: it may save work, and must never be what keeps two turns apart or a visitor
    out.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def acquire(self, tenant_id: TenantId, session: SessionHash) -> str | None:
        """Take the lock; return its owner's token, ``None`` when another has it."""
        token = new_id()
        key = lock_key(tenant_id, session)
        return token if await self._cache.add(key, token, ttl_s=LOCK_TTL_S) else None

    async def renew(self, tenant_id: TenantId, session: SessionHash, token: str) -> bool:
        """Keep the lock for its whole time again; false when another has taken it."""
        return await self._cache.hold(lock_key(tenant_id, session), token, ttl_s=LOCK_TTL_S)

    async def release(self, tenant_id: TenantId, session: SessionHash, token: str) -> None:
        """Give the lock back, unless another has taken it."""
        await self._cache.delete_if(lock_key(tenant_id, session), token)


class CachedAnswer(Struct, frozen=True, kw_only=True):
    """An answer that may be given again to whoever asks the same."""

    content: str
    model: str
    citations: tuple[Citation, ...] = ()
    quick_replies: tuple[str, ...] = ()


class ResponseCache:
    """Remembers answers for five minutes.

    ``basis`` is everything that an answer depends on: the question, the language, the model, the
    version of the shop's settings. Nothing of one visitor's may be in it.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def find(self, tenant_id: TenantId, basis: Sequence[str]) -> CachedAnswer | None:
        """Return the answer that was given on the same basis, if it is remembered."""
        stored = await self._cache.get(response_key(tenant_id, basis))
        return _read(stored, CachedAnswer)

    async def remember(
        self, tenant_id: TenantId, basis: Sequence[str], answer: CachedAnswer
    ) -> None:
        """Remember an answer."""
        key = response_key(tenant_id, basis)
        await self._cache.set(key, msgspec.to_builtins(answer), ttl_s=RESPONSE_TTL_S)


class LiveResult(Struct, frozen=True, kw_only=True):
    """What an endpoint answered, and when: a shop's stock is only as good as its age."""

    value: JsonValue
    fetched_at: datetime


class LiveData:
    """Remembers what the endpoints of a shop's own systems answered, each for its own time."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def find(
        self, tenant_id: TenantId, endpoint: str, parameters: JsonObject
    ) -> LiveResult | None:
        """Return what the endpoint answered to the same parameters, if it is remembered."""
        stored = await self._cache.get(live_data_key(tenant_id, endpoint, parameters))
        return _read(stored, LiveResult)

    async def remember(
        self, tenant_id: TenantId, endpoint: str, parameters: JsonObject,
        result: LiveResult, *, ttl_s: float,
    ) -> None:  # fmt: skip
        """Remember a result for ``ttl_s`` seconds."""
        key = live_data_key(tenant_id, endpoint, parameters)
        await self._cache.set(key, msgspec.to_builtins(result), ttl_s=ttl_s)


def _read(stored: JsonValue | bytes, kind: type[Kind]) -> Kind | None:
    """Return a remembered struct; what another version wrote in another form is a miss."""
    try:
        return None if stored is None else msgspec.convert(stored, kind)
    except msgspec.ValidationError:
        return None


def _digest(value: Sequence[str] | JsonObject) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()
