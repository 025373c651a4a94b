"""Putting restored files in the place of those that are there, all or none of them.

Owns the renames and the journal that lets the next start finish them; what is restored, and
whether, is left to ``archives``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from appliance.domain.json_types import BROKEN_JSON
from appliance.errors import StorageError
from appliance.storage.engine import PRIVATE_FOLDER
from appliance.storage.folders import sync_folder

logger = structlog.get_logger(__name__)

JOURNAL: Final = "restore.journal"


class Move(Struct, frozen=True):
    """One rename; both paths are relative to the data folder."""

    source: str
    target: str


class Journal(Struct, frozen=True, kw_only=True):
    """What has to be done, in this order, and which folders are of no use afterwards."""

    moves: list[Move]
    discard: list[str]


def swap(root: Path, journal: Journal) -> None:
    """Carry out the moves. A process that dies in between leaves them to ``finish_restore``.

    Raises:
        OSError: A move was not possible; those before it are undone.
    """
    _write_journal(root, journal)
    done: list[Move] = []
    try:
        for move in journal.moves:
            _move(root, move)
            done.append(move)
    except OSError:
        for move in reversed(done):
            os.rename(root / move.target, root / move.source)
        (root / JOURNAL).unlink()
        sync_folder(root)
        raise
    _end(root, journal)


def finish_restore(root: Path) -> bool:
    """Finish what a restore has begun in this data folder; false when there is nothing.

    Raises:
        StorageError: It cannot be finished; says what to look at.
    """
    path = root / JOURNAL
    try:
        journal = msgspec.json.decode(path.read_bytes(), type=Journal)
        for move in journal.moves:
            _move(root, move)
        _end(root, journal)
    except FileNotFoundError:
        return False
    except (OSError, *BROKEN_JSON) as error:
        raise StorageError(
            f"A restore was cut off and cannot be finished: {error}. See {str(path)!r} for the "
            "files, restore once more, or ask for help."
        ) from error
    logger.warning("restore_finished", data_dir=str(root))
    return True


def plan_moves(
    root: Path, *, put: Sequence[tuple[Path, Path]], aside: Sequence[Path], replaced: Path
) -> list[Move]:
    """Return the moves that put each new file at its place, what is there now going first.

    Args:
        root: The data folder; all paths are in it.
        put: Each new file and its place.
        aside: What else belongs to what is replaced.
        replaced: The new folder that keeps what was there, under the same names.
    """
    places = [place for _, place in put]
    moves = [
        Move(
            str(place.relative_to(root)),
            str((replaced / place.relative_to(root)).relative_to(root)),
        )
        for place in (*places, *aside)
        if os.path.lexists(place)
    ]
    moves += [Move(str(new.relative_to(root)), str(place.relative_to(root))) for new, place in put]
    return moves


def _move(root: Path, move: Move) -> None:
    """Rename, unless that was done before: a source that is back is what came in its place."""
    source, target = root / move.source, root / move.target
    if os.path.lexists(target) or not os.path.lexists(source):
        return
    for folder in reversed(target.parents):
        if folder.is_relative_to(root) and not folder.exists():
            folder.mkdir(mode=PRIVATE_FOLDER)
            sync_folder(folder.parent)
    os.rename(source, target)
    sync_folder(target.parent)
    sync_folder(source.parent)


def _write_journal(root: Path, journal: Journal) -> None:
    draft = root / f"{JOURNAL}.draft"
    with open(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        file.write(msgspec.json.encode(journal))
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, root / JOURNAL)
    sync_folder(root)


def _end(root: Path, journal: Journal) -> None:
    for name in journal.discard:
        shutil.rmtree(root / name, ignore_errors=True)
    (root / JOURNAL).unlink()
    sync_folder(root)
