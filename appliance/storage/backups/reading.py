"""Taking one backup file apart, into a folder.

Owns what an archive must be to be let in: every name, size and digest; what the database in it must
be is left to ``database_checks``. An archive may come from anybody.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct

from appliance.domain.json_types import BROKEN_JSON
from appliance.errors import BackupRefused
from appliance.storage.backups.files import check_space
from appliance.storage.backups.header import Header, build_damaged, read_header
from appliance.storage.backups.manifest import (
    CONFIG,
    DATABASE,
    KEYS,
    MANIFEST,
    MEMBERS,
    Manifest,
)
from appliance.storage.backups.members import MemberReader
from appliance.storage.backups.progress import Progress
from appliance.storage.backups.sealing import open_sealing
from appliance.storage.backups.streams import ContentReader
from appliance.storage.migrations import HEAD, known_revisions

_MAX_BYTES: Final = {MANIFEST: 1024 * 1024, CONFIG: 1024 * 1024, KEYS: 64 * 1024}
_READ_SHARE: Final = 0.2

Damaged = Callable[[str], BackupRefused]


class Unpacked(Struct, frozen=True, kw_only=True):
    """What was in a backup: the database as a file, the rest as bytes."""

    manifest: Manifest
    database: Path
    config: bytes | None
    keys: bytes | None


def read_head(path: Path) -> Header:
    """Return what a backup file says of itself to everyone.

    Raises:
        BackupRefused: It is no backup.
        OSError: It cannot be read.
    """
    with _open(path) as file:
        return read_header(file, path.name)[0]


def is_encrypted(path: Path) -> bool:
    """Say whether a passphrase is needed; no, also when the file is no backup at all."""
    try:
        return read_head(path).sealing is not None
    except (BackupRefused, OSError):
        return False


def unpack(path: Path, folder: Path, *, passphrase: str | None, progress: Progress) -> Unpacked:
    """Write the database to ``folder`` and return everything; the whole file was checked then.

    The folder is a passing one: where there is too little room, its parent is named.

    Raises:
        BackupRefused: It is foreign, damaged, hostile or newer, or its passphrase is another.
        StorageError: There is not enough room.
        OSError: It cannot be read, or the disk fails.
    """
    damaged: Damaged = partial(build_damaged, path.name)
    with _open(path) as file:
        header, head = read_header(file, path.name)
        key = _find_key(header, passphrase, path.name)
        reader = ContentReader(file, head, key, damaged)
        members = MemberReader(reader, damaged)
        manifest = _read_manifest(members, header, damaged)
        _refuse_newer(manifest, path.name)
        check_space({folder.parent: manifest.members[DATABASE].size})
        database = folder / DATABASE
        small: dict[str, bytes] = {}
        for name in MEMBERS:
            if name not in manifest.members:
                continue
            member = manifest.members[name]
            digest = hashlib.sha256()
            pieces = _hashed(members.pieces(members.expect(name, member.size)), digest.update)
            if name == DATABASE:
                _write(database, pieces, member.size, progress)
            else:
                small[name] = b"".join(pieces)
            if digest.hexdigest() != member.sha256:
                raise damaged(f"the content of {name!r} does not fit its checksum")
        members.finish()
        reader.finish()
    return Unpacked(
        manifest=manifest,
        database=database,
        config=small.get(CONFIG),
        keys=small.get(KEYS),
    )


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    # Without waiting: whoever names a pipe must not make this hang.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise BackupRefused(f"{path.name!r} is not a file.", code="backup_foreign")
        yield file


def _find_key(header: Header, passphrase: str | None, name: str) -> bytes | None:
    if header.sealing is None:
        return None
    if passphrase is None:
        raise BackupRefused(
            f"The backup {name!r} is encrypted. Give its passphrase with CSAI_BACKUP_PASSPHRASE "
            "or --passphrase-file.",
            code="backup_passphrase_missing",
        )
    return open_sealing(header.sealing, passphrase, name)


def _read_manifest(members: MemberReader, header: Header, damaged: Damaged) -> Manifest:
    size = members.expect(MANIFEST)
    if size > _MAX_BYTES[MANIFEST]:
        raise damaged("its list of contents is too long")
    try:
        manifest = msgspec.json.decode(b"".join(members.pieces(size)), type=Manifest)
    except BROKEN_JSON as error:
        raise damaged("its list of contents cannot be read") from error
    if any(
        getattr(manifest, name) != getattr(header, name)
        for name in ("id", "created_at", "kind", "program_version", "schema", "installation_id")
    ):
        raise damaged("its list of contents is another backup's")
    allowed = {DATABASE} if header.sealing is None else set(MEMBERS)
    if DATABASE not in manifest.members or not set(manifest.members) <= allowed:
        raise damaged("it lists other files than a backup holds")
    for name, member in manifest.members.items():
        if not 0 <= member.size <= _MAX_BYTES.get(name, 2**62):
            raise damaged(f"the size of {name!r} does not fit")
    return manifest


def _refuse_newer(manifest: Manifest, name: str) -> None:
    if manifest.schema not in known_revisions():
        raise BackupRefused(
            f"The backup {name!r} was made by version {manifest.program_version[:40]!r} with the "
            f"schema {manifest.schema[:40]!r}; this version knows {HEAD!r}. Install that version "
            "or a newer one.",
            code="backup_too_new",
        )


def _hashed(pieces: Iterator[bytes], update: Callable[[bytes], None]) -> Iterator[bytes]:
    for piece in pieces:
        update(piece)
        yield piece


def _write(path: Path, pieces: Iterator[bytes], size: int, progress: Progress) -> None:
    report = progress.part(_READ_SHARE)
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    done = 0
    with os.fdopen(handle, "wb") as file:
        for piece in pieces:
            file.write(piece)
            done += len(piece)
            report(done, size)
