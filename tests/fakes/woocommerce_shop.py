"""A connected shop at WooCommerce: the fake server under a name, and the real type to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from appliance.domain.integration import Endpoint
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import ToolOutcome
from appliance.egress import EgressClient
from appliance.integrations.http_system import HttpSystems
from appliance.integrations.woocommerce import WooCommerceKind
from appliance.integrations.woocommerce.ready_endpoints import READY_ENDPOINTS
from appliance.ports.integrations import Integration
from tests.fakes.certificates import TestAuthority
from tests.fakes.clock import SettableClock
from tests.fakes.integrations import build_endpoint, build_integration
from tests.fakes.rerouting import rerouted
from tests.fakes.woocommerce_server import FakeWooCommerce, order, product

HOST = "lamps.example"
DANA = "dana@shop.example"
KEY = {"consumer_key": "ck_of-the-shop", "consumer_secret": "cs_of-the-shop"}
READY = {ready.endpoint_name: ready for ready in READY_ENDPOINTS}


def build_ready(name: str, **changes: Any) -> Endpoint:
    """Return a ready endpoint as a new integration gets it."""
    ready = READY[name]
    fields = {field: getattr(ready, field) for field in ready.__struct_fields__}
    return build_endpoint(**{**fields, **changes})


class ConnectedShop:
    """The fake and the real type ``woocommerce``, waiting no time."""

    def __init__(self, server: FakeWooCommerce, http: EgressClient) -> None:
        self.server = server
        self.clock = SettableClock()
        self.waits: list[float] = []
        systems = HttpSystems(http, self.clock, sleep=self._sleep, jitter=lambda: 1.0)
        self.kind = WooCommerceKind(systems, self.clock)

    def open(self, **config: Any) -> Integration:
        connection = {"store_url": f"https://{HOST}", **KEY, **config}
        return self.kind.open(build_integration(connection, integration_type="woocommerce"))

    async def call(
        self, endpoint: Endpoint | str, arguments: JsonObject, **config: Any
    ) -> ToolOutcome:
        if isinstance(endpoint, str):
            endpoint = build_ready(endpoint)
        return await self.open(**config).call(endpoint, arguments)

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)


@asynccontextmanager
async def open_shop(folder: Path, **fields: Any) -> AsyncIterator[ConnectedShop]:
    """Open a shop with two customers' orders and three products."""
    authority = TestAuthority(folder)
    stock = {
        "orders": [
            order(1001, DANA),
            order(1002, "mallory@evil.example"),
            order(77, DANA, number="A-1003"),
        ],
        "products": [
            product(1, "Blue lamp"),
            product(2, "מנורה כחולה", stock=0),
            product(3, "Blue lamp of next year", status="draft"),
            product(4, "Blue lamp for friends", catalog_visibility="hidden"),
        ],
    }
    async with FakeWooCommerce(tls=authority.serve(HOST), **{**stock, **fields}) as server:
        http = EgressClient([f"{HOST}:443"], tls=authority.trust())
        with rerouted({f"{HOST}:443": server.port}):
            try:
                yield ConnectedShop(server, http)
            finally:
                await http.aclose()
