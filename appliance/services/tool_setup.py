"""Whether what runs a tenant's tool could run it as it is set up.

Owns the workflow that a tool needs and the settings that a shipped one takes; what a webhook or
another executor needs is left to that executor, and an integration to ``appliance.services.tools``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from appliance.domain.argument_checks import find_excess, find_misfits
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import ExecutorKind, TenantTool
from appliance.errors import FieldError, InvalidInput
from appliance.ports.repositories import WorkflowRepository
from appliance.ports.tool_executor import ChecksSetup, ToolExecutor

if TYPE_CHECKING:
    from jsonschema import ValidationError

FIELD: Final = "custom_config"
OTHERS: Final = frozenset({"credential", "endpoint", "identity", "integration", "timeout_s"})
"""Settings that are not the workflow's: the agent's, and those of a tool's other executors."""


class ToolSetup:
    """Checks tools before they are stored, and those that were stored long ago.

    Args:
        workflows: Those that can be run.
        settings: What each shipped workflow takes, as a JSON Schema, by the workflow's name.
        executors: What runs tools; some know themselves what they need.
    """

    def __init__(
        self,
        *,
        workflows: WorkflowRepository,
        settings: Mapping[str, JsonObject],
        executors: Mapping[ExecutorKind, ToolExecutor],
    ) -> None:
        self._workflows = workflows
        self._settings = settings
        self._executors = executors

    async def check(self, tool: TenantTool) -> None:
        """Refuse a tool that could not be run.

        Raises:
            InvalidInput: Names each field that does not fit.
        """
        errors = await self._find_errors(tool)
        if errors:
            field_name = errors[0].field.partition(".")[0]
            raise InvalidInput(f"The {field_name} does not fit.", errors=errors)

    async def find_trouble(self, tool: TenantTool) -> str | None:
        """Return the operator's sentence on a stored tool that cannot be run, or runs oddly."""
        errors = await self._find_errors(tool)
        return f"{errors[0].field}: {errors[0].message}" if errors else None

    async def _find_errors(self, tool: TenantTool) -> list[FieldError]:
        if tool.executor == "workflow":
            return await self._find_workflow_errors(tool)
        executor = self._executors.get(tool.executor)
        return await executor.find_setup_errors(tool) if isinstance(executor, ChecksSetup) else []

    async def _find_workflow_errors(self, tool: TenantTool) -> list[FieldError]:
        stored = await self._workflows.find(tool.workflow_reference)
        if stored is None:
            message = f"There is no workflow {tool.workflow_reference!r}. Import it, or choose one."
            return [FieldError("workflow", message)]
        schema = self._settings.get(stored.name) if stored.is_bundled else None
        return [] if schema is None else find_setting_errors(tool.custom_config, schema)


def find_setting_errors(config: JsonObject, schema: JsonObject) -> list[FieldError]:
    """Return which settings do not fit ``schema``, by name.

    A setting's ``description`` there says what to give.
    """
    excess = find_excess(config)
    if excess is not None:
        return [FieldError(FIELD, f"The settings are not taken: {excess}")]
    own = {name: value for name, value in config.items() if name not in OTHERS}
    known = schema["properties"]
    unknown = [name for name in own if name not in known]
    if unknown:
        message = f"Unknown setting. The workflow knows: {', '.join(sorted(known))}."
        return [FieldError(f"{FIELD}.{name}", message) for name in unknown]
    misfits = find_misfits(own, schema)
    if isinstance(misfits, str):
        return [FieldError(FIELD, f"The settings cannot be checked. {misfits}")]
    return sorted({_describe(error, known) for error in misfits})


def _describe(error: ValidationError, known: JsonObject) -> FieldError:
    path = [str(part) for part in error.absolute_path]
    return FieldError(".".join([FIELD, *path]), known[path[0]]["description"])
