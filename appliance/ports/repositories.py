"""What is stored besides turns: tenants, keys, tools, workflows, users, the audit log.

Owns the ports. Every tenant-scoped method takes the tenant first; a row of another tenant reads as
absent. All methods raise ``StorageError`` when the database cannot be used.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from appliance.domain.ids import TenantId, ToolId, UserId
from appliance.domain.json_types import JsonObject
from appliance.domain.tenant import ApiKey, Tenant
from appliance.domain.tool import TenantTool, Tool
from appliance.domain.user import AuditEntry, RefreshToken, User
from appliance.domain.workflow import StoredWorkflow

Item = TypeVar("Item")


class Page(Struct, Generic[Item], frozen=True, kw_only=True):
    """A part of a list; ``next_cursor`` continues it and is ``None`` at the end."""

    items: list[Item]
    next_cursor: str | None = None


class TenantRepository(Protocol):
    """Tenants and their keys. Keys are stored as hashes; signing secrets encrypted."""

    async def add(self, tenant: Tenant) -> None:
        """Store a new tenant."""
        ...

    async def save(self, tenant: Tenant) -> None:
        """Replace the stored tenant of the same id.

        Raises:
            NotFound: There is none.
        """
        ...

    async def get(self, tenant_id: TenantId) -> Tenant | None:
        """Return the tenant, active or not."""
        ...

    async def list_page(
        self, *, limit: int, cursor: str | None, only: TenantId | None = None
    ) -> Page[Tenant]:
        """Return tenants by creation, oldest first; ``only`` narrows to one.

        Raises:
            InvalidInput: ``cursor`` was not made by this method.
        """
        ...

    async def add_publishable_key(self, tenant_id: TenantId, key: str, *, at: datetime) -> ApiKey:
        """Store the hash of ``key``; the key itself cannot be read back."""
        ...

    async def list_publishable_keys(self, tenant_id: TenantId) -> list[ApiKey]:
        """Return the tenant's keys, oldest first, expired ones included."""
        ...

    async def expire_publishable_keys(
        self, tenant_id: TenantId, *, except_key_id: str, at: datetime
    ) -> None:
        """Let the tenant's other keys work until ``at`` at most."""
        ...

    async def delete_publishable_key(self, tenant_id: TenantId, key_id: str) -> bool:
        """Remove the key at once; false when the tenant has no such key."""
        ...

    async def find_by_publishable_key(self, key: str, *, at: datetime) -> Tenant | None:
        """Return the active tenant whose unexpired key this is."""
        ...

    async def set_signing_secret(self, tenant_id: TenantId, secret: str, *, at: datetime) -> None:
        """Store the secret, encrypted, in place of an earlier one."""
        ...

    async def get_signing_secret(self, tenant_id: TenantId) -> str:
        """Return the secret that signs this tenant's tool webhooks.

        Raises:
            NotFound: The tenant has none.
        """
        ...


class ToolRepository(Protocol):
    """The tool catalogue and each tenant's choice from it."""

    async def add(self, tool: Tool) -> None:
        """Store a new catalogue entry.

        Raises:
            Conflict: Its ``tool_name`` is taken (``code="tool_name_taken"``).
        """
        ...

    async def save(self, tool: Tool) -> None:
        """Replace the catalogue entry of the same id."""
        ...

    async def put_all(self, entries: Sequence[Tool]) -> None:
        """Store catalogue entries, in place of those of the same ids; all of them or none.

        Raises:
            Conflict: The ``tool_name`` of one is taken (``code="tool_name_taken"``).
        """
        ...

    async def get(self, tool_id: ToolId) -> Tool | None:
        """Return the catalogue entry."""
        ...

    async def find_by_name(self, tool_name: str) -> Tool | None:
        """Return the catalogue entry of this name."""
        ...

    async def list_page(self, *, limit: int, cursor: str | None) -> Page[Tool]:
        """Return the catalogue by creation, oldest first."""
        ...

    async def delete(self, tool_id: ToolId) -> bool:
        """Remove the entry and every tenant's use of it; false when there is none."""
        ...

    async def list_for_tenant(self, tenant_id: TenantId) -> list[TenantTool]:
        """Return the tenant's tools, disabled ones included, by tool name."""
        ...

    async def list_by_workflow(self, references: Collection[str]) -> list[TenantTool]:
        """Return every tenant's tools whose ``workflow_reference`` is one of these, by tool name.

        Tools that something else than a workflow runs are not among them, disabled ones are.
        """
        ...

    async def get_for_tenant(self, tenant_id: TenantId, tool_id: ToolId) -> TenantTool | None:
        """Return one of the tenant's tools."""
        ...

    async def put_for_tenant(self, tenant_tool: TenantTool) -> None:
        """Store the tenant's use of a tool, replacing an earlier one."""
        ...

    async def delete_for_tenant(self, tenant_id: TenantId, tool_id: ToolId) -> bool:
        """Remove the tenant's use of a tool; false when there is none."""
        ...


