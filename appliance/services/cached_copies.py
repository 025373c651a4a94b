"""What the cache remembers of conversations, when they are deleted.

Owns that a cache which cannot be cleaned stops nothing: its copies lapse within the hour. The keys
are in ``appliance.services.cache_roles``.
"""

from __future__ import annotations

import structlog

from appliance.domain.ids import TenantId
from appliance.errors import StorageError
from appliance.ports.cache import Cache
from appliance.services.cache_roles import forget_tenant

logger = structlog.get_logger(__name__)


class CachedCopies:
    """Forgets copies in the cache."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def forget_tenant(self, tenant_id: TenantId) -> None:
        """Forget everything of a tenant and its visitors; what is left is told in the log."""
        try:
            await forget_tenant(self._cache, tenant_id)
        except StorageError as error:
            logger.warning("cached_copies_left", tenant_id=tenant_id, error=error.message)
