"""An archive in a folder.

Owns writing its files so that each is there whole or not at all, readable by their owner only.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from appliance.errors import Unavailable
from appliance.storage.engine import PRIVATE_FOLDER
from appliance.storage.folders import sync_folder

_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


class FolderArchive:
    """Implements ``Archive`` in a folder, made when absent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, content: bytes) -> None:
        """Store an object durably, in place of one of the same name."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of an object")
        try:
            await asyncio.to_thread(_write, self._folder / name, content)
        except OSError as error:
            raise Unavailable(
                f"The archive folder {str(self._folder)!r} cannot be written: {error.strerror}. "
                "Nothing that was to go there is deleted. Mend the folder or CSAI_ARCHIVE_URL.",
                code="archive_unavailable",
            ) from error

    async def close(self) -> None:
        """Hold nothing open."""


def _write(place: Path, content: bytes) -> None:
    made = _make_folders(place.parent)
    handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, place)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    for folder in (place.parent, *made):
        sync_folder(folder)


def _make_folders(folder: Path) -> list[Path]:
    """Make what is missing of the path to ``folder``; return the parents of what was made."""
    missing: list[Path] = []
    place = folder
    while not place.is_dir():
        missing.append(place)
        place = place.parent
    for part in reversed(missing):
        part.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    return [part.parent for part in missing]
