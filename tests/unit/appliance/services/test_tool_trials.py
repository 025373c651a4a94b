from __future__ import annotations

from typing import Any

import pytest

from appliance.agent.tool_breakers import ToolBreakers
from appliance.domain.ids import TenantId, ToolId
from appliance.domain.tool import TenantTool, ToolOutcome
from appliance.errors import ConfigurationError, InvalidInput, NotFound
from appliance.services.tool_trials import ToolTrials, build_trial_identity
from tests.fakes.shops import build_tenant, build_tenant_tool
from tests.fakes.sqlite_database import TemporaryDatabase
from tests.fakes.tool_executors import RecordingExecutor

ORDER = {"order_number": "12345"}


@pytest.fixture
def executor() -> RecordingExecutor:
    return RecordingExecutor()


@pytest.fixture
def trials(temporary: TemporaryDatabase, executor: RecordingExecutor) -> ToolTrials:
    return build_trials(temporary, executor, ToolBreakers(temporary.clock))


def build_trials(
    temporary: TemporaryDatabase, executor: RecordingExecutor, breakers: ToolBreakers
) -> ToolTrials:
    return ToolTrials(
        tools=temporary.database.tools,
        executors={executor.kind: executor},
        breakers=breakers,
        clock=temporary.clock,
    )


async def use(temporary: TemporaryDatabase, tool: TenantTool) -> ToolId:
    await temporary.database.tools.add(tool.tool)
    await temporary.database.tools.put_for_tenant(tool)
    return tool.tool.id


@pytest.mark.parametrize("enabled", [True, False])
async def test_a_tool_is_tried_for_the_tenant_and_outside_any_conversation(
    trials: ToolTrials, executor: RecordingExecutor, temporary: TemporaryDatabase, enabled: bool
) -> None:
    tenant = build_tenant(id=temporary.tenant_id, time_zone="Asia/Jerusalem")
    tool_id = await use(temporary, build_tenant_tool(tenant.id, enabled=enabled))
    outcome = await trials.run(tenant, tool_id, ORDER)
    assert outcome.output == {"status": "baking"}
    assert outcome.sent == ORDER
    (context,) = executor.contexts
    assert (context.tenant_id, context.time_zone) == (tenant.id, "Asia/Jerusalem")
    assert context.conversation_id is None


@pytest.mark.parametrize("risk", ["write", "destructive"])
async def test_a_write_runs_only_when_that_is_asked_for_and_as_often(
    trials: ToolTrials, executor: RecordingExecutor, temporary: TemporaryDatabase, risk: Any
) -> None:
    tenant = build_tenant(id=temporary.tenant_id)
    tool_id = await use(temporary, build_tenant_tool(tenant.id, "book", risk=risk))
    when = {"date": "2026-03-03", "time": "19:00"}
    with pytest.raises(InvalidInput) as caught:
        await trials.run(tenant, tool_id, when)
    assert caught.value.code == "confirmation_needed"
    assert [error.field for error in caught.value.errors] == ["confirm"]
    assert executor.calls == []
    for _ in range(2):
        await trials.run(tenant, tool_id, when, is_confirmed=True)
    assert len({call.id for call in executor.calls}) == 2
    assert all(call.id.startswith("test_") for call in executor.calls)


async def test_parameters_that_do_not_fit_are_refused_before_anything_runs(
    trials: ToolTrials, executor: RecordingExecutor, temporary: TemporaryDatabase
) -> None:
    tenant = build_tenant(id=temporary.tenant_id)
    tool_id = await use(temporary, build_tenant_tool(tenant.id))
    with pytest.raises(InvalidInput) as caught:
        await trials.run(tenant, tool_id, {"order_number": 5})
    (error,) = caught.value.errors
    assert error.field == "parameters"
    assert "order_number" in error.message
    assert executor.calls == []


async def test_another_tenants_tool_is_not_found(
    trials: ToolTrials, temporary: TemporaryDatabase
) -> None:
    tool_id = await use(temporary, build_tenant_tool(temporary.tenant_id))
    for tenant_id in (temporary.other_tenant_id, TenantId("nobody")):
        with pytest.raises(NotFound):
            await trials.run(build_tenant(id=tenant_id), tool_id, ORDER)


async def test_a_kind_that_nothing_runs_is_the_operators_to_mend(
    trials: ToolTrials, temporary: TemporaryDatabase
) -> None:
    tenant = build_tenant(id=temporary.tenant_id)
    tool_id = await use(temporary, build_tenant_tool(tenant.id, executor="integration"))
    with pytest.raises(ConfigurationError, match="'integration'"):
        await trials.run(tenant, tool_id, ORDER)


async def test_a_failure_is_an_outcome(temporary: TemporaryDatabase) -> None:
    failing = RecordingExecutor(lambda _: ToolOutcome(is_success=False, error="No answer."))
    trials = build_trials(temporary, failing, ToolBreakers(temporary.clock))
    tenant = build_tenant(id=temporary.tenant_id)
    outcome = await trials.run(tenant, await use(temporary, build_tenant_tool(tenant.id)), ORDER)
    assert (outcome.is_success, outcome.error) == (False, "No answer.")


async def test_an_operator_tries_a_tool_as_some_visitor(
    trials: ToolTrials, executor: RecordingExecutor, temporary: TemporaryDatabase
) -> None:
    tenant = build_tenant(id=temporary.tenant_id)
    bound = {"identity": {"order_number": "sub"}}
    tool_id = await use(temporary, build_tenant_tool(tenant.id, custom_config=bound))
    identity = build_trial_identity({"sub": "77"})
    await trials.run(tenant, tool_id, {}, identity)
    assert executor.calls[0].arguments == {"order_number": "77"}
    assert executor.contexts[0].identity == identity
    for parameters, who in (({}, None), (ORDER, None), (ORDER, identity)):
        with pytest.raises(InvalidInput):
            await trials.run(tenant, tool_id, parameters, who)
    assert len(executor.calls) == 1


@pytest.mark.parametrize("claims", [{}, {"email": "a@b.example"}, {"sub": 5}, {"sub": ""}])
def test_a_played_visitor_has_an_id(claims: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        build_trial_identity(claims)
    assert build_trial_identity(None) is None


async def test_a_trial_is_made_of_a_tool_that_is_left_alone_and_its_answer_ends_that(
    temporary: TemporaryDatabase,
) -> None:
    silent = ToolOutcome(is_success=False, failure="unknown", error="It did not answer in time.")
    outcomes = [*[silent] * 4, ToolOutcome(is_success=True, output={})]
    executor = RecordingExecutor(lambda _: outcomes[len(executor.calls) - 1], kind="n8n_webhook")
    breakers = ToolBreakers(temporary.clock)
    trials = build_trials(temporary, executor, breakers)
    tenant = build_tenant(id=temporary.tenant_id)
    tool = build_tenant_tool(
        tenant.id, executor="n8n_webhook", webhook_url="https://n8n.example/webhook/x"
    )
    await use(temporary, tool)
    for _ in range(4):
        await trials.run(tenant, tool.tool.id, ORDER)
    assert breakers.find_trouble(tool) is None
    for _ in range(3):
        breakers.note(tool, silent, began_at=temporary.clock.monotonic())
    assert breakers.find_trouble(tool) is not None
    assert (await trials.run(tenant, tool.tool.id, ORDER)).is_success
    assert breakers.find_trouble(tool) is None
