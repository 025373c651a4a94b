"""A real database for the services to work on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database


@pytest_asyncio.fixture
async def temporary() -> AsyncIterator[TemporaryDatabase]:
    async with open_temporary_database() as opened:
        yield opened
