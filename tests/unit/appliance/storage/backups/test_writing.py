from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from appliance.errors import ConfigurationError, DataFolderUnusable
from appliance.storage import migrations
from appliance.storage.backups.header import ID_FORM, Header
from appliance.storage.backups.progress import Progress
from appliance.storage.backups.reading import read_head, unpack
from appliance.storage.backups.writing import new_id, write_backup
from tests.fakes.backups import PASSPHRASE, Installation, build_installation

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
    assert (header.kind, header.created_at, header.schema) == (
        "daily",
        AT,
        migrations.HEAD,
    )
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


def test_files_that_are_not_there_are_not_missed(tmp_path: Path):
    installation = build_installation(tmp_path / "keyless", has_key=False)
    installation.paths.config_file.unlink()
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


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_without_the_key_of_its_secrets_nothing_is_written(
    installation: Installation, tmp_path: Path, passphrase: str | None
):
    installation.paths.key_file.unlink()
    with pytest.raises(ConfigurationError, match="is missing in the key file") as caught:
        write(installation, tmp_path / "backup", passphrase)
    assert caught.value.code == "key_missing"
    (tmp_path / "work" / "database.sqlite3").unlink()
    installation.paths.key_file.write_bytes(Fernet.generate_key())
    with pytest.raises(ConfigurationError, match="not the one of this database") as caught:
        write(installation, tmp_path / "backup", passphrase)
    assert caught.value.code == "key_wrong"
    assert not (tmp_path / "backup").exists()
