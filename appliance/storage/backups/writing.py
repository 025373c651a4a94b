"""Making one backup file.

Owns its order of steps: snapshot, manifest, archive; where it gets its name and who checks it is
left to ``archives``.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from appliance import __version__
from appliance.ports.backups import BackupKind
from appliance.storage.backups.header import Header, encode_header
from appliance.storage.backups.key_checks import check_database_keys
from appliance.storage.backups.manifest import (
    CONFIG,
    DATABASE,
    KEYS,
    MANIFEST,
    Manifest,
    Member,
    build_manifest,
    read_facts,
)
from appliance.storage.backups.members import MemberWriter
from appliance.storage.backups.progress import Progress
from appliance.storage.backups.sealing import make_sealing
from appliance.storage.backups.snapshots import SnapshotSource
from appliance.storage.backups.streams import ContentWriter, FileWriter
from appliance.storage.key_store import KeyStore, export_keys, fingerprint

_PIECE_BYTES = 1024 * 1024


class Contents(Struct, frozen=True, kw_only=True):
    """What goes into a backup besides the database; without a passphrase none of it does.

    ``scrypt_n`` is how dear each guess of the passphrase is made.
    """

    source: SnapshotSource
    config_file: Path
    keys: KeyStore
    passphrase: str | None
    scrypt_n: int


def new_id(created_at: datetime) -> str:
    """Return the id of a backup made now; ids in their order are in the order of time."""
    return f"{created_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def write_backup(
    contents: Contents,
    target: Path,
    work: Path,
    *,
    kind: BackupKind,
    backup_id: str,
    created_at: datetime,
    progress: Progress,
) -> Header:
    """Write a backup to the new file ``target``, durable on return.

    Raises:
        ApplianceError: The database or the key file cannot be read, or the key does not open the
            database's secrets.
        OSError: The disk fails.
    """
    snapshot = work / DATABASE
    contents.source.write_snapshot(snapshot, progress.part(0.2))
    keys = contents.keys.load()
    check_database_keys(snapshot, keys, contents.keys)
    revision, installation_id, tables = read_facts(snapshot)
    sealing, key = (
        (None, None)
        if contents.passphrase is None
        else make_sealing(contents.passphrase, scrypt_n=contents.scrypt_n)
    )
    header = Header(
        id=backup_id,
        created_at=created_at,
        kind=kind,
        program_version=__version__,
        schema=revision,
        installation_id=installation_id,
        sealing=sealing,
    )
    small = {} if key is None else _read_small(contents)
    members = {DATABASE: _describe(snapshot, progress)}
    members |= {name: Member(len(content), _sha256(content)) for name, content in small.items()}
    manifest = build_manifest(
        header, key_fingerprint=fingerprint(keys) if keys else None, members=members, tables=tables
    )
    handle = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as file:
        head = encode_header(header)
        writer = FileWriter(file)
        writer.write(head)
        content_writer = ContentWriter(writer, head, key)
        _write_members(content_writer, manifest, snapshot, small, progress)
        content_writer.finish()
    snapshot.unlink()
    return header


def _write_members(
    content_writer: ContentWriter,
    manifest: Manifest,
    snapshot: Path,
    small: dict[str, bytes],
    progress: Progress,
) -> None:
    members = MemberWriter(content_writer.write)
    encoded = msgspec.json.encode(manifest)
    members.add(MANIFEST, len(encoded), iter([encoded]))
    size = manifest.members[DATABASE].size
    members.add(DATABASE, size, _read_pieces(snapshot, size, progress, 0.35))
    for name, content in small.items():
        members.add(name, len(content), iter([content]))
    members.finish()


def _read_small(contents: Contents) -> dict[str, bytes]:
    """Return the small files in the order in which they stand in the archive."""
    found: dict[str, bytes] = {}
    if contents.config_file.is_file():
        found[CONFIG] = contents.config_file.read_bytes()
    if contents.keys.load():
        found[KEYS] = export_keys(contents.keys)
    return found


def _describe(path: Path, progress: Progress) -> Member:
    size = path.stat().st_size
    digest = hashlib.sha256()
    for piece in _read_pieces(path, size, progress, 0.05):
        digest.update(piece)
    return Member(size, digest.hexdigest())


def _read_pieces(path: Path, size: int, progress: Progress, share: float) -> Iterator[bytes]:
    report = progress.part(share)
    done = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            done += len(piece)
            yield piece
            report(done, size)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
