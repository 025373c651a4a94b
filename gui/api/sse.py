"""Server-sent events out of a stream of bytes.

Owns the parsing of the event stream format; knows neither Qt nor HTTP, so that it can be tested by
cutting its input anywhere. Reconnecting is left to ``gui.api.log_stream``.
"""

from __future__ import annotations

from typing import NamedTuple

MAX_EVENT_BYTES = 4 * 1024 * 1024


class SseEvent(NamedTuple):
    """One dispatched event; ``id`` is the last id seen on the stream, which may be older."""

    event: str
    data: str
    id: str


class EventTooLarge(ValueError):
    """A single event grew past ``MAX_EVENT_BYTES``; the stream cannot be trusted any more."""


class SseParser:
    """Collects bytes and hands out whole events.

    Lines end with LF, CR or CRLF, also when a CRLF is cut in two; a leading byte order mark is
    dropped; comments count as signs of life only. An event without data is not dispatched.

    Source: HTML Living Standard, "Interpreting an event stream".
    """

    def __init__(self) -> None:
        self.last_event_id = ""
        self.retry_ms: int | None = None
        self._buffer = bytearray()
        self._is_at_start = True
        self._is_after_cr = False
        self._event = ""
        self._data: list[str] = []
        self._data_bytes = 0

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Take the next bytes and return the events that became complete, in order.

        Raises:
            EventTooLarge: An event or a line outgrew the limit.
        """
        if self._is_after_cr and chunk:
            self._is_after_cr = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        self._buffer += chunk
        if self._is_at_start and not self._drop_byte_order_mark():
            return []
        events: list[SseEvent] = []
        for line in self._take_lines():
            event = self._take_line(line)
            if event is not None:
                events.append(event)
        if len(self._buffer) + self._data_bytes > MAX_EVENT_BYTES:
            raise EventTooLarge(f"an event is larger than {MAX_EVENT_BYTES} bytes")
        return events

    def _drop_byte_order_mark(self) -> bool:
        mark = b"\xef\xbb\xbf"
        if len(self._buffer) < len(mark) and mark.startswith(bytes(self._buffer)):
            return False
        if self._buffer.startswith(mark):
            del self._buffer[: len(mark)]
        self._is_at_start = False
        return True

    def _take_lines(self) -> list[bytes]:
        whole = bytes(self._buffer)
        if whole.endswith(b"\r"):
            self._is_after_cr = True
        if b"\r" in whole:
            whole = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = whole.split(b"\n")
        self._buffer = bytearray(rest)
        return lines

    def _take_line(self, line: bytes) -> SseEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        text = value.removeprefix(b" ").decode("utf-8", errors="replace")
        match name:
            case b"data":
                self._data.append(text)
                self._data_bytes += len(value)
            case b"event":
                self._event = text
            case b"id" if "\0" not in text:
                self.last_event_id = text
            case b"retry" if text.isascii() and text.isdigit():
                self.retry_ms = int(text)
            case _:
                pass  # a comment, or a field this version does not know
        return None

    def _dispatch(self) -> SseEvent | None:
        event, data = self._event or "message", self._data
        self._event, self._data, self._data_bytes = "", [], 0
        if not data:
            return None
        return SseEvent(event, "\n".join(data), self.last_event_id)
