from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Connection, insert, select, update

from appliance.domain.credential import Credential
from appliance.domain.ids import CredentialId, TenantId, new_id
from appliance.errors import ConfigurationError, StorageError
from appliance.storage.database import Database
from appliance.storage.key_store import FileKeyStore, KeyStoreKind, MasterKeys
from appliance.storage.secret_rotation import read_key_status, rotate
from appliance.storage.secrets import secret_columns
from appliance.storage.tables import integrations, settings
from tests.fakes.clock import SettableClock
from tests.fakes.postgres_server import running_postgres
from tests.fakes.sqlite_database import build_tenant

TENANT = TenantId(new_id())
SECRETS = {"jwt_secret": "jwt-canary", "other": "other-canary"}
SIGNING_SECRET = "whsec_0123456789"
OLD_FORM = "written-by-the-first-version"


class OtherStore(FileKeyStore):
    """A second place for keys, as the keyring is."""

    kind: KeyStoreKind = "keyring"


class Stopped(Exception):
    """The program ends here."""


class StoppingStore(FileKeyStore):
    """Ends the program at its n-th change, before it is made or after."""

    def __init__(self, path: Path, *, at: int, is_after: bool) -> None:
        super().__init__(path)
        self._countdown = at
        self._is_after = is_after

    def save(self, keys: MasterKeys) -> None:
        with self._stopping():
            super().save(keys)

    def delete(self) -> None:
        with self._stopping():
            super().delete()

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        self._countdown -= 1
        if self._countdown == 0 and not self._is_after:
            raise Stopped
        yield
        if self._countdown == 0:
            raise Stopped


class StoppingOtherStore(StoppingStore):
    """The same in the second place."""

    kind: KeyStoreKind = "keyring"


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    return tmp_path / "secrets.key"


async def open_in(
    folder: Path, store: FileKeyStore | None = None, *, url: str | None = None
) -> Database:
    key_place = store or folder / "secrets.key"
    return await Database.open(url or folder / "csai.sqlite3", SettableClock(), key_place)


async def fill(folder: Path, *, url: str | None = None) -> None:
    """Make a database with a secret in every column that can hold one."""
    database, clock = await open_in(folder, url=url), SettableClock()
    await database.tenants.add(build_tenant(clock, TENANT))
    await database.tenants.set_signing_secret(TENANT, SIGNING_SECRET, at=clock.now())
    await database.tenants.add_publishable_key(TENANT, "pk_0123456789abcdef", at=clock.now())
    for name, secret in SECRETS.items():
        await database.settings.put_secret(name, secret)
    await database.settings.put("in_the_clear", 1)
    (master,) = FileKeyStore(folder / "secrets.key").load()
    stored = Fernet(master).encrypt(OLD_FORM.encode()).decode()
    row = {
        "id": new_id(),
        "tenant_id": TENANT,
        "integration_type": "rest",
        "name": "Shop",
        "encrypted_connection_config": stored,
        "enabled": True,
        "created_at": clock.now(),
        "updated_at": clock.now(),
    }
    await database.backend.transactions.write(
        lambda connection: connection.execute(insert(integrations).values(row))
    )
    await database.credentials.add(
        Credential(
            id=CredentialId(new_id()),
            tenant_id=TENANT,
            credential_type="smtp",
            name="Post",
            values={"password": "post-canary"},
            hosts=(),
            created_at=clock.now(),
            updated_at=clock.now(),
        )
    )
    await database.close()


async def read_all(database: Database) -> dict[str, list[str]]:
    """Return every stored form, by column."""

    def read(connection: Connection) -> dict[str, list[str]]:
        return {
            column.name: list(connection.scalars(select(column).where(column.is_not(None))))
            for column in secret_columns()
        }

    return await database.backend.transactions.read(read)


def forms_of(columns: dict[str, list[str]]) -> set[str]:
    return {form for forms in columns.values() for form in forms}


def read_files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def check_secrets(database: Database) -> None:
    for name, secret in SECRETS.items():
        assert await database.settings.get_secret(name) == secret
    assert await database.tenants.get_signing_secret(TENANT) == SIGNING_SECRET
    (stored,) = (await read_all(database))["encrypted_connection_config"]
    assert database._secret_box.decrypt(stored) == OLD_FORM
    assert await database.settings.get("in_the_clear") == 1


async def run_rotation(folder: Path, source: Any, target: Any = None) -> int:
    database = await open_in(folder, source)
    try:
        return await rotate(database.backend, source, target or source, SettableClock())
    finally:
        await database.close()


async def test_everything_stands_under_new_keys_afterwards(tmp_path: Path, key_path: Path):
    await fill(tmp_path)
    database, store = await open_in(tmp_path), FileKeyStore(key_path)
    before = await read_all(database)
    assert all(before.values()), "fill every column, or a future one goes untested"
    old = store.load()
    assert await rotate(database.backend, store, store, SettableClock()) == 5
    after = await read_all(database)
    await database.close()
    assert not forms_of(before) & forms_of(after)
    assert len({form.partition(":")[0] for form in forms_of(after)}) == 1
    assert len(store.load()) == 1
    assert store.load() != old
    everything = read_files(tmp_path)
    assert not any(form.encode() in everything for form in forms_of(before))
    database = await open_in(tmp_path)
    await check_secrets(database)
    await database.close()


