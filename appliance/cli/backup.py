"""``csai backup``: make, list, verify and restore backups.

Owns the flags, the passphrase's way in and what is shown; the work is left to
``appliance.bootstrap.backups``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.cli.progress import share_bar
from appliance.errors import ConfigurationError, NotFound

if TYPE_CHECKING:
    from appliance.ports.backups import Backup
    from appliance.settings import Settings
    from appliance.storage.backups import Restored

SHORTEST_PASSPHRASE = 8


def folder_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flag that names the data folder."""
    return click.option("--data-dir", default=None, help="Where everything is kept.")(function)


def passphrase_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flag that names a passphrase's file; a passphrase is never an argument."""
    return click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path),
        help="A file whose first line is the passphrase, instead of CSAI_BACKUP_PASSPHRASE.",
    )(function)


@click.command(name="create")
@folder_option
@passphrase_option
@click.option("--encrypt", is_flag=True, help="Ask for a passphrase on this terminal.")
def create(data_dir: str | None, passphrase_file: Path | None, encrypt: bool) -> int:
    """Back everything up and prove it by a test restore."""
    from appliance.bootstrap.backups import build_archives, check_data_folder
    from appliance.storage.backups import Progress

    settings = _load(data_dir)
    check_data_folder(settings)
    passphrase = _read_passphrase(passphrase_file)
    if passphrase is None and encrypt:
        passphrase = _ask_passphrase(confirm=True)
    archives = build_archives(settings, passphrase=passphrase)
    with share_bar("Backing up") as listener:
        made = archives.create("manual", Progress(listener))
    click.echo(f"Backup {made.id} is made and verified: {archives.find(made.id)}")
    if not made.is_encrypted:
        click.echo(
            "Without a passphrase config.toml and the key of the stored secrets are not in it. "
            "Keep a copy of keys/secrets.key elsewhere, or set CSAI_BACKUP_PASSPHRASE."
        )
    return 0


@click.command(name="list")
@folder_option
def list_backups(data_dir: str | None) -> int:
    """List the backups, newest first."""
    from appliance.bootstrap.backups import build_archives

    rows = [_row(backup) for backup in build_archives(_load(data_dir)).list_all()]
    if not rows:
        click.echo("There is no backup yet. Make one with: csai backup create")
        return 0
    head = ("ID", "MADE (UTC)", "SIZE", "KIND", "ENCRYPTED", "SCHEMA", "VERIFIED (UTC)")
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
    return 0


@click.command(name="verify")
@click.argument("backup")
@folder_option
@passphrase_option
def verify(backup: str, data_dir: str | None, passphrase_file: Path | None) -> int:
    """Restore BACKUP (an id or a file) into a temporary folder and compare it."""
    from appliance.bootstrap.backups import build_archives
    from appliance.storage.backups import READ_SHARE, Progress

    settings = _load(data_dir)
    path = _find(settings, backup)
    passphrase = _passphrase_for(path, settings, passphrase_file)
    archives = build_archives(settings, passphrase=passphrase)
    with share_bar("Verifying") as listener:
        verified = archives.verify(path, progress=Progress(listener, whole=READ_SHARE))
    click.echo(f"Backup {verified.id} is whole: checksums, database, rows and sums fit.")
    return 0


@click.command(name="restore")
@click.argument("backup")
@folder_option
@passphrase_option
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="The key of the stored secrets, for a backup made without a passphrase.",
)
@click.option(
    "--without-secrets", is_flag=True, help="Leave stored secrets behind; no key is needed then."
)
@click.option("--with-config", is_flag=True, help="Replace config.toml by the backup's.")
def restore(
    backup: str,
    data_dir: str | None,
    passphrase_file: Path | None,
    key_file: Path | None,
    without_secrets: bool,
    with_config: bool,
) -> int:
    """Put BACKUP (an id or a file) in the place of what the data folder holds.

    The server must be stopped. What is replaced is kept beside it.
    """
    from appliance.bootstrap.backups import restore_backup
    from appliance.storage.backups import Choices

    if key_file is not None and without_secrets:
        raise click.UsageError("Give either --key-file or --without-secrets.")
    settings = _load(data_dir)
    path = _find(settings, backup)
    choices = Choices(
        passphrase=_passphrase_for(path, settings, passphrase_file),
        key_file=key_file,
        without_secrets=without_secrets,
        with_config=with_config,
    )
    with share_bar("Restoring") as listener:
        restored = restore_backup(settings, path, choices, listener)
    _tell(settings, restored)
    return 0


