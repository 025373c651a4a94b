"""Private files and folders of backups on the disk.

Owns making them private, durable and only where there is room; what is in them is left to others.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from appliance.errors import ConfigurationError, StorageError
from appliance.storage.engine import PRIVATE_FOLDER
from appliance.storage.sqlite_errors import FULL_CODE

MARGIN_BYTES: Final = 32 * 1024 * 1024
"""What a backup leaves free at least, for the database to go on."""

WORK_PATTERN: Final = "backup-*"
"""The names of work folders."""

_STALE_S = 24 * 3600.0


def make_private_folder(folder: Path, *, setting: str) -> None:
    """Make the folder with its parents, open to its owner only.

    Raises:
        ConfigurationError: It cannot be made or used.
    """
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise ConfigurationError(
            f"The folder {str(folder)!r} cannot be used for backups: {error.strerror}. Make it "
            f"writable, or name another with {setting}.",
            setting=setting,
        ) from error


@contextmanager
def work_folder(root: Path) -> Iterator[Path]:
    """Give a new private folder in ``root``, gone afterwards; sweep what a killed process left."""
    make_private_folder(root, setting="CSAI_DATA_DIR")
    with in_use(root, WORK_PATTERN):
        folder = Path(mkdtemp(dir=root, prefix="backup-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def in_use(root: Path, pattern: str) -> Iterator[None]:
    """Sweep a folder, and let nobody else sweep it until the end.

    The operating system ends a process's hold with the process, however that ends.
    """
    handle = _open_folder(root)
    try:
        _sweep(root, pattern, handle)
        if handle is not None:
            _try_lock(handle, is_alone=False)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def sweep(root: Path, pattern: str) -> None:
    """Remove what processes that were killed left in a folder, which may be absent."""
    if root.is_dir():
        with suppress(OSError), in_use(root, pattern):
            pass


def check_space(needs: dict[Path, int], *, movable: Path | None = None) -> None:
    """Refuse to begin what would fill a disk.

    Args:
        needs: How many bytes are needed where; folders on one disk share its room.
        movable: Which of the folders CSAI_BACKUP_DIR moves elsewhere.

    Raises:
        StorageError: There is too little, with code ``storage_full``; says where and how much.
    """
    by_device: dict[int, tuple[Path, int]] = {}
    for folder, size in needs.items():
        device = folder.stat().st_dev
        first, sum_so_far = by_device.get(device, (folder, 0))
        by_device[device] = (first, sum_so_far + size)
    for folder, size in by_device.values():
        free = shutil.disk_usage(folder).free
        if free < size + MARGIN_BYTES:
            helps = movable is not None and movable.stat().st_dev == folder.stat().st_dev
            other = ", or name a folder on another disk with CSAI_BACKUP_DIR" if helps else ""
            raise StorageError(
                f"The disk of {str(folder)!r} has {_megabytes(free)} MB free, "
                f"{_megabytes(size + MARGIN_BYTES)} MB are needed; nothing was done. Free some "
                f"space there{other}.",
                code=FULL_CODE,
            )


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what the operating system says about a file into ``StorageError``."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageError(
                f"The disk of {str(folder)!r} is full. Free some space; what was begun is gone.",
                code=FULL_CODE,
            ) from error
        place = error.filename or folder
        raise StorageError(f"{str(place)!r} cannot be used: {error.strerror}.") from error


def _sweep(root: Path, pattern: str, handle: int | None) -> None:
    """Remove what nobody can be using, since nobody uses the folder, or since it is old."""
    is_alone = handle is not None and _try_lock(handle, is_alone=True)
    for left in root.glob(pattern):
        with suppress(OSError):
            if not is_alone and time.time() - left.stat().st_mtime < _STALE_S:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()


if sys.platform == "win32":  # a folder cannot be locked there: only the age tells

    def _open_folder(folder: Path) -> int | None:
        return None

    def _try_lock(handle: int, *, is_alone: bool) -> bool:
        return False

else:
    import fcntl

    def _open_folder(folder: Path) -> int | None:
        return os.open(folder, os.O_RDONLY | os.O_CLOEXEC)

    def _try_lock(handle: int, *, is_alone: bool) -> bool:
        """Hold the folder, alone or beside others; false where its file system cannot."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB if is_alone else fcntl.LOCK_SH)
        except OSError:
            return False
        return True


def _megabytes(size: int) -> int:
    return -(-size // 1_000_000)
