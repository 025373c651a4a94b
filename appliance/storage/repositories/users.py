"""Operators' accounts and login sessions in the database.

Owns the rows of ``users`` and ``refresh_tokens``; checking passwords and tokens is left to
``appliance.services.login``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from appliance.domain.ids import UserId
from appliance.domain.user import RefreshToken, User
from appliance.errors import Conflict
from appliance.storage.repositories.rows import build, columns_for
from appliance.storage.tables import refresh_tokens, users
from appliance.storage.transactions import Transactions

_USER_COLUMNS = columns_for(User, users)
_TOKEN_COLUMNS = columns_for(RefreshToken, refresh_tokens)


class StoredUsers:
    """Implements ``UserRepository``; see there for what each method promises."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def add(self, user: User) -> None:
        """Store a new account."""
        await self._write_user(insert(users).values(**_user_values(user)), user)

    async def save(self, user: User) -> None:
        """Replace the stored account of the same id."""
        statement = update(users).where(users.c.id == user.id).values(**_user_values(user))
        await self._write_user(statement, user)

    async def get(self, user_id: UserId) -> User | None:
        """Return the account."""
        return await self._find(select(*_USER_COLUMNS).where(users.c.id == user_id))

    async def find_by_username(self, username: str) -> User | None:
        """Return the account of this name, case ignored."""
        folded = username.casefold()
        return await self._find(select(*_USER_COLUMNS).where(users.c.folded_username == folded))

    async def count(self) -> int:
        """Return how many accounts there are."""
        query = select(func.count()).select_from(users)
        return await self._transactions.read(
            lambda connection: connection.execute(query).scalar_one()
        )

    async def add_refresh_token(self, token: RefreshToken) -> None:
        """Store a login session."""
        statement = insert(refresh_tokens).values(**msgspec.structs.asdict(token))
        await self._transactions.write(lambda connection: connection.execute(statement))

    async def get_refresh_token(self, token_id: str) -> RefreshToken | None:
        """Return the login session, revoked or not."""
        query = select(*_TOKEN_COLUMNS).where(refresh_tokens.c.id == token_id)
        row = await self._transactions.read(lambda connection: connection.execute(query).first())
        return None if row is None else build(RefreshToken, row)

    async def rotate_refresh_token(
        self, token_id: str, *, old_hash: str, new_hash: str, expires_at: datetime
    ) -> bool:
        """Replace the hash if it still is ``old_hash`` and not revoked; false otherwise."""
        statement = (
            update(refresh_tokens)
            .where(
                refresh_tokens.c.id == token_id,
                refresh_tokens.c.token_hash == old_hash,
                refresh_tokens.c.revoked_at.is_(None),
            )
            .values(token_hash=new_hash, expires_at=expires_at)
        )
        return await self._transactions.write(
            lambda connection: connection.execute(statement).rowcount == 1
        )

    async def revoke_refresh_tokens(
        self, user_id: UserId, *, at: datetime, only_id: str | None = None
    ) -> None:
        """Revoke all login sessions of the account, or only one."""
        statement = (
            update(refresh_tokens)
            .where(refresh_tokens.c.user_id == user_id, refresh_tokens.c.revoked_at.is_(None))
            .values(revoked_at=at)
        )
        if only_id is not None:
            statement = statement.where(refresh_tokens.c.id == only_id)
        await self._transactions.write(lambda connection: connection.execute(statement))

    async def _write_user(self, statement: Any, user: User) -> None:
        def write(connection: Connection) -> None:
            try:
                connection.execute(statement)
            except IntegrityError as error:
                raise Conflict(
                    f"An account named {user.username!r} exists already.", code="username_taken"
                ) from error

        await self._transactions.write(write)

    async def _find(self, query: Select[Any]) -> User | None:
        row = await self._transactions.read(lambda connection: connection.execute(query).first())
        return None if row is None else build(User, row)


def _user_values(user: User) -> dict[str, Any]:
    return {**msgspec.structs.asdict(user), "folded_username": user.username.casefold()}
