"""Whether master keys open the secrets of a database that lies in a file.

Owns asking the database itself; what is done about it is left to ``writing`` and ``recovery``.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from appliance.errors import ConfigurationError, StorageError
from appliance.storage.backups.manifest import open_unchanging
from appliance.storage.key_store import KeyStore, MasterKeys
from appliance.storage.secrets import check_keys


def check_database_keys(database: Path, keys: MasterKeys, store: KeyStore) -> None:
    """Refuse keys with which no server would start on this database.

    Args:
        database: The file; nobody writes it.
        keys: To be tried.
        store: Where they are from, for what is said of them.

    Raises:
        ConfigurationError: They are missing or do not open its secrets.
        StorageError: The secrets cannot be read at all.
    """
    engine = create_engine(
        "sqlite+pysqlite://", creator=lambda: open_unchanging(database), poolclass=StaticPool
    )
    try:
        with engine.connect() as connection:
            check_keys(connection, keys, store)
    except SQLAlchemyError as error:
        raise StorageError("The stored secrets in the database cannot be read.") from error
    finally:
        engine.dispose()


def fits(database: Path, keys: MasterKeys, store: KeyStore) -> bool:
    """Say whether these keys open all secrets of the database; without secrets all keys do."""
    try:
        check_database_keys(database, keys, store)
    except (ConfigurationError, StorageError):
        return False
    return True
