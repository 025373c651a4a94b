"""What ``docs/faults.md`` promises of workflows that fail, and of what is refused before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest

from appliance.agent.tool_runs import ToolRuns, TurnTally, build_result_text
from appliance.domain.ids import TenantId, WorkflowId
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import Risk, ToolCall, ToolOutcome
from appliance.domain.workflow import StoredWorkflow
from appliance.egress import EgressClient
from appliance.errors import InvalidInput
from appliance.ports.tool_executor import ToolContext
from appliance.services.tools import check_parameters
from appliance.tasks import TaskGroup
from appliance.tools.workflow import WorkflowExecutor
from appliance.workflows.runner import WorkflowRunner
from tests.fakes.clock import SettableClock
from tests.fakes.data_tables import InMemoryDataTables
from tests.fakes.integrations import ScriptedIntegrations
from tests.fakes.refusing_http import RefusingHttp
from tests.fakes.shop_databases import build_kind, build_query
from tests.fakes.shops import build_tenant_tool
from tests.fakes.sqlite_database import open_temporary_database
from tests.faults.fault_table import read_tool_tables

WORKFLOWS, REFUSALS = read_tool_tables().workflows, read_tool_tables().refusals
TENANT = TenantId("t")
NAME = "cancel_order"


def node(name: str, kind: str, version: float = 1, **parameters: Any) -> JsonObject:
    return {
        "id": name,
        "name": name,
        "type": f"n8n-nodes-base.{kind}",
        "typeVersion": version,
        "position": [0, 0],
        "parameters": parameters,
    }


WEBHOOK = node("Webhook", "webhook", 2.1, httpMethod="POST", path="x", responseMode="lastNode")


def build(step: JsonObject, *, is_loop: bool = False) -> JsonObject:
    """Return a workflow of one step, which may be led back to itself."""
    to_step = {"main": [[{"node": step["name"], "type": "main", "index": 0}]]}
    connections = {"Webhook": to_step, **({step["name"]: to_step} if is_loop else {})}
    return {"name": NAME, "nodes": [WEBHOOK, step], "connections": connections, "settings": {}}


DEEPEN = "for (let i = 0; i < 600; i++) v = { inner: v };"
UNKNOWN_NODE = build(node("Mail", "gmail", 2))
EXPORTS: Mapping[str, JsonObject | None] = {
    "a loop without an end": build(node("Round", "noOp"), is_loop=True),
    "a step that breaks off": build(node("Reckon", "code", 2, jsCode="return missing.of.hunter2")),
    "a result nested 600 deep": build(
        node("Reckon", "code", 2, jsCode=f"let v = 1; {DEEPEN} return [{{ json: v }}]")
    ),
    "Stop and Error": build(node("Stop", "stopAndError", errorMessage="No stock.")),
    "an unknown node, stored by another version": UNKNOWN_NODE,
    "no such workflow": None,
}


async def play(export: JsonObject | None, risk: Risk) -> ToolOutcome:
    clock = SettableClock()
    runner = WorkflowRunner(InMemoryDataTables(clock), RefusingHttp(), clock)
    async with open_temporary_database() as stored:
        workflows = stored.database.workflows
        if export is not None:
            kept = StoredWorkflow(
                id=WorkflowId("w"), name=NAME, definition=export, created_at=clock.now()
            )
            await workflows.put(kept)
        executor = WorkflowExecutor(workflows, runner, ScriptedIntegrations(), clock)
        runs = ToolRuns(
            executors={"workflow": executor},
            turn_store=None,  # type: ignore[arg-type]  # there is no conversation to log in
            clock=clock,
            tasks=TaskGroup(),
        )
        tool = build_tenant_tool(TENANT, NAME, risk=risk, executor="workflow")
        asked = ToolCall(id="c1", name=NAME, arguments={})
        context = ToolContext(tenant_id=TENANT)
        outcomes = await runs.run_all([asked], {NAME: tool}, context, TurnTally(), lambda _: None)
    runner.close()
    return outcomes["c1"]


QUERIES: Mapping[str, str] = {
    "a database query that writes": "DELETE FROM orders",
    "a database query that writes in between": "WITH x AS (DELETE FROM orders) SELECT 1",
    "a database query that calls a function of its own": "SELECT wipe()",
    "a database query with an undeclared parameter": "SELECT 1 FROM orders WHERE id = :number",
}


def check_query(query: str) -> None:
    config = {"engine": "mysql", "host": "db.example", "database": "shop", "username": "reader"}
    build_kind(EgressClient(), None).check_endpoint(build_query(query), config)


def refuse(thing: str) -> str:
    """Return what the operator is told of a thing that is refused before anything is called."""
    clock = SettableClock()
    runner = WorkflowRunner(InMemoryDataTables(clock), RefusingHttp(), clock)
    things: dict[str, Callable[[], object]] = {
        "a schema of an unknown type": lambda: check_parameters({"properties": {"a": {"type": 5}}}),
        "a schema that is no object": lambda: check_parameters({"type": "array"}),
        "a schema that refers elsewhere": lambda: check_parameters({"$ref": "https://x.example/s"}),
        "a workflow with an unknown node": lambda: runner.summarise(UNKNOWN_NODE),
        "something that is no workflow": lambda: runner.summarise({"nodes": 5}),
        **{name: partial(check_query, query) for name, query in QUERIES.items()},
    }
    try:
        with pytest.raises(InvalidInput) as caught:
            things[thing]()
    finally:
        runner.close()
    error = caught.value
    return " ".join([error.message, *(f"`{e.field}`: {e.message}" for e in error.errors)])


def test_every_row_is_played() -> None:
    assert [row[0] for row in WORKFLOWS] == list(EXPORTS)


@pytest.mark.parametrize(
    ("fault", "reading", "writing", "sentence"), WORKFLOWS, ids=[row[0] for row in WORKFLOWS]
)
async def test_a_failing_workflow_is_told_as_the_table_says(
    fault: str, reading: str, writing: str, sentence: str
) -> None:
    risks: tuple[tuple[Risk, str], ...] = (("read", reading), ("write", writing))
    for risk, kind in risks:
        outcome = await play(EXPORTS[fault], risk)
        assert f"`{outcome.failure}`" == kind
        assert outcome.error == sentence
        told = build_result_text(outcome)
        assert not any(word in told for word in (NAME, "Reckon", "hunter2", "node", "stock"))


@pytest.mark.parametrize(("thing", "sentence"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_what_is_refused_is_named_as_the_table_says(thing: str, sentence: str) -> None:
    assert refuse(thing) == sentence
