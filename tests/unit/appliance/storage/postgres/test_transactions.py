from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import Connection, text

from appliance.errors import InvalidInput, StorageError
from appliance.storage.postgres.transactions import PostgresTransactions, build_engine
from tests.fakes.postgres_database import empty_postgres

SEATS = 5
GUESTS = 30


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    async with empty_postgres() as url:
        yield url


@pytest_asyncio.fixture
async def transactions(url: str) -> AsyncIterator[PostgresTransactions]:
    engine = build_engine(lambda: asyncpg.connect(url), pool_size=6)
    transactions = PostgresTransactions(engine)
    await transactions.write(
        lambda connection: connection.execute(text("CREATE TABLE seats (guest text)"))
    )
    yield transactions
    await transactions.drain()
    await engine.dispose()


def take_seat(connection: Connection, guest: str) -> bool:
    """Take a seat if one is free: read, decide, write, as a workflow's rows are used."""
    taken = connection.scalar(text("SELECT count(*) FROM seats"))
    if taken >= SEATS:
        return False
    connection.execute(text("INSERT INTO seats VALUES (:guest)"), {"guest": guest})
    return True


async def test_no_seat_is_given_twice(transactions: PostgresTransactions):
    taken = await asyncio.gather(
        *(
            transactions.write(lambda connection, n=n: take_seat(connection, f"guest {n}"))
            for n in range(GUESTS)
        )
    )
    assert sum(taken) == SEATS
    count = text("SELECT count(*) FROM seats")
    assert await transactions.read(lambda connection: connection.scalar(count)) == SEATS


async def test_a_read_sees_one_moment_and_writes_nothing(
    transactions: PostgresTransactions, url: str
):
    count = text("SELECT count(*) FROM seats")

    async def insert() -> None:
        other = await asyncpg.connect(url)
        await other.execute("INSERT INTO seats VALUES ('meanwhile')")
        await other.close()

    inserted = asyncio.Event()

    def look_twice(connection: Connection) -> tuple[int, int]:
        before = connection.scalar(count)
        inserting = asyncio.get_running_loop().create_task(insert())
        inserting.add_done_callback(lambda _: inserted.set())
        connection.execute(text("SELECT pg_sleep(0.2)"))
        return before, connection.scalar(count)

    assert await transactions.read(look_twice) == (0, 0)
    await inserted.wait()
    with pytest.raises(StorageError):
        await transactions.read(lambda connection: take_seat(connection, "nobody"))


async def test_what_the_work_raises_undoes_it(transactions: PostgresTransactions):
    def fail(connection: Connection) -> None:
        take_seat(connection, "nobody")
        raise LookupError("after all")

    with pytest.raises(LookupError):
        await transactions.write(fail)
    count = text("SELECT count(*) FROM seats")
    assert await transactions.read(lambda connection: connection.scalar(count)) == 0


async def test_a_text_that_cannot_be_stored_is_refused_as_such(transactions: PostgresTransactions):
    with pytest.raises(InvalidInput):
        await transactions.write(lambda connection: take_seat(connection, "no\0body"))


async def test_connections_that_the_server_ended_are_replaced(
    transactions: PostgresTransactions, url: str
):
    count = text("SELECT count(*) FROM seats")
    for _ in range(2):
        await asyncio.gather(
            *(transactions.read(lambda connection: connection.scalar(count)) for _ in range(6))
        )
        other = await asyncpg.connect(url)
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await other.close()
        assert await transactions.write(lambda connection: take_seat(connection, "later"))
