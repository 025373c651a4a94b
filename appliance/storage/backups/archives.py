"""The folder of backups: each made, proven, found and thrown away again.

Owns the files' names and what is in the folder; one archive's content is left to ``writing`` and
``reading``. Everything here blocks; ``background`` runs it beside a server.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from appliance.domain.json_types import BROKEN_JSON
from appliance.errors import BackupRefused, NotFound
from appliance.ports.backups import Backup, BackupKind
from appliance.ports.clock import Clock
from appliance.storage.backups.database_checks import check_database
from appliance.storage.backups.files import (
    WORK_PATTERN,
    check_space,
    explained,
    in_use,
    make_private_folder,
    sweep,
    work_folder,
)
from appliance.storage.backups.header import ID_FORM, SUFFIX, Header
from appliance.storage.backups.progress import Progress
from appliance.storage.backups.reading import Unpacked, read_head, unpack
from appliance.storage.backups.rotation import choose_outdated
from appliance.storage.backups.writing import Contents, new_id, write_backup
from appliance.storage.folders import sync_folder

logger = structlog.get_logger(__name__)

PREFIX: Final = "csai-"
PROVEN_SUFFIX: Final = ".verified"
SETTING: Final = "CSAI_BACKUP_DIR"

READ_SHARE: Final = 0.4
"""What a test restore is of the work of making a backup."""

_DRAFT_SUFFIX: Final = ".partial"
_DRAFT_PATTERN: Final = f".{PREFIX}*{_DRAFT_SUFFIX}"


class _Proof(Struct, frozen=True, kw_only=True):
    """Beside a backup: when it was last proven, and which file that was."""

    id: str
    size_bytes: int
    verified_at: datetime


class Archives:
    """The backups in one folder.

    Args:
        folder: Where they are; made when the first one is.
        work: Where snapshots are taken and test restores made: on the database's own disk, since
            it holds the database in clear for a while.
        contents: What goes into them.
        clock: Tells the time.
    """

    def __init__(self, folder: Path, *, work: Path, contents: Contents, clock: Clock) -> None:
        self._folder = folder
        self._work = work
        self._contents = contents
        self._clock = clock

    def create(self, kind: BackupKind, progress: Progress | None = None) -> Backup:
        """Make a backup and prove it; only then it gets its name.

        Raises:
            ConfigurationError: The folder cannot be used.
            StorageError: The database or the disk fails, or there is too little room.
        """
        progress = progress or Progress()
        make_private_folder(self._folder, setting=SETTING)
        created_at = self._clock.now().astimezone(UTC).replace(microsecond=0)
        backup_id = new_id(created_at)
        place = self._path(backup_id)
        draft = place.with_name(f".{place.name}{_DRAFT_SUFFIX}")
        with (
            explained(self._folder),
            in_use(self._folder, _DRAFT_PATTERN),
            work_folder(self._work) as work,
        ):
            size = self._contents.source.measure()
            check_space({self._work: size, self._folder: size}, movable=self._folder)
            try:
                header = write_backup(
                    self._contents,
                    draft,
                    work,
                    kind=kind,
                    backup_id=backup_id,
                    created_at=created_at,
                    progress=progress,
                )
                self._prove(draft, work, self._contents.passphrase, progress)
                draft.rename(place)
            finally:
                draft.unlink(missing_ok=True)
            self._note_proof(place, header)
            sync_folder(self._folder)
            return self._describe(place, header)

    def sweep(self) -> None:
        """Remove what processes that were killed left: copies of the database, half archives."""
        sweep(self._work, WORK_PATTERN)
        sweep(self._folder, _DRAFT_PATTERN)

    def list_all(self) -> list[Backup]:
        """Return the backups, newest first; what is damaged at its head is logged and left out."""
        found: list[Backup] = []
        with explained(self._folder):
            for path in self._folder.glob(f"{PREFIX}*{SUFFIX}"):
                try:
                    header = read_head(path)
                except (BackupRefused, OSError) as error:
                    logger.warning("backup_unreadable", file=path.name, error=str(error))
                    continue
                if path == self._path(header.id):
                    found.append(self._describe(path, header))
        return sorted(found, key=lambda backup: (backup.created_at, backup.id), reverse=True)

    def find(self, backup_id: str) -> Path:
        """Return the file of a backup.

        Raises:
            NotFound: There is none of this id.
        """
        path = self._path(backup_id)
        if not ID_FORM.fullmatch(backup_id) or not path.is_file():
            raise NotFound(
                f"There is no backup {backup_id[:100]!r} in {str(self._folder)!r}.",
                code="backup_not_found",
            )
        return path

    def verify(
        self, path: Path, *, passphrase: str | None = None, progress: Progress | None = None
    ) -> Backup:
        """Restore a backup into a temporary folder and compare it with what it says of itself.

        Args:
            path: The file, in the folder of backups or elsewhere.
            passphrase: Instead of the one that new backups are made with.
            progress: Told how far it is.

        Raises:
            BackupRefused: It cannot be used; says why.
            StorageError: There is too little room, or the disk fails.
        """
        with explained(path.parent), work_folder(self._work) as work:
            try:
                self._prove(path, work, passphrase or self._contents.passphrase, progress)
            except BackupRefused as error:
                if error.code == BackupRefused.default_code:
                    _proof_path(path).unlink(missing_ok=True)
                raise
            header = read_head(path)
            self._note_proof(path, header)
            return self._describe(path, header)

    def thin_out(self, *, keep_daily: int, installation_id: str | None) -> list[str]:
        """Delete what ``rotation`` does not keep, of this installation only; return the ids."""
        own = [one for one in self.list_all() if one.installation_id == installation_id]
        outdated = choose_outdated(own, keep_daily=keep_daily, now=self._clock.now())
        with explained(self._folder):
            for backup in outdated:
                path = self._path(backup.id)
                path.unlink(missing_ok=True)
                _proof_path(path).unlink(missing_ok=True)
                logger.info("backup_deleted", id=backup.id, kind=backup.kind)
        return [backup.id for backup in outdated]

    def _prove(
        self, path: Path, work: Path, passphrase: str | None, progress: Progress | None
    ) -> Unpacked:
        progress = progress or Progress(whole=READ_SHARE)
        unpacked = unpack(path, work, passphrase=passphrase, progress=progress)
        check_database(
            unpacked.database, unpacked.manifest, path.name, work=work, progress=progress
        )
        return unpacked

    def _path(self, backup_id: str) -> Path:
        return self._folder / f"{PREFIX}{backup_id}{SUFFIX}"

    def _describe(self, path: Path, header: Header) -> Backup:
        size = path.stat().st_size
        return Backup(
            id=header.id,
            created_at=header.created_at,
            kind=header.kind,
            size_bytes=size,
            is_encrypted=header.sealing is not None,
            schema=header.schema,
            program_version=header.program_version,
            installation_id=header.installation_id,
            verified_at=_read_proof(path, header.id, size),
        )

    def _note_proof(self, path: Path, header: Header) -> None:
        proof = _Proof(id=header.id, size_bytes=path.stat().st_size, verified_at=self._clock.now())
        with suppress(OSError):  # a folder that can only be read; the check itself was made
            handle = os.open(_proof_path(path), os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(proof))


def _proof_path(path: Path) -> Path:
    return path.with_name(path.name + PROVEN_SUFFIX)


def _read_proof(path: Path, backup_id: str, size: int) -> datetime | None:
    try:
        proof = msgspec.json.decode(_proof_path(path).read_bytes(), type=_Proof)
    except (OSError, *BROKEN_JSON):
        return None
    return proof.verified_at if (proof.id, proof.size_bytes) == (backup_id, size) else None
