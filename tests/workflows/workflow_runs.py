"""Small workflows for tests: built from a few nodes, run on tables in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from appliance.domain.credential import Credential
from appliance.domain.ids import CredentialId, TenantId
from appliance.ports.outbound_connections import OutboundConnections
from appliance.ports.outbound_http import OutboundHttp
from appliance.ports.workflow_engine import WorkflowRun
from appliance.workflows.engine import EngineLimits
from appliance.workflows.runner import WorkflowRunner
from appliance.workflows.sandbox import SandboxLimits
from tests.fakes.clock import SettableClock
from tests.fakes.data_tables import InMemoryDataTables
from tests.fakes.refusing_http import RefusingHttp

TENANT = TenantId("shop-1")
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)  # a Monday

Node = dict[str, Any]


def node(name: str, kind: str, version: float, parameters: Node | None = None, **more: Any) -> Node:
    """Return a node of an export."""
    return {
        "name": name,
        "type": kind if "." in kind else f"n8n-nodes-base.{kind}",
        "typeVersion": version,
        "parameters": parameters or {},
        "position": [0, 0],
        **more,
    }


def webhook(mode: str = "lastNode", **parameters: Any) -> Node:
    """Return a Webhook node that answers with all items of the last node."""
    given = {"path": "test", "responseMode": mode, "responseData": "allEntries", **parameters}
    return node("Webhook", "webhook", 2.1, given)


def code(name: str, source: str, *, is_per_item: bool = False, **more: Any) -> Node:
    """Return a Code node."""
    mode = "runOnceForEachItem" if is_per_item else "runOnceForAllItems"
    return node(name, "code", 2, {"mode": mode, "jsCode": source}, **more)


def set_fields(name: str, /, **fields: Any) -> Node:
    """Return an Edit Fields node that sets ``fields`` without converting them."""
    kinds = {bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}
    rows = [
        {"id": key, "name": key, "value": value, "type": kinds.get(type(value), "string")}
        for key, value in fields.items()
    ]
    return node(name, "set", 3.4, {"assignments": {"assignments": rows}, "options": {}})


def split_items() -> Node:
    """Return a node that makes an item of each element of the body's ``items``."""
    return node("Items", "splitOut", 1, {"fieldToSplitOut": "body.items"})


Links = list[tuple[str, str] | tuple[str, str, int] | tuple[str, str, int, int]]


def export_of(nodes: list[Node], links: Links | None = None, **more: Any) -> Node:
    """Return an export; without ``links`` each node leads to the next."""
    names = [item["name"] for item in nodes]
    connections: dict[str, Any] = {}
    for link in links if links is not None else list(pairwise(names)):
        origin, target, output, index = (*link, 0, 0)[:4]
        outputs = connections.setdefault(origin, {"main": []})["main"]
        while len(outputs) <= int(output):
            outputs.append([])
        outputs[int(output)].append({"node": target, "type": "main", "index": index})
    return {"id": "w", "name": "test", "nodes": nodes, "connections": connections, **more}


class Bench:
    """A runner with everything it needs, and what a test may look at."""

    def __init__(
        self,
        *,
        http: OutboundHttp | None = None,
        limits: EngineLimits | None = None,
        sandbox_limits: SandboxLimits | None = None,
        connections: OutboundConnections | None = None,
    ) -> None:
        self.clock = SettableClock(NOW)
        self.tables = InMemoryDataTables(self.clock)
        self.slept_s: list[float] = []
        self.stored: dict[str, Node] = {}
        self.credentials: dict[tuple[str, str], Credential] = {}
        self.runner = WorkflowRunner(
            self.tables,
            http or RefusingHttp(),
            self.clock,
            limits=limits,
            sandbox_limits=sandbox_limits,
            sleep=self._sleep,
            find_workflow=self._find_workflow,
            connections=connections,
            credentials=self,
        )

    async def _find_workflow(self, reference: str) -> Node | None:
        return self.stored.get(reference)

    async def _sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)

    async def get(self, tenant_id: TenantId, credential_type: str, name: str) -> Credential | None:
        assert tenant_id == TENANT
        return self.credentials.get((credential_type, name))

    def keep(self, kind: str, name: str, /, *hosts: str, **values: str) -> dict[str, Any]:
        """Store a credential of the test's tenant; return what a node's ``credentials`` say."""
        self.credentials[(kind, name)] = Credential(
            id=CredentialId(name),
            tenant_id=TENANT,
            credential_type=kind,
            name=name,
            values=values,
            hosts=hosts,
            created_at=NOW,
            updated_at=NOW,
        )
        return {kind: {"id": "n8n", "name": name}}

    async def run(self, export: Node, body: Node | None = None, **more: Any) -> WorkflowRun:
        """Run an export for the test's tenant; a failure raises."""
        more = {"tenant_id": TENANT, "time_zone": "UTC", **more}
        return await self.runner.run(export, body or {}, **more)

    async def run_nodes(self, *nodes: Node, items: list[Node] | None = None) -> Any:
        """Run ``nodes`` one after the other over ``items`` and return the last one's items."""
        first = [webhook(), split_items()] if items is not None else [webhook()]
        return (await self.run(export_of([*first, *nodes]), {"items": items})).output


@contextmanager
def open_bench(**options: Any) -> Iterator[Bench]:
    """Give a bench and stop its threads at the end."""
    bench = Bench(**options)
    try:
        yield bench
    finally:
        bench.runner.close()
