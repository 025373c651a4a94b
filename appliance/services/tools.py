"""The tool catalogue and what each tenant uses of it.

Owns the rules on a tool's fields; running tools is left to the agent and ``appliance.tools``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from appliance.agent.bound_arguments import find_binding_problem
from appliance.domain.argument_checks import find_unsafe_pattern
from appliance.domain.bound_parameters import find_bindings
from appliance.domain.ids import IntegrationId, TenantId, ToolId, new_id
from appliance.domain.integration import choose_endpoint, find_unproved
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.tool import (
    RISK_ORDER,
    ExecutorKind,
    RequiredIntegration,
    Risk,
    TenantTool,
    Tool,
)
from appliance.errors import FieldError, InvalidInput, NotFound
from appliance.ports.clock import Clock
from appliance.ports.integrations import IntegrationStore
from appliance.ports.repositories import Page, ToolRepository
from appliance.services.changes import read_changes
from appliance.services.starter_tables import StarterTables
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.tool_setup import ToolSetup

ToolName = Annotated[str, Meta(pattern=r"^[a-zA-Z][a-zA-Z0-9_-]{0,63}$(?!\n)")]
Description = Annotated[str, Meta(min_length=1, max_length=2_000)]


class NewTool(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What it takes to add a tool to the catalogue."""

    tool_name: ToolName
    description: Description
    parameters_schema: JsonObject = field(default_factory=lambda: {"type": "object"})
    category: Annotated[str, Meta(max_length=100)] = "general"
    risk: Risk = "read"
    required_integrations: list[RequiredIntegration] = []
    examples: list[Annotated[str, Meta(max_length=300)]] = []


class ToolChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a catalogue entry shall change; its name stays."""

    description: Description | UnsetType = UNSET
    parameters_schema: JsonObject | UnsetType = UNSET
    category: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    risk: Risk | UnsetType = UNSET
    required_integrations: list[RequiredIntegration] | UnsetType = UNSET
    examples: list[Annotated[str, Meta(max_length=300)]] | UnsetType = UNSET


class TenantToolChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a tenant uses a tool. Without an executor, a ``webhook_url`` means that it is called."""

    enabled: bool = True
    executor: ExecutorKind | None = None
    webhook_url: Annotated[str, Meta(max_length=2_000)] | None = None
    workflow: Annotated[str, Meta(max_length=200)] | None = None
    custom_config: JsonObject = {}
    integration_mapping: dict[str, str] = {}
    risk: Risk | None = None


class TenantToolChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a tenant's use of a tool shall change; an absent field stays as it is."""

    enabled: bool | UnsetType = UNSET
    executor: ExecutorKind | UnsetType = UNSET
    webhook_url: Annotated[str, Meta(max_length=2_000)] | None | UnsetType = UNSET
    workflow: Annotated[str, Meta(max_length=200)] | None | UnsetType = UNSET
    custom_config: JsonObject | UnsetType = UNSET
    integration_mapping: dict[str, str] | UnsetType = UNSET
    risk: Risk | None | UnsetType = UNSET


