"""Structured logs: to a rotating file, to the terminal, and to whoever watches live.

Owns their form, redaction and the buffer of recent entries; what is worth logging is left to the
callers. The file has one JSON object a line with full tracebacks; the terminal never shows one.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import logging.handlers
import re
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, TextIO

import structlog
from msgspec import Struct
from structlog.typing import EventDict, Processor, WrappedLogger

LEVELS = ("debug", "info", "warning", "error", "critical")
FILE_SIZE_BYTES = 10_000_000
FILE_COUNT = 5
BUFFER_ENTRIES = 2_000
MASK = "[redacted]"

_SECRET_NAMES = re.compile(
    r"(?i)(pass(word|phrase)?|secret|authorization|cookie|credential|private[_-]?key|api[_-]?key"
    r"|token$|^session_?id$)"
)
_SECRET_VALUES = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{12,}|(?:pk|rt|sk|vs|whsec)_[A-Za-z0-9_.-]{12,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|shp(?:at|ca|ss)_[A-Za-z0-9]{12,})"
    r"|(?i:bearer\s+)[A-Za-z0-9._~+/-]{12,}=*"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
    r"|(?i:[?&][a-z_-]*(?:key|password|secret|token)=)[^&\s\"']+"
)


def redact(value: Any) -> Any:
    """Return ``value`` with secrets masked, by the name of a field and by their own look."""
    if isinstance(value, str):
        return _SECRET_VALUES.sub(MASK, value)
    if isinstance(value, dict):
        return {
            key: MASK if _SECRET_NAMES.search(str(key)) and item else redact(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))


class LogEntry(Struct, frozen=True, kw_only=True):
    """One line of the log as the control panel shows it; ``id`` increases."""

    id: int
    at: str
    level: str
    event: str
    logger: str
    fields: dict[str, Any]


class LogBuffer:
    """The newest entries in memory, and a live feed of what follows.

    Entries may come from any thread; followers live in one event loop. Ids begin at the time of the
    start in milliseconds, so that they go on increasing over restarts.
    """

    def __init__(self, size: int = BUFFER_ENTRIES) -> None:
        self._entries: deque[LogEntry] = deque(maxlen=size)
        self._ids = itertools.count(time.time_ns() // 1_000_000)
        self._wakers: set[Callable[[], None]] = set()

    @property
    def last_id(self) -> int:
        """The id of the newest entry, 0 when there is none."""
        return self._entries[-1].id if self._entries else 0

    def append(self, event: EventDict) -> None:
        """Add one already redacted event."""
        fields = {key: value for key, value in event.items() if key not in _ENTRY_KEYS}
        entry = LogEntry(
            id=next(self._ids),
            at=str(event.get("timestamp", "")),
            level=str(event.get("level", "info")),
            event=str(event.get("event", "")),
            logger=str(event.get("logger", "")),
            fields=fields,
        )
        self._entries.append(entry)
        for wake in tuple(self._wakers):
            wake()

    def newest(
        self, *, limit: int, after_id: int = 0, matches: Callable[[LogEntry], bool] | None = None
    ) -> list[LogEntry]:
        """Return at most ``limit`` matching entries behind ``after_id``, oldest first."""
        found = [
            entry
            for entry in tuple(self._entries)
            if entry.id > after_id and (matches is None or matches(entry))
        ]
        return found[-limit:]

    async def follow(
        self, *, after_id: int, matches: Callable[[LogEntry], bool] | None = None
    ) -> AsyncGenerator[list[LogEntry], None]:
        """Yield matching entries behind ``after_id``, then new ones as they come, in batches."""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(ready.set)

        self._wakers.add(wake)
        try:
            while True:
                ready.clear()
                newest_id = self.last_id
                batch = self.newest(limit=BUFFER_ENTRIES, after_id=after_id, matches=matches)
                after_id = max(newest_id, batch[-1].id if batch else after_id)
                if batch:
                    yield batch
                else:
                    await ready.wait()
        finally:
            self._wakers.discard(wake)


_ENTRY_KEYS = frozenset({"timestamp", "level", "event", "logger", "exception"})


class _BufferHandler(logging.Handler):
    """Feeds the buffer with what the formatter's processors made of a record."""

    def __init__(self, buffer: LogBuffer, formatter: structlog.stdlib.ProcessorFormatter) -> None:
        super().__init__()
        self.buffer = buffer
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.buffer.append(json.loads(self.format(record)))
        except Exception:  # noqa: BLE001 -- logging must never break its caller
            self.handleError(record)


def _redact_event(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {
        key: value
        if key in ("exc_info", "_record", "_from_structlog")
        else redact({key: value})[key]
        for key, value in event.items()
    }


def _one_line_error(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Say an exception in one line; its traceback is in the file."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = redact(f"{type(error).__name__}: {error}")
    return event


def configure_logs(
    *, level: str, file: Path | None, terminal: TextIO | None, buffer: LogBuffer | None = None
) -> None:
    """Send every log of this process, the libraries' too, to the given places.

    Args:
        level: The least level that is kept, one of ``LEVELS``.
        file: The rotating JSON file, or ``None``; its folder must exist.
        terminal: Where people read along, or ``None``.
        buffer: The live buffer, or ``None``.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact_event,
    ]
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    handlers: list[logging.Handler] = []
    as_json: list[Processor] = [
        structlog.processors.format_exc_info,
        _redact_event,
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
    ]
    if file is not None:
        rotating = logging.handlers.RotatingFileHandler(
            file, maxBytes=FILE_SIZE_BYTES, backupCount=FILE_COUNT - 1, encoding="utf-8"
        )
        rotating.setFormatter(_formatter(shared, as_json))
        handlers.append(rotating)
    if terminal is not None:
        stream = logging.StreamHandler(terminal)
        stream.setFormatter(
            _formatter(
                shared,
                [_one_line_error, structlog.dev.ConsoleRenderer(colors=terminal.isatty())],
            )
        )
        handlers.append(stream)
    if buffer is not None:
        handlers.append(_BufferHandler(buffer, _formatter(shared, as_json)))
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level.upper())
    for noisy in ("httpx", "httpcore", "aiosqlite", "alembic", "asyncio", "granian", "_granian"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _formatter(
    shared: list[Processor], rendering: list[Processor]
) -> structlog.stdlib.ProcessorFormatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
