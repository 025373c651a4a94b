from __future__ import annotations

import os
from pathlib import Path

import pytest
import structlog
from cryptography.fernet import Fernet

from appliance.errors import BackupRefused, ConfigurationError, StorageError
from appliance.paths import DataPaths
from appliance.storage.backups import files, restoring
from appliance.storage.backups.progress import Progress
from appliance.storage.backups.recovery import Choices, Restored, install, prepare
from appliance.storage.key_store import FileKeyStore, fingerprint
from tests.fakes.backups import (
    PASSPHRASE,
    SIGNING_CANARY,
    Forger,
    Installation,
    build_installation,
)


def restore(
    path: Path, installation: Installation, *, passphrase: str | None = PASSPHRASE, **fields: object
) -> Restored:
    choices = Choices(passphrase=passphrase, **fields)  # type: ignore[arg-type]
    keys = FileKeyStore(installation.paths.key_file)
    with prepare(path, installation.paths, keys, choices, Progress()) as prepared:
        return install(prepared, installation.paths, choices, at=installation.clock.now())


def back_up(installation: Installation, passphrase: str | None = PASSPHRASE) -> Path:
    archives = installation.archives(passphrase)
    return archives.find(archives.create("manual").id)


@pytest.fixture
def empty(tmp_path: Path) -> Installation:
    (tmp_path / "new").mkdir()
    return Installation(DataPaths(tmp_path / "new"))


def read_signing_secret(installation: Installation) -> str:
    (stored,) = installation.execute("SELECT encrypted_secret FROM api_keys")[0]
    key = FileKeyStore(installation.paths.key_file).load()[0]
    return Fernet(key).decrypt(stored).decode()


def test_a_new_folder_gets_everything(installation: Installation, empty: Installation):
    restored = restore(back_up(installation), empty)
    assert (restored.replaced, restored.lost, restored.has_config) == (None, [], True)
    assert empty.paths.config_file.read_bytes() == installation.paths.config_file.read_bytes()
    query = "SELECT content FROM messages ORDER BY id"
    assert empty.execute(query) == installation.execute(query)
    assert read_signing_secret(empty) == SIGNING_CANARY
    assert list(empty.paths.work.iterdir()) == []


def test_what_is_replaced_is_kept_and_opens(installation: Installation):
    path = back_up(installation)
    key = installation.paths.key_file.read_bytes()
    installation.execute("UPDATE tenants SET name = 'Later'")
    installation.paths.first_login.write_text("password of later")
    installation.paths.cache.mkdir()
    (installation.paths.cache / "stale").write_text("x")
    restored = restore(path, installation)
    assert installation.execute("SELECT name FROM tenants") == [("Corner Shop",)]
    assert restored.replaced == installation.paths.root / "replaced-20260302T093000Z"
    kept = Installation(DataPaths(restored.replaced))
    assert kept.execute("SELECT name FROM tenants") == [("Later",)]
    assert kept.paths.first_login.read_text() == "password of later"
    assert not installation.paths.first_login.exists()
    assert not installation.paths.cache.exists()
    assert installation.paths.key_file.read_bytes() == key
    again = restore(path, installation)
    assert again.replaced == installation.paths.root / "replaced-20260302T093000Z-2"


def test_the_log_of_what_is_replaced_goes_along(installation: Installation):
    path = back_up(installation)
    for end in ("wal", "shm"):
        installation.paths.database.with_name(f"csai.sqlite3-{end}").write_bytes(b"")
    restored = restore(path, installation)
    assert restored.replaced is not None
    kept = {entry.name for entry in (restored.replaced / "database").iterdir()}
    assert kept == {"csai.sqlite3", "csai.sqlite3-wal", "csai.sqlite3-shm"}
    assert [entry.name for entry in installation.paths.database.parent.iterdir()] == [
        "csai.sqlite3"
    ]


def test_settings_are_replaced_on_request_only(installation: Installation):
    path = back_up(installation)
    installation.paths.config_file.write_text("port = 9000\n")
    assert not restore(path, installation).has_config
    assert installation.paths.config_file.read_text() == "port = 9000\n"
    restored = restore(path, installation, with_config=True)
    assert restored.has_config
    assert restored.replaced is not None
    assert (restored.replaced / "config.toml").read_text() == "port = 9000\n"


def test_keys_of_both_stay(installation: Installation, tmp_path: Path):
    """The folder's own key still opens what was set aside."""
    other = build_installation(tmp_path / "other")
    own = FileKeyStore(other.paths.key_file).load()
    restore(back_up(installation), other)
    assert FileKeyStore(other.paths.key_file).load() == (
        *FileKeyStore(installation.paths.key_file).load(),
        *own,
    )
    assert read_signing_secret(other) == SIGNING_CANARY


