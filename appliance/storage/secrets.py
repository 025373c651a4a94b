"""Encryption of secrets before they reach the database.

Owns the encrypted form, and the data keys with which it is made: they lie in the database, wrapped
by a master key that does not. Which values are secrets is left to the tables, where the master keys
are to ``key_store``, new keys to ``secret_rotation``. See docs/adr/0013.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Column, Connection, insert, inspect, select

from appliance.domain.ids import new_id
from appliance.errors import ConfigurationError, StorageError
from appliance.ports.clock import Clock
from appliance.storage.key_store import SETTING, KeyStore, MasterKeys, make_key
from appliance.storage.tables import data_keys, metadata
from appliance.storage.tables.metadata import is_secret
from appliance.storage.transactions import Transactions

SEPARATOR = ":"
"""Between a data key's id and what it encrypted; neither can hold it."""


class DataKey(NamedTuple):
    """A key that encrypts secrets, as it is used: unwrapped, in memory only."""

    id: str
    key: bytes


class SecretBox:
    """Encrypts with the newest data key and decrypts with the one that a stored form names.

    Args:
        data_keys: Newest first; at least one.
        master_keys: For forms of the time before data keys, which name none.
    """

    def __init__(self, data_keys: Sequence[DataKey], master_keys: Sequence[bytes]) -> None:
        self._newest = data_keys[0].id
        self._by_id = {found.id: Fernet(found.key) for found in data_keys}
        self._before_data_keys = MultiFernet([Fernet(key) for key in master_keys])

    def adopt(self, other: SecretBox) -> None:
        """Use the keys of ``other`` from now on, for all who share this box."""
        self._newest, self._by_id = other._newest, other._by_id
        self._before_data_keys = other._before_data_keys

    def encrypt(self, secret: str) -> str:
        """Return the form of ``secret`` that may be stored."""
        token = self._by_id[self._newest].encrypt(secret.encode()).decode()
        return f"{self._newest}{SEPARATOR}{token}"

    def decrypt(self, stored: str) -> str:
        """Return the secret of a stored form.

        Raises:
            StorageError: It was encrypted with another key, or changed.
        """
        key_id, separator, token = stored.partition(SEPARATOR)
        try:
            if not separator:
                return self._before_data_keys.decrypt(stored.encode()).decode()
            return self._by_id[key_id].decrypt(token.encode()).decode()
        except (InvalidToken, KeyError) as error:
            raise StorageError(
                "A stored secret cannot be read with this database's keys; it was changed or "
                "belongs to another database. Set it anew, or restore a backup.",
                code="secret_unreadable",
            ) from error


def secret_columns() -> Iterator[Column[str]]:
    """Return every column of every table that holds encrypted secrets."""
    for table in metadata.sorted_tables:
        yield from (column for column in table.columns if is_secret(column))


def wrap(data_key: bytes, master_key: bytes) -> str:
    """Return the form in which a data key may be stored."""
    return Fernet(master_key).encrypt(data_key).decode()


def check_keys(connection: Connection, keys: MasterKeys, store: KeyStore) -> None:
    """Refuse keys that do not fit what the database holds; before anything in it is changed.

    Raises:
        ConfigurationError: The key is missing or of another database; says what to do.
    """
    tables = set(inspect(connection).get_table_names())
    wrapped: list[str] = []
    if data_keys.name in tables:
        wrapped = list(connection.scalars(select(data_keys.c.wrapped_key)))
    bare = [
        found
        for column in secret_columns()
        if column.table.name in tables
        and (found := _find_without_data_key(connection, column)) is not None
    ]
    if not wrapped and not bare:
        return
    if not keys:
        raise ConfigurationError(
            f"The key of the stored secrets is missing in {store.place}. Put it back, set "
            f"{SETTING} to where it is, or restore a backup.",
            setting=SETTING,
            code="key_missing",
        )
    masters = MultiFernet([Fernet(key) for key in keys])
    for token in (*wrapped, *bare):
        _decrypt(masters, token, store)


async def open_secret_box(
    transactions: Transactions, keys: MasterKeys, store: KeyStore, clock: Clock
) -> SecretBox:
    """Return the box of a database that ``check_keys`` has let pass; make its first data key.

    Raises:
        ConfigurationError: The key is of another database.
    """
    found = await transactions.read(lambda connection: find_data_keys(connection, keys, store))
    if not found:
        key_id, wrapped, made_at = new_id(), wrap(make_key(), keys[0]), clock.now()

        def ensure(connection: Connection) -> list[DataKey]:
            if connection.execute(select(data_keys.c.id)).first() is None:
                row = {"id": key_id, "wrapped_key": wrapped, "created_at": made_at}
                connection.execute(insert(data_keys).values(row))
            return find_data_keys(connection, keys, store)

        found = await transactions.write(ensure)
    return SecretBox(found, keys)


def find_data_keys(connection: Connection, keys: MasterKeys, store: KeyStore) -> list[DataKey]:
    """Return the database's data keys, newest first.

    Raises:
        ConfigurationError: None of the master keys unwraps one of them.
    """
    query = select(data_keys.c.id, data_keys.c.wrapped_key).order_by(
        data_keys.c.created_at.desc(), data_keys.c.id.desc()
    )
    masters = MultiFernet([Fernet(key) for key in keys])
    rows = connection.execute(query).all()
    return [DataKey(row[0], _decrypt(masters, row[1], store)) for row in rows]


def _find_without_data_key(connection: Connection, column: Column[str]) -> str | None:
    """Return one value that the master key itself encrypted, before there were data keys."""
    query = select(column).where(column.is_not(None), column.not_like(f"%{SEPARATOR}%")).limit(1)
    return connection.scalar(query)


def _decrypt(masters: MultiFernet, token: str, store: KeyStore) -> bytes:
    try:
        return masters.decrypt(str(token).encode())  # a forged database may hold anything
    except InvalidToken as error:
        raise ConfigurationError(
            f"The key in {store.place} is not the one of this database. Put back the right one, "
            "or restore a backup.",
            setting=SETTING,
            code="key_wrong",
        ) from error
