"""What the appliance itself remembers, by name.

Owns the rows of ``settings``; what the operator sets is left to ``appliance.settings``.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select

from appliance.domain.json_types import JsonValue
from appliance.storage.secrets import SecretBox
from appliance.storage.tables import settings
from appliance.storage.transactions import Transactions


class StoredSettings:
    """Keeps JSON values in the clear and secrets encrypted, in one space of names."""

    def __init__(self, transactions: Transactions, secret_box: SecretBox) -> None:
        self._transactions = transactions
        self._secret_box = secret_box

    async def get(self, name: str) -> JsonValue:
        """Return the value, ``None`` when there is none."""
        query = select(settings.c.value).where(settings.c.name == name)
        return await self._transactions.read(lambda connection: connection.scalar(query))

    async def put(self, name: str, value: JsonValue) -> None:
        """Store the value, replacing an earlier one."""
        await self._replace(name, {"value": value})

    async def ensure(self, name: str, value: JsonValue) -> JsonValue:
        """Store the value unless there is one; return the one there is, the same to all callers."""
        query = select(settings.c.value).where(settings.c.name == name)

        def ensure(connection: Connection) -> JsonValue:
            stored = connection.scalar(query)
            if stored is None:
                connection.execute(insert(settings).values(name=name, value=value))
            return value if stored is None else stored

        return await self._transactions.write(ensure)

    async def get_secret(self, name: str) -> str | None:
        """Return the secret, ``None`` when there is none.

        Raises:
            StorageError: It cannot be decrypted with this key file.
        """
        query = select(settings.c.encrypted_value).where(settings.c.name == name)
        stored = await self._transactions.read(lambda connection: connection.scalar(query))
        return None if stored is None else self._secret_box.decrypt(stored)

    async def put_secret(self, name: str, secret: str) -> None:
        """Store the secret, encrypted, replacing an earlier one."""
        await self._replace(name, {"encrypted_value": self._secret_box.encrypt(secret)})

    async def delete(self, name: str) -> bool:
        """Remove the value or secret; false when there is none."""
        statement = delete(settings).where(settings.c.name == name)
        return await self._transactions.write(
            lambda connection: connection.execute(statement).rowcount == 1
        )

    async def _replace(self, name: str, values: dict[str, Any]) -> None:
        def replace(connection: Connection) -> None:
            connection.execute(delete(settings).where(settings.c.name == name))
            connection.execute(insert(settings).values(name=name, **values))

        await self._transactions.write(replace)
