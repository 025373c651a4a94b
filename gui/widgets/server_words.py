"""The server's phases in words and colours.

Owns the wording shared by the sidebar and the overview; what leads from phase to phase is left to
``gui.view_models.server``.
"""

from __future__ import annotations

from typing import NamedTuple, assert_never

from PySide6.QtCore import QCoreApplication

from gui.view_models.server_state import ServerState
from gui.widgets.basics import Tone


class PhaseWords(NamedTuple):
    """A word or two, a sentence, and their colour."""

    short: str
    sentence: str
    tone: Tone


def describe_phase(state: ServerState) -> PhaseWords:
    """Put a server state into words."""
    translate = QCoreApplication.translate
    match state.phase:
        case "looking":
            return PhaseWords(
                translate("Server", "Looking…"),
                translate("Server", "Looking for the server."),
                "neutral",
            )
        case "starting":
            sentence = (
                translate("Server", "This takes longer than usual; still waiting for it.")
                if state.is_slow
                else translate("Server", "The server is starting.")
            )
            return PhaseWords(translate("Server", "Starting…"), sentence, "info")
        case "running":
            return _describe_running(state)
        case "stopping":
            return PhaseWords(
                translate("Server", "Stopping…"),
                translate("Server", "The server finishes open answers, then stops."),
                "info",
            )
        case "stopped":
            return PhaseWords(
                translate("Server", "Stopped"),
                translate("Server", "Visitors get no answers until it is started again."),
                "neutral",
            )
        case "crashed" | "occupied" | "lost":
            return PhaseWords(
                translate("Server", "Not running"),
                state.problem.summary if state.problem else "",
                "danger",
            )
        case _:
            assert_never(state.phase)


def _describe_running(state: ServerState) -> PhaseWords:
    translate = QCoreApplication.translate
    if state.is_slow:
        return PhaseWords(
            translate("Server", "Slow"),
            translate("Server", "The server is slow to answer; the panel keeps asking."),
            "warning",
        )
    status = state.health.status if state.health else "ok"
    if status == "ok":
        return PhaseWords(
            translate("Server", "Running"),
            translate("Server", "The assistant is answering visitors."),
            "success",
        )
    if status == "degraded":
        return PhaseWords(
            translate("Server", "Degraded"),
            translate("Server", "The assistant answers, but a part of it needs attention."),
            "warning",
        )
    return PhaseWords(
        translate("Server", "Not well"),
        translate("Server", "The server runs but cannot answer visitors now."),
        "danger",
    )
