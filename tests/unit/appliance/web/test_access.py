"""The outermost layers, around a small application and over a real database."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
import structlog
from litestar import Litestar, Request, get, post
from litestar.params import JSONBody

from appliance.errors import StorageError
from appliance.services.tenant_directory import TenantDirectory
from appliance.web.access import (
    JsonBodies,
    OwnOrigins,
    RequestIds,
    TenantAccess,
    build_own_origins,
    is_tenant_path,
)
from appliance.web.problems import MEDIA_TYPE, respond_with_problem
from tests.fakes.asgi import AsgiApp, AsgiResponse, request
from tests.fakes.shops import build_tenant
from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database

SHOP, OTHER = "https://shop.example", "https://other.example"
OWN = build_own_origins(host="127.0.0.1", port=8080, public_url="https://chat.example/base")
JSON = ("Content-Type", "application/json")


class Body(msgspec.Struct):
    text: str


@get("/chat/history")
async def who(request: Request[Any, Any, Any]) -> dict[str, str]:
    return {"tenant": request.scope["state"]["known_tenant"].tenant.name}


@post("/chat/message", status_code=200)
async def echo(data: JSONBody[Body]) -> dict[str, str]:
    return {"text": data.text}


@get("/api/broken")
async def broken() -> None:
    raise ZeroDivisionError


@get("/health")
async def health() -> dict[str, str]:
    return {"request_id": structlog.contextvars.get_contextvars()["request_id"]}


class Shop:
    """The layers around the application, with two shops behind."""

    def __init__(self, directory: Any, own_origins: OwnOrigins = OWN) -> None:
        litestar = Litestar(
            route_handlers=[who, echo, broken, health],
            exception_handlers={Exception: respond_with_problem},
            logging_config=None,
            openapi_config=None,
        )
        inner = TenantAccess(JsonBodies(litestar), directory=directory, own_origins=own_origins)
        self.app: AsgiApp = RequestIds(inner)

    async def get(self, path: str = "/chat/history", **headers: str) -> AsgiResponse:
        return await self.send("GET", path, **headers)

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> AsgiResponse:
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return await request(self.app, method, path, headers=named, body=body)


@pytest_asyncio.fixture
async def temporary() -> AsyncIterator[TemporaryDatabase]:
    async with open_temporary_database() as opened:
        repository, now = opened.database.tenants, opened.clock.now()
        for key, name, origins in (
            ("pk_shop", "Shop", [SHOP]),
            ("pk_other", "Other", [OTHER]),
            ("pk_closed", "Closed", []),
        ):
            tenant = build_tenant(name=name, allowed_origins=origins)
            await repository.add(tenant)
            await repository.add_publishable_key(tenant.id, key, at=now)
        yield opened


def build_directory(temporary: TemporaryDatabase) -> TenantDirectory:
    database = temporary.database
    return TenantDirectory(tenants=database.tenants, tools=database.tools, clock=temporary.clock)


@pytest.fixture
def shop(temporary: TemporaryDatabase) -> Shop:
    return Shop(build_directory(temporary))


def has_cors(response: AsgiResponse) -> bool:
    return any(name.startswith("access-control-") for name, _ in response.headers)


def assert_problem(response: AsgiResponse, status: int, code: str) -> None:
    assert (response.status, response.json()["code"]) == (status, code)
    assert response.header("content-type") == MEDIA_TYPE
    assert response.json()["status"] == status
    assert response.header("x-request-id")


async def test_a_key_finds_its_tenant(shop: Shop) -> None:
    response = await shop.get(X_API_Key="pk_shop")
    assert (response.status, response.json()) == (200, {"tenant": "Shop"})
    assert not has_cors(response)


@pytest.mark.parametrize("key", [None, "", "pk_unknown", "PK_SHOP", "pk_shop ", "\xff\xfe"])
async def test_without_a_known_key_nothing_is_served(shop: Shop, key: str | None) -> None:
    headers = {} if key is None else {"X_API_Key": key}
    for path in ("/chat/history", "/chat/unknown", "/api/broken", "//chat/history", "/chat//x"):
        response = await shop.get(path, **headers)
        assert_problem(response, 401, "unknown_key")
        assert response.header("www-authenticate")
        assert not has_cors(response)


async def test_only_the_tenants_routes_need_a_key(shop: Shop) -> None:
    assert (await shop.get("/health")).status == 200
    assert_problem(await shop.get("/nothing/here"), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/chat/message", True), ("/api/config", True), ("//chat/message", True),
        ("/chat///message", True), ("/health", False), ("/widget.js", False), ("/chatter", False),
        ("/x/chat/message", False),
    ],
)  # fmt: skip
def test_several_slashes_are_one(path: str, expected: bool) -> None:
    assert is_tenant_path(path) is expected


async def test_a_page_of_an_allowed_origin_may_read_every_answer(shop: Shop) -> None:
    for path, status in (("/chat/history", 200), ("/chat/unknown", 404), ("/api/broken", 500)):
        response = await shop.get(path, X_API_Key="pk_shop", Origin=SHOP)
        assert response.status == status
        assert response.header("access-control-allow-origin") == SHOP
        assert response.header("vary") == "Origin"
        exposed = response.header("access-control-expose-headers") or ""
        assert {"ETag", "Retry-After", "X-Request-ID"} <= set(exposed.split(", "))
        assert response.header("access-control-allow-credentials") is None


@pytest.mark.parametrize(
    "origin",
    [
        OTHER,
        "null",
        "http://shop.example",
        "https://shop.example:8443",
        "https://shop.example.evil.example",
        "https://SHOP.example",
        "https://evil.example/https://shop.example",
        "http://[",
        "http://[::1",
        "\xff",
        "x" * 5_000,
    ],
)
async def test_a_page_of_another_origin_gets_nothing(shop: Shop, origin: str) -> None:
    response = await shop.get(X_API_Key="pk_shop", Origin=origin)
    assert_problem(response, 403, "origin_not_allowed")
    assert not has_cors(response)


async def test_a_tenant_without_origins_serves_only_the_appliances_own_pages(shop: Shop) -> None:
    assert (await shop.get(X_API_Key="pk_closed", Origin=SHOP)).status == 403
    for own in ("http://127.0.0.1:8080", "http://localhost:8080", "https://chat.example"):
        response = await shop.get(X_API_Key="pk_closed", Origin=own)
        assert response.status == 200
        assert response.header("access-control-allow-origin") == own


async def test_any_origin_must_be_chosen(temporary: TemporaryDatabase) -> None:
    tenant = build_tenant(name="Open", allowed_origins=["*"])
    await temporary.database.tenants.add(tenant)
    await temporary.database.tenants.add_publishable_key(
        tenant.id, "pk_open", at=temporary.clock.now()
    )
    shop = Shop(build_directory(temporary))
    response = await shop.get(X_API_Key="pk_open", Origin="https://anywhere.example")
    assert response.header("access-control-allow-origin") == "https://anywhere.example"


@pytest.mark.parametrize("origin", [SHOP, OTHER, "http://localhost:8080"])
async def test_a_preflight_answers_for_a_known_origin(shop: Shop, origin: str) -> None:
    response = await shop.send("OPTIONS", "/chat/message", Origin=origin)
    assert (response.status, response.body) == (204, b"")
    assert response.header("access-control-allow-origin") == origin
    allowed = response.header("access-control-allow-headers") or ""
    assert {"X-API-Key", "Content-Type", "Last-Event-ID"} <= set(allowed.split(", "))
    assert "POST" in (response.header("access-control-allow-methods") or "")
    assert response.header("access-control-max-age") == "600"
    assert response.header("vary") == "Origin"


@pytest.mark.parametrize("origin", [None, "", "null", "https://evil.example", "http://["])
async def test_a_preflight_of_anybody_else_is_refused(shop: Shop, origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    response = await shop.send("OPTIONS", "/chat/message", **headers)
    assert response.status == 403
    assert not has_cors(response)


async def test_a_database_that_fails_is_a_problem_too() -> None:
    class BrokenDirectory:
        async def find_by_key(self, _: str) -> None:
            raise StorageError("The disk is full.")

    response = await Shop(BrokenDirectory()).get(X_API_Key="pk_shop")
    assert_problem(response, 503, "storage_unavailable")
    assert response.header("retry-after")


async def test_a_servers_shared_state_is_not_written_to(shop: Shop) -> None:
    """A server may hand one dictionary to all requests: tenants must not meet in it."""
    shared: dict[str, Any] = {"from_lifespan": 1}
    for key, name in (("pk_shop", "Shop"), ("pk_other", "Other")):
        response = await request(
            shop.app, "GET", "/chat/history", headers=[("X-API-Key", key)], state=shared
        )
        assert response.json() == {"tenant": name}
    assert shared == {"from_lifespan": 1}


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/jsonp", 415),
        ("", 415),
    ],
)
async def test_a_body_must_be_json(shop: Shop, content_type: str, status: int) -> None:
    body = b'{"text":"Hi"}'
    response = await shop.send(
        "POST",
        "/chat/message",
        body,
        X_API_Key="pk_shop",
        Origin=SHOP,
        Content_Type=content_type,
        Content_Length=str(len(body)),
    )
    assert response.status == status
    assert response.header("access-control-allow-origin") == SHOP
    if status == 415:
        assert_problem(response, 415, "unsupported_media_type")


async def test_a_body_of_unknown_length_must_be_json_too(shop: Shop) -> None:
    response = await shop.send(
        "POST", "/chat/message", b"x", X_API_Key="pk_shop", Transfer_Encoding="chunked"
    )
    assert_problem(response, 415, "unsupported_media_type")


async def test_without_a_body_no_type_is_needed() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["method"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    for method, headers in (("POST", []), ("POST", [("Content-Length", "0")]), ("DELETE", [])):
        assert (await request(JsonBodies(app), method, headers=headers)).status == 200
    mixed = JsonBodies(app, others={re.compile("/tables/[^/]+/import"): "text/csv"})
    file = [("Content-Type", "Text/CSV; charset=utf-8"), ("Content-Length", "5")]
    json = [("Content-Type", "application/json"), ("Content-Length", "5")]
    assert (await request(mixed, "POST", "/tables/1/import", headers=file)).status == 200
    assert (await request(mixed, "POST", "/tables/1/import", headers=json)).status == 415
    assert (await request(mixed, "POST", "/tables/1/import/2", headers=file)).status == 415
    assert (await request(mixed, "POST", "/tables", headers=json)).status == 200


async def test_every_answer_carries_its_requests_id(shop: Shop) -> None:
    ids = {(await shop.get("/health")).header("x-request-id") for _ in range(3)}
    assert len(ids) == 3
    response = await shop.get("/health")
    assert response.json() == {"request_id": response.header("x-request-id")}


async def test_a_callers_own_id_is_kept(shop: Shop) -> None:
    response = await shop.get("/health", X_Request_ID="order-42_a.b")
    assert response.header("x-request-id") == "order-42_a.b"
    assert response.json() == {"request_id": "order-42_a.b"}


@pytest.mark.parametrize(
    "given", ["", "a b", "a" * 65, "a\r\nSet-Cookie: x", "<script>", "é", "a\n"]
)
async def test_an_id_that_could_forge_a_log_line_is_replaced(shop: Shop, given: str) -> None:
    response = await shop.get("/health", X_Request_ID=given)
    assert response.header("x-request-id") not in (None, given)


async def test_an_id_does_not_outlive_its_request(shop: Shop) -> None:
    await shop.get("/health", X_Request_ID="mine")
    assert "request_id" not in structlog.contextvars.get_contextvars()


async def test_head_is_get_without_a_body(shop: Shop) -> None:
    got, head = await shop.get("/health"), await shop.send("HEAD", "/health")
    assert (head.status, head.body) == (200, b"")
    assert head.header("content-type") == got.header("content-type")
    assert head.header("content-length") == got.header("content-length")


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
async def test_what_is_not_http_passes_through(shop: Shop, kind: str) -> None:
    seen: list[str] = []

    async def app(scope: Any, *_: Any) -> None:
        seen.append(scope["type"])

    access = TenantAccess(JsonBodies(app), directory=None, own_origins=OWN)  # type: ignore[arg-type]
    await RequestIds(access)({"type": kind}, None, None)  # type: ignore[arg-type]
    assert seen == [kind]


@pytest.mark.parametrize(
    ("host", "port", "public_url", "own", "foreign"),
    [
        (
            "127.0.0.1", 8080, None,
            ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"],
            ["http://127.0.0.1", "https://localhost:8080", "http://localhost:8081",
             "http://192.168.1.5:8080", "http://evil.example:8080"],
        ),
        ("::1", 8080, None, ["http://[::1]:8080", "http://localhost:8080"], ["http://[::2]:8080"]),
        ("127.0.0.1", 80, None, ["http://localhost", "http://localhost:80"], ["http://x"]),
        ("192.168.1.5", 8080, None, ["http://192.168.1.5:8080"], ["http://localhost:8080"]),
        ("shop.local", 8080, None, ["http://shop.local:8080"], ["http://localhost:8080"]),
        (
            "127.0.0.1", 8080, "https://chat.example:444/x/",
            ["https://chat.example:444", "http://localhost:8080"],
            ["https://chat.example", "http://chat.example:444"],
        ),
    ],
)  # fmt: skip
def test_own_pages_are_those_under_the_listeners_own_names(
    host: str, port: int, public_url: str | None, own: list[str], foreign: list[str]
) -> None:
    origins = build_own_origins(host=host, port=port, public_url=public_url)
    for origin in own:
        assert origins.has(origin, origin.partition("//")[2].encode())
    for origin in foreign:
        assert not origins.has(origin, origin.partition("//")[2].encode())


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_listener_on_all_addresses_is_met_by_address_but_by_no_foreign_name(host: str) -> None:
    """A name may have been rebound to this machine; an address cannot."""
    origins = build_own_origins(host=host, port=8080, public_url=None)
    for address in ("192.168.1.5:8080", "[fe80::1]:8080", "127.0.0.1:8080"):
        assert origins.has(f"http://{address}", address.encode())
    assert not origins.has("http://evil.example:8080", b"evil.example:8080")
    assert not origins.has("http://192.168.1.5.evil.example:8080", b"192.168.1.5.evil.example:8080")
    assert not origins.has("http://192.168.1.5:8080", b"192.168.1.6:8080")
    assert not origins.has("http://[", b"[")
    assert not origins.has("null", b"192.168.1.5:8080")


async def test_a_rebound_name_reaches_no_tenant(temporary: TemporaryDatabase) -> None:
    own = build_own_origins(host="0.0.0.0", port=8080, public_url=None)
    shop = Shop(build_directory(temporary), own)
    evil = {"Origin": "http://evil.example:8080", "Host": "evil.example:8080"}
    response = await shop.get(X_API_Key="pk_closed", **evil)
    assert_problem(response, 403, "origin_not_allowed")
    near = {"Origin": "http://192.168.1.5:8080", "Host": "192.168.1.5:8080"}
    assert (await shop.get(X_API_Key="pk_closed", **near)).status == 200
