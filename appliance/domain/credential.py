"""A credential of a shop's, and where it may be sent.

Owns the shape and the rule of its hosts; keeping it encrypted is left to the storage.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from appliance.domain.ids import CredentialId, TenantId


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
