"""Bytes of deleted rows that SQLite's ``secure_delete`` leaves in a database file.

Owns finding and zeroing them. ``secure_delete`` zeroes a row where it is deleted; but when rows are
moved to another page to balance a tree, their old bytes stay in the gap between the page's cell
pointers and its cells, and outlive the rows. No reader ever looks there.

Source: https://sqlite.org/fileformat2.html, sections 1.3 and 1.6.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

FILE_HEADER_BYTES: Final = 100
MAX_PAGES: Final = 1 << 24
"""Above this, the first byte of an overflow page is no longer 0 and could look like a tree's."""

CHUNK_PAGES: Final = 256
CHUNK_REST_S: Final = 0.001
_TREE_HEADERS: Final = {0x02: 12, 0x05: 12, 0x0A: 8, 0x0D: 8}
"""The bytes before the cell pointers by the type of a page."""

_handles: Final[dict[tuple[int, int], int]] = {}
"""Open files by device and inode, never closed: closing any handle of a file takes away the locks
that SQLite holds on it in this process (https://sqlite.org/howtocorrupt.html, section 2.2)."""


class Gap(NamedTuple):
    """Unused bytes of a page that are not zero, by their places in the file."""

    start: int
    size_bytes: int


class PageGaps:
    """The gaps of one database file.

    Args:
        path: The file; what is still in its write-ahead log is not seen.
    """

    def __init__(self, path: Path) -> None:
        self._handle = _open(path)
        header = self._read(0, FILE_HEADER_BYTES)
        size = int.from_bytes(header[16:18], "big")
        self._page_bytes = 65536 if size == 1 else size
        self._usable_bytes = self._page_bytes - header[20]
        self._is_vacuuming = any(header[52:56])

    def find(self) -> list[int]:
        """Return the numbers of the pages with bytes in their gaps; may run beside writers.

        What a writer changes meanwhile may be missed or found in vain; ``wipe`` looks again.
        """
        count = os.fstat(self._handle).st_size // self._page_bytes
        if count >= MAX_PAGES or self._is_vacuuming:
            return []
        found: list[int] = []
        for first in range(0, count, CHUNK_PAGES):
            pages = min(CHUNK_PAGES, count - first)
            chunk = self._read(first * self._page_bytes, pages * self._page_bytes)
            found += [
                first + index
                for index in range(len(chunk) // self._page_bytes)
                if self._find_gap(chunk, index * self._page_bytes, first + index) is not None
            ]
            time.sleep(CHUNK_REST_S)  # let the event loop have the interpreter
        return found

    def wipe(self, pages: Iterable[int]) -> int:
        """Zero the gaps of pages and return of how many.

        The caller holds the database's write lock, with nothing in its write-ahead log, and makes
        every connection forget its pages afterwards.
        """
        wiped = 0
        for number in pages:
            start = number * self._page_bytes
            gap = self._find_gap(self._read(start, self._page_bytes), 0, number)
            if gap is not None:
                self._write(start + gap.start, bytes(gap.size_bytes))
                wiped += 1
        if wiped:
            os.fsync(self._handle)
        return wiped

    def _find_gap(self, chunk: bytes, offset: int, number: int) -> Gap | None:
        """Return the gap of the page at ``offset``, if it is a tree's and not all zero."""
        head = FILE_HEADER_BYTES if number == 0 else 0
        place = offset + head
        if len(chunk) < offset + self._page_bytes:
            return None
        header_bytes = _TREE_HEADERS.get(chunk[place])
        if header_bytes is None:
            return None
        cells = int.from_bytes(chunk[place + 3 : place + 5], "big")
        end = int.from_bytes(chunk[place + 5 : place + 7], "big") or 65536
        start = head + header_bytes + 2 * cells
        if not start < end <= self._usable_bytes:
            return None
        if not chunk[offset + start : offset + end].strip(b"\0"):
            return None
        return Gap(start, end - start)

    def _read(self, start: int, size_bytes: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._handle, size_bytes, start)
        os.lseek(self._handle, start, os.SEEK_SET)
        return os.read(self._handle, size_bytes)

    def _write(self, start: int, content: bytes) -> None:
        if hasattr(os, "pwrite"):
            os.pwrite(self._handle, content, start)
            return
        os.lseek(self._handle, start, os.SEEK_SET)
        os.write(self._handle, content)


def _open(path: Path) -> int:
    found = path.stat()
    key = (found.st_dev, found.st_ino)
    handle = _handles.get(key)
    if handle is None:
        handle = _handles[key] = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    return handle
