"""The credentials that tenants' workflows and webhooks sign in with.

Owns the ports: what a node may ask for, and the store behind it.
"""

from __future__ import annotations

from typing import Protocol

from appliance.domain.credential import Credential
from appliance.domain.ids import CredentialId, TenantId


class Credentials(Protocol):
    """Finds credentials by what a workflow calls them."""

    async def get(self, tenant_id: TenantId, credential_type: str, name: str) -> Credential | None:
        """Return the tenant's credential of this type and name, with its values.

        Raises:
            StorageError: It cannot be read.
        """
        ...


class CredentialStore(Credentials, Protocol):
    """Keeps credentials, their values encrypted. Another tenant's reads as absent."""

    async def add(self, credential: Credential) -> None:
        """Store a new credential.

        Raises:
            Conflict: The tenant has one of this type and name (``code="credential_name_taken"``).
        """
        ...

    async def save(self, credential: Credential) -> None:
        """Replace the stored credential of the same tenant and id.

        Raises:
            Conflict: Its type and name are another one's (``code="credential_name_taken"``).
        """
        ...

    async def find(self, tenant_id: TenantId, credential_id: CredentialId) -> Credential | None:
        """Return it by its id."""
        ...

    async def list_all(self, tenant_id: TenantId) -> list[Credential]:
        """Return the tenant's credentials, by type and name."""
        ...

    async def delete(self, tenant_id: TenantId, credential_id: CredentialId) -> bool:
        """Remove it; false when there is none."""
        ...
