"""A server as a process: signals, standard input, the greeting on the terminal, the end.

Owns what surrounds a running appliance; the appliance itself is put together in
``appliance.bootstrap``.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from appliance import __version__, failpoints
from appliance.bootstrap import Appliance, open_appliance
from appliance.logs import LogBuffer, configure_logs
from appliance.paths import is_frozen
from appliance.settings import Settings, load_settings

logger = structlog.get_logger(__name__)


def run_server(flags: Mapping[str, Any], *, is_demo: bool, stop_on_stdin_eof: bool) -> int:
    """Run a server until SIGTERM, SIGINT or, when asked, the end of standard input.

    Raises:
        ConfigurationError: A setting does not fit, an address is taken, the folder is unusable.
    """
    settings = load_settings(flags)
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    return asyncio.run(_serve(settings, is_demo=is_demo, stop_on_stdin_eof=stop_on_stdin_eof))


async def _serve(settings: Settings, *, is_demo: bool, stop_on_stdin_eof: bool) -> int:
    stop = asyncio.Event()
    _stop_on_signals(stop)
    if stop_on_stdin_eof:
        _stop_on_stdin_eof(stop)
    buffer = LogBuffer()

    def start_logs() -> None:
        configure_logs(
            level=settings.log_level,
            file=settings.paths.log_file,
            terminal=sys.stderr,
            buffer=buffer,
        )
        if setting := os.environ.get(failpoints.VARIABLE):
            logger.warning("failpoint_armed", setting=setting)

    async with open_appliance(
        settings, is_demo=is_demo, log_buffer=buffer, on_folder_ready=start_logs
    ) as appliance:
        started = asyncio.Event()
        serving = asyncio.ensure_future(appliance.serve(started=started, stop=stop))
        starting = asyncio.ensure_future(started.wait())
        await asyncio.wait({serving, starting}, return_when=asyncio.FIRST_COMPLETED)
        starting.cancel()
        if started.is_set():
            _greet(appliance)
        await serving
    logger.info("server_stopped")
    return 0


def _greet(appliance: Appliance) -> None:
    status = appliance.status
    lines = [
        "",
        f"CSAI Appliance {__version__} is running.",
        "",
    ]
    if status.demo_url:
        lines.append(f"  Demo shop      {status.demo_url}")
    lines += [
        f"  Visitors       {status.public_url}",
        f"  Administration {status.admin_url}",
        f"  Login          {_describe_login(appliance)}",
        f"  Control panel  {_panel_command()}",
        f"  Data folder    {status.data_dir}",
        "",
        "Press Ctrl+C to stop.",
        "",
    ]
    _print("\n".join(lines))
    logger.info("server_started", public_url=status.public_url, admin_url=status.admin_url)


def _panel_command() -> str:
    """Return what to type in this terminal to open the panel."""
    command = Path(sys.executable).with_name("csai")
    if is_frozen() or shutil.which("csai") or not command.is_file():
        return "csai panel"
    here = Path.cwd()
    return f"{command.relative_to(here) if command.is_relative_to(here) else command} panel"


def _describe_login(appliance: Appliance) -> str:
    if appliance.generated_password is not None:
        return f"admin / {appliance.generated_password}   (generated now, shown this once)"
    if appliance.settings.paths.first_login.is_file():
        return f"admin, password in {appliance.settings.paths.first_login}"
    return "admin, with the password that was set"


def _print(text: str) -> None:
    with suppress(OSError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows has no signal handlers on its event loop
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


def _stop_on_stdin_eof(stop: asyncio.Event) -> None:
    """Watch standard input in a thread of its own: no event loop can on every platform."""
    loop = asyncio.get_running_loop()

    def watch() -> None:
        with suppress(OSError, ValueError):
            while os.read(0, 4096):
                pass
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="stdin-watch", daemon=True).start()
