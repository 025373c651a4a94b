"""The command group, its exit codes and how errors end a command.

Owns what a person sees when a command fails; the commands are in their own modules.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import click
import structlog

from appliance import __version__
from appliance.errors import (
    AddressInUse,
    ApplianceError,
    ConfigurationError,
    DataFolderUnusable,
)
from appliance.logs import configure_logs
from appliance.redaction import redact

logger = structlog.get_logger(__name__)

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_CONFIGURATION: Final = 3
EXIT_ADDRESS_IN_USE: Final = 4
EXIT_DATA_FOLDER: Final = 5
EXIT_TERMINATED: Final = 128 + 15
"""What a shell says of a process that SIGTERM ended."""

COMMANDS: Final = {
    "serve": "Run the server.",
    "demo": "Run the server with a demo shop and its page.",
    "panel": "Open the control panel.",
    "backup": "Make, list, verify and restore backups.",
    "restore": "Put a backup in the place of what the data folder holds.",
    "migrate": "Move all data between SQLite and Postgres.",
    "secrets": "Show and renew the keys of what is stored encrypted.",
    "retention": "Delete what is older than it may be.",
    "erase": "Erase a visitor or a tenant.",
    "export": "Write all that is stored of a tenant or a visitor to a file.",
    "selftest": "Check that this program works on this machine.",
}


_WITH_OWN_ENDING: Final = {"serve", "demo", "panel"}
"""Commands that decide themselves what SIGTERM does."""


class LazyGroup(click.Group):
    """Imports a command's module when it is used, so that ``csai --help`` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, or ``None`` when there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"appliance.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, invoke_without_command=True)
@click.version_option(__version__, prog_name="csai")
@click.pass_context
def csai(ctx: click.Context) -> None:
    """CSAI Appliance: an assistant for every shop's website, on one machine.

    Without a command the control panel opens.
    """
    if ctx.invoked_subcommand is None:
        panel = csai.get_command(ctx, "panel")
        assert panel is not None
        ctx.invoke(panel)
    elif ctx.invoked_subcommand not in _WITH_OWN_ENDING:
        ctx.with_resource(_ending_on_sigterm(ctx.ensure_object(list)))


@contextmanager
def _ending_on_sigterm(received: list[int]) -> Iterator[None]:
    """Let SIGTERM unwind the command, so that it removes what it has begun; note it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)  # a second one must not cut off the removing
        received.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; errors become one sentence on stderr."""
    configure_logs(level="info", file=None, terminal=sys.stderr)
    received: list[int] = []
    try:
        result: Any = csai.main(
            args=arguments, prog_name="csai", standalone_mode=False, obj=received
        )
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt) as stopped:
        print(str(stopped) or "Stopped.", file=sys.stderr)  # noqa: T201
        return EXIT_TERMINATED if received else EXIT_FAILED
    except ApplianceError as error:
        print(f"csai: {error.message}", file=sys.stderr)  # noqa: T201 -- this is the terminal
        return _exit_code(error)
    except Exception as error:
        # The boundary of a command: whatever it is, a person gets a sentence and a file the rest.
        logger.exception("command_failed")
        print(  # noqa: T201
            f"csai: something unexpected went wrong ({type(error).__name__}). "
            f"{_keep_details(error)}",
            file=sys.stderr,
        )
        return EXIT_FAILED
    return result if isinstance(result, int) else EXIT_OK


def _keep_details(error: Exception) -> str:
    """Write the traceback to a private file, since most commands have no log; say where it is."""
    details = redact("".join(traceback.format_exception(error)))
    try:
        handle, name = tempfile.mkstemp(prefix="csai-error-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(details)
    except OSError as failure:
        return f"The details could not be written to a file: {failure.strerror}."
    return f"The details are in {name}."


def _exit_code(error: ApplianceError) -> int:
    if isinstance(error, AddressInUse):
        return EXIT_ADDRESS_IN_USE
    if isinstance(error, DataFolderUnusable):
        return EXIT_DATA_FOLDER
    if isinstance(error, ConfigurationError):
        return EXIT_CONFIGURATION
    return EXIT_FAILED
