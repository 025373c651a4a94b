"""Workflow exports in the database.

Owns the rows of ``workflows``; reading and running a definition is left to
``appliance.workflows``.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, case, delete, insert, or_, select, update

from appliance.domain.workflow import StoredWorkflow
from appliance.storage.repositories.rows import build, columns_for
from appliance.storage.tables import workflows
from appliance.storage.transactions import Transactions

_COLUMNS = columns_for(StoredWorkflow, workflows)


class StoredWorkflows:
    """Implements ``WorkflowRepository``; see there for what each method promises."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def put(self, workflow: StoredWorkflow) -> None:
        """Store it, replacing the one of the same name (whose id stays)."""
        values = msgspec.structs.asdict(workflow)
        changes = {name: values[name] for name in ("definition", "is_bundled")}

        def put(connection: Connection) -> None:
            replaced = connection.execute(
                update(workflows).where(workflows.c.name == workflow.name).values(**changes)
            )
            if replaced.rowcount == 0:
                connection.execute(insert(workflows).values(**values))

        await self._transactions.write(put)

    async def get(self, workflow_id: str) -> StoredWorkflow | None:
        """Return it by its id."""
        return await self._find(select(*_COLUMNS).where(workflows.c.id == workflow_id))

    async def find_by_name(self, name: str) -> StoredWorkflow | None:
        """Return it by its name."""
        return await self._find(select(*_COLUMNS).where(workflows.c.name == name))

    async def find(self, reference: str) -> StoredWorkflow | None:
        """Return it by its name, its id, or the id that its export had in n8n, in this order."""
        ways = (
            workflows.c.name == reference,
            workflows.c.id == reference,
            workflows.c.definition["id"].as_string() == reference,
        )
        ranked = case(*((way, rank) for rank, way in enumerate(ways)))
        return await self._find(select(*_COLUMNS).where(or_(*ways)).order_by(ranked).limit(1))

    async def list_all(self) -> list[StoredWorkflow]:
        """Return all, by name."""
        query = select(*_COLUMNS).order_by(workflows.c.name)
        rows = await self._transactions.read(lambda connection: connection.execute(query).all())
        return [_build(row) for row in rows]

    async def delete(self, workflow_id: str) -> bool:
        """Remove it; false when there is none."""
        statement = delete(workflows).where(workflows.c.id == workflow_id)
        return await self._transactions.write(
            lambda connection: connection.execute(statement).rowcount == 1
        )

    async def _find(self, query: Select[Any]) -> StoredWorkflow | None:
        row = await self._transactions.read(lambda connection: connection.execute(query).first())
        return None if row is None else _build(row)


def _build(row: Row[Any]) -> StoredWorkflow:
    return build(StoredWorkflow, row)