def _load(data_dir: str | None) -> Settings:
    from appliance.settings import load_settings

    return load_settings({"data_dir": data_dir})


def _find(settings: Settings, backup: str) -> Path:
    """Return the file of a backup that was named by its id or its path."""
    from appliance.bootstrap.backups import build_archives

    path = Path(backup).expanduser()
    if path.is_file():
        return path.absolute()
    if path.name != backup:
        raise NotFound(f"There is no file {backup!r}.", code="backup_not_found")
    return build_archives(settings).find(backup)


def _read_passphrase(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise ConfigurationError(
            f"The passphrase file {str(path)!r} cannot be read: {reason}."
        ) from error
    if not lines or len(lines[0]) < SHORTEST_PASSPHRASE:
        raise ConfigurationError(
            f"The first line of {str(path)!r} has to be a passphrase of at least "
            f"{SHORTEST_PASSPHRASE} characters."
        )
    return lines[0]


def _passphrase_for(path: Path, settings: Settings, passphrase_file: Path | None) -> str | None:
    """Return the passphrase for this backup; a person at a terminal is asked if none was given."""
    from appliance.storage.backups import is_encrypted

    given = _read_passphrase(passphrase_file) or settings.backup_passphrase
    if given is None and sys.stdin.isatty() and is_encrypted(path):
        return _ask_passphrase(confirm=False)
    return given


def _ask_passphrase(*, confirm: bool) -> str:
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "There is no terminal to ask for a passphrase on. Give it with --passphrase-file or "
            "CSAI_BACKUP_PASSPHRASE."
        )
    while True:
        given: str = click.prompt(
            "Passphrase", hide_input=True, confirmation_prompt=confirm, err=True
        )
        if len(given) >= SHORTEST_PASSPHRASE:
            return given
        click.echo(f"Give at least {SHORTEST_PASSPHRASE} characters.", err=True)


def _row(backup: Backup) -> tuple[str, ...]:
    return (
        backup.id,
        f"{backup.created_at:%Y-%m-%d %H:%M}",
        _describe_size(backup.size_bytes),
        backup.kind,
        "yes" if backup.is_encrypted else "no",
        backup.schema,
        f"{backup.verified_at:%Y-%m-%d %H:%M}" if backup.verified_at else "-",
    )


def _describe_size(size: int) -> str:
    if size < 1_000_000:
        return f"{-(-size // 1000)} kB"
    return f"{size / 1_000_000:.1f} MB"


def _tell(settings: Settings, restored: Restored) -> None:
    from appliance.storage.table_copy import VERSION_TABLE

    manifest = restored.manifest
    # The schema's revision is no row of the installation's; ``csai migrate`` counts the same.
    rows = sum(sums.rows for name, sums in manifest.tables.items() if name != VERSION_TABLE)
    click.echo(
        f"Backup {manifest.id} of {manifest.created_at:%Y-%m-%d %H:%M} UTC is restored in "
        f"{settings.data_dir}: {rows} rows."
    )
    if restored.replaced is not None:
        click.echo(f"What was there before is in {restored.replaced}; delete it when all is well.")
    if restored.has_config:
        click.echo("config.toml was restored too.")
    if restored.lost:
        click.echo("These secrets were left behind and have to be entered again:")
        for name in restored.lost:
            click.echo(f"  {name}")


command = click.Group(
    "backup",
    commands=[create, list_backups, verify, restore],
    help="Make, list, verify and restore backups; the server may run, but for restoring.",
)
