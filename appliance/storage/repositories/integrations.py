"""Integrations, their endpoints and the log of calls, in the database.

Owns the rows of ``integrations``, ``integration_endpoints`` and ``integration_calls``, and the
encryption of connections; asking a system is left to ``appliance.integrations``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from appliance.domain.ids import EndpointId, IntegrationId, TenantId
from appliance.domain.integration import (
    ConnectionTest,
    Endpoint,
    IntegrationCall,
    StoredIntegration,
)
from appliance.errors import Conflict
from appliance.ports.repositories import Page
from appliance.storage.repositories.pages import read_cursor, select_page
from appliance.storage.repositories.rows import build, columns_for
from appliance.storage.secrets import SecretBox
from appliance.storage.tables import integration_calls, integration_endpoints, integrations
from appliance.storage.transactions import Transactions

_FIELDS = [name for name in StoredIntegration.__struct_fields__ if name != "connection_config"]
_COLUMNS = [
    *(integrations.c[name] for name in _FIELDS),
    integrations.c.encrypted_connection_config,
]
_ENDPOINT_COLUMNS = columns_for(Endpoint, integration_endpoints)
_CALL_COLUMNS = columns_for(IntegrationCall, integration_calls)


class StoredIntegrations:
    """Implements ``IntegrationStore``; see there for what each method promises."""

    def __init__(self, transactions: Transactions, secret_box: SecretBox) -> None:
        self._transactions = transactions
        self._secret_box = secret_box

    async def add(self, integration: StoredIntegration) -> None:
        """Store a new integration."""
        statement = insert(integrations).values(**self._row(integration))
        await self._transactions.write(lambda connection: connection.execute(statement))

    async def save(self, integration: StoredIntegration) -> None:
        """Replace the stored integration of the same tenant and id."""
        of_it = _of(integration.tenant_id, integration.id)
        statement = update(integrations).where(*of_it).values(**self._row(integration))
        await self._transactions.write(lambda connection: connection.execute(statement))

    async def save_test(
        self,
        tenant_id: TenantId,
        integration_id: IntegrationId,
        result: ConnectionTest,
        *,
        at: datetime,
    ) -> None:
        """Note what the newest test of the connection found."""
        statement = (
            update(integrations)
            .where(*_of(tenant_id, integration_id))
            .values(last_sync_test_at=at, last_sync_test_result=msgspec.to_builtins(result))
        )
        await self._transactions.write(lambda connection: connection.execute(statement))

    async def get(
        self, tenant_id: TenantId, integration_id: IntegrationId
    ) -> StoredIntegration | None:
        """Return the integration, switched on or not."""
        query = select(*_COLUMNS).where(*_of(tenant_id, integration_id))
        row = await self._transactions.read(lambda connection: connection.execute(query).first())
        return None if row is None else self._build(row)

    async def list_all(self, tenant_id: TenantId) -> list[StoredIntegration]:
        """Return the tenant's integrations, oldest first."""
        query = (
            select(*_COLUMNS)
            .where(integrations.c.tenant_id == tenant_id)
            .order_by(integrations.c.created_at, integrations.c.id)
        )
        rows = await self._transactions.read(lambda connection: connection.execute(query).all())
        return [self._build(row) for row in rows]

    async def delete(self, tenant_id: TenantId, integration_id: IntegrationId) -> bool:
        """Remove it with its endpoints and log; false when there is none."""
        statement = delete(integrations).where(*_of(tenant_id, integration_id))

        def remove(connection: Connection) -> bool:
            for table in (integration_calls, integration_endpoints):
                connection.execute(
                    delete(table).where(
                        table.c.tenant_id == tenant_id, table.c.integration_id == integration_id
                    )
                )
            return connection.execute(statement).rowcount == 1

        return await self._transactions.write(remove)

    async def put_endpoint(self, endpoint: Endpoint) -> None:
        """Store an endpoint, in place of an earlier one of the same id."""
        values = msgspec.structs.asdict(endpoint)
        for name in ("parameters", "offer"):
            values[name] = msgspec.to_builtins(values[name])
        of_it = _of_endpoint(endpoint.tenant_id, endpoint.integration_id, endpoint.id)

        def put(connection: Connection) -> None:
            try:
                changed = connection.execute(
                    update(integration_endpoints).where(*of_it).values(**values)
                )
                if changed.rowcount == 0:
                    connection.execute(insert(integration_endpoints).values(**values))
            except IntegrityError as error:
                raise Conflict(
                    f"There is an endpoint {endpoint.endpoint_name!r} already.",
                    code="endpoint_name_taken",
                ) from error

        await self._transactions.write(put)

    async def get_endpoint(
        self, tenant_id: TenantId, integration_id: IntegrationId, endpoint_id: EndpointId
    ) -> Endpoint | None:
        """Return one endpoint."""
        return await self._find_endpoint(
            select(*_ENDPOINT_COLUMNS).where(*_of_endpoint(tenant_id, integration_id, endpoint_id))
        )

    async def find_endpoint(
        self, tenant_id: TenantId, integration_id: IntegrationId, endpoint_name: str
    ) -> Endpoint | None:
        """Return the endpoint of this name."""
        return await self._find_endpoint(
            _select_endpoints(tenant_id, integration_id).where(
                integration_endpoints.c.endpoint_name == endpoint_name
            )
        )

    async def list_endpoints(
        self, tenant_id: TenantId, integration_id: IntegrationId
    ) -> list[Endpoint]:
        """Return the integration's endpoints, by name."""
        query = _select_endpoints(tenant_id, integration_id).order_by(
            integration_endpoints.c.endpoint_name
        )
        rows = await self._transactions.read(lambda connection: connection.execute(query).all())
        return [build(Endpoint, row) for row in rows]

    async def delete_endpoint(
        self, tenant_id: TenantId, integration_id: IntegrationId, endpoint_id: EndpointId
    ) -> bool:
        """Remove it; false when there is none."""
        statement = delete(integration_endpoints).where(
            *_of_endpoint(tenant_id, integration_id, endpoint_id)
        )
        return await self._transactions.write(
            lambda connection: connection.execute(statement).rowcount == 1
        )

    async def add_call(self, call: IntegrationCall, *, keep: int) -> None:
        """Log a call, and forget all but the newest ``keep`` of the integration."""
        calls = integration_calls
        of_it = (calls.c.tenant_id == call.tenant_id, calls.c.integration_id == call.integration_id)
        surplus = (
            select(calls.c.id)
            .where(*of_it)
            .order_by(calls.c.called_at.desc(), calls.c.id.desc())
            .offset(keep)
        )

        def add(connection: Connection) -> None:
            known = select(integrations.c.id).where(*_of(call.tenant_id, call.integration_id))
            if connection.execute(known).first() is None:
                return  # removed while it was being asked
            connection.execute(insert(calls).values(**msgspec.structs.asdict(call)))
            old = connection.scalars(surplus).all()
            if old:
                connection.execute(delete(calls).where(calls.c.id.in_(old)))

        await self._transactions.write(add)

    async def list_calls(
        self, tenant_id: TenantId, integration_id: IntegrationId, *, limit: int, cursor: str | None
    ) -> Page[IntegrationCall]:
        """Return logged calls, newest first."""
        after = None if cursor is None else read_cursor(cursor)
        query = select(*_CALL_COLUMNS).where(
            integration_calls.c.tenant_id == tenant_id,
            integration_calls.c.integration_id == integration_id,
        )
        return await self._transactions.read(
            lambda connection: select_page(
                connection,
                query,
                integration_calls,
                lambda row: build(IntegrationCall, row),
                limit=limit,
                after=after,
                time_column="called_at",
                is_newest_first=True,
            )
        )

    async def _find_endpoint(self, query: Select[Any]) -> Endpoint | None:
        row = await self._transactions.read(lambda connection: connection.execute(query).first())
        return None if row is None else build(Endpoint, row)

    def _row(self, integration: StoredIntegration) -> dict[str, Any]:
        row = {name: getattr(integration, name) for name in _FIELDS}
        row["last_sync_test_result"] = msgspec.to_builtins(integration.last_sync_test_result)
        encoded = msgspec.json.encode(integration.connection_config).decode()
        row["encrypted_connection_config"] = self._secret_box.encrypt(encoded)
        return row

    def _build(self, row: Row[Any]) -> StoredIntegration:
        encrypted = row[-1]
        # Empty where a restored backup came without the key of its secrets.
        config = msgspec.json.decode(self._secret_box.decrypt(encrypted)) if encrypted else {}
        fields = dict(zip(_FIELDS, list(row)[:-1], strict=True))
        return msgspec.convert({**fields, "connection_config": config}, StoredIntegration)


def _of(tenant_id: TenantId, integration_id: IntegrationId) -> tuple[ColumnElement[bool], ...]:
    return integrations.c.tenant_id == tenant_id, integrations.c.id == integration_id


def _select_endpoints(tenant_id: TenantId, integration_id: IntegrationId) -> Select[Any]:
    return select(*_ENDPOINT_COLUMNS).where(
        integration_endpoints.c.tenant_id == tenant_id,
        integration_endpoints.c.integration_id == integration_id,
    )


def _of_endpoint(
    tenant_id: TenantId, integration_id: IntegrationId, endpoint_id: EndpointId
) -> tuple[ColumnElement[bool], ...]:
    return (
        integration_endpoints.c.tenant_id == tenant_id,
        integration_endpoints.c.integration_id == integration_id,
        integration_endpoints.c.id == endpoint_id,
    )
