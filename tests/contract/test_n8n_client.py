"""The client of n8n, against the tests' own n8n and, within ``make test-n8n``, a real one."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.contract.n8n_contract import N8nContract, RunningN8n
from tests.fakes.n8n_api import KEY, FakeN8n

REAL_URL, REAL_KEY = os.environ.get("CSAI_TEST_N8N_URL"), os.environ.get("CSAI_TEST_N8N_KEY")


class TestFakeN8n(N8nContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[RunningN8n]:
        async with FakeN8n() as n8n:
            yield RunningN8n(n8n.url, KEY)


class TestFakeN8nBehindAProxyAndOfVersionOne(N8nContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[RunningN8n]:
        async with FakeN8n(prefix="/n8n", has_publish=False) as n8n:
            yield RunningN8n(n8n.url, KEY)


if REAL_URL and REAL_KEY:

    class TestRealN8n(N8nContract):
        @asynccontextmanager
        async def open(self) -> AsyncIterator[RunningN8n]:
            assert REAL_URL is not None
            assert REAL_KEY is not None
            yield RunningN8n(REAL_URL, REAL_KEY)
