"""A running server with a shop whose own system answers at its real name, and who talks to it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from tests.fakes.certificates import TestAuthority
from tests.fakes.rerouting import PROGRAM, ROUTES
from tests.http.clients import Operator, Shop, Visitor
from tests.http.running_server import RunningServer, serving

DANA = "dana@shop.example"


@dataclass
class ShopStage:
    """An operator and a shop's visitors."""

    server: RunningServer
    operator: Operator
    shop: Shop

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        return self.operator.call(method, f"/tenants/{self.shop.id}{path}", body, status=status)

    def connect(self, integration_type: str, **config: Any) -> str:
        """Connect the shop's system; return the integration's id."""
        body = {
            "integration_type": integration_type,
            "name": "Our shop",
            "connection_config": config,
        }
        made: str = self.call("POST", "/integrations", body, status=201)["id"]
        return made

    def use(self, integration_id: str, *tools: str) -> None:
        """Let tools ask the ready endpoints of their names."""
        for tool in tools:
            self.operator.use_tool(
                self.shop.id,
                tool,
                executor="integration",
                integration_mapping={tool: integration_id},
            )

    def visit(self) -> Visitor:
        return Visitor(self.server, self.shop.api_key)

    def sign_in(self, email: str = DANA) -> dict[str, str]:
        """Return what a page of the shop sends for a signed-in visitor."""
        claims = {"sub": email, "email": email, "exp": int(time.time()) + 600}
        token = jwt.encode(claims, self.shop.signing_secret, algorithm="HS256")
        return {"identity_token": token}

    def read_log(self, integration_id: str) -> list[dict[str, Any]]:
        log: list[dict[str, Any]] = self.call("GET", f"/integrations/{integration_id}/logs")[
            "items"
        ]
        return log


@asynccontextmanager
async def shop_stage(
    folder: Path,
    authority: TestAuthority,
    routes: Mapping[str, int],
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[ShopStage]:
    """Open the stage; ``routes`` lead names and ports to the fakes, which are allowed egress."""
    trusted = folder / "authority.pem"
    trusted.write_bytes(authority.certificate_pem)
    everything = {
        ROUTES: json.dumps(routes),
        "SSL_CERT_FILE": str(trusted),
        "CSAI_EGRESS_ALLOW": ",".join(routes),
        **(settings or {}),
    }
    async with serving(folder, settings=everything, program=PROGRAM) as server:

        def prepare() -> ShopStage:
            operator = Operator(server)
            return ShopStage(server, operator, operator.make_shop("Lamp Shop"))

        stage = await asyncio.to_thread(prepare)
        yield stage
        stage.operator.http.close()
