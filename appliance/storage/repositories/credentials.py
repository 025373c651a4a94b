"""Credentials in the database.

Owns the rows of ``vault`` and the encryption of their values; what they are for is left to
who signs in with them.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Executable, Row, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from appliance.domain.credential import Credential
from appliance.domain.ids import CredentialId, TenantId
from appliance.errors import Conflict
from appliance.storage.secrets import SecretBox
from appliance.storage.tables import vault
from appliance.storage.transactions import Transactions

_FIELDS = [name for name in Credential.__struct_fields__ if name != "values"]
_COLUMNS = [*(vault.c[name] for name in _FIELDS), vault.c.encrypted_values]


class StoredCredentials:
    """Implements ``CredentialStore``; see there for what each method promises."""

    def __init__(self, transactions: Transactions, secret_box: SecretBox) -> None:
        self._transactions = transactions
        self._secret_box = secret_box

    async def add(self, credential: Credential) -> None:
        """Store a new credential."""
        await self._write(insert(vault).values(**self._row(credential)), credential)

    async def save(self, credential: Credential) -> None:
        """Replace the stored credential of the same tenant and id."""
        of_it = _of(credential.tenant_id, credential.id)
        await self._write(update(vault).where(*of_it).values(**self._row(credential)), credential)

    async def get(self, tenant_id: TenantId, credential_type: str, name: str) -> Credential | None:
        """Return the tenant's credential of this type and name, with its values."""
        return await self._find(
            select(*_COLUMNS).where(
                vault.c.tenant_id == tenant_id,
                vault.c.credential_type == credential_type,
                vault.c.name == name,
            )
        )

    async def find(self, tenant_id: TenantId, credential_id: CredentialId) -> Credential | None:
        """Return it by its id."""
        return await self._find(select(*_COLUMNS).where(*_of(tenant_id, credential_id)))

    async def list_all(self, tenant_id: TenantId) -> list[Credential]:
        """Return the tenant's credentials, by type and name."""
        query = (
            select(*_COLUMNS)
            .where(vault.c.tenant_id == tenant_id)
            .order_by(vault.c.credential_type, vault.c.name)
        )
        rows = await self._transactions.read(lambda connection: connection.execute(query).all())
        return [self._build(row) for row in rows]

    async def delete(self, tenant_id: TenantId, credential_id: CredentialId) -> bool:
        """Remove it; false when there is none."""
        statement = delete(vault).where(*_of(tenant_id, credential_id))
        return await self._transactions.write(
            lambda connection: connection.execute(statement).rowcount == 1
        )

    async def _write(self, statement: Executable, credential: Credential) -> None:
        def write(connection: Connection) -> None:
            try:
                connection.execute(statement)
            except IntegrityError as error:
                raise Conflict(
                    f"There is a credential {credential.name!r} of the type "
                    f"{credential.credential_type!r} already.",
                    code="credential_name_taken",
                ) from error

        await self._transactions.write(write)

    async def _find(self, query: Select[Any]) -> Credential | None:
        row = await self._transactions.read(lambda connection: connection.execute(query).first())
        return None if row is None else self._build(row)

    def _row(self, credential: Credential) -> dict[str, Any]:
        row = {name: getattr(credential, name) for name in _FIELDS}
        encoded = msgspec.json.encode(credential.values).decode()
        row["hosts"] = list(credential.hosts)
        row["encrypted_values"] = self._secret_box.encrypt(encoded)
        return row

    def _build(self, row: Row[Any]) -> Credential:
        encrypted = row[-1]
        values = msgspec.json.decode(self._secret_box.decrypt(encrypted))
        fields = dict(zip(_FIELDS, list(row)[:-1], strict=True))
        return msgspec.convert({**fields, "values": values}, Credential)


def _of(tenant_id: TenantId, credential_id: CredentialId) -> tuple[Any, Any]:
    return vault.c.tenant_id == tenant_id, vault.c.id == credential_id
