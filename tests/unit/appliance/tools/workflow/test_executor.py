from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.domain.ids import ConversationId, TenantId, ToolId, WorkflowId
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import TenantTool, Tool, ToolCall, ToolOutcome
from appliance.domain.workflow import StoredWorkflow
from appliance.egress import EgressClient
from appliance.ports.integrations import WebhookAccess
from appliance.ports.tool_executor import ToolContext
from appliance.tools.workflow import WorkflowExecutor
from appliance.workflows.runner import WorkflowRunner
from tests.fakes.clock import SettableClock
from tests.fakes.data_tables import InMemoryDataTables
from tests.fakes.integrations import ScriptedIntegrations
from tests.fakes.sqlite_database import open_temporary_database

AT = datetime(2026, 1, 1, tzinfo=UTC)
CALL = ToolCall(id="call_7", name="echo", arguments={"order_number": "12345"})
ECHO = "return [{json: $input.first().json.body}];"


def build_export(code: str, *, status: int = 200) -> JsonObject:
    """Return a workflow: webhook, one step of JavaScript, answer with all that it put out."""

    def node(name: str, kind: str, version: float, **parameters: Any) -> JsonObject:
        return {
            "id": name,
            "name": name,
            "type": f"n8n-nodes-base.{kind}",
            "typeVersion": version,
            "position": [0, 0],
            "parameters": parameters,
        }

    webhook = node("Webhook", "webhook", 2.1, httpMethod="POST", path="echo",
                   responseMode="responseNode")  # fmt: skip
    step = node("Work it out", "code", 2, mode="runOnceForAllItems", jsCode=code)
    answer = node(
        "Respond", "respondToWebhook", 1.5, respondWith="allIncomingItems",
        options={"responseCode": status},
    )  # fmt: skip
    return {
        "name": "echo",
        "nodes": [webhook, step, answer],
        "connections": {
            "Webhook": {"main": [[{"node": "Work it out", "type": "main", "index": 0}]]},
            "Work it out": {"main": [[{"node": "Respond", "type": "main", "index": 0}]]},
        },
        "settings": {"executionOrder": "v1"},
    }


class Bench:
    """A workflow runner and a store with one workflow."""

    def __init__(
        self, executor: WorkflowExecutor, integrations: ScriptedIntegrations, tenant_id: TenantId
    ) -> None:
        self.executor = executor
        self.integrations = integrations
        self.tenant_id = tenant_id

    async def call(self, *, workflow: str | None = None, **config: Any) -> ToolOutcome:
        tool = Tool(
            id=ToolId("tool-1"),
            tool_name="echo",
            description="Say it again",
            parameters_schema={"type": "object"},
            created_at=AT,
        )
        tenant_tool = TenantTool(
            tenant_id=self.tenant_id,
            tool=tool,
            workflow=workflow,
            custom_config=config,
            integration_mapping=dict.fromkeys(self.integrations.described, "i-1"),
        )
        context = ToolContext(
            tenant_id=self.tenant_id,
            conversation_id=ConversationId("conversation-1"),
            time_zone="Asia/Jerusalem",
        )
        return await self.executor.execute(tenant_tool, CALL, context)


@asynccontextmanager
async def open_bench(
    export: JsonObject | None = None, *, name: str = "echo"
) -> AsyncIterator[Bench]:
    clock = SettableClock()
    http = EgressClient()
    runner = WorkflowRunner(InMemoryDataTables(clock), http, clock)
    try:
        async with open_temporary_database() as stored:
            workflows = stored.database.workflows
            if export is not None:
                await workflows.put(
                    StoredWorkflow(
                        id=WorkflowId("workflow-1"), name=name, definition=export, created_at=AT
                    )
                )
            integrations = ScriptedIntegrations()
            executor = WorkflowExecutor(workflows, runner, integrations, clock)
            yield Bench(executor, integrations, stored.tenant_id)
    finally:
        runner.close()
        await http.aclose()


async def test_the_workflow_of_the_tool_s_own_name_gets_the_call() -> None:
    async with open_bench(build_export(ECHO)) as bench:
        outcome = await bench.call(currency="ILS")
    context = {
        "tenant_id": bench.tenant_id,
        "conversation_id": "conversation-1",
        "call_id": "call_7",
        "tool": "echo",
        "time_zone": "Asia/Jerusalem",
    }
    sent = {"order_number": "12345", "_context": context}
    assert outcome == ToolOutcome(
        is_success=True, output={**sent, "_config": {"currency": "ILS"}}, sent=sent
    )


