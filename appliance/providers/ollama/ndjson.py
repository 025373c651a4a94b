"""Newline-delimited JSON: whole lines out of whatever pieces the network delivers.

Owns the splitting and its size limit; what a line means is left to the caller.
"""

from __future__ import annotations

MAX_LINE_BYTES = 4_000_000


class LineTooLong(ValueError):
    """A line grew past the limit without ending."""


class LineSplitter:
    """Collects bytes and hands out complete lines, without blank ones."""

    def __init__(self, *, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_line_bytes = max_line_bytes
        self._rest = bytearray()

    def feed(self, piece: bytes) -> list[bytes]:
        """Add ``piece`` and return the lines it completes.

        Raises:
            LineTooLong: The unfinished line is over the limit.
        """
        if b"\n" not in piece:
            self._rest += piece
            self._check_length()
            return []
        head, *others = (bytes(self._rest) + piece).split(b"\n")
        self._rest = bytearray(others.pop())
        self._check_length()
        return [line for line in (head, *others) if line.strip()]

    def finish(self) -> list[bytes]:
        """Return what stood behind the last line break, as at most one line."""
        rest, self._rest = bytes(self._rest), bytearray()
        return [rest] if rest.strip() else []

    def _check_length(self) -> None:
        if len(self._rest) > self._max_line_bytes:
            raise LineTooLong(f"a line is longer than {self._max_line_bytes} bytes")
