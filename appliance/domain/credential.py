"""A credential of a shop's, and where it may be sent.

Owns the shape and the rule of its hosts; keeping it encrypted is left to the storage.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from appliance.domain.ids import CredentialId, TenantId

TELLABLE = frozenset(
    (
        "algorithm",
        "disableStartTls",
        "host",
        "hostName",
        "keyType",
        "name",
        "port",
        "publicKey",
        "secure",
        "user",
    )
)
"""Fields of n8n's kinds of credentials that are settings rather than secrets."""


class Credential(Struct, frozen=True, kw_only=True):
    """What a workflow node or a webhook signs in with, by type and name.

    ``credential_type`` is n8n's name of the kind (``httpHeaderAuth``, ``smtp``). ``values`` are its
    fields, every one of them secret. ``hosts`` are where it may be sent: each a host, or a
    ``host:port``; none means nowhere.
    """

    id: CredentialId
    tenant_id: TenantId
    credential_type: str
    name: str
    values: dict[str, str]
    hosts: tuple[str, ...]
    created_at: datetime
    updated_at: datetime

    @property
    def kept_values(self) -> list[str]:
        """The values that no answer may show; a name, a user or a host is told by accident."""
        return [value for name, value in self.values.items() if name not in TELLABLE]
