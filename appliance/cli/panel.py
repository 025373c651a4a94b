"""``csai panel``: open the control panel.

Owns handing the settings to the panel, which talks to the server over HTTP only.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

import click

from appliance.cli.server_options import server_options
from appliance.paths import is_frozen
from appliance.settings import load_settings

PANEL_MODULE = "gui.__main__"
"""Loaded by name: the server and the panel never import each other."""


@click.command(name="panel")
@server_options
@click.option("--page", default=None, help="The page to open first.")
@click.option("--screenshot", default=None, help="Write a picture of the window and end.")
def command(page: str | None, screenshot: str | None, **flags: Any) -> int:
    """Open the control panel; it starts the server when none is running."""
    settings = load_settings(flags)
    program = [sys.executable] if is_frozen() else [sys.executable, "-m", "appliance"]
    arguments = [
        "--data-dir", str(settings.data_dir),
        "--host", settings.host,
        "--port", str(settings.port),
        "--admin-host", settings.admin_host,
        "--admin-port", str(settings.admin_port),
        "--server-command", json.dumps([*program, "serve"]),
    ]  # fmt: skip
    if page:
        arguments += ["--page", page]
    if screenshot:
        arguments += ["--screenshot", screenshot]
    code: int = import_module(PANEL_MODULE).main(arguments)
    return code
