"""The cache on a Redis or Valkey server.

Owns the connections, the deadline of every call, and that a server that cannot be used costs
visitors next to nothing: one of them waits, the others get misses until it answers again. What is
cached, and under which keys, is left to the callers; the form of values to ``cache_values``.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from appliance.domain.json_types import JsonValue
from appliance.errors import StorageError
from appliance.storage.cache_values import decode_value, encode_value
from appliance.storage.redis_url import RedisAddress
from appliance.tasks import TaskGroup

if TYPE_CHECKING:
    from redis.asyncio import Redis

logger = structlog.get_logger(__name__)

Result = TypeVar("Result")

DEADLINE_S = 0.5
RETRY_AFTER_S = 2.0
MAX_CONNECTIONS = 32
SCAN_COUNT = 1_000
HEALTH_KEY = "appliance:health"
HEALTH_TTL_S = 60.0

_CONNECT_ERROR = re.compile(r"Error (-?\d+) connecting to \S+ (.*)", re.DOTALL)

# KEYS[1] is the key, ARGV[1] the stored value, ARGV[2] its life in milliseconds.
_HOLD = """
local stored = redis.pcall('GET', KEYS[1])
if stored and stored ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_DELETE_IF = """
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
# ARGV[1] is the life in milliseconds. Counts are JSON numbers like other values, so that ``get``
# reads them and a foreign value is told from one; that rules out Redis's own INCR.
_INCREMENT = """
local stored = redis.pcall('GET', KEYS[1])
local count = type(stored) == 'string' and tonumber(string.match(stored, '^j(%d+)$'))
if count then
    redis.call('SET', KEYS[1], string.format('j%d', count + 1), 'KEEPTTL')
    return count + 1
