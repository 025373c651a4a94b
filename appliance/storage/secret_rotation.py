"""New keys for everything that is stored encrypted.

Owns the order in which old and new keys change places, so that whatever interrupts it every secret
stays readable and another run completes it. See docs/adr/0013.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Column, Connection, delete, func, insert, select, update

from appliance.domain.ids import new_id
from appliance.errors import StorageError
from appliance.ports.clock import Clock
from appliance.storage.backend import Backend
from appliance.storage.key_store import KeyStore, fingerprint, make_key
from appliance.storage.secrets import (
    SEPARATOR,
    DataKey,
    SecretBox,
    find_data_keys,
    secret_columns,
    wrap,
)
from appliance.storage.tables import data_keys


class KeyStatus(Struct, frozen=True, kw_only=True):
    """Which keys there are, and what they encrypt.

    ``fingerprint`` tells the newest master key from others; ``unwrapped_secrets`` were encrypted
    before there were data keys and wait for the next rotation.
    """

    place: str
    fingerprint: str
    master_keys: int
    data_keys: int
    data_key_made_at: datetime | None
    secrets: int
    unwrapped_secrets: int


async def rotate(backend: Backend, source: KeyStore, target: KeyStore, clock: Clock) -> int:
    """Make a new master key in ``target`` and a new data key; encrypt every secret anew.

    Both stores hold old and new keys until the database stands under the new ones. Key stores block
    the event loop, in which nothing else runs for the time of a rotation.

    Args:
        backend: The open database, which nobody else uses meanwhile.
        source: Where the keys are; the same as ``target`` unless they move.
        target: Where the new key goes.
        clock: Dates the new data key.

    Returns:
        How many secrets there are.

    Raises:
        ConfigurationError: A store refuses.
        StorageError: A secret cannot be read, or the database cannot be written; nothing changed.
    """
    is_moving = source.kind != target.kind
    old = source.load()
    master, data_key = make_key(), DataKey(new_id(), make_key())
    known = (master, *old)
    if is_moving:
        there = target.load()
        target.save(tuple(dict.fromkeys((*known, *there))))
    source.save(known)
    made_at = clock.now()

    def change(connection: Connection) -> int:
        old_box = SecretBox(find_data_keys(connection, old, source), old)
        new_box = SecretBox([data_key], [master])
        count = sum(
            _encrypt_anew(connection, found, old_box, new_box) for found in secret_columns()
        )
        connection.execute(delete(data_keys))
        row = {"id": data_key.id, "wrapped_key": wrap(data_key.key, master), "created_at": made_at}
        connection.execute(insert(data_keys).values(row))
        return count

    count = await backend.transactions.write(change)
    await backend.scrub()
    target.save((master,))
    if is_moving:
        source.delete()
    return count


async def read_key_status(backend: Backend, store: KeyStore) -> KeyStatus:
    """Return which keys there are and what they encrypt."""
    keys = store.load()

    def read(connection: Connection) -> KeyStatus:
        made_at = connection.scalars(select(data_keys.c.created_at)).all()
        counts = [_count(connection, column) for column in secret_columns()]
        return KeyStatus(
            place=store.place,
            fingerprint=fingerprint(keys),
            master_keys=len(keys),
            data_keys=len(made_at),
            data_key_made_at=max(made_at),
            secrets=sum(secrets for secrets, _ in counts),
            unwrapped_secrets=sum(unwrapped for _, unwrapped in counts),
        )

    return await backend.transactions.read(read)


def _encrypt_anew(
    connection: Connection, column: Column[str], old_box: SecretBox, new_box: SecretBox
) -> int:
    table = column.table
    key = list(table.primary_key.columns)
    query = select(column, *key).where(column.is_not(None))
    rows = connection.execute(query).all()
    for stored, *values in rows:
        is_row = [part == value for part, value in zip(key, values, strict=True)]
        try:
            secret = old_box.decrypt(stored)
        except StorageError as error:
            where = f"{table.name}.{column.name} of {'/'.join(str(value) for value in values)}"
            raise StorageError(
                f"The stored secret {where} cannot be read, so nothing was changed. Set it anew "
                "or delete it, and try again.",
                code=error.code,
            ) from error
        connection.execute(
            update(table).where(*is_row).values({column.name: new_box.encrypt(secret)})
        )
    return len(rows)


def _count(connection: Connection, column: Column[str]) -> tuple[int, int]:
    """Return how many secrets the column holds, and how many of them name no data key."""
    is_unwrapped = column.not_like(f"%{SEPARATOR}%")
    query = select(func.count(column), func.count(column).filter(is_unwrapped))
    secrets, unwrapped = connection.execute(query).one()
    return secrets, unwrapped
