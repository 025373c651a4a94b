"""Tenants and their keys in the database.

Owns the rows of ``tenants`` and ``api_keys``; what may change a tenant is left to
``appliance.services``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from appliance.domain.ids import TenantId, hash_token, new_id
from appliance.domain.tenant import ApiKey, Tenant
from appliance.errors import NotFound
from appliance.ports.repositories import Page
from appliance.storage.repositories.pages import read_cursor, select_page
from appliance.storage.repositories.rows import build, columns_for
from appliance.storage.secrets import SecretBox
from appliance.storage.tables import api_keys, tenants
from appliance.storage.transactions import Transactions

SHOWN_PREFIX_LENGTH = 8
"""How much of a key may be shown again, so that an operator can tell keys apart."""

_TENANT_COLUMNS = columns_for(Tenant, tenants)
_KEY_COLUMNS = columns_for(ApiKey, api_keys)


class StoredTenants:
    """Implements ``TenantRepository``; see there for what each method promises."""

    def __init__(self, transactions: Transactions, secret_box: SecretBox) -> None:
        self._transactions = transactions
        self._secret_box = secret_box

    async def add(self, tenant: Tenant) -> None:
        """Store a new tenant."""
        statement = insert(tenants).values(**_tenant_values(tenant))
        await self._transactions.write(lambda connection: connection.execute(statement))

    async def save(self, tenant: Tenant) -> None:
        """Replace the stored tenant of the same id."""
        statement = (
            update(tenants).where(tenants.c.id == tenant.id).values(**_tenant_values(tenant))
        )

        def save(connection: Connection) -> None:
            if connection.execute(statement).rowcount == 0:
                raise NotFound(f"There is no tenant {tenant.id!r}.")

        await self._transactions.write(save)

    async def get(self, tenant_id: TenantId) -> Tenant | None:
        """Return the tenant, active or not."""
        query = select(*_TENANT_COLUMNS).where(tenants.c.id == tenant_id)
        row = await self._transactions.read(lambda connection: connection.execute(query).first())
        return None if row is None else _build_tenant(row)

    async def list_page(
        self, *, limit: int, cursor: str | None, only: TenantId | None = None
    ) -> Page[Tenant]:
        """Return tenants by creation, oldest first; ``only`` narrows to one."""
        after = None if cursor is None else read_cursor(cursor)
        query = select(*_TENANT_COLUMNS)
        if only is not None:
            query = query.where(tenants.c.id == only)
        return await self._transactions.read(
            lambda connection: select_page(
                connection, query, tenants, _build_tenant, limit=limit, after=after
            )
        )

    async def add_publishable_key(self, tenant_id: TenantId, key: str, *, at: datetime) -> ApiKey:
        """Store the hash of ``key``; the key itself cannot be read back."""
        stored = ApiKey(
            id=new_id(),
            tenant_id=tenant_id,
            kind="publishable",
            prefix=key[:SHOWN_PREFIX_LENGTH],
            created_at=at,
        )
        statement = insert(api_keys).values(
            **msgspec.structs.asdict(stored), key_hash=hash_token(key)
        )
        await self._transactions.write(lambda connection: connection.execute(statement))
        return stored

    async def list_publishable_keys(self, tenant_id: TenantId) -> list[ApiKey]:
        """Return the tenant's keys, oldest first, expired ones included."""
        query = (
            select(*_KEY_COLUMNS)
            .where(api_keys.c.tenant_id == tenant_id, api_keys.c.kind == "publishable")
            .order_by(api_keys.c.created_at, api_keys.c.id)
        )
        rows = await self._transactions.read(lambda connection: connection.execute(query).all())
        return [build(ApiKey, row) for row in rows]

    async def expire_publishable_keys(
        self, tenant_id: TenantId, *, except_key_id: str, at: datetime
    ) -> None:
        """Let the tenant's other keys work until ``at`` at most."""
        statement = (
            update(api_keys)
            .where(
                api_keys.c.tenant_id == tenant_id,
                api_keys.c.kind == "publishable",
                api_keys.c.id != except_key_id,
                or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > at),
            )
            .values(expires_at=at)
        )
        await self._transactions.write(lambda connection: connection.execute(statement))

    async def delete_publishable_key(self, tenant_id: TenantId, key_id: str) -> bool:
        """Remove the key at once; false when the tenant has no such key."""
        statement = delete(api_keys).where(
            api_keys.c.tenant_id == tenant_id,
            api_keys.c.kind == "publishable",
            api_keys.c.id == key_id,
        )
        return await self._transactions.write(
            lambda connection: connection.execute(statement).rowcount == 1
        )

    async def find_by_publishable_key(self, key: str, *, at: datetime) -> Tenant | None:
        """Return the active tenant whose unexpired key this is."""
        query = (
            select(*_TENANT_COLUMNS)
            .join(api_keys, api_keys.c.tenant_id == tenants.c.id)
            .where(
                api_keys.c.key_hash == hash_token(key),
                or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > at),
                tenants.c.status == "active",
            )
        )
        row = await self._transactions.read(lambda connection: connection.execute(query).first())
        return None if row is None else _build_tenant(row)

    async def set_signing_secret(self, tenant_id: TenantId, secret: str, *, at: datetime) -> None:
        """Store the secret, encrypted, in place of an earlier one."""
        earlier = delete(api_keys).where(
            api_keys.c.tenant_id == tenant_id, api_keys.c.kind == "signing"
        )
        statement = insert(api_keys).values(
            id=new_id(),
            tenant_id=tenant_id,
            kind="signing",
            prefix=secret[:SHOWN_PREFIX_LENGTH],
            encrypted_secret=self._secret_box.encrypt(secret),
            created_at=at,
        )

        def replace(connection: Connection) -> None:
            connection.execute(earlier)
            connection.execute(statement)

        await self._transactions.write(replace)

    async def get_signing_secret(self, tenant_id: TenantId) -> str:
        """Return the secret that signs this tenant's tool webhooks."""
        query = select(api_keys.c.encrypted_secret).where(
            api_keys.c.tenant_id == tenant_id, api_keys.c.kind == "signing"
        )
        stored = await self._transactions.read(lambda connection: connection.scalar(query))
        if stored is None:
            raise NotFound(f"Tenant {tenant_id!r} has no signing secret.")
        return self._secret_box.decrypt(stored)


def _tenant_values(tenant: Tenant) -> dict[str, Any]:
    values = msgspec.structs.asdict(tenant)
    for nested in ("business_info", "llm", "agent", "retention", "escalation"):
        values[nested] = msgspec.to_builtins(values[nested])
    return values


def _build_tenant(row: Row[Any]) -> Tenant:
    fields = dict(zip(Tenant.__struct_fields__, row, strict=True))
    for later in ("retention", "escalation"):  # null in rows of the first versions
        fields[later] = fields[later] or {}
    return msgspec.convert(fields, Tenant)