end
redis.call('SET', KEYS[1], 'j1', 'PX', ARGV[1])
return 1
"""


class CacheUnusable(Exception):
    """The server did not do what was asked; says why, without credentials."""


class CacheBusy(CacheUnusable):
    """This call came to nothing because of the other ones, which says nothing of the server."""


class RedisCache:
    """Implements ``Cache`` on a server that may be down, slow, full or closed to us at any time.

    After a failure every call is a miss at once. Every few seconds one of them has the server
    tried in the background; only when it both writes and reads again is it used again.

    Args:
        address: Of the server.
        namespace: What its keys begin with; installations that share a server have different ones,
            the servers of one installation the same.
    """

    def __init__(self, address: RedisAddress, *, namespace: str) -> None:
        self._address = address
        self._prefix = f"{namespace}:"
        self._redis: Redis | None = None
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self._tasks = TaskGroup()
        self._failed_at: float | None = None
        self._retry_at = 0.0

    @property
    def is_shared(self) -> bool:
        """Servers of the same installation see the same values."""
        return True

    async def get(self, key: str) -> JsonValue | bytes:
        """Return the value, ``None`` for a miss."""
        stored = await self._attempt(lambda redis: self._read(redis, key), on_failure=None)
        return None if stored is None else decode_value(stored)

    async def set(self, key: str, value: JsonValue | bytes, *, ttl_s: float) -> None:
        """Remember ``value`` for ``ttl_s`` seconds, in place of an earlier one."""
        await self._attempt(
            lambda redis: redis.set(self._prefix + key, encode_value(value), px=_to_ms(ttl_s)),
            on_failure=None,
        )

    async def add(self, key: str, value: JsonValue | bytes, *, ttl_s: float) -> bool:
        """Remember ``value`` unless the key is there; say whether it was remembered."""
        stored = encode_value(value)
        return bool(
            await self._attempt(
                lambda redis: redis.set(self._prefix + key, stored, px=_to_ms(ttl_s), nx=True),
                on_failure=True,
            )
        )

    async def hold(self, key: str, value: str, *, ttl_s: float) -> bool:
        """Remember ``value`` unless another value is there; say whether it is there now."""
        return bool(await self._script(_HOLD, key, encode_value(value), _to_ms(ttl_s), failed=1))

    async def increment(self, key: str, *, ttl_s: float) -> int:
        """Add one to the count under the key and return it."""
        return await self._script(_INCREMENT, key, _to_ms(ttl_s), failed=0)

    async def delete(self, key: str) -> None:
        """Forget the key, there or not."""
        await self._attempt(lambda redis: redis.delete(self._prefix + key), on_failure=0)

    async def delete_if(self, key: str, value: str) -> bool:
        """Forget the key if it holds ``value``; say whether it did."""
        return bool(await self._script(_DELETE_IF, key, encode_value(value), failed=0))

    async def delete_prefix(self, prefix: str) -> None:
        """Forget every key that begins with ``prefix``, even when the server failed just now.

        Raises:
            StorageError: Some may be left; they lapse when their time is over.
        """
        pattern = _escape_glob(self._prefix + prefix) + "*"
        cursor = 0

        async def delete_some(redis: Redis) -> int:
            following, keys = await redis.scan(cursor, match=pattern, count=SCAN_COUNT)
            if keys:
                await redis.unlink(*keys)
            return int(following)

        try:
            cursor = await self._within_deadline(delete_some)
            while cursor:
                cursor = await self._within_deadline(delete_some)
        except CacheUnusable as error:
            self._note_failure(error)
            raise self._explain(error) from error

    async def health(self) -> None:
        """Check that what is set can be got.

        Raises:
            StorageError: It cannot.
        """
        error = await self._probe()
        if error is not None:
            raise self._explain(error) from error

    async def close(self) -> None:
        """Close the connections; what the server holds stays."""
        await self._tasks.drain(timeout_s=0)
        if self._redis is not None:
            with suppress(CacheUnusable):
                await self._within_deadline(lambda redis: redis.aclose())
            self._redis = None

    async def _script(self, script: str, key: str, *arguments: bytes | int, failed: int) -> int:
        return await self._attempt(
            lambda redis: redis.eval(script, 1, self._prefix + key, *arguments), on_failure=failed
        )

    async def _read(self, redis: Redis, key: str) -> bytes | None:
        """Return the stored bytes; a list or a hash under the key is another's, and no outage."""
        from redis.exceptions import ResponseError

        try:
            stored = await redis.get(self._prefix + key)
        except ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):
                raise
            return None
        return stored if isinstance(stored, bytes) else None

    async def _attempt(
        self, work: Callable[[Redis], Awaitable[Result]], *, on_failure: Result
    ) -> Result:
        """Do the work unless the server is known to be unusable, before or after the queue."""

        async def work_or_leave(redis: Redis) -> Result:
            if self._failed_at is not None:
                raise CacheBusy("it failed while this call was waiting")
            return await work(redis)

        if self._failed_at is not None:
            self._probe_later()
            return on_failure
        try:
            return await self._within_deadline(work_or_leave)
        except CacheUnusable as error:
            self._note_failure(error)
            return on_failure

    async def _within_deadline(self, work: Callable[[Redis], Awaitable[Result]]) -> Result:
        from redis.exceptions import ConnectionError as Disconnected
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(DEADLINE_S):
                await self._slots.acquire()
        except TimeoutError as error:
            raise CacheBusy("too many calls at once") from error
        try:
            redis = self._connect()
            async with asyncio.timeout(DEADLINE_S):
                try:
                    return await work(redis)
                except Disconnected:
                    # Servers and firewalls close idle connections; that is no outage.
                    await redis.connection_pool.disconnect(inuse_connections=False)
                    return await work(redis)
        except TimeoutError as error:
            raise CacheUnusable(f"no answer within {DEADLINE_S} s") from error
        except (RedisError, OSError) as error:
            raise CacheUnusable(_explain_failure(error)) from error
        finally:
            self._slots.release()

    async def _probe(self) -> CacheUnusable | None:
        """Write and read: a server may be up and still refuse to be written."""

        async def write_and_read(redis: Redis) -> object:
            key = self._prefix + HEALTH_KEY
            await redis.set(key, encode_value(True), px=_to_ms(HEALTH_TTL_S))
            return await redis.get(key)

        try:
            if await self._within_deadline(write_and_read) != encode_value(True):
                raise CacheUnusable("what was written could not be read")
        except CacheUnusable as error:
            self._note_failure(error)
            return error
        if self._failed_at is not None:
            outage_s = asyncio.get_running_loop().time() - self._failed_at
            logger.info("cache_restored", server=self._address.shown, outage_s=round(outage_s, 1))
            self._failed_at = None
        return None

    def _probe_later(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._retry_at:
            self._retry_at = now + RETRY_AFTER_S
            self._tasks.start(self._probe(), name="probe-cache")

    def _note_failure(self, error: CacheUnusable) -> None:
        """Log the first failure of an outage, and leave the server alone for a while."""
        if isinstance(error, CacheBusy):
            return
        now = asyncio.get_running_loop().time()
        if self._failed_at is None:
            self._failed_at = now
            logger.warning("cache_failed", server=self._address.shown, reason=str(error))
        self._retry_at = now + RETRY_AFTER_S

    def _explain(self, error: CacheUnusable) -> StorageError:
        return StorageError(f"The cache server {self._address.shown} cannot be used: {error}.")

    def _connect(self) -> Redis:
        """Return the client; it connects by itself, and again after the server was away."""
        if self._redis is None:
            from redis.asyncio import ConnectionPool, Redis

            self._redis = Redis.from_pool(ConnectionPool(**self._connection_options()))
        return self._redis

    def _connection_options(self) -> dict[str, Any]:
        """Return how to connect: the oldest protocol, and no command that a proxy may not know."""
        import certifi
        from redis.asyncio import Connection, SSLConnection

        address = self._address
        options: dict[str, Any] = {
            "connection_class": SSLConnection if address.is_tls else Connection,
            "host": address.host,
            "port": address.port,
            "db": address.database,
            "username": address.username,
            "password": address.password,
            "max_connections": MAX_CONNECTIONS,
            "protocol": 2,
            "driver_info": None,
            "socket_timeout": DEADLINE_S,
            "socket_connect_timeout": DEADLINE_S,
        }
        if address.is_tls:
            options["ssl_ca_certs"] = address.ca_file or certifi.where()
        return options


def _explain_failure(error: Exception) -> str:
    """Return the system's words for it, which redis-py wraps in its own, or the server's."""
    text = str(error).rstrip(". ")
    if found := _CONNECT_ERROR.match(text):
        number, words = int(found[1]), found[2]
        is_of_system = number > 0 and "SSL" not in words
        return os.strerror(number).lower() if is_of_system else words
    return text or type(error).__name__


def _to_ms(seconds: float) -> int:
    return max(1, round(seconds * 1_000))


def _escape_glob(text: str) -> str:
    """Return a pattern that only ``text`` fits."""
    return "".join("\\" + letter if letter in "*?[]\\" else letter for letter in text)
