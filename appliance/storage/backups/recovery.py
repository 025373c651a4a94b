"""Restoring a backup: from the archive to files that are ready to be put in place, and that.

Owns what is restored and what is refused, the keys of the stored secrets above all; the renames are
left to ``restoring``.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from msgspec import Struct, structs

from appliance.errors import ApplianceError, BackupRefused, ConfigurationError, StorageError
from appliance.paths import DataPaths
from appliance.storage import migrations
from appliance.storage.backups.database_checks import check_database
from appliance.storage.backups.files import explained, make_private_folder
from appliance.storage.backups.forgetting import forget_secrets
from appliance.storage.backups.key_checks import fits
from appliance.storage.backups.manifest import Manifest
from appliance.storage.backups.progress import Progress
from appliance.storage.backups.reading import Unpacked, unpack
from appliance.storage.backups.restoring import (
    JOURNAL,
    Journal,
    Move,
    finish_restore,
    plan_moves,
    swap,
)
from appliance.storage.engine import PRIVATE_FOLDER, open_writer
from appliance.storage.folders import sync_folder
from appliance.storage.key_store import (
    KeyStore,
    import_keys,
    parse_keys,
)

_STAGE = "restore-"


class Choices(Struct, frozen=True, kw_only=True):
    """What whoever restores has decided.

    ``key_file`` holds the key of the stored secrets, for a backup without it; with
    ``without_secrets`` they are left behind. ``with_config`` replaces the
    settings file, which otherwise is restored only where there is none.
    """

    passphrase: str | None = None
    key_file: Path | None = None
    without_secrets: bool = False
    with_config: bool = False


class Prepared(Struct, frozen=True, kw_only=True):
    """A checked backup, its files staged in ``stage``.

    ``missing_keys`` are to be added to ``keys``; ``lost`` names the secrets left behind.
    """

    stage: Path
    unpacked: Unpacked
    keys: KeyStore
    missing_keys: bytes
    lost: list[str]


class Restored(Struct, frozen=True, kw_only=True):
    """What came of it. ``replaced`` keeps what was there before."""

    manifest: Manifest
    replaced: Path | None
    lost: list[str]
    has_config: bool


@contextmanager
def prepare(
    path: Path, paths: DataPaths, keys: KeyStore, choices: Choices, progress: Progress
) -> Iterator[Prepared]:
    """Unpack and check a backup in the data folder, which must be held; nothing is replaced yet.

    Raises:
        BackupRefused: It cannot be used, or the key of its secrets is not here.
        StorageError: There is too little room, or the disk fails.
    """
    finish_restore(paths.root)
    make_private_folder(paths.work, setting="CSAI_DATA_DIR")
    sweep_stages(paths)
    with explained(paths.root):
        stage = paths.work / f"{_STAGE}{secrets.token_hex(4)}"
        stage.mkdir(mode=PRIVATE_FOLDER)
        try:
            unpacked = unpack(path, stage, passphrase=choices.passphrase, progress=progress)
            check_database(
                unpacked.database, unpacked.manifest, path.name, work=stage, progress=progress
            )
            missing = _find_missing_keys(unpacked, keys, choices, path.name)
            lost = forget_secrets(unpacked.database) if missing is None else []
            yield Prepared(
                stage=stage, unpacked=unpacked, keys=keys, missing_keys=missing or b"", lost=lost
            )
        finally:
            if not (paths.root / JOURNAL).exists():
                shutil.rmtree(stage, ignore_errors=True)


def sweep_stages(paths: DataPaths) -> None:
    """Remove what restores that were killed left; the data folder must be held, none unfinished."""
    for left in paths.work.glob(f"{_STAGE}*"):
        shutil.rmtree(left, ignore_errors=True)


def install(prepared: Prepared, paths: DataPaths, choices: Choices, *, at: datetime) -> Restored:
    """Put the prepared files in place, keeping those that were there.

    Raises:
        ConfigurationError: The keys cannot be kept.
        OSError: A file cannot be moved; all is as it was.
    """
    database = prepared.unpacked.database
    _sync(database)
    log = paths.database.name
    logs = [paths.database.with_name(f"{log}-{end}") for end in ("wal", "shm", "journal")]
    return _swap(
        prepared,
        paths,
        choices,
        put=[(database, paths.database)],
        aside=logs,
        replaced=_new_folder(paths.root, at),
    )


def install_in_postgres(
    prepared: Prepared, paths: DataPaths, choices: Choices, *, url: str, at: datetime
) -> Restored:
    """Replace what this program keeps in a Postgres database; that is kept as an SQLite file.

    Raises:
        ConfigurationError: The database or the keys cannot be used.
        DataFolderUnusable: A server runs on the database.
        StorageError: A step failed; names where the earlier content is, once that may be gone.
    """
    from appliance.storage.postgres.moving import (
        copy_from_postgres,
        holds_installation,
        move_to_postgres,
    )

    database = prepared.unpacked.database
    connection = open_writer(database)
    try:
        migrations.upgrade(connection)
    finally:
        connection.close()
    kept: Path | None = None
    replaced = _new_folder(paths.root, at)
    if holds_installation(url):
        draft = prepared.stage / "replaced.sqlite3"
        copy_from_postgres(url, draft, on_start=_untold)
        kept = replaced / paths.database.relative_to(paths.root)
        _put_durably(draft, kept, root=paths.root)
    try:
        if prepared.missing_keys:
            import_keys(prepared.keys, prepared.missing_keys)
        move_to_postgres(database, url, on_start=_untold, replaces=True)
    except (ApplianceError, OSError) as error:
        if kept is None:
            raise
        if isinstance(error, ConfigurationError) and error.code != "database_unreachable":
            shutil.rmtree(replaced, ignore_errors=True)  # refused: nothing was changed
            raise
        # A connection that breaks during the commit does not tell what became of it.
        raise _build_cut_off(error, kept) from error
    try:
        restored = _swap(prepared, paths, choices, put=[], aside=[], replaced=replaced)
    except (ApplianceError, OSError) as error:
        if kept is None:
            raise
        raise _build_cut_off(error, kept) from error
    return structs.replace(restored, replaced=replaced) if kept else restored


def _put_durably(draft: Path, place: Path, *, root: Path) -> None:
    """Move a file of the stage to where it stays, whatever happens from now on."""
    _sync(draft)
    for folder in reversed(place.parents):
        if folder.is_relative_to(root) and not folder.exists():
            folder.mkdir(mode=PRIVATE_FOLDER)
            sync_folder(folder.parent)
    os.rename(draft, place)
    sync_folder(place.parent)


def _build_cut_off(error: ApplianceError | OSError, kept: Path) -> StorageError:
    if isinstance(error, ApplianceError):
        reason = error.message
    else:
        reason = f"{str(error.filename or kept)!r} cannot be used: {error.strerror}."
    return StorageError(
        "The restore was cut off, and the database may hold the backup already; its earlier "
        f"content is in {str(kept)!r}. {reason} Restore once more when that is mended.",
        code="restore_cut_off",
    )


def _swap(
    prepared: Prepared,
    paths: DataPaths,
    choices: Choices,
    *,
    put: list[tuple[Path, Path]],
    aside: list[Path],
    replaced: Path,
) -> Restored:
    """Put files in place, and those of the settings and of what no longer fits."""
    root, config = paths.root, prepared.unpacked.config
    has_config = config is not None and (choices.with_config or not paths.config_file.exists())
    if config is not None and has_config:
        put = [*put, (_write(prepared.stage / "config.toml", config), paths.config_file)]
    sync_folder(prepared.stage)
    aside = [*aside, paths.first_login]  # its password is of the database that goes
    moves = plan_moves(root, put=put, aside=aside, replaced=replaced)
    is_anything_kept = any(move.target.startswith(replaced.name) for move in moves)
    stage = str(prepared.stage.relative_to(root))
    if paths.cache.exists():  # it speaks of conversations that the restored database has not
        moves.append(Move(str(paths.cache.relative_to(root)), f"{stage}/cache"))
    if prepared.missing_keys:
        import_keys(prepared.keys, prepared.missing_keys)
    swap(root, Journal(moves=moves, discard=[stage]))
    return Restored(
        manifest=prepared.unpacked.manifest,
        replaced=replaced if is_anything_kept else None,
        lost=prepared.lost,
        has_config=has_config,
    )


def _untold(_: int) -> Callable[[int], None]:
    return lambda _: None


def _find_missing_keys(
    unpacked: Unpacked, keys: KeyStore, choices: Choices, name: str
) -> bytes | None:
    """Return the keys to add, none when those here fit; ``None`` to do without the secrets.

    What opens the database decides, not what the manifest says of the key that was there.
    """
    if choices.without_secrets:
        return None
    if choices.key_file is not None:
        content = choices.key_file.read_bytes()  # whoever else can read it on a USB stick
        given = parse_keys(content, f"the key file {str(choices.key_file)!r}")
        if fits(unpacked.database, given, keys):
            return content
        raise BackupRefused(
            f"The key in {str(choices.key_file)!r} is not the one of the backup {name!r}. Give the "
            "key file of the installation that made it.",
            code="backup_key_wrong",
        )
    present = keys.load()
    if fits(unpacked.database, present, keys):
        return b""
    if unpacked.keys is not None:
        carried = parse_keys(unpacked.keys, f"the backup {name!r}")
        if fits(unpacked.database, carried, keys):
            return unpacked.keys
    in_backup = "not in it" if unpacked.keys is None else "another than the one in it"
    here = f"the one in {keys.place} is another" if present else f"there is none in {keys.place}"
    raise BackupRefused(
        f"The key of the secrets stored in the backup {name!r} is {in_backup}, and {here}. Give "
        "the right key with --key-file, or leave the secrets behind with --without-secrets.",
        code="backup_key_missing",
    )


def _new_folder(root: Path, at: datetime) -> Path:
    """Return a path that nothing has; a second restore within a second needs another name."""
    name = f"replaced-{at:%Y%m%dT%H%M%SZ}"
    folder, number = root / name, 1
    while folder.exists():
        number += 1
        folder = root / f"{name}-{number}"
    return folder


def _write(path: Path, content: bytes) -> Path:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return path


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
