"""The keys of one installation's stored secrets, for the commands.

Owns putting stores and key stores together; what happens to keys and secrets is left to
``appliance.storage.secret_rotation``.
"""

from __future__ import annotations

from appliance.bootstrap.stores import open_stores_alone, open_stores_beside_server
from appliance.settings import Settings
from appliance.storage.key_store import open_key_store
from appliance.storage.secret_rotation import KeyStatus, read_key_status, rotate


async def rotate_secrets(settings: Settings, *, to: str | None) -> int:
    """Encrypt every stored secret with new keys; return how many there are.

    Args:
        settings: Of the installation.
        to: The key store the new master key goes to; by default where the old one is.

    Raises:
        DataFolderUnusable: A server is running on it.
        ConfigurationError: A key or a key store cannot be used.
        StorageError: A secret cannot be read or the database cannot be written; nothing changed.
    """
    async with open_stores_alone(settings) as stores:
        source = open_key_store(settings.key_store, settings.paths)
        target = open_key_store(to or settings.key_store, settings.paths)
        return await rotate(stores.database.backend, source, target, stores.clock)


async def read_secrets_status(settings: Settings) -> KeyStatus:
    """Return which keys there are and what they encrypt; a server may be running.

    Raises:
        ConfigurationError: A key or a key store cannot be used.
        StorageError: The database cannot be read.
    """
    store = open_key_store(settings.key_store, settings.paths)
    async with open_stores_beside_server(settings) as stores:
        return await read_key_status(stores.database.backend, store)
