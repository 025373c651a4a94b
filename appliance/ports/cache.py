"""Something that remembers for a while.

Owns the port. The cache is never the truth: what it forgets, early or late, is a miss and not an
error. Keys of a tenant's things begin with the tenant's id, which is up to the caller.
"""

from __future__ import annotations

from typing import Protocol

from appliance.domain.json_types import JsonValue


class Cache(Protocol):
    """Remembers bytes, or values that JSON can hold, by key."""

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

    async def delete(self, key: str) -> None:
        """Forget the key, there or not."""
        ...

    async def health(self) -> None:
        """Check that what is set can be got.

        Raises:
            StorageError: It cannot.
        """
        ...
