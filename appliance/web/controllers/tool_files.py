"""Tool definitions as files, for operators.

Owns the routes; the form of the file and what an import does are in
``appliance.services.tool_files``.
"""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from litestar.response import Response

from appliance.services.audit import Auditor
from appliance.services.login import Operator
from appliance.services.tool_files import ToolFile, ToolFiles, ToolImport
from appliance.web.guards import require_everywhere, require_role

OfTool = Annotated[
    str | None,
    QueryParameter(name="tool", max_length=200, description="Only the tool of this name."),
]
IsTrial = Annotated[
    bool, QueryParameter(name="dry_run", description="Only tell what would be created or replaced.")
]


class ToolFileController(Controller):
    """Routes under ``/api/admin/tools`` that hand out and take in definitions."""

    path = "/api/admin/tools"
    tags = ["tools"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/export", summary="Export tool definitions")
    async def export_tools(
        self,
        operator: NamedDependency[Operator],
        tool_files: NamedDependency[ToolFiles],
        tool: OfTool = None,
    ) -> Response[ToolFile]:
        """Send the catalogue as a file that an import takes, without how tenants use it."""
        require_role(operator, "viewer")
        return Response(
            await tool_files.export(tool),
            headers={"Content-Disposition": 'attachment; filename="tools.json"'},
        )

    @post("/import", status_code=200, summary="Import tool definitions")
    async def import_tools(
        self,
        operator: NamedDependency[Operator],
        data: JSONBody[dict[str, Any]],
        tool_files: NamedDependency[ToolFiles],
        auditor: NamedDependency[Auditor],
        is_trial: IsTrial = False,
    ) -> ToolImport:
        """Add one tool, or all of an exported file, in place of tools of the same names.

        All are imported or none. Tenants use a replaced tool as before.
        """
        require_everywhere(operator, "operator")
        done = await tool_files.import_file(data, is_trial=is_trial)
        if not is_trial:
            await auditor.record(operator.username, "tool.import", "catalogue", changes=done)
        return done
