"""Turns without end, for a test that kills their process.

Run as ``python -m tests.fakes.turn_load FOLDER TENANT_ID``: prints a line for each message and each
answer once the store has acknowledged it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from appliance.storage.sqlite_library import install

WORKERS = 8


async def converse(folder: Path, tenant_id: str) -> None:
    """Let eight visitors talk at once, until the process dies."""
    from appliance.domain.ids import TenantId
    from appliance.storage.database import Database
    from tests.contract.turn_store_contract import OpenedTurnStore
    from tests.fakes.clock import SettableClock

    clock = SettableClock()
    database = await Database.open(folder / "csai.sqlite3", clock, folder / "secrets.key")

    async def read_no_usage(tenant_id: TenantId) -> dict[tuple[str, str, str], dict[str, int]]:
        raise NotImplementedError

    opened = OpenedTurnStore(
        database.turn_store, clock, TenantId(tenant_id), TenantId(""), read_no_usage
    )

    async def visit(number: int) -> None:
        session: str | None = None
        while True:
            accepted = await opened.begin("question", session=session, new_session=f"s{number}")
            session = f"s{number}"
            say("asked", accepted.user_message_id)
            reply = await opened.finish(accepted, "answer")
            say("answered", reply.message.id)

    await asyncio.gather(*(visit(number) for number in range(WORKERS)))


def say(kind: str, message_id: str) -> None:
    """Tell the parent of an acknowledgement, in one write."""
    os.write(sys.stdout.fileno(), f"{kind} {message_id}\n".encode())


if __name__ == "__main__":
    install()
    asyncio.run(converse(Path(sys.argv[1]), sys.argv[2]))
