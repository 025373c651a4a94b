"""Structured logs: to a rotating file, to the terminal, and to whoever watches live.

Owns their form and the buffer of recent entries; what is worth logging is left to the callers, what
is masked to ``redaction``. The file has one JSON object a line with full tracebacks; the terminal
never shows one.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import logging.handlers
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import msgspec
import structlog
from msgspec import Struct
from structlog.typing import EventDict, ExcInfo, WrappedLogger

from appliance.redaction import redact

LEVELS = ("debug", "info", "warning", "error", "critical")
FILE_SIZE_BYTES = 10_000_000
FILE_COUNT = 5
BUFFER_ENTRIES = 2_000
NOISY_LIBRARIES = (
    "httpx", "httpcore", "httpx2", "httpcore2", "anthropic", "openai", "alembic", "asyncio",
    "granian", "_granian",
)  # fmt: skip


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
        self._lock = threading.Lock()
        self._wakers: set[Callable[[], None]] = set()

    @property
    def last_id(self) -> int:
        """The id of the newest entry, 0 when there is none."""
        return self._entries[-1].id if self._entries else 0

    def append(self, event: EventDict) -> None:
        """Add one event, already redacted and plain JSON."""
        fields = {key: value for key, value in event.items() if key not in _ENTRY_KEYS}
        with self._lock:  # a follower that saw an id will not look for a smaller one again
            self._entries.append(
                LogEntry(
                    id=next(self._ids),
                    at=str(event.get("timestamp", "")),
                    level=str(event.get("level", "info")),
                    event=str(event.get("event", "")),
                    logger=str(event.get("logger", "")),
                    fields=fields,
                )
            )
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


class _Named(NamedTuple):
    """What structlog calls a logger; the sinks do the logging."""

    name: str = ""


class _LogFile(logging.handlers.RotatingFileHandler):
    """The rotating file; asking the file system about it for every line costs more than the line.

    A full disk loses lines, never a turn.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, backupCount=FILE_COUNT - 1, encoding="utf-8")
        self._size = path.stat().st_size

    def write_line(self, line: str) -> None:
        with self.lock or nullcontext(), suppress(OSError, ValueError):
            size = len(line.encode()) + 1
            if self._size + size > FILE_SIZE_BYTES:
                self.doRollover()
                self._size = 0
            self._size += size
            if self.stream is None:  # a library has closed all handlers that it found
                self.stream = self._open()
            self.stream.write(f"{line}\n")
            self.flush()


def _choose_renderer(
    terminal: TextIO | None,
) -> structlog.dev.ConsoleRenderer | structlog.processors.LogfmtRenderer:
    """Return how lines look: aligned and in colours for a person, ``key=value`` for a file."""
    if terminal is not None and terminal.isatty():
        return structlog.dev.ConsoleRenderer()
    return structlog.processors.LogfmtRenderer(
        key_order=["timestamp", "level", "event"], drop_missing=True
    )


class _Sinks:
    """The last step of every event: redacted once, written everywhere.

    Safe to call from any thread; a sink that fails never breaks the caller.
    """

    def __init__(
        self, file: Path | None, terminal: TextIO | None, buffer: LogBuffer | None
    ) -> None:
        self._terminal = terminal
        self._buffer = buffer
        self._lock = threading.Lock()
        self._render = _choose_renderer(terminal)
        self._file = None if file is None else _LogFile(file)

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        self.write(event)
        raise structlog.DropEvent

    def write(self, event: EventDict) -> None:
        try:
            self._write(event)
        except Exception as failure:  # noqa: BLE001 -- logging must never break its caller
            lost = {"event": "log_entry_lost", "level": "error", "error": type(failure).__name__}
            self._write(lost)

    def _write(self, event: EventDict) -> None:
        error = _read_exception(event.pop("exc_info", None))
        plain: EventDict = redact(
            msgspec.to_builtins(event, builtin_types=(bytes, bytearray), enc_hook=str)
        )
        with suppress(OSError, ValueError):
            self._write_terminal(plain, error)
        if error is not None:
            plain["exception"] = redact("".join(traceback.format_exception(error)))
        if self._file is not None:
            self._file.write_line(msgspec.json.encode(plain).decode())
        if self._buffer is not None:
            self._buffer.append(plain)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _write_terminal(self, plain: EventDict, error: BaseException | None) -> None:
        """Say an exception in one line; its traceback is in the file."""
        if self._terminal is None:
            return
        shown = dict(plain)
        if error is not None:
            shown["error"] = redact(f"{type(error).__name__}: {error}")
        line = self._render(None, "", shown)
        with self._lock:
            self._terminal.write(f"{line}\n")
            self._terminal.flush()


class _LibraryHandler(logging.Handler):
    """Takes in what libraries log the standard way."""

    def __init__(self, sinks: _Sinks) -> None:
        super().__init__()
        self.sinks = sinks

    def emit(self, record: logging.LogRecord) -> None:
        try:
            moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            self.sinks.write(
                {
                    "event": record.getMessage(),
                    **structlog.contextvars.get_contextvars(),
                    "level": record.levelname.lower(),
                    "logger": record.name,
                    "timestamp": f"{moment}.{int(record.msecs):03}Z",
                    "exc_info": record.exc_info,
                }
            )
        except Exception:  # noqa: BLE001 -- logging must never break its caller
            self.handleError(record)

    def close(self) -> None:
        self.sinks.close()
        super().close()


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
    logging.raiseExceptions = False  # a full disk must not print tracebacks
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    sinks = _Sinks(file, terminal, buffer)
    root.addHandler(_LibraryHandler(sinks))
    root.setLevel(level.upper())
    for noisy in NOISY_LIBRARIES:
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            sinks,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=_Named,
        cache_logger_on_first_use=False,
    )


def _read_exception(info: ExcInfo | BaseException | bool | None) -> BaseException | None:
    if isinstance(info, BaseException):
        return info
    if isinstance(info, tuple):
        return info[1]
    return sys.exc_info()[1] if info else None
