"""``csai migrate``: move an installation between SQLite and Postgres.

Owns which side is which and what is said; the copying is left to
``appliance.storage.postgres.moving``.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from appliance.cli.progress import progress_bar
from appliance.errors import ConfigurationError
from appliance.settings import Settings, load_settings, parse_database_url


@click.command(name="migrate")
@click.option("--data-dir", default=None, help="Where everything is kept.")
@click.option(
    "--to-postgres",
    metavar="URL",
    default=None,
    help="Copy the SQLite database into this empty Postgres database; a password can be given in "
    "the variable PGPASSWORD instead of the address.",
)
@click.option(
    "--to-sqlite",
    is_flag=True,
    help="Copy the Postgres database of CSAI_DATABASE_URL into a new SQLite file.",
)
def command(data_dir: str | None, to_postgres: str | None, to_sqlite: bool) -> int:
    """Move all data to another database; the old one is kept as it is.

    The server must be stopped. Either everything is copied, counted and compared, or nothing is
    changed.
    """
    if (to_postgres is None) == (not to_sqlite):
        raise click.UsageError("Give either --to-postgres URL or --to-sqlite.")
    settings = load_settings({"data_dir": data_dir})
    try:
        if to_postgres is not None:
            return _to_postgres(settings, parse_database_url(to_postgres))
        return _to_sqlite(settings)
    except KeyboardInterrupt as error:
        raise click.Abort("Stopped; nothing was changed.") from error


def _to_postgres(settings: Settings, url: str) -> int:
    from appliance.bootstrap import open_stores_alone
    from appliance.storage.postgres.connecting import mask_url
    from appliance.storage.postgres.moving import move_to_postgres

    if settings.database_url is not None:
        raise ConfigurationError(
            "This installation is on Postgres already. Unset CSAI_DATABASE_URL to move the SQLite "
            "database of its data folder.",
            setting="CSAI_DATABASE_URL",
        )
    if not settings.paths.database.is_file():
        raise ConfigurationError(f"There is no database {str(settings.paths.database)!r} to move.")

    async def bring_up_to_date() -> None:
        async with open_stores_alone(settings) as stores:
            await stores.database.recover()

    asyncio.run(bring_up_to_date())
    from appliance.storage.data_folder import DataFolder

    with DataFolder.open(settings.data_dir), progress_bar("Copying") as start:
        count = move_to_postgres(
            settings.paths.database, url, on_start=start, setting="--to-postgres"
        )
    click.echo(f"{count} rows copied to {mask_url(url)}, counted and compared.")
    click.echo("From now on start the server with CSAI_DATABASE_URL set to that address.")
    click.echo(f"The SQLite database {settings.paths.database} is kept; nothing writes to it.")
    return 0


def _to_sqlite(settings: Settings) -> int:
    from appliance.storage.data_folder import DataFolder
    from appliance.storage.postgres.moving import copy_from_postgres

    if settings.database_url is None:
        raise ConfigurationError(
            "Set CSAI_DATABASE_URL to the Postgres database that shall be copied.",
            setting="CSAI_DATABASE_URL",
        )
    target = settings.paths.database
    if target.exists():
        raise ConfigurationError(
            f"There is a database {str(target)!r} already. Move it away first."
        )
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.copying")
    with DataFolder.open(settings.data_dir), progress_bar("Copying") as start:
        _remove(draft)
        try:
            count = copy_from_postgres(settings.database_url, draft, on_start=start, is_last=True)
            os.rename(draft, target)
        finally:
            _remove(draft)
    click.echo(f"{count} rows copied to {target}, counted and compared.")
    click.echo("From now on start the server without CSAI_DATABASE_URL.")
    key_file = settings.paths.key_file
    if settings.key_store == "file" and not key_file.exists():
        click.echo(
            f"Before that, copy the installation's key file to {key_file}; without it the stored "
            "secrets cannot be read, and the server does not start."
        )
    return 0


def _remove(draft: Path) -> None:
    for name in (draft, draft.with_name(f"{draft.name}-journal")):
        name.unlink(missing_ok=True)
