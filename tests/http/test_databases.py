"""A shop's own database, connected over the admin side and asked on behalf of a visitor."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.fakes.mariadb_server import running_mariadb
from tests.fakes.postgres_server import running_postgres
from tests.fakes.shop_databases import PASSWORD, READER, open_shop
from tests.http.clients import Operator, Visitor
from tests.http.running_server import serving

ENDPOINT = {
    "endpoint_name": "order",
    "query": "SELECT number, customer FROM orders WHERE number = :order_number",
    "parameters": [{"name": "order_number", "required": True}],
    "response_mapping": "[0]",
    "cache_s": 60,
}
QUESTION = "Where is my order 777?"


def fill(file: Path) -> None:
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE orders (number text, customer text, margin real)")
        connection.execute("INSERT INTO orders VALUES ('777', 'Yael the Brave', 8765.4375)")
        connection.commit()


async def test_a_visitor_is_answered_from_the_shops_own_database(tmp_path):
    files = tmp_path / "files"
    settings = {"CSAI_SQLITE_DIR": str(files)}
    async with serving(tmp_path / "server", settings=settings) as server:

        def play() -> None:
            operator = Operator(server)
            shop = operator.make_shop("Database Shop")
            fill(files / shop.id / "shop.db")

            def call(method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
                return operator.call(method, f"/tenants/{shop.id}{path}", body, status=status)

            made = call(
                "POST",
                "/integrations",
                {
                    "integration_type": "database",
                    "name": "Orders",
                    "connection_config": {"engine": "sqlite", "file": "shop.db"},
                },
                status=201,
            )["id"]
            assert call("POST", f"/integrations/{made}/test")["success"]
            for query, said in (
                ("DELETE FROM orders", "Begin with SELECT"),
                ("SELECT no_such_column FROM orders", "no such column: no_such_column"),
                ("SELECT load_extension('x')", "known to read only"),
            ):
                refused = {**ENDPOINT, "query": query, "parameters": []}
                problem = call("POST", f"/integrations/{made}/endpoints", refused, status=400)
                [error] = problem["errors"]
                assert error["field"] == "query"
                assert said in error["message"]
            call("POST", f"/integrations/{made}/endpoints", ENDPOINT, status=201)
            operator.use_tool(
                shop.id,
                "get_order_status",
                executor="integration",
                integration_mapping={"get_order_status": made},
                custom_config={"endpoint": "order"},
            )
            visitor = Visitor(server, shop.api_key)
            reply = visitor.ask(QUESTION)
            assert [tool["status"] for tool in reply["tools"]] == ["succeeded"]
            assert "Yael the Brave" in reply["message"]["content"]
            assert "8765.4375" not in json.dumps(reply)
            visitor.say(QUESTION)
            log = call("GET", f"/integrations/{made}/logs")["items"]
            assert [line["outcome"] for line in log] == ["cached", "succeeded"]
            visitor.http.close()
            operator.http.close()

        await asyncio.to_thread(play)


async def test_a_servers_password_is_never_shown_and_stays_with_its_host(tmp_path):
    allowed = f"127.0.0.1:{running_postgres().port},127.0.0.1:{running_mariadb().port}"
    for engine in ("postgresql", "mariadb"):
        async with (
            open_shop(engine, tmp_path) as database,
            serving(tmp_path / engine, settings={"CSAI_EGRESS_ALLOW": allowed}) as server,
        ):
            config = database.config()

            def play(config: Any = config, server: Any = server) -> None:
                operator = Operator(server)
                shop = operator.make_shop("Server Shop")
                path = f"/tenants/{shop.id}/integrations"
                new = {
                    "integration_type": "database", "name": "Orders", "connection_config": config,
                }  # fmt: skip
                made = operator.call("POST", path, new, status=201)
                assert PASSWORD not in json.dumps(made, ensure_ascii=False)
                assert made["connection_config"]["password"]["set"] is True
                tested = operator.call("POST", f"{path}/{made['id']}/test")
                assert (tested["success"], READER in tested["message"]) == (True, True)
                elsewhere = {"connection_config": {"host": "thief.example"}}
                problem = operator.call("PATCH", f"{path}/{made['id']}", elsewhere, status=400)
                assert problem["errors"][0]["field"] == "connection_config.password"
                operator.http.close()

            await asyncio.to_thread(play)
