"""Something that remembers for a while.

Owns the port. The cache is never the truth: what it forgets, early or late, is a miss and not an
error. Keys of a tenant's things begin with the tenant's id, which is up to the caller; see
``appliance.services.cache_roles``.
"""

from __future__ import annotations

from typing import Protocol

from appliance.domain.json_types import JsonValue


class Cache(Protocol):
    """Remembers bytes, or values that JSON can hold, by key. Every ``ttl_s`` is positive."""

    @property
    def is_shared(self) -> bool:
        """Whether other servers see the same values."""
        ...

    async def get(self, key: str) -> JsonValue | bytes:
        """Return the value, ``None`` for a miss."""
        ...

    async def set(self, key: str, value: JsonValue | bytes, *, ttl_s: float) -> None:
        """Remember ``value`` for ``ttl_s`` seconds, in place of an earlier one."""
        ...

    async def add(self, key: str, value: JsonValue | bytes, *, ttl_s: float) -> bool:
        """Remember ``value`` unless the key is there; say whether it was remembered.

        Of several that add the same key at once one gets true; a cache that cannot be used says
        true to all of them.
        """
        ...

    async def hold(self, key: str, value: str, *, ttl_s: float) -> bool:
        """Remember ``value`` for ``ttl_s`` from now, unless another value is there.

        Says whether the key holds ``value`` now; a cache that cannot be used says true.
        """
        ...

    async def increment(self, key: str, *, ttl_s: float) -> int:
        """Add one to the count under the key and return it; each caller gets another number.

        A count lives ``ttl_s`` seconds from its first increment. What is no count is replaced. A
        cache that cannot be used says 0.
        """
        ...

    async def delete(self, key: str) -> None:
        """Forget the key, there or not."""
        ...

    async def delete_if(self, key: str, value: str) -> bool:
        """Forget the key if it holds ``value``; say whether it did."""
        ...

    async def delete_prefix(self, prefix: str) -> None:
        """Forget every key that begins with ``prefix``, whether or not visitors wait.

        Raises:
            StorageError: Some may be left; they lapse when their time is over.
        """
        ...

    async def health(self) -> None:
        """Check that what is set can be got.

        Raises:
            StorageError: It cannot.
        """
        ...
