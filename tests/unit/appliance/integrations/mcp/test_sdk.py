from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LOCKS = ("requirements.lock", "requirements-dev.lock")

SCRIPT = """
import sys
from appliance.integrations.mcp import McpKind
assert not [name for name in sys.modules if name.partition(".")[0] in ("mcp", "mcp_types")]
from appliance.integrations.mcp.sdk import prepare_sdk
prepare_sdk()
prepare_sdk()
import mcp.client.session, mcp.client.stdio, mcp.client.streamable_http, mcp.client.subscriptions
import mcp.client._probe
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"starlette", "uvicorn", "sse_starlette", "multipart", "python_multipart"}))
print(sorted(name for name in sys.modules if name.startswith(("mcp.server", "mcp.cli"))
             and not name.startswith("mcp.client")))
"""


def test_the_server_half_is_never_imported() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.stdout.split(), ran.returncode) == (["[]", "[]"], 0), ran.stderr


def test_what_would_hide_a_module_of_litestar_is_not_installed() -> None:
    root = Path(__file__).parents[5]
    for name in LOCKS:
        lock = (root / name).read_text(encoding="utf-8")
        assert "\nmultipart==" in lock
        assert "python-multipart" not in lock
