"""The published contract: one OpenAPI document for both listeners.

Owns putting the two applications' descriptions together, with the one form of every error; the
routes describe themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from litestar import Litestar, Router
from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute
from msgspec import Struct

from appliance import __version__
from appliance.domain.json_types import JsonObject
from appliance.web.problems import MEDIA_TYPE

METHODS: Final = frozenset({"get", "post", "put", "patch", "delete"})
UNSERVED_PATH: Final = "/schema-of-one-listener"
OPEN_OPERATIONS: Final = frozenset({"/health", "/api/admin/login", "/api/admin/refresh"})

SECURITY_SCHEMES: Final[JsonObject] = {
    "publishable_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "access_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}

PROBLEM_SCHEMA: Final[JsonObject] = {
    "type": "object",
    "description": "RFC 9457 problem details; `code` is stable.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}

PROBLEM_RESPONSE: Final[JsonObject] = {
    "description": "What went wrong.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def describe_listener(title: str) -> OpenAPIConfig:
    """Return the settings of one listener's own description, which no route serves.

    Litestar adds pages of its own whatever it is told, loading scripts from elsewhere by default;
    here they are one, and it answers 404.
    """
    return OpenAPIConfig(
        title=title,
        version=__version__,
        use_handler_docstrings=True,
        render_plugins=(JsonRenderPlugin(),),
        openapi_router=Router(
            UNSERVED_PATH, route_handlers=[], guards=[_hide], include_in_schema=False
        ),
    )


def _hide(_: ASGIConnection[Any, Any, Any, Any], __: BaseRouteHandler) -> None:
    raise NotFoundException


def build_openapi(public: Litestar, admin: Litestar) -> JsonObject:
    """Return one OpenAPI 3.1 document of both listeners."""
    visitor: JsonObject = public.openapi_schema.to_schema()
    document: JsonObject = admin.openapi_schema.to_schema()
    document["info"]["title"] = "CSAI Appliance"
    document["paths"] = dict(sorted({**visitor["paths"], **document["paths"]}.items()))
    schemas = {
        **visitor.get("components", {}).get("schemas", {}),
        **document.get("components", {}).get("schemas", {}),
        "Problem": PROBLEM_SCHEMA,
    }
    for body in _body_structs(public, admin):
        if body.__struct_config__.forbid_unknown_fields:
            schemas[body.__name__]["additionalProperties"] = False
    document["components"] = {
        "schemas": dict(sorted(schemas.items())),
        "securitySchemes": SECURITY_SCHEMES,
    }
    for path, operation in _operations(document):
        operation["security"] = _security(path)
        operation["responses"].pop("400", None)
        operation["responses"]["default"] = PROBLEM_RESPONSE
    return document


def _operations(document: JsonObject) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, operation


def _body_structs(*apps: Litestar) -> Iterator[type[Struct]]:
    """Yield every struct of which the applications' request bodies are made."""
    bodies = {
        handler.parsed_data_field.annotation
        for app in apps
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.parsed_data_field is not None
    }
    types: list[Any] = list(msgspec.inspect.multi_type_info(list(bodies)))
    seen: set[type[Struct]] = set()
    while types:
        found = types.pop()
        if isinstance(found, msgspec.inspect.StructType) and found.cls not in seen:
            seen.add(found.cls)
            yield found.cls
            types += [item.type for item in found.fields]
        elif isinstance(found, msgspec.inspect.UnionType):
            types += found.types
        elif isinstance(found, msgspec.inspect.ListType):
            types.append(found.item_type)
        elif isinstance(found, msgspec.inspect.Metadata):
            types.append(found.type)


def _security(path: str) -> list[JsonObject]:
    if path in OPEN_OPERATIONS:
        return []
    scheme = "access_token" if path.startswith("/api/admin") else "publishable_key"
    return [{scheme: []}]
