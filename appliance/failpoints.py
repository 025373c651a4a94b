"""Named points at which a test lets the process die, as a power cut would.

Owns the names, the arming and the death; where a point lies is said by the code that passes it. In
normal operation a passed point costs one look at a variable. See docs/measures.md.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Final, Literal, get_args

from appliance.errors import ConfigurationError

VARIABLE: Final = "CSAI_FAILPOINT"
"""Holds ``name:passage``, such as ``storage.after_commit:17``."""

FailpointName = Literal[
    "server.before_recover",
    "server.recovered",
    "server.draining",
    "server.drained",
    "storage.before_begin",
    "storage.uncommitted",
    "storage.before_commit",
    "storage.after_commit",
    "storage.before_checkpoint",
    "storage.after_checkpoint",
    "turn.stored",
    "turn.started",
    "turn.before_claim",
    "turn.claimed",
    "turn.before_renewal",
    "turn.renewed",
    "turn.before_finish",
    "turn.finished",
    "turn.before_fail",
    "turn.failed",
    "tool.before_run",
    "tool.after_run",
    "tool.recorded",
]
"""Those of ``storage`` are passed by each kind of database, checkpoints by SQLite alone."""

NAMES: Final[tuple[FailpointName, ...]] = get_args(FailpointName)


class Failpoint:
    """Ends the process when the point ``name`` is passed for the ``passage``-th time."""

    def __init__(self, name: str, passage: int) -> None:
        self.name = name
        self._left = passage
        self._lock = threading.Lock()

    def count(self, name: str) -> None:
        """Count a passage of the point ``name``, whichever thread it is in."""
        if name != self.name:
            return
        with self._lock:
            self._left -= 1
            is_last = self._left == 0
        if is_last:
            _die()


_armed: Failpoint | None = None


def passed(name: FailpointName) -> None:
    """Say that the process is at the point ``name``; it may not return."""
    if _armed is not None:
        _armed.count(name)


def arm(setting: str) -> None:
    """Let the process die as ``setting`` says; an empty one lets it live.

    Raises:
        ConfigurationError: There is no such point, or no such passage.
    """
    global _armed  # noqa: PLW0603 -- one process dies one death
    _armed = _read(setting) if setting else None


def _read(setting: str) -> Failpoint:
    name, _, passage = setting.partition(":")
    if name not in NAMES:
        raise ConfigurationError(
            f"{VARIABLE} names no point of this program: {setting!r}. Known: {', '.join(NAMES)}.",
            setting=VARIABLE,
        )
    if not passage.isdecimal() or int(passage) == 0:
        raise ConfigurationError(
            f"{VARIABLE} cannot be {setting!r}: give the passage to die at, such as '{name}:1'.",
            setting=VARIABLE,
        )
    return Failpoint(name, int(passage))


def _die() -> None:
    """End at once, without a word to anybody; Windows has no signal that strong but does it too."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
