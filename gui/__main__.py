"""The panel's command line.

Owns reading arguments; opening the window is left to ``gui.app``, which is imported only then.
"""

from __future__ import annotations

import argparse
import json
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

import gui.pages
from gui.options import PanelOptions, build_default_server_command


def main(argv: Sequence[str] | None = None) -> int:
    """Open the panel.

    Args:
        argv: The arguments without the program's name; those of the process where absent.

    Returns:
        0 when the window was closed, 1 when something failed, 2 for wrong usage.
    """
    try:
        options = read_options(sys.argv[1:] if argv is None else argv)
    except SystemExit as stop:  # argparse has said why
        return stop.code if isinstance(stop.code, int) else 2
    from gui.app import run

    return run(options)


def read_options(argv: Sequence[str]) -> PanelOptions:
    """Read the options from arguments.

    Raises:
        SystemExit: An argument is wrong; the reason has been printed.
    """
    parser = _build_parser()
    found = parser.parse_args(list(argv))
    return PanelOptions(
        data_dir=found.data_dir,
        host=found.host,
        port=found.port,
        admin_host=found.admin_host,
        admin_port=found.admin_port,
        server_command=found.server_command or build_default_server_command(),
        page=found.page,
        theme=found.theme,
        window_size=found.size,
        screenshot=found.screenshot,
        settings_file=found.settings_file,
    )


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="csai panel", description="Open the control panel of the assistant."
    )
    add = parser.add_argument
    add("--data-dir", type=Path, help="the server's data folder")
    add("--host", default="127.0.0.1", help="the public listener's host")
    add("--port", type=_read_port, default=8080, help="the public listener's port")
    add("--admin-host", default="127.0.0.1", help="the admin listener's host")
    add("--admin-port", type=_read_port, default=8081, help="the admin listener's port")
    add(
        "--server-command",
        type=_read_command,
        metavar="JSON",
        help='how to start the server: a JSON list such as ["csai", "serve"]',
    )
    add("--page", choices=_list_page_names(), default="overview", help="the page to open with")
    add("--theme", choices=("system", "light", "dark"), help="the look; remembered otherwise")
    add("--size", type=_read_size, metavar="WIDTHxHEIGHT", help="the window's size in pixels")
    add(
        "--screenshot",
        type=Path,
        metavar="FILE",
        help="save a picture of the window as soon as it shows data, without a display, and end",
    )
    add("--settings-file", type=Path, help="where the panel remembers its own settings")
    return parser


def _list_page_names() -> list[str]:
    # A page is named as its module; importing the pages would import Qt for --help.
    return sorted(module.name for module in pkgutil.iter_modules(gui.pages.__path__))


def _read_port(text: str) -> int:
    port = int(text) if text.isdigit() else 0
    if not 1 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return port


def _read_command(text: str) -> tuple[str, ...]:
    try:
        command = json.loads(text)
    except ValueError:
        command = None
    is_command = isinstance(command, list) and all(isinstance(part, str) for part in command)
    if not is_command or not command:
        raise argparse.ArgumentTypeError(f"{text!r} is not a JSON list of strings")
    return tuple(command)


def _read_size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size like 1200x800")
    return int(width), int(height)


if __name__ == "__main__":
    sys.exit(main())
