"""The content of a backup file: a compressed tar, sealed or with a digest behind it.

Owns the layers between the file and the members, in both directions; the members are left to
``members``, the sealing to ``sealing``.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable
from typing import BinaryIO, Final, Protocol

from appliance.storage.backups.header import DIGEST_SIZE
from appliance.storage.backups.sealing import Opener, Sealer

COMPRESSION_LEVEL: Final = 1
"""Measured on conversations: 41% at 107 MB/s; level 6 38% at 46 MB/s, lzma 36% at 16 MB/s."""

_GZIP = 31
_READ_BYTES = 256 * 1024
_SYNC_EVERY_BYTES = 16 * 1024 * 1024


class Source(Protocol):
    """Gives a content piece by piece."""

    def read_some(self) -> bytes:
        """Return the next bytes, empty at the end; raises what says the content is damaged."""
        ...


class FileWriter:
    """Writes to a file and syncs it now and then.

    One sync of everything at the end would hold up the database's own, which share the disk.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._unsynced = 0

    def write(self, content: bytes) -> None:
        """Write ``content``."""
        self._file.write(content)
        self._unsynced += len(content)
        if self._unsynced >= _SYNC_EVERY_BYTES:
            self.sync()

    def sync(self) -> None:
        """Make durable what was written."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._unsynced = 0


class ContentWriter:
    """Compresses what is written; then seals it, or puts a digest of the whole file behind it.

    Args:
        file: Where the head was written already.
        head: That head.
        key: To seal with, if any.
    """

    def __init__(self, file: FileWriter, head: bytes, key: bytes | None) -> None:
        self._file = file
        self._digest = hashlib.sha256(head)
        self._sealer = None if key is None else Sealer(key, head, file.write)
        self._compressor = zlib.compressobj(COMPRESSION_LEVEL, wbits=_GZIP)

    def write(self, content: bytes) -> None:
        """Add to the content."""
        self._put(self._compressor.compress(content))

    def finish(self) -> None:
        """Write what is left and make the file durable."""
        self._put(self._compressor.flush())
        if self._sealer is None:
            self._file.write(self._digest.digest())
        else:
            self._sealer.finish()
        self._file.sync()

    def _put(self, content: bytes) -> None:
        if self._sealer is not None:
            self._sealer.write(content)
        elif content:
            self._digest.update(content)
            self._file.write(content)


class _PlainSource:
    """Gives the content in front of the digest; says at its end whether that fits."""

    def __init__(self, file: BinaryIO, head: bytes, damaged: Callable[[str], Exception]) -> None:
        self._file = file
        self._damaged = damaged
        self._digest = hashlib.sha256(head)
        self._left = os.fstat(file.fileno()).st_size - len(head) - DIGEST_SIZE
        self._is_checked = False

    def read_some(self) -> bytes:
        content = self._file.read(min(_READ_BYTES, max(0, self._left)))
        if content:
            self._left -= len(content)
            self._digest.update(content)
        elif not self._is_checked:
            if self._left != 0 or self._file.read() != self._digest.digest():
                raise self._damaged("its content was changed or is cut off")
            self._is_checked = True
        return content


class ContentReader:
    """Gives back the uncompressed content, in pieces of the asked size and never more.

    Args:
        file: Behind its head.
        head: That head.
        key: What the content is sealed with, if it is.
        damaged: Makes the error of a reason.
    """

    def __init__(
        self, file: BinaryIO, head: bytes, key: bytes | None, damaged: Callable[[str], Exception]
    ) -> None:
        self._damaged = damaged
        self._source: Source = (
            _PlainSource(file, head, damaged)
            if key is None
            else Opener(key, head, file.read, damaged)
        )
        self._decompressor = zlib.decompressobj(wbits=_GZIP)
        self._waiting = b""

    def read(self, size: int) -> bytes:
        """Return exactly ``size`` bytes.

        Raises:
            Exception: What ``damaged`` makes, also when there are fewer.
        """
        parts: list[bytes] = []
        while size > 0:
            piece = self._inflate(size)
            parts.append(piece)
            size -= len(piece)
        return b"".join(parts)

    def finish(self) -> None:
        """Check that the content ends here, whole.

        Raises:
            Exception: What ``damaged`` makes, when it does not.
        """
        while not self._decompressor.eof:
            if self._inflate(1, is_end_fine=True):
                raise self._damaged("more follows than belongs to it")
        if self._decompressor.unused_data or self._waiting or self._source.read_some():
            raise self._damaged("more follows than belongs to it")

    def _inflate(self, size: int, *, is_end_fine: bool = False) -> bytes:
        """Return some bytes, at most ``size``; none only at an end that is fine."""
        while True:
            if self._decompressor.eof:
                if is_end_fine:
                    return b""
                raise self._damaged("its content ends too early")
            waiting = self._waiting or self._source.read_some()
            try:
                piece = self._decompressor.decompress(waiting, size)
            except zlib.error as error:
                raise self._damaged("its content was changed") from error
            self._waiting = self._decompressor.unconsumed_tail
            if piece:
                return piece
            if not waiting and not self._decompressor.eof:
                raise self._damaged("its content is cut off")
