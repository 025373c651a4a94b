"""Credentials in memory, as workflows and webhooks look them up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from appliance.domain.credential import Credential
from appliance.domain.ids import CredentialId, TenantId

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass
class HeldCredentials:
    """Implements ``Credentials``."""

    held: list[Credential] = field(default_factory=list)

    async def get(self, tenant_id: TenantId, credential_type: str, name: str) -> Credential | None:
        wanted = (tenant_id, credential_type, name)
        return next(
            (item for item in self.held
             if (item.tenant_id, item.credential_type, item.name) == wanted),
            None,
        )  # fmt: skip


def build_credential(
    credential_type: str,
    values: dict[str, str],
    *,
    hosts: tuple[str, ...] = (),
    tenant_id: str = "tenant-1",
    **fields: Any,
) -> Credential:
    """Return a credential named "n8n"."""
    given = {"id": CredentialId("cr-1"), "name": "n8n", "created_at": AT, "updated_at": AT}
    return Credential(
        **{**given, **fields},
        tenant_id=TenantId(tenant_id),
        credential_type=credential_type,
        values=values,
        hosts=hosts,
    )
