from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Connection, insert, text

from appliance.errors import ConfigurationError, StorageError
from appliance.storage import migrations
from appliance.storage.database import Database
from appliance.storage.engine import open_writer
from appliance.storage.key_store import FileKeyStore, make_key
from appliance.storage.secrets import DataKey, SecretBox, secret_columns
from appliance.storage.tables import data_keys, metadata, settings
from appliance.storage.tables.metadata import is_secret
from tests.fakes.clock import SettableClock


async def open_in(folder: Path) -> Database:
    return await Database.open(folder / "csai.sqlite3", SettableClock(), folder / "secrets.key")


def make_box(*ids: str) -> SecretBox:
    return SecretBox([DataKey(key_id, make_key()) for key_id in ids], [make_key()])


@contextmanager
def writing(folder: Path) -> Iterator[Connection]:
    """Change a closed database behind the program's back."""
    connection = open_writer(folder / "csai.sqlite3")
    try:
        with connection.raw:
            yield connection.sql
    finally:
        connection.close()


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    yield
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_the_stored_form_names_its_key_and_hides_the_secret():
    box = make_box("k1")
    stored = box.encrypt("whsec_ünï")
    assert stored.startswith("k1:")
    assert "whsec" not in stored
    assert box.encrypt("whsec_ünï") != stored
    assert box.decrypt(stored) == "whsec_ünï"


def test_the_newest_key_encrypts_and_older_ones_still_read():
    old, new = DataKey("old", make_key()), DataKey("new", make_key())
    stored = SecretBox([old], [make_key()]).encrypt("kept")
    box = SecretBox([new, old], [make_key()])
    assert box.decrypt(stored) == "kept"
    assert box.encrypt("kept").startswith("new:")


def test_what_the_master_key_itself_encrypted_still_reads():
    older, newer = make_key(), make_key()
    box = SecretBox([DataKey("k1", make_key())], [newer, older])
    assert box.decrypt(Fernet(older).encrypt(b"from before").decode()) == "from before"


@pytest.mark.parametrize(
    "stored", ["", "k1:", "k1:gAAAA", "k2:gAAAA", "gAAAA", "k1:k1:gAAAA", "ünï", "k1:ünï"]
)
def test_a_form_that_was_not_made_with_these_keys_is_refused(stored: str):
    with pytest.raises(StorageError) as unreadable:
        make_box("k1").decrypt(stored)
    assert unreadable.value.code == "secret_unreadable"


def test_a_form_of_another_database_or_a_changed_one_is_refused():
    stored = make_box("k1").encrypt("theirs")
    mine = make_box("k1")
    changed = mine.encrypt("mine")[:-4] + "AAA="
    for form in (stored, changed):
        with pytest.raises(StorageError, match="changed or belongs to another"):
            mine.decrypt(form)


def test_every_column_that_says_encrypted_can_be_rotated():
    named = {
        column
        for table in metadata.tables.values()
        for column in table.columns
        if column.name.startswith("encrypted_")
    }
    marked = set(secret_columns())
    assert {column.name for column in marked} >= {"encrypted_secret", "encrypted_value"}
    assert marked == named
    assert all(is_secret(column) and column.table.primary_key.columns for column in marked)


async def test_data_keys_are_stored_wrapped_only(tmp_path: Path):
    database = await open_in(tmp_path)
    await database.settings.put_secret("name", "canary-secret")
    rows = await database.backend.transactions.read(
        lambda connection: connection.execute(data_keys.select()).all()
    )
    await database.close()
    (master,) = FileKeyStore(tmp_path / "secrets.key").load()
    (row,) = rows
    data_key = Fernet(master).decrypt(row.wrapped_key)
    everything = (tmp_path / "csai.sqlite3").read_bytes()
    assert data_key not in everything
    assert master not in everything
    assert b"canary-secret" not in everything


async def test_opening_at_once_makes_one_key_of_each(tmp_path: Path):
    await (await open_in(tmp_path)).close()
    with writing(tmp_path) as connection:
        connection.execute(data_keys.delete())
    databases = await asyncio.gather(*(open_in(tmp_path) for _ in range(4)))
    await databases[0].settings.put_secret("name", "same")
    assert [await found.settings.get_secret("name") for found in databases] == ["same"] * 4
    for database in databases:
        await database.close()


def make_version_1(folder: Path) -> None:
    """Make a database as version 0001 left it: secrets encrypted with the file's key itself."""
    (master,) = FileKeyStore(folder / "secrets.key").ensure()
    stored = Fernet(master).encrypt(b"jwt-canary").decode()
    with writing(folder) as connection:
        migrations.run(connection, "0001")
        connection.execute(insert(settings).values(name="jwt_secret", encrypted_value=stored))


async def test_a_database_of_the_first_version_is_read_on(tmp_path: Path):
    make_version_1(tmp_path)
    database = await open_in(tmp_path)
    assert await database.settings.get_secret("jwt_secret") == "jwt-canary"
    await database.settings.put_secret("new", "new-canary")
    await database.close()
    database = await open_in(tmp_path)
    assert await database.settings.get_secret("jwt_secret") == "jwt-canary"
    assert await database.settings.get_secret("new") == "new-canary"
    await database.close()


async def make_current(folder: Path) -> None:
    database = await open_in(folder)
    await database.settings.put_secret("jwt_secret", "jwt-canary")
    await database.close()


@pytest.mark.parametrize("is_upgrade", [True, False])
@pytest.mark.parametrize("fault", ["missing", "wrong", "damaged"])
async def test_a_key_that_does_not_fit_is_refused_and_nothing_changed(
    tmp_path: Path, fault: str, is_upgrade: bool
):
    if is_upgrade:
        make_version_1(tmp_path)
    else:
        await make_current(tmp_path)
    path = tmp_path / "secrets.key"
    original = path.read_bytes()
    path.unlink()
    if fault == "wrong":
        FileKeyStore(path).save((make_key(), make_key()))
    elif fault == "damaged":
        FileKeyStore(path).save((original[:20],))
    with unchanged(tmp_path), pytest.raises(ConfigurationError) as refused:
        await open_in(tmp_path)
    assert refused.value.code == f"key_{fault}"
    assert refused.value.setting == "CSAI_KEY_STORE"
    assert str(path) in refused.value.message
    assert "restore a backup" in refused.value.message
    path.write_bytes(original)
    path.chmod(0o600)
    database = await open_in(tmp_path)
    assert await database.settings.get_secret("jwt_secret") == "jwt-canary"
    await database.close()


async def test_a_secret_that_cannot_be_read_spoils_no_other(tmp_path: Path):
    await make_current(tmp_path)
    with writing(tmp_path) as connection:
        connection.execute(
            text("INSERT INTO settings (name, encrypted_value) VALUES ('bad', 'k9:gAAAA')")
        )
    database = await open_in(tmp_path)
    assert await database.settings.get_secret("jwt_secret") == "jwt-canary"
    with pytest.raises(StorageError) as unreadable:
        await database.settings.get_secret("bad")
    assert unreadable.value.code == "secret_unreadable"
    await database.close()
