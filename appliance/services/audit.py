"""Writing the record of what operators did.

Owns the form of an entry and the masking of secrets in it; keeping it is left to the audit log.
"""

from __future__ import annotations

import msgspec

from appliance.domain.ids import TenantId, new_id
from appliance.domain.json_types import JsonObject
from appliance.domain.user import AuditEntry
from appliance.ports.clock import Clock
from appliance.ports.repositories import AuditLog
from appliance.redaction import redact


class Auditor:
    """Adds entries to the audit log."""

    def __init__(self, *, log: AuditLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    async def record(
        self,
        actor: str,
        action: str,
        subject: str,
        *,
        tenant_id: TenantId | None = None,
        changes: object = None,
    ) -> None:
        """Record that ``actor`` did ``action`` (``tenant.create``) to ``subject`` (its id).

        Args:
            actor: The operator's name, or ``system``.
            action: What was done, as ``<kind>.<verb>``.
            subject: The id of what was changed.
            tenant_id: Whose data it is.
            changes: What was changed; anything JSON can hold. Secrets in it are masked.
        """
        as_json = msgspec.to_builtins(changes) if changes is not None else {}
        masked: JsonObject = redact(as_json if isinstance(as_json, dict) else {"value": as_json})
        await self._log.append(
            AuditEntry(
                id=new_id(),
                actor=actor,
                action=action,
                subject=subject,
                tenant_id=tenant_id,
                changes=masked,
                at=self._clock.now(),
            )
        )
