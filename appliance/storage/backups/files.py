"""Private files and folders of backups on the disk.

Owns making them private, durable and only where there is room; what is in them is left to others.
"""

from __future__ import annotations

import errno
import os
import shutil
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
    _sweep(root)
    folder = Path(mkdtemp(dir=root, prefix="backup-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_space(needs: dict[Path, int]) -> None:
    """Refuse to begin what would fill a disk.

    Args:
        needs: How many bytes are needed where; folders on one disk share its room.

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
            raise StorageError(
                f"The disk of {str(folder)!r} has {_megabytes(free)} MB free, "
                f"{_megabytes(size + MARGIN_BYTES)} MB are needed; nothing was done. Free some "
                "space, or name a folder on another disk with CSAI_BACKUP_DIR.",
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


def _sweep(root: Path) -> None:
    """Remove work folders of processes that were killed; younger ones may still be in use."""
    for folder in root.glob("backup-*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STALE_S:
                shutil.rmtree(folder, ignore_errors=True)


def _megabytes(size: int) -> int:
    return -(-size // 1_000_000)