def test_without_a_passphrase_a_fitting_key_is_needed(
    installation: Installation, empty: Installation
):
    path = back_up(installation, None)
    with pytest.raises(BackupRefused, match=r"--key-file, or .* --without-secrets") as caught:
        restore(path, empty, passphrase=None)
    assert caught.value.code == "backup_key_missing"
    assert not empty.paths.database.exists()
    wrong = empty.paths.root / "wrong.key"
    wrong.write_bytes(Fernet.generate_key())
    with pytest.raises(BackupRefused, match="is not the one") as caught:
        restore(path, empty, passphrase=None, key_file=wrong)
    assert caught.value.code == "backup_key_wrong"
    for content in (b"", b"no key"):
        wrong.write_bytes(content)
        with pytest.raises(ConfigurationError, match="no valid key"):
            restore(path, empty, passphrase=None, key_file=wrong)
    with pytest.raises(StorageError, match=r"absent\.key"):
        restore(path, empty, passphrase=None, key_file=wrong.with_name("absent.key"))
    assert not empty.paths.database.exists()
    restored = restore(path, empty, passphrase=None, key_file=installation.paths.key_file)
    assert restored.lost == []
    assert read_signing_secret(empty) == SIGNING_CANARY


def test_where_the_key_is_none_is_asked_for(installation: Installation):
    path = back_up(installation, None)
    key = installation.paths.key_file.read_bytes()
    restore(path, installation, passphrase=None)
    assert installation.paths.key_file.read_bytes() == key
    assert read_signing_secret(installation) == SIGNING_CANARY


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_secrets_that_shall_be_left_behind_are(installation: Installation, passphrase: str | None):
    path = back_up(installation, passphrase)
    restored = restore(path, installation, passphrase=passphrase, without_secrets=True)
    assert restored.lost == ["the signing secret of 'Corner Shop'"]
    assert installation.execute("SELECT count(*) FROM api_keys") == [(0,)]


@pytest.mark.parametrize("recorded", [None, "of another key"])
def test_the_database_decides_which_key_is_right(
    installation: Installation, empty: Installation, tmp_path: Path, recorded: str | None
):
    """Whatever key lay there when the backup was made."""
    forger = Forger(installation.paths.database)
    wrong = tmp_path / "wrong.key"
    wrong.write_bytes(Fernet.generate_key())
    said = None if recorded is None else fingerprint([wrong.read_bytes()])
    path = forger.write(tmp_path / "old.csaibackup", forger.entries(key_fingerprint=said))
    with pytest.raises(BackupRefused, match="there is none in the key file"):
        restore(path, empty, passphrase=None)
    with pytest.raises(BackupRefused, match="is not the one"):
        restore(path, empty, passphrase=None, key_file=wrong)
    empty.paths.key_file.parent.mkdir()
    empty.paths.key_file.write_bytes(wrong.read_bytes())
    with pytest.raises(BackupRefused, match="is another"):
        restore(path, empty, passphrase=None)
    restore(path, empty, passphrase=None, key_file=installation.paths.key_file)
    assert read_signing_secret(empty) == SIGNING_CANARY


def test_secrets_can_be_left_behind(installation: Installation, empty: Installation):
    restored = restore(back_up(installation, None), empty, passphrase=None, without_secrets=True)
    assert restored.lost == ["the signing secret of 'Corner Shop'"]
    assert not empty.paths.key_file.exists()
    assert empty.execute("SELECT count(*) FROM api_keys") == [(0,)]


def test_a_database_without_any_key_needs_none(tmp_path: Path, empty: Installation):
    keyless = build_installation(tmp_path / "keyless", has_key=False)
    assert restore(back_up(keyless, None), empty, passphrase=None).lost == []


def test_a_failure_while_files_change_places_undoes_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    path = back_up(installation)
    installation.execute("PRAGMA journal_mode = DELETE")
    before = installation.tree()
    rename = os.rename
    done = 0

    def fail_late(source: Path, target: Path) -> None:
        nonlocal done
        done += 1
        if done == 2:
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(restoring.os, "rename", fail_late)
    with pytest.raises(StorageError, match="Input/output error"):
        restore(path, installation)
    assert installation.tree() == before
    assert list(installation.paths.work.iterdir()) == []


def test_what_a_killed_restore_left_is_finished_or_swept_first(installation: Installation):
    path = back_up(installation)
    left = installation.paths.work / "restore-dead"
    left.mkdir()
    (left / "database.sqlite3").write_text("half")
    (installation.paths.root / restoring.JOURNAL).write_bytes(b'{"moves":[],"discard":[]}')
    with structlog.testing.capture_logs() as logs:
        restore(path, installation)
    assert [entry["event"] for entry in logs] == ["restore_finished"]
    assert not left.exists()


def test_an_older_schema_is_restored_as_it_is(tmp_path: Path, empty: Installation):
    old = build_installation(tmp_path / "old", revision="0001")
    assert restore(back_up(old), empty).manifest.schema == "0001"
    assert empty.execute("SELECT version_num FROM alembic_version") == [("0001",)]


def test_too_little_room_names_what_helps_here(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    path = back_up(installation)
    monkeypatch.setattr(files, "MARGIN_BYTES", 2**60)
    with pytest.raises(StorageError, match="nothing was done") as caught:
        restore(path, installation)
    assert f"{str(installation.paths.work)!r} has" in caught.value.message
    assert "CSAI_BACKUP_DIR" not in caught.value.message
