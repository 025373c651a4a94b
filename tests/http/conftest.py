"""One demo server for all tests that leave it as they found it, and who talks to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.http.clients import Operator, Shop, Visitor, read_demo_key
from tests.http.running_server import RunningServer


@pytest.fixture(scope="session")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("demo-server")) as server:
        server.expect("origin_refused")
        yield server


@pytest.fixture(scope="session")
def demo_key(demo_server: RunningServer) -> str:
    return read_demo_key(demo_server)


@pytest.fixture
def visitor(demo_server: RunningServer, demo_key: str) -> Iterator[Visitor]:
    visitor = Visitor(demo_server, demo_key)
    yield visitor
    visitor.http.close()


@pytest.fixture(scope="module")
def operator(demo_server: RunningServer) -> Iterator[Operator]:
    operator = Operator(demo_server)
    yield operator
    operator.http.close()


@pytest.fixture
def shop(operator: Operator) -> Iterator[Shop]:
    """A shop of this test's own, without tools."""
    shop = operator.make_shop("Corner Shop", allowed_origins=["https://corner.example"])
    yield shop
    operator.call("DELETE", f"/tenants/{shop.id}")


@pytest.fixture
def shopper(demo_server: RunningServer, shop: Shop) -> Iterator[Visitor]:
    """A visitor of ``shop``."""
    visitor = Visitor(demo_server, shop.api_key)
    yield visitor
    visitor.http.close()
