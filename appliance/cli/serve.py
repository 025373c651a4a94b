"""``csai serve``: run the server.

Owns the flags; running is left to ``appliance.cli.server_process``.
"""

from __future__ import annotations

from typing import Any

import click

from appliance.cli.server_options import server_options


@click.command(name="serve")
@server_options
@click.option(
    "--stop-on-stdin-eof",
    is_flag=True,
    help="Stop when standard input ends; for a program that starts the server.",
)
def command(stop_on_stdin_eof: bool, **flags: Any) -> int:
    """Run the server until it is told to stop."""
    from appliance.cli.server_process import run_server

    return run_server(flags, is_demo=False, stop_on_stdin_eof=stop_on_stdin_eof)
