"""Retention by hand, for operators.

Owns the routes; runs are kept by ``appliance.services.retention_runs``.
"""

from __future__ import annotations

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct

from appliance.services.audit import Auditor
from appliance.services.login import Operator
from appliance.services.retention_runs import RetentionRuns, RetentionState
from appliance.web.guards import require_everywhere


class RetentionBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With ``dry_run`` nothing is deleted, only counted."""

    dry_run: bool = False


class RetentionController(Controller):
    """Routes under ``/api/admin/maintenance/retention``."""

    path = "/api/admin/maintenance/retention"
    tags = ["maintenance"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="The last run of retention")
    async def get_retention(
        self, operator: NamedDependency[Operator], retention_runs: NamedDependency[RetentionRuns]
    ) -> RetentionState:
        """Return the running or the last run since this server started."""
        require_everywhere(operator, "viewer")
        return retention_runs.state

    @post("/", status_code=202, summary="Delete what is older than it may be")
    async def start_retention(
        self,
        operator: NamedDependency[Operator],
        retention_runs: NamedDependency[RetentionRuns],
        auditor: NamedDependency[Auditor],
        data: JSONBody[RetentionBody | None] = None,
    ) -> RetentionState:
        """Start a run in the background; 409 while one is under way."""
        require_everywhere(operator, "operator")
        body = data or RetentionBody()
        state = await retention_runs.start(is_dry_run=body.dry_run)
        await auditor.record(operator.username, "retention.run", "appliance", changes=body)
        return state