async def test_the_old_key_opens_nothing_any_more(tmp_path: Path, key_path: Path):
    await fill(tmp_path)
    store = FileKeyStore(key_path)
    old = store.load()
    await run_rotation(tmp_path, store)
    store.save(old)
    with pytest.raises(ConfigurationError) as refused:
        await open_in(tmp_path)
    assert refused.value.code == "key_wrong"


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("step", [1, 2])
async def test_an_end_at_any_change_of_the_keys_leaves_all_readable(
    tmp_path: Path, key_path: Path, step: int, is_after: bool
):
    await fill(tmp_path)
    with pytest.raises(Stopped):
        await run_rotation(tmp_path, StoppingStore(key_path, at=step, is_after=is_after))
    database = await open_in(tmp_path)
    await check_secrets(database)
    await database.close()
    assert await run_rotation(tmp_path, FileKeyStore(key_path)) == 5
    assert len(FileKeyStore(key_path).load()) == 1
    database = await open_in(tmp_path)
    await check_secrets(database)
    await database.close()


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize(("stopping", "step"), [("old", 1), ("old", 2), ("new", 1), ("new", 2)])
async def test_an_end_in_the_middle_of_a_move_leaves_all_readable(
    tmp_path: Path, key_path: Path, stopping: str, step: int, is_after: bool
):
    await fill(tmp_path)
    there = tmp_path / "there.key"
    source: FileKeyStore = FileKeyStore(key_path)
    target: FileKeyStore = OtherStore(there)
    if stopping == "old":
        source = StoppingStore(key_path, at=step, is_after=is_after)
    else:
        target = StoppingOtherStore(there, at=step, is_after=is_after)
    with pytest.raises(Stopped):
        await run_rotation(tmp_path, source, target)
    is_moved = not FileKeyStore(key_path).load()
    assert is_moved == (stopping == "old" and step == 2 and is_after)
    if not is_moved:
        database = await open_in(tmp_path)
        await check_secrets(database)
        await database.close()
        await run_rotation(tmp_path, FileKeyStore(key_path), OtherStore(there))
    assert not FileKeyStore(key_path).load()
    database = await open_in(tmp_path, OtherStore(there))
    await check_secrets(database)
    await database.close()


async def test_a_secret_that_cannot_be_read_stops_it_and_nothing_is_changed(
    tmp_path: Path, key_path: Path
):
    await fill(tmp_path)
    database, store = await open_in(tmp_path), FileKeyStore(key_path)
    spoil = update(settings).where(settings.c.name == "other").values(encrypted_value="k9:gAAAA")
    await database.backend.transactions.write(lambda connection: connection.execute(spoil))
    before = await read_all(database)
    with pytest.raises(StorageError, match=r"settings\.encrypted_value of other cannot be read"):
        await rotate(database.backend, store, store, SettableClock())
    assert await read_all(database) == before
    await database.close()
    database = await open_in(tmp_path)
    assert await database.settings.get_secret("jwt_secret") == "jwt-canary"
    await database.close()


async def test_the_status_counts_and_shows_no_key(tmp_path: Path, key_path: Path):
    await fill(tmp_path)
    database, store = await open_in(tmp_path), FileKeyStore(key_path)
    before = await read_key_status(database.backend, store)
    assert (before.secrets, before.unwrapped_secrets, before.master_keys) == (5, 1, 1)
    await rotate(database.backend, store, store, SettableClock())
    after = await read_key_status(database.backend, store)
    assert (after.secrets, after.unwrapped_secrets, after.data_keys) == (5, 0, 1)
    assert after.fingerprint != before.fingerprint
    assert store.load()[0].decode() not in str(after)
    await database.close()


async def test_a_server_that_starts_while_keys_are_rotated_uses_the_new_ones(
    tmp_path: Path, key_path: Path
):
    await fill(tmp_path)
    database, store = await open_in(tmp_path), FileKeyStore(key_path)
    starting = await open_in(tmp_path)
    old = store.load()
    await rotate(database.backend, store, store, SettableClock())
    await database.close()
    with pytest.raises(ConfigurationError) as refused:
        await starting.recover()
    assert refused.value.code == "key_wrong"
    store.save((*store.load(), *old))
    await starting.close()

    database = await open_in(tmp_path)
    await check_secrets(database)
    await database.close()


async def test_keys_are_rotated_on_postgres_too(tmp_path: Path, key_path: Path):
    postgres = running_postgres()
    url = await postgres.create_database()
    await fill(tmp_path, url=url)
    database, store = await open_in(tmp_path, url=url), FileKeyStore(key_path)
    before, old = await read_all(database), store.load()
    assert all(before.values())
    assert await rotate(database.backend, store, store, SettableClock()) == 5
    after = await read_all(database)
    assert not forms_of(before) & forms_of(after)
    assert (await read_key_status(database.backend, store)).unwrapped_secrets == 0
    await database.close()
    database = await open_in(tmp_path, url=url)
    await check_secrets(database)
    await database.close()
    for keys, code in ((old, "key_wrong"), (None, "key_missing")):
        store.delete() if keys is None else store.save(keys)
        with pytest.raises(ConfigurationError) as refused:
            await open_in(tmp_path, url=url)
        assert refused.value.code == code
    await postgres.drop_database(url)
