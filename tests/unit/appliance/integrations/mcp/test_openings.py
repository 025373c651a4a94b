from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from appliance.domain.mcp_server import McpProgram
from appliance.integrations.mcp.notes import Notes
from appliance.integrations.mcp.openings import open_program
from appliance.integrations.mcp.sessions import agree
from tests.fakes.mcp_server import PROGRAM


def program(*arguments: str, **more: object) -> McpProgram:
    return McpProgram(
        command=sys.executable,
        arguments=list(arguments),
        tenants=["*"],
        **more,  # type: ignore[arg-type]
    )


async def test_a_program_speaks_and_its_errors_are_logged() -> None:
    given = program(str(PROGRAM), "stdio", environment={"SHOP": "1"})
    with capture_logs() as lines:
        async with agree(open_program("notes", given), Notes(), timeout_s=20) as session:
            assert "list_environment" in await session.list_offers()
            result = await session.call("list_environment", {})
    names = result.structured_content["result"]
    assert "SHOP" in names
    assert not [name for name in names if name.startswith(("CSAI_", "PYTEST"))]
    said = [line for line in lines if line["event"] == "mcp_program_said"]
    assert (said[0]["program"], said[0]["line"]) == ("notes", "the program began")


async def test_a_program_that_is_not_there_says_so() -> None:
    with pytest.raises(OSError):
        async with open_program("x", McpProgram(command="/nowhere/at-all", tenants=["*"])):
            pass


async def test_a_program_that_does_not_end_by_itself_is_killed(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    stubborn = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(mark)!r}, 'w').write(str(os.getpid()))\n"
        "print('{', flush=True)\n"
        "time.sleep(600)\n"
    )
    async with open_program("stubborn", program("-c", stubborn)) as (reading, _):
        await reading.receive()
        assert mark.read_text()
    assert mark.read_text() not in os.listdir("/proc")