class WorkflowRepository(Protocol):
    """Workflow exports, by unique name."""

    async def put(self, workflow: StoredWorkflow) -> None:
        """Store it, replacing the one of the same name (whose id stays)."""
        ...

    async def get(self, workflow_id: str) -> StoredWorkflow | None:
        """Return it by its id."""
        ...

    async def find_by_name(self, name: str) -> StoredWorkflow | None:
        """Return it by its name."""
        ...

    async def find(self, reference: str) -> StoredWorkflow | None:
        """Return it by its name, its id, or the id that its export had in n8n, in this order."""
        ...

    async def list_all(self) -> list[StoredWorkflow]:
        """Return all, by name."""
        ...

    async def delete(self, workflow_id: str) -> bool:
        """Remove it; false when there is none."""
        ...


class UserRepository(Protocol):
    """Operators' accounts and their login sessions."""

    async def add(self, user: User) -> None:
        """Store a new account.

        Raises:
            Conflict: The username is taken (``code="username_taken"``), case ignored.
        """
        ...

    async def save(self, user: User) -> None:
        """Replace the stored account of the same id."""
        ...

    async def get(self, user_id: UserId) -> User | None:
        """Return the account."""
        ...

    async def find_by_username(self, username: str) -> User | None:
        """Return the account of this name, case ignored."""
        ...

    async def count(self) -> int:
        """Return how many accounts there are."""
        ...

    async def add_refresh_token(self, token: RefreshToken) -> None:
        """Store a login session."""
        ...

    async def get_refresh_token(self, token_id: str) -> RefreshToken | None:
        """Return the login session, revoked or not."""
        ...

    async def rotate_refresh_token(
        self, token_id: str, *, old_hash: str, new_hash: str, expires_at: datetime
    ) -> bool:
        """Replace the hash if it still is ``old_hash`` and not revoked; false otherwise."""
        ...

    async def revoke_refresh_tokens(
        self, user_id: UserId, *, at: datetime, only_id: str | None = None
    ) -> None:
        """Revoke all login sessions of the account, or only one."""
        ...


class AuditLog(Protocol):
    """The record of every write on the admin side."""

    async def append(self, entry: AuditEntry) -> None:
        """Add one entry; entries are never changed."""
        ...

    async def list_page(
        self, *, limit: int, cursor: str | None, tenant_id: TenantId | None = None
    ) -> Page[AuditEntry]:
        """Return entries, newest first."""
        ...


class SettingStore(Protocol):
    """Small facts the appliance keeps about itself."""

    async def get(self, name: str) -> JsonObject | None:
        """Return the stored object, or ``None``."""
        ...

    async def put(self, name: str, value: JsonObject) -> None:
        """Store ``value`` in place of an earlier one."""
        ...

    async def get_secret(self, name: str) -> str | None:
        """Return a secret, decrypted, or ``None``."""
        ...

    async def put_secret(self, name: str, secret: str) -> None:
        """Store a secret, encrypted, in place of an earlier one."""
        ...
