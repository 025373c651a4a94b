import pytest
from litestar import Litestar, get, post
from litestar.params import JSONBody
from msgspec import Struct

from appliance.web.openapi import build_openapi, describe_listener


class Item(Struct, forbid_unknown_fields=True):
    name: str


class Order(Struct):
    number: str
    items: list[Item] | None = None


@post("/chat/message")
async def ask(data: JSONBody[Order]) -> Order:
    return data


@get("/health")
async def look() -> None: ...


@get("/api/admin/orders")
async def list_orders() -> list[Order]:
    """Return all orders."""
    return []


@post("/api/admin/login")
async def log_in(data: JSONBody[Order]) -> None: ...


@pytest.fixture(scope="module")
def document():
    public = Litestar([ask, look], openapi_config=describe_listener("Visitor side"))
    admin = Litestar([list_orders, log_in, look], openapi_config=describe_listener("Operator side"))
    return build_openapi(public, admin)


def test_both_listeners_are_in_one_document(document):
    assert list(document["paths"]) == [
        "/api/admin/login",
        "/api/admin/orders",
        "/chat/message",
        "/health",
    ]
    assert document["openapi"].startswith("3.1")
    assert "Order" in document["components"]["schemas"]


def test_each_operation_names_its_own_credential(document):
    paths = document["paths"]
    assert paths["/chat/message"]["post"]["security"] == [{"publishable_key": []}]
    assert paths["/api/admin/orders"]["get"]["security"] == [{"access_token": []}]
    assert paths["/api/admin/login"]["post"]["security"] == []
    assert paths["/health"]["get"]["security"] == []


def test_every_error_is_a_problem(document):
    for item in document["paths"].values():
        for operation in item.values():
            content = operation["responses"]["default"]["content"]
            assert list(content) == ["application/problem+json"]
            assert "400" not in operation["responses"]
    problem = document["components"]["schemas"]["Problem"]
    assert problem["required"] == ["type", "title", "status", "detail", "code"]


def test_an_operation_is_described_by_its_handler(document):
    assert document["paths"]["/api/admin/orders"]["get"]["description"] == "Return all orders."


def test_a_body_that_refuses_unknown_fields_says_so_at_every_depth(document):
    schemas = document["components"]["schemas"]
    assert schemas["Item"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["Order"]
