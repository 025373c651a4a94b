"""The files inside a backup: a plain tar of few known names, written and read one by one.

Owns the tar; it reads no header but that of an ordinary file, so links, devices, folders, long
names and extensions have no way in. What the files are is left to ``manifest``.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from typing import Final, Protocol

_BLOCK: Final = tarfile.BLOCKSIZE
_PIECE_BYTES: Final = 1024 * 1024
_END: Final = bytes(2 * _BLOCK)


class Reader(Protocol):
    """Gives exactly as many bytes as asked for, or raises."""

    def read(self, size: int) -> bytes:
        """Return ``size`` bytes."""
        ...


class MemberWriter:
    """Writes a tar of ordinary files."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write

    def add(self, name: str, size: int, pieces: Iterator[bytes]) -> None:
        """Add a file of ``size`` bytes.

        Raises:
            ValueError: ``pieces`` are more or fewer bytes.
        """
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._write(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict"))
        written = 0
        for piece in pieces:
            written += len(piece)
            self._write(piece)
        if written != size:
            raise ValueError(f"{name!r} has {written} bytes instead of {size}")
        self._write(bytes(-size % _BLOCK))

    def finish(self) -> None:
        """Write the end of the tar."""
        self._write(_END)


class MemberReader:
    """Reads such a tar. ``damaged`` makes the error of a reason."""

    def __init__(self, reader: Reader, damaged: Callable[[str], Exception]) -> None:
        self._reader = reader
        self._damaged = damaged

    def expect(self, name: str, size: int | None = None) -> int:
        """Read the head of the next file, which must be ``name``; return its size.

        Raises:
            Exception: What ``damaged`` makes, when it is another, no ordinary file or not of
                ``size``.
        """
        try:
            info = tarfile.TarInfo.frombuf(self._reader.read(_BLOCK), "utf-8", "strict")
        except (tarfile.HeaderError, ValueError) as error:
            raise self._damaged("its list of files cannot be read") from error
        if info.name != name or info.type != tarfile.REGTYPE or info.linkname:
            raise self._damaged(f"it holds {info.name[:100]!r} where {name!r} belongs")
        if info.size < 0 or (size is not None and info.size != size):
            raise self._damaged(f"the size of {name!r} does not fit")
        return info.size

    def pieces(self, size: int) -> Iterator[bytes]:
        """Give the content of the file whose head was read last."""
        left = size
        while left > 0:
            piece = self._reader.read(min(left, _PIECE_BYTES))
            left -= len(piece)
            yield piece
        if any(self._reader.read(-size % _BLOCK)):
            raise self._damaged("there is something between its files")

    def finish(self) -> None:
        """Check that no file follows."""
        if self._reader.read(len(_END)) != _END:
            raise self._damaged("it holds more than a backup does")
