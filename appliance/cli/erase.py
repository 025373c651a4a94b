"""``csai erase``: erase a visitor, a conversation or a whole tenant.

Owns the flags and the question before; erasing is left to ``appliance.services.erasure``.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click

from appliance.settings import Settings, load_settings

if TYPE_CHECKING:
    from appliance.services.erasure import ErasureReport, ErasureService

ACTOR = "command line"
NOTE = (
    "Backups and archives that were made before still hold it, until they are deleted. A running "
    "server forgets its last answers within 15 minutes."
)


@click.command(name="erase")
@click.option("--data-dir", default=None, help="Where everything is kept.")
@click.option("--tenant", "tenant_id", required=True, help="The id of the tenant.")
@click.option("--visitor", default=None, help="Only this visitor: the shop's own identifier.")
@click.option("--conversation", default=None, help="Only the conversation of this id.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(
    tenant_id: str, visitor: str | None, conversation: str | None, yes: bool, **flags: Any
) -> int:
    """Erase a tenant with everything it has, or one of its visitors or conversations."""
    if visitor is not None and conversation is not None:
        raise click.UsageError("Give --visitor or --conversation, not both.")
    if visitor is not None and not visitor:
        raise click.UsageError("Give the visitor's identifier, or leave --visitor out.")
    settings = load_settings(flags)
    return asyncio.run(_run(settings, tenant_id, visitor, conversation, is_sure=yes))


async def _run(
    settings: Settings,
    tenant_id: str,
    visitor: str | None,
    conversation: str | None,
    *,
    is_sure: bool,
) -> int:
    from appliance.bootstrap.data_care import open_data_care
    from appliance.domain.ids import TenantId

    async with open_data_care(settings) as care:
        tenant = await care.erasure.find_tenant(TenantId(tenant_id))
        if not is_sure:
            _ask(tenant.name, visitor, conversation)
        report = await _erase(care.erasure, tenant.id, visitor, conversation)
    for table, count in sorted(report.rows.items()):
        click.echo(f"{count:,} rows of {table} erased")
    if not report.rows:
        click.echo("There was nothing to erase.")
    click.echo(NOTE)
    return 0


async def _erase(
    erasure: ErasureService, tenant_id: Any, visitor: str | None, conversation: str | None
) -> ErasureReport:
    from appliance.domain.ids import ConversationId

    if conversation is not None:
        return await erasure.erase_conversation(ACTOR, tenant_id, ConversationId(conversation))
    try:
        if visitor is not None:
            return await erasure.erase_visitor(ACTOR, tenant_id, visitor, on_erased=_show)
        return await erasure.erase_tenant(ACTOR, tenant_id, on_erased=_show)
    finally:
        _end_line()


def _show(done: int) -> None:
    """Count on a terminal; how much there is shows only while it is erased."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done:,} rows erased")
        sys.stderr.flush()


def _end_line() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\n")


def _ask(tenant_name: str, visitor: str | None, conversation: str | None) -> None:
    """Let the operator type the tenant's name."""
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here. Add --yes to erase.")
    what = "everything of the tenant"
    if visitor is not None:
        what = f"all conversations of the visitor {visitor!r} of"
    elif conversation is not None:
        what = f"the conversation {conversation!r} of"
    click.echo(f"This erases {what} {tenant_name!r}, for ever.")
    typed = click.prompt("Type the tenant's name to go on", default="", show_default=False)
    if typed != tenant_name:
        raise click.UsageError("That is not the tenant's name. Nothing was erased.")