class ToolService:
    """Manages the catalogue and the tenants' choices from it."""

    def __init__(
        self,
        *,
        tools: ToolRepository,
        integrations: IntegrationStore,
        executors: Collection[ExecutorKind],
        setup: ToolSetup,
        starter_tables: StarterTables,
        directory: TenantDirectory,
        clock: Clock,
    ) -> None:
        self._tools = tools
        self._integrations = integrations
        self._executors = executors
        self._setup = setup
        self._starter_tables = starter_tables
        self._directory = directory
        self._clock = clock

    async def create(self, new: NewTool) -> Tool:
        """Add a tool to the catalogue.

        Raises:
            InvalidInput: A field does not fit.
            Conflict: The name is taken.
        """
        check_parameters(new.parameters_schema)
        tool = Tool(
            id=ToolId(new_id()),
            created_at=self._clock.now(),
            **{name: getattr(new, name) for name in new.__struct_fields__},
        )
        await self._tools.add(tool)
        return tool

    async def get(self, tool_id: ToolId) -> Tool:
        """Return the catalogue entry.

        Raises:
            NotFound: There is none of this id.
        """
        tool = await self._tools.get(tool_id)
        if tool is None:
            raise NotFound(f"There is no tool {tool_id!r}.", code="tool_not_found")
        return tool

    async def list_page(self, *, limit: int, cursor: str | None) -> Page[Tool]:
        """Return the catalogue, oldest first."""
        return await self._tools.list_page(limit=limit, cursor=cursor)

    async def change(self, tool_id: ToolId, changes: ToolChanges) -> Tool:
        """Change the given fields of a catalogue entry."""
        tool = msgspec.structs.replace(await self.get(tool_id), **read_changes(changes))
        check_parameters(tool.parameters_schema)
        await self._tools.save(tool)
        self._directory.forget()
        return tool

    async def delete(self, tool_id: ToolId) -> None:
        """Remove a catalogue entry and every tenant's use of it.

        Raises:
            NotFound: There is none of this id.
        """
        if not await self._tools.delete(tool_id):
            raise NotFound(f"There is no tool {tool_id!r}.", code="tool_not_found")
        self._directory.forget()

    async def list_for_tenant(self, tenant_id: TenantId) -> list[TenantTool]:
        """Return the tenant's tools, disabled ones included."""
        return await self._tools.list_for_tenant(tenant_id)

    async def find_trouble(self, tenant_tool: TenantTool) -> str | None:
        """Return the operator's sentence on a stored tool that cannot be run as it is set up."""
        return await self._setup.find_trouble(tenant_tool)

    async def put_for_tenant(
        self, tenant_id: TenantId, tool_id: ToolId, choice: TenantToolChoice
    ) -> TenantTool:
        """Let the tenant use a tool in this way, replacing what was set before.

        Raises:
            NotFound: There is no such tool.
            InvalidInput: A field does not fit.
        """
        tool = await self.get(tool_id)
        executor = choice.executor or ("n8n_webhook" if choice.webhook_url else "workflow")
        return await self._store(
            TenantTool(
                tenant_id=tenant_id,
                tool=tool,
                enabled=choice.enabled,
                executor=executor,
                webhook_url=choice.webhook_url,
                workflow=choice.workflow,
                custom_config=choice.custom_config,
                integration_mapping=choice.integration_mapping,
                risk_override=choice.risk,
            )
        )

    async def change_for_tenant(
        self, tenant_id: TenantId, tool_id: ToolId, changes: TenantToolChanges
    ) -> TenantTool:
        """Change the given fields of the tenant's use of a tool.

        A ``webhook_url`` given without an executor makes the webhook the executor; ``null`` goes
        back to the workflow.

        Raises:
            NotFound: The tenant does not use this tool.
            InvalidInput: A field does not fit.
        """
        current = await self._tools.get_for_tenant(tenant_id, tool_id)
        if current is None:
            raise _not_used(tool_id)
        given = read_changes(changes)
        if "risk" in given:
            given["risk_override"] = given.pop("risk")
        if "webhook_url" in given and "executor" not in given:
            given["executor"] = "n8n_webhook" if given["webhook_url"] else "workflow"
        return await self._store(msgspec.structs.replace(current, **given))

    async def delete_for_tenant(self, tenant_id: TenantId, tool_id: ToolId) -> None:
        """End the tenant's use of a tool.

        Raises:
            NotFound: The tenant does not use this tool.
        """
        if not await self._tools.delete_for_tenant(tenant_id, tool_id):
            raise _not_used(tool_id)
        self._directory.forget(tenant_id)

    async def _store(self, tenant_tool: TenantTool) -> TenantTool:
        schema = tenant_tool.tool.parameters_schema
        _check_bindings(schema, tenant_tool.custom_config, field_name="custom_config")
        if tenant_tool.executor not in self._executors:
            known = ", ".join(sorted(self._executors))
            raise _refuse("executor", f"Nothing here runs such tools. There are: {known}.")
        await self._check_integrations(tenant_tool)
        if tenant_tool.executor == "n8n_webhook":
            _check_webhook_url(tenant_tool.webhook_url)
        if tenant_tool.enabled:
            await self._setup.check(tenant_tool)
        if tenant_tool.executor == "workflow":
            await self._starter_tables.ensure(tenant_tool.tenant_id)
        await self._tools.put_for_tenant(tenant_tool)
        self._directory.forget(tenant_tool.tenant_id)
        return tenant_tool

    async def _check_integrations(self, tenant_tool: TenantTool) -> None:
        """Look whether what is mapped exists, is what the tool wants, and can be asked."""
        tenant_id, mapping = tenant_tool.tenant_id, tenant_tool.integration_mapping
        wanted = {item.key: item.required for item in tenant_tool.tool.required_integrations}
        for key, required in wanted.items():
            if required and tenant_tool.enabled and key not in mapping:
                raise _refuse(f"integration_mapping.{key}", "The tool needs this integration.")
        for key, integration_id in mapping.items():
            if wanted and key not in wanted:
                raise _refuse(
                    f"integration_mapping.{key}", f"The tool knows only: {', '.join(wanted)}."
                )
            if await self._integrations.get(tenant_id, IntegrationId(integration_id)) is None:
                raise _refuse(
                    f"integration_mapping.{key}", "The tenant has no integration of this id."
                )
        if tenant_tool.executor == "integration" and tenant_tool.enabled:
            await self._check_endpoint(tenant_tool)

    async def _check_endpoint(self, tenant_tool: TenantTool) -> None:
        choice = choose_endpoint(tenant_tool)
        if isinstance(choice, str):
            raise _refuse("custom_config", choice)
        integration_id = IntegrationId(tenant_tool.integration_mapping[choice.integration])
        endpoint = await self._integrations.find_endpoint(
            tenant_tool.tenant_id, integration_id, choice.endpoint
        )
        if endpoint is None:
            raise _refuse(
                "custom_config.endpoint",
                f"The integration has no endpoint {choice.endpoint!r}; add it first.",
            )
        if RISK_ORDER[endpoint.risk] > RISK_ORDER[tenant_tool.risk]:
            raise _refuse(
                "risk", f"The endpoint has the risk {endpoint.risk!r}; the tool needs it too."
            )
        unproved = find_unproved(endpoint, find_bindings(tenant_tool).keys())
        if unproved is not None:
            raise _refuse(
                "custom_config.identity",
                "The endpoint answers only for who a visitor was proved to be: bind the tool's "
                f"parameter {unproved!r} to a claim of the identity token.",
            )


