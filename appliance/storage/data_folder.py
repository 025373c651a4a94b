"""The data folder: made, private, and used by one server at a time.

Owns the folder and its lock; what lies inside is left to the stores. See ``appliance.paths`` for
the places.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from appliance.errors import DataFolderUnusable, StorageError
from appliance.storage.engine import PRIVATE_FILE, PRIVATE_FOLDER

LOCK_NAME = "server.lock"
_LOCKED_BYTE = 1 << 30
"""Windows locks are mandatory; this byte is far behind the text that others may read."""


class DataFolder:
    """A data folder that this process holds. Make it with ``open``, give it back with ``close``."""

    IN_USE_CODE: Final = "data_folder_in_use"

    def __init__(self, root: Path, lock_handle: int) -> None:
        self.root = root
        self._lock_handle: int | None = lock_handle

    @classmethod
    def open(cls, root: Path) -> DataFolder:
        """Make the folder if it is absent, check that it can be written, and lock it.

        Raises:
            DataFolderUnusable: Another server holds it, or it cannot be made or written; says what
                to do.
        """
        try:
            root.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=root):
                pass
            handle = os.open(root / LOCK_NAME, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        except OSError as error:
            raise _unwritable(root, error) from error
        try:
            _lock(handle)
        except OSError as error:
            os.close(handle)
            if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise _unwritable(root, error) from error
            raise _in_use(root) from error
        with suppress(OSError):  # a full disk: the lock holds, only who has it cannot be told
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
        return cls(root, handle)

    def close(self) -> None:
        """Let another server use the folder."""
        if self._lock_handle is not None:
            os.ftruncate(self._lock_handle, 0)
            os.close(self._lock_handle)
            self._lock_handle = None

    def __enter__(self) -> DataFolder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def holding(path: Path) -> Iterator[bool]:
    """Hold the lock of a file, made when absent, until the end; false when another holds it.

    Raises:
        StorageError: The file cannot be made or locked; says what to do.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    except OSError as error:
        raise _unlockable(path, error) from error
    try:
        try:
            _lock(handle)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise _unlockable(path, error) from error
            yield False
            return
        yield True
    finally:
        os.close(handle)


def read_holder(root: Path) -> int | None:
    """Return the id of the process that holds the folder, as it wrote it; ``None`` when unknown."""
    try:
        text = (root / LOCK_NAME).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isdecimal() else None


def _in_use(root: Path) -> DataFolderUnusable:
    holder = read_holder(root)
    who = f"the process {holder}" if holder else "another process"
    return DataFolderUnusable(
        f"The data folder {str(root)!r} is in use by {who}. Stop it, or choose another folder "
        "with --data-dir.",
        setting="CSAI_DATA_DIR",
        code=DataFolder.IN_USE_CODE,
    )


def _unwritable(root: Path, error: OSError) -> DataFolderUnusable:
    remedy = "Free some space" if error.errno == errno.ENOSPC else "Make it writable"
    return DataFolderUnusable(
        f"The data folder {str(root)!r} cannot be used: {error.strerror}. {remedy}, or choose "
        "another folder with --data-dir.",
        setting="CSAI_DATA_DIR",
    )


def _unlockable(path: Path, error: OSError) -> StorageError:
    is_full = error.errno == errno.ENOSPC
    remedy = "Free some space" if is_full else "Move it away, or make its folder writable"
    return StorageError(f"The lock file {str(path)!r} cannot be used: {error.strerror}. {remedy}.")


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
