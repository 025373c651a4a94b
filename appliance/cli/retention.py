"""``csai retention``: delete what is older than it may be.

Owns the flags and what is shown; deleting is left to ``appliance.services.retention``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import click

from appliance.cli.progress import progress_bar
from appliance.settings import Settings, load_settings


@click.command(name="retention")
@click.option("--data-dir", default=None, help="Where everything is kept.")
@click.option("--dry-run", is_flag=True, help="Only count what would be deleted.")
def command(dry_run: bool, **flags: Any) -> int:
    """Delete messages, executions of tools and records that are older than they may be.

    Messages go to the archive first, if one is set. A server may be running.
    """
    return asyncio.run(_run(load_settings(flags), is_dry_run=dry_run))


async def _run(settings: Settings, *, is_dry_run: bool) -> int:
    from appliance.bootstrap.data_care import open_data_care
    from appliance.services.retention import Progress

    async with open_data_care(settings) as care:
        with progress_bar("Deleting") as start:
            update: Callable[[int], None] | None = None
            shown = 0

            def show(progress: Progress) -> None:
                nonlocal update, shown
                update = update or start(progress.total)
                update(progress.done - shown)
                shown = progress.done

            report = await care.retention.run(is_dry_run=is_dry_run, on_progress=show)
    verb = "would go" if is_dry_run else "deleted"
    for tenant in report.tenants:
        archived = (
            f", {tenant.archived_messages:,} archived in {tenant.archive_objects:,} objects"
            if tenant.archive_objects
            else ""
        )
        click.echo(
            f"{tenant.name} ({tenant.tenant_id}): {tenant.messages:,} messages, "
            f"{tenant.tool_executions:,} tool executions and {tenant.records:,} traces, "
            f"escalations, notices and ratings {verb}{archived}"
        )
    if not report.tenants:
        click.echo("Nothing of any tenant is older than it may be.")
    for count, name in (
        (report.audit_entries, "entries of the audit log"),
        (report.logins, "ended logins"),
        (report.keys, "expired keys"),
    ):
        if count:
            click.echo(f"{count:,} {name} deleted")
    return 0
