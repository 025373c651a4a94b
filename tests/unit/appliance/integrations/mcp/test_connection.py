from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import InvalidInput
from appliance.integrations.mcp.connection import SECRET_FIELDS, McpConnection, read_connection

URL = "https://mcp.example/mcp"


def read(**config: Any) -> McpConnection:
    return read_connection(config, programs=["notes"])


def test_a_server_is_signed_in_to() -> None:
    assert read(url=URL).build_headers() == {}
    bearer = read(url=URL, auth="bearer", api_key="k")
    assert bearer.build_headers() == {"authorization": "Bearer k"}
    header = read(url=URL, auth="header", api_key="k", api_key_name="X-Key")
    assert header.build_headers() == {"x-key": "k"}
    assert bearer.find_hosts() == ("mcp.example:443",)
    assert frozenset(("api_key",)) == SECRET_FIELDS


def test_a_program_is_named() -> None:
    assert read(program="notes").find_hosts() == ()


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "url"),
        ({"url": URL, "program": "notes"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "https://u:p@mcp.example/"}, "url"),
        ({"program": "sh"}, "program"),
        ({"program": "notes", "auth": "bearer", "api_key": "k"}, "auth"),
        ({"url": URL, "auth": "bearer"}, "api_key"),
        ({"url": URL, "auth": "header", "api_key": "k", "api_key_name": "Host"}, "api_key_name"),
        (
            {"url": URL, "auth": "header", "api_key": "k", "api_key_name": "Mcp-Session-Id"},
            "api_key_name",
        ),
        ({"url": URL, "command": "/bin/sh"}, "command"),
        ({"url": URL, "timeout_s": 0}, "timeout_s"),
    ],
)
def test_what_does_not_fit_is_named(config: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(**config)
    assert [error.field for error in caught.value.errors] == [f"connection_config.{field}"]
