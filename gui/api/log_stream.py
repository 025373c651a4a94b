"""The server's live log as a stream that comes back by itself.

Owns the backlog, the event stream and reconnecting where it broke; keeping and showing lines is
left to ``gui.view_models.logs``.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtNetwork import QNetworkReply

from gui.api.client import ApiClient
from gui.api.errors import ApiError, Missing, NotPermitted, SignedOut, build_error
from gui.api.models import LogEntry, LogList, ServerStatus
from gui.api.sse import EventTooLarge, SseParser
from gui.api.transport import ApiRequest, describe_failure, read_status

BACKLOG_LINES = 200
SILENCE_LIMIT_MS = 40_000  # the server sends a comment every 15 s
FIRST_DELAY_MS = 500
LONGEST_DELAY_MS = 15_000
SLICE_BYTES = 128 * 1024  # parsed per turn of the event loop, so that a flood cannot freeze it
READ_BUFFER_BYTES = 1024 * 1024


@dataclass(frozen=True)
class StreamState:
    """Whether lines arrive now; ``error`` says why not, ``retry_in_ms`` when it is tried again."""

    kind: Literal["off", "connecting", "live", "waiting", "failed"]
    error: ApiError | None = None
    retry_in_ms: int = 0


class LogStream(QObject):
    """Follows the log from its newest lines on; resumes after the last line it has seen."""

    entries = Signal(list)
    """A list of ``LogEntry``, oldest first."""
    state_changed = Signal(object)

    def __init__(self, client: ApiClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = StreamState("off")
        self._client = client
        self._reply: QNetworkReply | None = None
        self._parser = SseParser()
        self._last_id = ""
        self._attempt = 0
        self._has_backlog = False
        self._has_refreshed = False
        self._run: tuple[int | None, datetime | None] = (None, None)
        self._retry = QTimer(self, singleShot=True)
        self._retry.timeout.connect(self._connect)
        self._silence = QTimer(self, singleShot=True, interval=SILENCE_LIMIT_MS)
        self._silence.timeout.connect(self._on_silence)
        self._drain = QTimer(self, singleShot=True, interval=0)
        self._drain.timeout.connect(self._read_slice)

    def start(self) -> None:
        """Begin to follow, or try again at once if it was waiting."""
        if self.state.kind in {"connecting", "live"}:
            return
        self._attempt = 0
        self._has_refreshed = False
        self._retry.stop()
        self._connect()

    def stop(self) -> None:
        """Stop following; the place is kept, so that ``start`` resumes."""
        self._retry.stop()
        self._close_reply()
        self._set_state(StreamState("off"))

    def forget_place(self) -> None:
        """Begin with the newest lines next time, as after signing in to another server."""
        self._last_id = ""
        self._has_backlog = False

    def _connect(self) -> None:
        self._set_state(StreamState("connecting"))
        self._client.call(
            ApiRequest("GET", "/api/admin/status"),
            ServerStatus,
            owner=self,
            on_success=self._on_status,
            on_error=self._on_backlog_error,
        )

    def _on_status(self, status: ServerStatus) -> None:
        if self.state.kind != "connecting":
            return
        run = (status.pid, status.started_at)
        if run != self._run:
            self.forget_place()  # ids count within one run of the server
            self._run = run
        if self._has_backlog:
            self._open()
            return
        self._client.call(
            ApiRequest("GET", "/api/admin/logs", query={"limit": str(BACKLOG_LINES)}),
            LogList,
            owner=self,
            on_success=self._on_backlog,
            on_error=self._on_backlog_error,
        )

    def _on_backlog(self, backlog: LogList) -> None:
        if self.state.kind != "connecting":
            return
        self._has_backlog = True
        if backlog.items:
            self._last_id = str(backlog.items[-1].id)
            self.entries.emit(backlog.items)
        self._open()

    def _on_backlog_error(self, error: ApiError) -> None:
        if self.state.kind == "connecting":
            self._recover(error)

    def _open(self) -> None:
        self._close_reply()
        self._parser = SseParser()
        headers = {"Accept": "text/event-stream"}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        reply = self._client.open_stream(
            ApiRequest("GET", "/api/admin/logs/stream"), headers=headers
        )
        reply.setParent(self)
        reply.setReadBufferSize(READ_BUFFER_BYTES)
        reply.metaDataChanged.connect(self._on_headers)
        reply.readyRead.connect(self._read_slice)
        reply.finished.connect(self._on_finished)
        self._reply = reply
        self._silence.start()

    def _on_headers(self) -> None:
        if self._reply is not None and read_status(self._reply) == 200:
            self._attempt = 0
            self._has_refreshed = False
            self._set_state(StreamState("live"))

    def _read_slice(self) -> None:
        reply = self._reply
        if reply is None or read_status(reply) != 200 or reply.bytesAvailable() == 0:
            return
        self._silence.start()
        try:
            events = self._parser.feed(bytes(reply.read(SLICE_BYTES).data()))
        except EventTooLarge:
            reply.abort()
            return
        entries: list[LogEntry] = []
        for event in events:
            if event.event != "log":
                continue
            try:
                entries.append(msgspec.json.decode(event.data, type=LogEntry))
            except msgspec.MsgspecError:
                continue  # one line this version cannot read must not end the log
        if self._parser.last_event_id:
            self._last_id = self._parser.last_event_id
        if reply.bytesAvailable():
            self._drain.start()
        if entries:
            self.entries.emit(entries)

    def _on_finished(self) -> None:
        reply = self._reply
        if reply is None:
            return
        status = read_status(reply)
        while status == 200 and reply.bytesAvailable():
            self._read_slice()
        error = (
            describe_failure(reply)
            if status in {0, 200}
            else build_error(status, bytes(reply.readAll().data()))
        )
        self._close_reply()
        self._recover(error)

    def _on_silence(self) -> None:
        if self._reply is not None:
            self._reply.abort()

    def _recover(self, error: ApiError) -> None:
        if isinstance(error, SignedOut):
            if self._has_refreshed or not self._client.has_credential:
                self._set_state(StreamState("failed", error))
                return
            self._has_refreshed = True
            self._client.refresh(self._connect, self._recover)
            return
        if isinstance(error, NotPermitted | Missing):
            self._set_state(StreamState("failed", error))
            return
        longest_ms = min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2**self._attempt)
        self._attempt = min(self._attempt + 1, 10)
        delay_ms = int(longest_ms * random.uniform(0.7, 1.0))  # many panels, one restart
        self._retry.start(delay_ms)
        self._set_state(StreamState("waiting", error, delay_ms))

    def _close_reply(self) -> None:
        self._silence.stop()
        self._drain.stop()
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.abort()
            reply.deleteLater()

    def _set_state(self, state: StreamState) -> None:
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)
