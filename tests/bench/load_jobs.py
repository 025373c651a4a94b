"""What the load generator is told and what it tells: one JSON line each way per job.

Owns the shapes; doing it is left to ``load_generator``.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Question(Struct, frozen=True):
    """A visitor's message and a text that only its right answer contains.

    ``{nonce}`` in either is replaced by the turn's own nonce.
    """

    text: str
    expected: str = "{nonce}"


class Job(Struct, frozen=True, kw_only=True):
    """A number of turns over kept-alive connections, each of which takes one after the other.

    ``turns_per_conversation`` is after how many turns a connection begins a new conversation.
    ``stagger_s`` spreads the connections' first turns evenly over that time. With ``leaves_early``
    the visitor hangs up at the first piece of the answer. Every answer must contain
    ``also_expected`` too.
    """

    port: int
    questions: list[Question]
    turns: int
    at_once: int = 1
    headers: dict[str, str] = {}
    reply: Literal["json", "sse"] = "json"
    turns_per_conversation: int = 4
    stagger_s: float = 0.0
    deadline_s: float = 60.0
    leaves_early: bool = False
    also_expected: str = ""


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of a job; ``left_at`` maps the nonces of abandoned turns to monotonic seconds."""

    latencies_ms: list[float]
    first_deltas_ms: list[float]
    elapsed_s: float
    failures: list[str]
    left_at: dict[str, float] = {}
