"""The packaged program answering through each vendor's SDK, and its panel beside it.

Run as ``python -m tests.packaged.vendors_and_panel PROGRAM``: what the SDKs and Qt load by
themselves must be in the package too, and importing them does not show it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.fakes.anthropic_server import API_KEY, FakeAnthropic
from tests.fakes.anthropic_server import Say as SayAsClaude
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.openai_server import Say as SayAsOpenAI
from tests.http.clients import Visitor, read_demo_key
from tests.http.running_server import RunningServer, run_csai

WORDS = ("Hello from ", "the vendor.")
PNG = b"\x89PNG\r\n\x1a\n"


async def check_vendors(program: Path, folder: Path) -> None:
    """Ask one question of a server by Claude, and of one by an OpenAI-compatible model."""

    def by_claude(_: dict[str, Any]) -> SayAsClaude:
        return SayAsClaude(text=WORDS)

    def by_openai(_: dict[str, Any]) -> SayAsOpenAI:
        return SayAsOpenAI(text=WORDS)

    async with (
        FakeAnthropic(by_claude) as claude,
        FakeOpenAI(by_openai, api_key=API_KEY) as openai,
    ):
        for name, provider, url in (
            ("anthropic", "claude", claude.url),
            ("openai", "openai", openai.url),
        ):
            settings = {
                "CSAI_LLM_PROVIDER": provider,
                f"CSAI_{name.upper()}_BASE_URL": url,
                f"CSAI_{name.upper()}_API_KEY": API_KEY,
            }
            server = RunningServer(folder / name, settings=settings, program=[str(program)])
            await asyncio.to_thread(ask, server)


def ask(server: RunningServer) -> None:
    """Hear the model's own words; the builtin answerer would stand in for one that fails."""
    with server:
        visitor = Visitor(server, read_demo_key(server))
        reply = visitor.ask("Tell me a story about the sea")
        assert reply["message"]["content"] == "".join(WORDS), reply
        assert reply["degraded"] is False
        visitor.http.close()


def check_panel(program: Path, folder: Path) -> None:
    """Let the panel sign in at a running server and draw each of its pages."""
    with RunningServer(
        folder, settings={"CSAI_ADMIN_PASSWORD": ""}, program=[str(program)]
    ) as server:
        for page in ("overview", "tenants", "logs"):
            picture = folder / f"{page}.png"
            drawn = run_csai(
                *("panel", "--data-dir", str(server.data_dir), "--admin-port"),
                *(str(server.ports[1]), "--port", str(server.ports[0])),
                *("--page", page, "--screenshot", str(picture)),
                home=folder, program=[str(program)], timeout_s=60,
            )  # fmt: skip
            assert (drawn.returncode, drawn.stderr) == (0, ""), drawn
            assert picture.read_bytes().startswith(PNG)


def main() -> int:
    program = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="csai-packaged-") as folder:
        asyncio.run(check_vendors(program, Path(folder)))
        check_panel(program, Path(folder) / "panel")
    print("ok  the packaged program answers through each vendor's SDK, and its panel opens")
    return 0


if __name__ == "__main__":
    sys.exit(main())