def _refuse(field_name: str, message: str) -> InvalidInput:
    return InvalidInput(
        f"The {field_name.partition('.')[0]} does not fit.",
        errors=[FieldError(field_name, message)],
    )


def _not_used(tool_id: ToolId) -> NotFound:
    return NotFound(f"The tenant does not use the tool {tool_id!r}.", code="tool_not_found")


def check_parameters(schema: JsonObject) -> None:
    """Refuse a schema by which no tool can be called.

    Raises:
        InvalidInput: It is none, has a pattern that is not safe to run, or what it binds to the
            visitor's identity cannot be kept.
    """
    check_readable(schema)
    problem = find_unsafe_pattern(schema)
    if problem is not None:
        raise _refuse("parameters_schema", problem)


def check_readable(schema: JsonObject) -> None:
    """Refuse what ``check_parameters`` does, but for patterns.

    Raises:
        InvalidInput: It is none, or what it binds to the visitor's identity cannot be kept.
    """
    _check_schema(schema)
    _check_bindings(schema, {}, field_name="parameters_schema")


def _check_schema(schema: JsonObject) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    problem = _find_reference_problem(schema)
    if schema.get("type", "object") != "object":
        problem = "The schema must be of type object."
    elif problem is None:
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            where = ".".join(str(part) for part in error.path)
            problem = f"Not a valid JSON Schema{f' at {where}' if where else ''}: {error.message}"
        except (OverflowError, RecursionError):
            problem = "A pattern in the schema, or the schema itself, is too large or too deep."
    if problem is not None:
        raise _refuse("parameters_schema", problem[:500])


def _check_bindings(schema: JsonObject, custom_config: JsonObject, *, field_name: str) -> None:
    problem = find_binding_problem(schema, custom_config)
    if problem is not None:
        raise _refuse(field_name, problem)


def _find_reference_problem(schema: JsonObject) -> str | None:
    """Return which reference leads out of the schema or nowhere; none is ever fetched."""
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    registry = Registry().with_resource("", DRAFT202012.create_resource(schema))
    for reference in _references(schema):
        try:
            registry.resolver().lookup(reference)
        except Unresolvable:
            return f"There is no {reference!r} in the schema."
    return None


def _references(value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict):
        found = (value.get("$ref"), value.get("$dynamicRef"))
        yield from (item for item in found if isinstance(item, str))
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            yield from _references(item)


def _check_webhook_url(url: str | None) -> None:
    if not _is_web_address(url or ""):
        raise _refuse("webhook_url", "Give an http or https address without user and password.")


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_fitting_port = parts.port != 0
    except ValueError:
        return False
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    return is_web and has_fitting_port and "@" not in parts.netloc
