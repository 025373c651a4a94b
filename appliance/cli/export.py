"""``csai export``: write all that is stored of a tenant or a visitor to a file.

Owns the flags and the file; what is in it is decided by ``appliance.services.exports``.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from appliance.errors import ConfigurationError
from appliance.settings import Settings, load_settings


@click.command(name="export")
@click.option("--data-dir", default=None, help="Where everything is kept.")
@click.option("--tenant", "tenant_id", required=True, help="The id of the tenant.")
@click.option("--visitor", default=None, help="Only this visitor: the shop's own identifier.")
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; it must not be there yet.",
)
def command(tenant_id: str, visitor: str | None, output: Path, **flags: Any) -> int:
    """Write a zip of all tables of a tenant, or JSON of one visitor's conversations."""
    return asyncio.run(_run(load_settings(flags), tenant_id, visitor, output))


async def _run(settings: Settings, tenant_id: str, visitor: str | None, output: Path) -> int:
    from appliance.bootstrap.data_care import open_data_care
    from appliance.domain.ids import TenantId

    async with open_data_care(settings) as care:
        tenant = TenantId(tenant_id)
        await care.exports.check_tenant(tenant)
        pieces = (
            care.exports.export_tenant(tenant)
            if visitor is None
            else care.exports.export_visitor(tenant, visitor)
        )
        is_empty = visitor is not None and not await care.exports.has_visitor(tenant, visitor)
        size_bytes = 0
        try:
            with _create(output) as file:
                async for piece in pieces:
                    size_bytes += file.write(piece)
        except FileExistsError as error:
            raise ConfigurationError(
                f"The file {str(output)!r} is there already. Choose another --output."
            ) from error
        except OSError as error:
            _remove(output)
            raise ConfigurationError(
                f"The file {str(output)!r} cannot be written: {error.strerror}."
            ) from error
        except BaseException:
            _remove(output)
            raise
    click.echo(f"{size_bytes:,} bytes written to {output}")
    if is_empty:
        click.echo(f"Nothing is stored under the identifier {visitor!r}; the file says just that.")
    return 0


def _create(output: Path) -> Any:
    """Make the file, readable by its owner only: it holds personal data."""
    handle = os.open(
        output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600
    )
    return os.fdopen(handle, "wb")


def _remove(output: Path) -> None:
    with suppress(OSError):
        output.unlink()
