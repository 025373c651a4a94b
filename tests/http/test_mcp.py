"""MCP servers as a source of tools: over HTTP by whoever runs the shop, programs by name only."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx

from tests.fakes.mcp_server import INJECTION, PROGRAM, TOKEN, McpHttpServer, open_mcp_server
from tests.fakes.openai_server import FakeOpenAI, Say, Step
from tests.http.clients import Operator, Shop, Visitor
from tests.http.running_server import RunningServer, serving, wait_until
from tests.loopback import DIRECT

KEY = "sk-quiet-lantern-0123456789"
EXECUTABLE = {
    "command", "cmd", "args", "argv", "arguments", "env", "environment", "executable", "program",
    "shell", "cwd", "exec",
}  # fmt: skip


class Stage:
    """An operator whose shop has an MCP server."""

    def __init__(self, server: RunningServer, **config: Any) -> None:
        self.server = server
        self.operator = Operator(server)
        self.shop: Shop = self.operator.make_shop("Warehouse Shop")
        body = {
            "integration_type": "mcp",
            "name": "Warehouse",
            "connection_config": {"timeout_s": 5, **config},
        }
        self.id = self.call("POST", "/integrations", body, status=201)["id"]
        self.path = f"/integrations/{self.id}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.operator.http.close()

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        return self.operator.call(method, f"/tenants/{self.shop.id}{path}", body, status=status)

    def refresh(self) -> dict[str, dict[str, Any]]:
        items = self.call("POST", f"{self.path}/refresh")["items"]
        return {item["offer"]["name"]: item for item in items}

    def endpoint(self, name: str) -> dict[str, Any]:
        items = self.call("GET", f"{self.path}/endpoints")["items"]
        return next(item for item in items if item["offer"]["name"] == name)

    def approve(self, name: str, **changes: Any) -> str:
        """Look at an offer, approve it, and return the path of its endpoint."""
        endpoint = self.endpoint(name)
        path = f"{self.path}/endpoints/{endpoint['id']}"
        if changes:
            self.call("PATCH", path, changes)
        body = {"fingerprint": endpoint["offer"]["fingerprint"]}
        assert self.call("POST", f"{path}/approve", body)["is_approved"] is True
        return path

    def take_over(self, name: str, **changes: Any) -> dict[str, Any]:
        """Approve an offer and make a tool of it."""
        made: dict[str, Any] = self.call("POST", f"{self.approve(name, **changes)}/tool")
        return made

    def try_out(self, tool: dict[str, Any], **parameters: Any) -> dict[str, Any]:
        path = f"/tools/{tool['tool_id']}/test"
        tried: dict[str, Any] = self.call("POST", path, {"parameters": parameters, "confirm": True})
        return tried

    def visit(self) -> Visitor:
        return Visitor(self.server, self.shop.api_key)


async def on_stage(play: Callable[[Stage], Any], server: RunningServer, **config: Any) -> Any:
    """Let ``play`` happen in a thread, since it waits for answers."""

    def perform() -> Any:
        with Stage(server, **config) as stage:
            return play(stage)

    return await asyncio.to_thread(perform)


def config_of(mcp: McpHttpServer) -> dict[str, Any]:
    return {"url": mcp.url, "auth": "bearer", "api_key": TOKEN}


async def test_a_server_s_tools_answer_a_visitor_without_a_model(tmp_path: Path) -> None:
    async with (
        open_mcp_server() as mcp,
        serving(tmp_path, settings={"CSAI_EGRESS_ALLOW": mcp.authority}) as server,
    ):

        def play(stage: Stage) -> None:
            tested = stage.call("POST", f"{stage.path}/test")
            assert (tested["success"], tested["message"]) == (
                True,
                "The server speaks MCP 2026-07-28 and offers 10 tools.",
            )
            offered = stage.refresh()
            assert {item["is_approved"] for item in offered.values()} == {False}
            assert offered["get_stock"]["risk"] == "write"
            assert offered["remove_notes"]["risk"] == "destructive"
            tool = stage.take_over("get_stock", risk="read")
            assert (tool["tool_name"], tool["risk"]) == ("get_stock", "read")
            assert tool["description"] == "Looks up what is in stock."
            clash = stage.take_over("get_order_status")
            assert clash["tool_name"] == "Warehouse_get_order_status"
            stage.call("DELETE", f"/tools/{clash['tool_id']}", status=204)

            visitor = stage.visit()
            visitor.say("What is in stock?")
            reply = visitor.ask("A-17")
            assert [used["name"] for used in reply["tools"]] == ["get_stock"], reply
            assert "7" in reply["message"]["content"]
            [line] = stage.call("GET", f"{stage.path}/logs")["items"]
            assert (line["outcome"], line["endpoint_name"]) == ("succeeded", "get_stock")
            visitor.http.close()
            shown = json.dumps([tested, stage.call("GET", "/integrations"), offered])
            assert TOKEN not in shown + server.output()

        await on_stage(play, server, **config_of(mcp))


def play_script(asked: list[dict[str, Any]]) -> Callable[[dict[str, Any]], Step]:
    def answer(body: dict[str, Any]) -> Step:
        asked.append(body)
        last = body["messages"][-1]
        if last["role"] == "tool":
            return Say(text=[f"Done: {len(last['content'])}"])
        return Say(calls=[{"name": "add_note", "arguments": {"text": "call Dana"}}])

    return answer


async def test_a_model_s_write_is_confirmed_and_a_changed_tool_is_not_run(tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = []
    async with (
        open_mcp_server("older") as mcp,
        FakeOpenAI(play_script(asked), api_key=KEY) as openai,
    ):
        settings = {
            "CSAI_EGRESS_ALLOW": mcp.authority,
            "CSAI_LLM_PROVIDER": "openai",
            "CSAI_OPENAI_BASE_URL": openai.url,
            "CSAI_OPENAI_API_KEY": KEY,
        }
        async with serving(tmp_path, settings=settings) as server:
            server.expect("tool_failed")

            def play(stage: Stage) -> None:
                stage.refresh()
                unapproved = f"{stage.path}/endpoints/{stage.endpoint('add_note')['id']}/tool"
                assert stage.call("POST", unapproved, status=409)["code"] == "not_approved"
                stage.take_over("add_note")
                stock = stage.take_over("get_stock", risk="read")
                turn = stage.take_over("turn")

                visitor = stage.visit()
                first = visitor.ask("Please leave a note")
                assert [used["status"] for used in first["tools"]] == ["needs_confirmation"]
                assert "call Dana" in first["message"]["content"]
                second = visitor.ask("yes")
                assert [used["status"] for used in second["tools"]] == ["succeeded"], second
                visitor.http.close()
                assert INJECTION not in json.dumps(asked)

                assert stage.try_out(stock, sku="A")["success"] is True
                before = stage.endpoint("get_stock")
                assert stage.try_out(turn)["success"] is True
                wait_until(
                    lambda: not stage.endpoint("get_stock")["is_approved"],
                    timeout_s=30,
                    what="the mirror to hear of the change",
                )
                after = stage.endpoint("get_stock")
                assert after["offer"]["description"] == INJECTION
                refused = stage.try_out(stock, sku="A")
                assert refused["success"] is False
                assert "approve" in refused["error"]
                path = f"{stage.path}/endpoints/{after['id']}/approve"
                old = {"fingerprint": before["offer"]["fingerprint"]}
                assert stage.call("POST", path, old, status=409)["code"] == "offer_changed"
                tools = stage.call("GET", "/tools")["items"]
                assert INJECTION not in json.dumps(tools)
                stage.approve("get_stock")
                assert stage.try_out(stock, sku="A")["success"] is True

            await on_stage(play, server, **config_of(mcp))


def register(tmp_path: Path, **fields: Any) -> None:
    data = tmp_path / "data"
    data.mkdir(parents=True, exist_ok=True)
    lines = {
        "command": sys.executable,
        "arguments": [str(PROGRAM), "stdio", str(tmp_path)],
        **fields,
    }
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
    text += '[mcp_programs.notes.environment]\nSHOP_TOKEN = "t-1"\n'
    (data / "config.toml").write_text(f"[mcp_programs.notes]\n{text}", encoding="utf-8")


async def test_a_program_runs_by_its_name_only_and_ends_with_the_server(tmp_path: Path) -> None:
    register(tmp_path, tenants=["*"])
    async with serving(tmp_path) as server:

        def play(stage: Stage) -> list[int]:
            stage.refresh()
            tool = stage.take_over("list_environment")
            names = stage.try_out(tool)["result"]["result"]
            assert "SHOP_TOKEN" in names
            assert not [name for name in names if name.startswith("CSAI_")]
            assert "the program began" in server.output()
            hanging = stage.take_over("hang")
            first = find_programs(tmp_path)
            stage.call("PATCH", stage.path, {"connection_config": {"timeout_s": 1}})
            assert stage.try_out(hanging)["success"] is False
            wait_until(
                lambda: not set(first) & set(find_programs(tmp_path)), timeout_s=15, what="its end"
            )
            stage.call("PATCH", stage.path, {"connection_config": {"timeout_s": 30}})
            assert stage.try_out(tool)["success"] is True
            for config in (
                {"command": "/bin/sh"},
                {"program": "/bin/sh"},
                {"program": "notes", "arguments": ["-c", "id"]},
            ):
                body = {"integration_type": "mcp", "name": "x", "connection_config": config}
                stage.call("POST", "/integrations", body, status=400)
            return find_programs(tmp_path)

        running = await on_stage(play, server, program="notes")
        assert len(running) == 1
    wait_until(lambda: not find_programs(tmp_path), timeout_s=30, what="the program to end")


async def test_a_program_is_only_for_tenants_that_it_was_given_to(tmp_path: Path) -> None:
    register(tmp_path, tenants=["somebody-else"])
    async with serving(tmp_path) as server:

        def play(stage: Stage) -> None:
            problem = stage.call("POST", f"{stage.path}/test", status=400)
            assert "not given this program" in json.dumps(problem)
            assert find_programs(tmp_path) == []

        await on_stage(play, server, program="notes")


def find_programs(mark: Path) -> list[int]:
    """Return the processes that run a test's MCP program; ``mark`` is among its arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes() if entry.name.isdecimal() else b""
            parent = (entry / "stat").read_text().rsplit(")", 1)[1].split() if line else []
        except OSError:
            continue
        if str(PROGRAM).encode() in line and str(mark).encode() in line and parent[0] != "Z":
            found.append(int(entry.name))
    return found


def test_no_route_takes_a_command(demo_server: RunningServer) -> None:
    """Every body of every route, whatever it refers to: no field of it could name a program."""
    url = f"{demo_server.admin_url}/schema/openapi.json"
    document = httpx.get(url, **DIRECT).json()
    schemas = document["components"]["schemas"]
    seen: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                walk(item)
        if not isinstance(node, dict):
            return
        seen.update(node.get("properties") or {})
        reference = node.get("$ref", "")
        if reference and reference not in walked:
            walked.add(reference)
            walk(schemas[reference.rsplit("/", 1)[1]])
        for value in node.values():
            walk(value)

    walked: set[str] = set()
    for path in document["paths"].values():
        for operation in path.values():
            walk(operation.get("requestBody"))
            walk(operation.get("parameters"))
    assert {"connection_config", "fingerprint"} <= seen
    assert not seen & EXECUTABLE
