"""One log line as it is read, searched and copied.

Owns turning an entry into words; keeping many of them is left to ``gui.view_models.logs``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from gui.api.models import LogEntry

LEVEL_RANKS = {"debug": 10, "info": 20, "warning": 30, "warn": 30, "error": 40, "critical": 50}


class LogLine(Struct, gc=False):
    """An entry with its words made once; the lower-case form only when somebody searches.

    Hundred thousand of them would make every full garbage collection a visible stall; they hold no
    cycles, so none is needed.
    """

    entry: LogEntry
    rank: int = LEVEL_RANKS["info"]
    message: str = ""
    folded: str | None = None

    def __post_init__(self) -> None:
        """Fill in what follows from the entry."""
        self.rank = LEVEL_RANKS.get(self.entry.level, LEVEL_RANKS["info"])
        self.message = build_message(self.entry)

    @property
    def haystack(self) -> str:
        """What a search looks in, case folded."""
        if self.folded is None:
            self.folded = f"{self.entry.level} {self.entry.logger} {self.message}".casefold()
        return self.folded


@dataclass(frozen=True)
class LogFilter:
    """Which lines are shown: at least this level, and every one of these words."""

    min_rank: int = 0
    words: tuple[str, ...] = ()

    @classmethod
    def build(cls, *, level: str, text: str) -> LogFilter:
        """Build a filter from what the toolbar holds; an unknown level shows everything."""
        return cls(LEVEL_RANKS.get(level, 0), tuple(text.casefold().split()))

    @property
    def shows_all(self) -> bool:
        """Whether nothing is hidden."""
        return not self.words and self.min_rank <= LEVEL_RANKS["debug"]

    def accepts(self, line: LogLine) -> bool:
        """Say whether a line is shown."""
        if line.rank < self.min_rank:
            return False
        return not self.words or all(word in line.haystack for word in self.words)


def build_message(entry: LogEntry) -> str:
    """Write an entry on one line: the event, then its fields as ``name=value``."""
    if not entry.fields:
        return _one_line(entry.event)
    fields = "  ".join(f"{name}={_show(value)}" for name, value in entry.fields.items())
    return f"{_one_line(entry.event)}  {fields}"


def build_text(line: LogLine) -> str:
    """Write a line as it is copied and exported: time in UTC, level, logger, message."""
    entry = line.entry
    at = entry.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{at} {entry.level.upper():<8} {entry.logger or '-'} {line.message}"


def build_details(entry: LogEntry) -> str:
    """Write everything an entry holds over several lines."""
    head = f"{entry.event}\n\n{entry.at.isoformat()}  ·  {entry.level}  ·  {entry.logger or '–'}"
    fields = "\n".join(f"{name}: {_show_long(value)}" for name, value in entry.fields.items())
    return f"{head}\n\n{fields}" if fields else head


def _show(value: Any) -> str:
    if isinstance(value, str):
        return (
            value
            if value.isprintable() and value and " " not in value
            else _one_line(json.dumps(value, ensure_ascii=False))
        )
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _show_long(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _one_line(text: str) -> str:
    if text.isprintable():
        return text
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
