"""The states the server can be in, seen from the panel.

Owns the closed set of phases and the words and remedies for a failed start; moving between phases
is left to ``gui.view_models.server``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from PySide6.QtCore import QCoreApplication

from gui.api.models import Health

Phase = Literal[
    "looking",  # the first question is under way
    "starting",  # this panel has started it; it does not answer yet
    "running",  # it answers
    "stopping",  # asked to stop
    "stopped",  # it was stopped on purpose
    "crashed",  # this panel's process ended by itself
    "occupied",  # another program has the port
    "lost",  # it answered, or should, and does not
]
Origin = Literal["here", "earlier", "elsewhere"]
"""Who started a running server: this panel, an earlier one, or somebody else."""


@dataclass(frozen=True)
class ServerProblem:
    """Why there is no server: what happened, what to do, and its last words."""

    summary: str
    remedy: str
    console_tail: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServerState:
    """One moment; ``is_slow`` while an answer is overdue but the server is not given up."""

    phase: Phase = "looking"
    origin: Origin = "elsewhere"
    health: Health | None = None
    problem: ServerProblem | None = None
    is_slow: bool = False
    log_file: str = field(default="", compare=False)

    @property
    def can_start(self) -> bool:
        """Whether a start makes sense now."""
        return self.phase in {"stopped", "crashed", "lost", "occupied"}

    @property
    def can_stop(self) -> bool:
        """Whether the panel may stop it: only what a panel has started."""
        return self.phase in {"running", "starting"} and self.origin != "elsewhere"


def describe_exit(exit_code: int, console_tail: tuple[str, ...]) -> ServerProblem:
    """Say why the server ended by itself, and what to do about it.

    Exit codes as the command line documents them: 2 usage, 3 configuration, 4 address in use,
    5 data folder in use or unusable.
    """
    translate = QCoreApplication.translate
    summaries = {
        2: translate("ServerState", "The server did not understand how it was started."),
        3: translate("ServerState", "A setting of the server is wrong."),
        4: translate("ServerState", "Another program already uses the server's port."),
        5: translate("ServerState", "The data folder is in use or cannot be written."),
    }
    remedies = {
        2: translate("ServerState", "Panel and server may be of different versions: reinstall."),
        3: translate("ServerState", "Mend the setting named below, then start it again."),
        4: translate("ServerState", "Close that program or choose another port, then try again."),
        5: translate(
            "ServerState", "Stop the other server, or free the folder named below, then try again."
        ),
    }
    if exit_code in summaries:
        return ServerProblem(summaries[exit_code], remedies[exit_code], console_tail)
    if exit_code < 0:
        summary = translate("ServerState", "The server was ended from outside (signal {0}).")
        summary = summary.format(-exit_code)
    else:
        summary = translate("ServerState", "The server stopped unexpectedly (exit code {0}).")
        summary = summary.format(exit_code)
    remedy = translate(
        "ServerState", "Start it again. If it stops again, its last words below say why."
    )
    return ServerProblem(summary, remedy, console_tail)


def describe_failed_start(error: OSError, program: str) -> ServerProblem:
    """Say why the server's program could not be started at all."""
    translate = QCoreApplication.translate
    return ServerProblem(
        translate("ServerState", "The server could not be started."),
        translate("ServerState", "Check that this exists and may be run: {0}").format(program),
        (error.strerror or type(error).__name__,),
    )


def describe_other_program(address: str) -> ServerProblem:
    """Say that what answers is not this server."""
    translate = QCoreApplication.translate
    return ServerProblem(
        translate("ServerState", "Another program answers at {0}.").format(address),
        translate(
            "ServerState",
            "Close that program, or start the panel with another --admin-port.",
        ),
    )


def describe_silence(address: str, *, is_local: bool) -> ServerProblem:
    """Say that nothing answers any more."""
    translate = QCoreApplication.translate
    remedy = (
        translate("ServerState", "Start it, or wait: the panel keeps looking for it.")
        if is_local
        else translate(
            "ServerState", "Start it on its machine, or check the network; the panel keeps trying."
        )
    )
    return ServerProblem(
        translate("ServerState", "The server at {0} does not answer.").format(address), remedy
    )
