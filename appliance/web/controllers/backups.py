"""Backups, for operators of the whole appliance.

Owns the routes and who may use them; the rules are in ``appliance.services.backups``. Restoring
needs a stopped server and is left to the command line.
"""

from __future__ import annotations

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from appliance.ports.backups import Backup
from appliance.services.audit import Auditor
from appliance.services.backups import BackupService
from appliance.services.login import Operator
from appliance.web.guards import require_everywhere


class BackupList(Struct, frozen=True, kw_only=True):
    """All backups, newest first."""

    items: list[Backup]
    next_cursor: str | None = None


class BackupBody(Struct, frozen=True, forbid_unknown_fields=True):
    """There is nothing to choose: a passphrase comes from the settings, not with a request."""


class BackupController(Controller):
    """Routes under ``/api/admin/backups``."""

    path = "/api/admin/backups"
    tags = ["backups"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="List backups")
    async def list_backups(
        self, operator: NamedDependency[Operator], backups: NamedDependency[BackupService]
    ) -> BackupList:
        """Return the backups in the appliance's folder, newest first."""
        require_everywhere(operator, "viewer")
        return BackupList(items=await backups.list_all())

    @post("/", status_code=201, summary="Make a backup")
    async def create_backup(
        self,
        operator: NamedDependency[Operator],
        backups: NamedDependency[BackupService],
        auditor: NamedDependency[Auditor],
        data: JSONBody[BackupBody | None] = None,
    ) -> Backup:
        """Back everything up and answer once the backup is proven; visitors go on meanwhile."""
        require_everywhere(operator, "owner")
        made = await backups.create()
        await auditor.record(operator.username, "backup.create", made.id)
        return made

    @post("/{backup_id:str}/verify", status_code=200, summary="Verify a backup")
    async def verify_backup(
        self,
        operator: NamedDependency[Operator],
        backup_id: FromPath[str],
        backups: NamedDependency[BackupService],
        auditor: NamedDependency[Auditor],
        data: JSONBody[BackupBody | None] = None,
    ) -> Backup:
        """Restore a backup into a temporary folder and compare it with what it says of itself."""
        require_everywhere(operator, "owner")
        verified = await backups.verify(backup_id)
        await auditor.record(operator.username, "backup.verify", verified.id)
        return verified
