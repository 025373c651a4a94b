"""``csai secrets``: the keys of what is stored encrypted.

Owns the flags and what is said; the keys are left to ``appliance.storage``.
"""

from __future__ import annotations

import asyncio

import click

from appliance.settings import load_settings

_data_dir = click.option("--data-dir", default=None, help="Where everything is kept.")


@click.group(name="secrets")
def command() -> None:
    """Show and renew the keys of the stored secrets."""


@command.command()
@_data_dir
def status(data_dir: str | None) -> int:
    """Show where the keys are and what they encrypt, never the keys themselves."""
    from appliance.bootstrap import read_secrets_status

    found = asyncio.run(read_secrets_status(load_settings({"data_dir": data_dir})))
    made_at = f"{found.data_key_made_at:%Y-%m-%d %H:%M} UTC" if found.data_key_made_at else "never"
    click.echo(f"Master key      {found.fingerprint}, in {found.place}")
    click.echo(f"Data key        made {made_at}")
    click.echo(f"Stored secrets  {found.secrets}")
    if found.unwrapped_secrets:
        click.echo(
            f"{found.unwrapped_secrets} of them were stored by an earlier version, with the master "
            "key itself. Run: csai secrets rotate"
        )
    if found.master_keys > 1:
        click.echo(
            f"{found.master_keys - 1} older master keys are kept too, from a rotation that was "
            "interrupted or a backup that was restored. To remove them, run: csai secrets rotate"
        )
    return 0


@command.command()
@_data_dir
@click.option(
    "--to",
    type=click.Choice(["file", "keyring"]),
    default=None,
    help="Move the master key there; by default it stays where it is.",
)
def rotate(data_dir: str | None, to: str | None) -> int:
    """Encrypt every stored secret with new keys; the server must be stopped.

    It may be interrupted at any time: every secret stays readable, and another run completes it.
    """
    from appliance.bootstrap import rotate_secrets

    settings = load_settings({"data_dir": data_dir})
    count = asyncio.run(rotate_secrets(settings, to=to))
    click.echo(f"{count} stored secrets are encrypted with new keys; the old keys are gone.")
    click.echo("Backups made before need the old keys: make a new one now with: csai backup create")
    if to and to != settings.key_store:
        click.echo(f"Set CSAI_KEY_STORE={to} before the next start.")
    return 0
