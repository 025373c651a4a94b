"""What a fake model server does when it is asked: the steps of a script that all protocols share.

Owns the faults of a connection and the playing of a script; what is said, and how a protocol
refuses or fails midway, is left to each server's own steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

Said = TypeVar("Said")
Step = TypeVar("Step")

HALVES: Final = "backslashreplace"
"""How JSON with half a character is encoded: it becomes ``\\ud83c``, as servers write it."""


@dataclass(frozen=True)
class Send:
    """Any body at all, whether or not it makes sense; as a stream unless told otherwise."""

    body: bytes
    status: int = 200
    content_type: str | None = None


@dataclass(frozen=True)
class CutOff(Generic[Said]):
    """An answer whose connection ends after this many bytes of body."""

    said: Said
    after_bytes: int


@dataclass(frozen=True)
class Stall(Generic[Said]):
    """An answer that stops after some events without ending; ``None`` sends not even a header.

    With ``pings`` it goes on to say that it lives, in a protocol that has a way to say so.
    """

    said: Said
    after_events: int | None
    pings: int = 0


@dataclass(frozen=True)
class FailMidway(Generic[Said]):
    """What was said before an error, under status 200."""

    said: Said
    error: Any


def play(steps: Sequence[Step], *, beyond: Step) -> Callable[[dict[str, Any]], Step]:
    """Do ``steps`` one after another, then ``beyond``: a call too many is the test's mistake."""
    waiting = iter(steps)

    def next_step(_: dict[str, Any]) -> Step:
        return next(waiting, beyond)

    return next_step
