"""What tools need to run, put together: the way out, integrations, workflows, executors.

Owns building and closing them; when a tool runs is left to ``appliance.bootstrap.conversations``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack

from msgspec import Struct

from appliance.agent.tool_breakers import ToolBreakers
from appliance.bootstrap.shipped import load_tables
from appliance.bootstrap.stores import Stores
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import ExecutorKind
from appliance.egress import EgressClient
from appliance.integrations import IntegrationParts, build_kinds
from appliance.n8n import N8nClient, WebhookSender
from appliance.paths import bundled_workflows
from appliance.ports.clock import Clock
from appliance.ports.integrations import Closes, IntegrationKind
from appliance.ports.outbound_http import OutboundHttp
from appliance.ports.tool_executor import ToolExecutor
from appliance.services.cache_roles import LiveData
from appliance.services.credentials import CredentialService
from appliance.services.data_tables import DataTableService
from appliance.services.execution_log import ExecutionLog
from appliance.services.integration_calls import IntegrationCalls
from appliance.services.integrations import IntegrationService
from appliance.services.n8n import N8nService
from appliance.services.offered_tools import OfferedTools
from appliance.services.starter_tables import StarterTables
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.tool_files import ToolFiles
from appliance.services.tool_mirror import ToolMirror
from appliance.services.tool_setup import ToolSetup
from appliance.services.tool_trials import ToolTrials
from appliance.services.tools import ToolService
from appliance.services.workflows import WorkflowService
from appliance.settings import Settings
from appliance.tools import ToolParts, build_executors
from appliance.workflows.bundled import load_workflow_settings
from appliance.workflows.runner import WorkflowRunner


class Tooling(Struct, frozen=True, kw_only=True):
    """What runs tools."""

    http: EgressClient
    integrations: Mapping[str, IntegrationKind]
    mirror: ToolMirror
    workflows: WorkflowRunner
    executors: Mapping[ExecutorKind, ToolExecutor]
    breakers: ToolBreakers
    n8n: N8nClient | None


def open_tooling(stack: AsyncExitStack, settings: Settings, stores: Stores) -> Tooling:
    """Return what runs tools, to be closed with ``stack``."""
    database, clock = stores.database, stores.clock
    http = EgressClient(allow=settings.egress_allow)
    stack.push_async_callback(http.aclose)

    async def find_workflow(reference: str) -> JsonObject | None:
        stored = await database.workflows.find(reference)
        return None if stored is None else stored.definition

    workflows = WorkflowRunner(
        database.data_tables,
        http,
        clock,
        find_workflow=find_workflow,
        connections=http,
        credentials=database.credentials,
    )
    stack.callback(workflows.close)
    mirror = ToolMirror(database.integrations, clock)
    kinds = _open_kinds(stack, settings, clock, http, mirror)
    n8n, webhooks = _open_n8n(stack, settings, clock, http)
    executors = build_executors(
        ToolParts(
            http=http,
            webhooks=webhooks,
            clock=clock,
            credentials=database.credentials,
            integrations=IntegrationCalls(
                store=database.integrations,
                kinds=kinds,
                live_data=LiveData(stores.cache),
                clock=clock,
            ),
            workflows=workflows,
            workflow_repository=database.workflows,
            signing_secret=database.tenants.get_signing_secret,
        )
    )
    return Tooling(
        http=http,
        integrations=kinds,
        mirror=mirror,
        workflows=workflows,
        executors=executors,
        breakers=ToolBreakers(clock),
        n8n=n8n,
    )


def _open_kinds(
    stack: AsyncExitStack, settings: Settings, clock: Clock, http: EgressClient, mirror: ToolMirror
) -> dict[str, IntegrationKind]:
    """Return every type of integration."""
    kinds = build_kinds(
        IntegrationParts(
            http=http,
            streams=http,
            connections=http,
            clock=clock,
            sqlite_dir=settings.sqlite_dir,
            mcp_programs=settings.mcp_programs,
            tell_offers=mirror.update,
        )
    )
    for kind in kinds.values():
        if isinstance(kind, Closes):
            stack.push_async_callback(kind.aclose)
    return kinds


def _open_n8n(
    stack: AsyncExitStack, settings: Settings, clock: Clock, http: EgressClient
) -> tuple[N8nClient | None, OutboundHttp]:
    """Return the operator's n8n, if there is one, and what calls webhooks."""
    url = settings.n8n_url
    if url is None:
        return None, http
    own = EgressClient(trusted=[url])
    stack.push_async_callback(own.aclose)
    client = N8nClient(own, url=url, api_key=settings.n8n_api_key, clock=clock)
    return client, WebhookSender(tenants=http, own=own, url=url)


def build_tool_service(stores: Stores, tooling: Tooling, directory: TenantDirectory) -> ToolService:
    """Return what manages the catalogue and the tenants' choices from it."""
    database = stores.database
    return ToolService(
        tools=database.tools,
        integrations=database.integrations,
        executors=tooling.executors.keys(),
        setup=ToolSetup(
            workflows=database.workflows,
            settings=load_workflow_settings(bundled_workflows()),
            executors=tooling.executors,
        ),
        starter_tables=StarterTables(database.data_tables, load_tables()),
        directory=directory,
        clock=stores.clock,
    )


def build_tool_admin(
    stores: Stores, tooling: Tooling, directory: TenantDirectory, tools: ToolService
) -> dict[str, object]:
    """Return what operators look at tools with and try them by, by the names of the routes."""
    database = stores.database
    return {
        "execution_log": ExecutionLog(database.executions),
        "n8n": N8nService(server=tooling.n8n, workflows=database.workflows, tools=tools),
        "tool_files": ToolFiles(tools=database.tools, directory=directory, clock=stores.clock),
        "tool_breakers": tooling.breakers,
        "trials": ToolTrials(
            tools=database.tools,
            executors=tooling.executors,
            breakers=tooling.breakers,
            clock=stores.clock,
        ),
        "data_tables": DataTableService(editor=database.table_editor, tables=database.data_tables),
        "integrations": IntegrationService(
            store=database.integrations,
            kinds=tooling.integrations,
            tools=database.tools,
            clock=stores.clock,
        ),
        "offered_tools": OfferedTools(
            store=database.integrations,
            kinds=tooling.integrations,
            mirror=tooling.mirror,
            catalogue=database.tools,
            tools=tools,
        ),
        "credentials": CredentialService(store=database.credentials, clock=stores.clock),
        "workflows": WorkflowService(
            workflows=database.workflows,
            tenants=database.tenants,
            tools=database.tools,
            engine=tooling.workflows,
            clock=stores.clock,
        ),
    }