async def test_the_workflow_is_told_of_what_is_mapped_and_nobody_else_sees_the_key() -> None:
    code = (
        "const {apiKey} = $input.first().json.body._integrations.shop;"
        "return [{json: {apiKey, said: `Bearer ${apiKey}!`, length: apiKey.length}}];"
    )
    async with open_bench(build_export(code)) as bench:
        bench.integrations.described = {
            "shop": WebhookAccess(
                api_url="u", api_key="key-of-the-shop", auth_method="bearer", method="GET"
            )
        }
        outcome = await bench.call()
    assert outcome.output == {
        "apiKey": "[redacted]",
        "said": "Bearer [redacted]!",
        "length": len("key-of-the-shop"),
    }
    assert outcome.sent["_integrations"]["shop"]["apiKey"] == {"set": True, "hint": "...shop"}


async def test_the_webhook_node_sees_the_idempotency_key() -> None:
    code = "return [{json: {key: $input.first().json.headers['idempotency-key']}}];"
    async with open_bench(build_export(code)) as bench:
        assert (await bench.call()).output == {"key": "call_7"}


@pytest.mark.parametrize("workflow", ["orders", "workflow-1"])
async def test_a_workflow_can_be_named_or_given_by_its_id(workflow: str) -> None:
    async with open_bench(build_export("return [{json: {a: 1}}];"), name="orders") as bench:
        assert (await bench.call(workflow=workflow)).output == {"a": 1}
        assert not (await bench.call()).is_success


async def test_several_items_stay_a_list() -> None:
    code = "return [{json: {a: 1}}, {json: {a: 2}}];"
    async with open_bench(build_export(code)) as bench:
        assert (await bench.call()).output == [{"a": 1}, {"a": 2}]


async def test_a_missing_workflow_is_named() -> None:
    async with open_bench() as bench:
        outcome = await bench.call(workflow="gone")
    assert not outcome.is_success
    assert "'gone'" in str(outcome.error)
    assert "operator" in str(outcome.error)


async def test_a_failing_node_is_named() -> None:
    async with open_bench(build_export("throw new Error('no such order');")) as bench:
        outcome = await bench.call()
    assert not outcome.is_success
    assert outcome.output is None
    assert "'echo'" in str(outcome.error)
    assert "Work it out" in str(outcome.error)


async def test_a_workflow_that_cannot_run_here_is_an_outcome_too() -> None:
    export = build_export(ECHO)
    export["nodes"][1]["type"] = "n8n-nodes-base.executeCommand"
    async with open_bench(export) as bench:
        outcome = await bench.call()
    assert not outcome.is_success
    assert "'echo'" in str(outcome.error)


async def test_an_answer_with_an_error_status_is_a_failure_as_it_is_by_webhook() -> None:
    async with open_bench(build_export(ECHO, status=422)) as bench:
        outcome = await bench.call()
    assert not outcome.is_success
    assert (outcome.output, outcome.failure) == (None, "refused")
    assert "422" in str(outcome.error)


@pytest.mark.parametrize(
    ("code", "status", "failure", "said"),
    [
        ("return [{json: {success: false, message: 'We are closed.'}}];", 409, "refused",
         "We are closed."),
        ("return [{json: {success: false, message: 'No such order.'}}];", 404, "not_found",
         "No such order."),
        ("return [{json: {success: false, message: 'No.'}}];", 503, "unknown", None),
        ("throw new Error('connect ECONNREFUSED db01.internal:5432');", 200, "unknown", None),
    ],
)  # fmt: skip
async def test_a_failure_has_a_kind_and_words_for_people_alone(
    code: str, status: int, failure: str, said: str | None
) -> None:
    async with open_bench(build_export(code, status=status)) as bench:
        outcome = await bench.call()
    assert (outcome.is_success, outcome.failure, outcome.output) == (False, failure, said)


async def test_the_kind_is_the_one_that_tools_name() -> None:
    async with open_bench() as bench:
        assert bench.executor.kind == "workflow"
