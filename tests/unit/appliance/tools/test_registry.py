from __future__ import annotations

from appliance.domain.ids import TenantId
from appliance.egress import EgressClient
from appliance.plugins import walk
from appliance.tools.registry import PACKAGE, ToolParts, build_executors
from appliance.workflows.runner import WorkflowRunner
from tests.fakes.clock import SettableClock
from tests.fakes.data_tables import InMemoryDataTables
from tests.fakes.integrations import ScriptedIntegrations
from tests.fakes.sqlite_database import open_temporary_database


async def find_secret(tenant_id: TenantId) -> str:
    return f"whsec_{tenant_id}"


async def test_every_kind_s_folder_builds_an_executor_of_its_own_name() -> None:
    clock, http = SettableClock(), EgressClient()
    runner = WorkflowRunner(InMemoryDataTables(clock), http, clock)
    async with open_temporary_database() as stored:
        executors = build_executors(
            ToolParts(
                http=http,
                webhooks=http,
                clock=clock,
                credentials=stored.database.credentials,
                integrations=ScriptedIntegrations(),
                workflows=runner,
                workflow_repository=stored.database.workflows,
                signing_secret=find_secret,
            )
        )
    runner.close()
    assert {f"{PACKAGE}.{kind}" for kind in executors} == set(walk(PACKAGE))
    assert all(executor.kind == kind for kind, executor in executors.items())
