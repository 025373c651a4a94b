from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from appliance.domain.ids import TenantId
from appliance.errors import StorageError
from appliance.services.cached_copies import CachedCopies
from appliance.storage.cache import DiskCache


async def test_copies_of_a_tenant_are_forgotten_and_no_others(tmp_path: Path):
    cache = DiskCache(tmp_path / "cache")
    keys = ["t1:conversation:a", "t1:cache:x", "t10:conversation:a"]
    for key in keys:
        await cache.set(key, b"x", ttl_s=60)
    await CachedCopies(cache).forget_tenant(TenantId("t1"))
    assert [await cache.get(key) for key in keys] == [None, None, b"x"]
    await cache.close()


async def test_a_cache_that_cannot_be_cleaned_is_told_of(tmp_path: Path):
    class Broken(DiskCache):
        async def delete_prefix(self, prefix: str) -> None:
            raise StorageError("The cache is away.")

    cache = Broken(tmp_path / "cache")
    with capture_logs() as logs:
        await CachedCopies(cache).forget_tenant(TenantId("t1"))
    assert [entry["event"] for entry in logs] == ["cached_copies_left"]
    await cache.close()
