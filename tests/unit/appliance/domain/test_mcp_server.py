from __future__ import annotations

import msgspec
import pytest

from appliance.domain.mcp_server import McpProgram


def test_a_program_serves_those_that_it_was_given_to() -> None:
    given = McpProgram(command="/bin/mcp", tenants=["shop-1"])
    assert given.serves("shop-1")
    assert not given.serves("shop-2")
    assert McpProgram(command="/bin/mcp", tenants=["*"]).serves("shop-2")


def test_nobody_is_served_by_omission() -> None:
    with pytest.raises(msgspec.ValidationError, match="tenants"):
        msgspec.convert({"command": "/bin/mcp"}, McpProgram)
