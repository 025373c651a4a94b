from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.errors import DataFolderUnusable
from appliance.storage.backups.header import ID_FORM, Header
from appliance.storage.backups.progress import Progress
from appliance.storage.backups.reading import read_head, unpack
from appliance.storage.backups.writing import new_id, write_backup
from tests.fakes.backups import PASSPHRASE, Installation

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def write(installation: Installation, target: Path, passphrase: str | None) -> Header:
    work = target.parent / "work"
    work.mkdir(exist_ok=True)
    header = write_backup(
        installation.contents(passphrase),
        target,
        work,
        kind="daily",
        backup_id=new_id(AT),
        created_at=AT,
        progress=Progress(),
    )
    assert list(work.iterdir()) == []
    return header


def test_ids_are_in_the_order_of_time():
    ids = [new_id(AT + timedelta(seconds=number)) for number in range(20)]
    assert ids == sorted(ids)
    assert all(ID_FORM.fullmatch(found) for found in ids)
    assert len({new_id(AT) for _ in range(20)}) == 20


def test_the_head_is_what_it_says(installation: Installation, tmp_path: Path):
    target = tmp_path / "backup"
    header = write(installation, target, PASSPHRASE)
    assert read_head(target) == header
    assert (header.kind, header.created_at, header.schema) == ("daily", AT, "0002")
    assert header.sealing is not None


def test_what_may_hold_secrets_goes_with_a_passphrase_only(
    installation: Installation, tmp_path: Path
):
    for passphrase, names in (
        (None, ["database.sqlite3"]),
        (PASSPHRASE, ["database.sqlite3", "config.toml", "secrets.key"]),
    ):
        target = tmp_path / f"backup-{passphrase}"
        write(installation, target, passphrase)
        folder = tmp_path / f"unpacked-{passphrase}"
        folder.mkdir()
        unpacked = unpack(target, folder, passphrase=passphrase, progress=Progress())
        assert list(unpacked.manifest.members) == names
        assert unpacked.manifest.key_fingerprint is not None


def test_files_that_are_not_there_are_not_missed(installation: Installation, tmp_path: Path):
    installation.paths.config_file.unlink()
    installation.paths.key_file.unlink()
    write(installation, tmp_path / "backup", PASSPHRASE)
    folder = tmp_path / "unpacked"
    folder.mkdir()
    unpacked = unpack(tmp_path / "backup", folder, passphrase=PASSPHRASE, progress=Progress())
    assert (unpacked.config, unpacked.keys) == (None, None)
    assert unpacked.manifest.key_fingerprint is None


def test_nothing_is_overwritten(installation: Installation, tmp_path: Path):
    (tmp_path / "backup").write_text("mine")
    with pytest.raises(FileExistsError):
        write(installation, tmp_path / "backup", None)
    assert (tmp_path / "backup").read_text() == "mine"


def test_without_a_database_nothing_is_written(installation: Installation, tmp_path: Path):
    installation.paths.database.unlink()
    with pytest.raises(DataFolderUnusable):
        write(installation, tmp_path / "backup", None)
    assert not (tmp_path / "backup").exists()
