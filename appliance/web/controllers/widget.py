"""What a shop's page loads: the widget bundle, its settings and the demo page.

Owns caching and the headers of these; the widget itself lives in ``widget/``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler

from appliance.domain.widget_files import WidgetFile, WidgetFiles
from appliance.services.tenants import build_embed_snippet
from appliance.services.widget_settings import build_public_settings
from appliance.web.controllers.chat import VisitorRequest, known_tenant

SHORT_CACHE = "public, max-age=300, stale-while-revalidate=86400"
LONG_CACHE = "public, max-age=31536000, immutable"
JAVASCRIPT = "text/javascript"
NO_HEADERS: Final[Mapping[str, str]] = {}
_GZIP = re.compile(r"(?:^|[,\s])(?:gzip|\*)(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)
DEMO_PAGE = Path(__file__).parent.parent / "pages" / "demo.html"
DEMO_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)


class _Content(NamedTuple):
    """One form of what is answered, with its ETag."""

    body: bytes
    tag: str
    headers: Mapping[str, str] = NO_HEADERS


@get("/api/config", summary="The widget's public settings", tags=["widget"])
async def get_widget_settings(request: VisitorRequest) -> Response[Any]:
    """Return the tenant's public settings; nothing else of it can be read here."""
    settings = build_public_settings(known_tenant(request).tenant)
    body = msgspec.json.encode(settings)
    content = _Content(body, f'"{hashlib.sha256(body).hexdigest()[:20]}"')
    return _tagged(request, content, "application/json", "no-cache")


def build_bundle_routes(widget: WidgetFiles) -> list[HTTPRouteHandler]:
    """Return the routes of the widget's files, each compressed beforehand."""
    return [_build_file_route(file) for file in widget.files]


def _build_file_route(file: WidgetFile) -> HTTPRouteHandler:
    media_type = "application/json" if file.name.endswith(".map") else JAVASCRIPT
    cache_control = LONG_CACHE if file.is_immutable else SHORT_CACHE
    plain = _Content(file.content, f'"{file.tag}"')
    packed = _Content(file.compressed, f'"{file.tag}-gzip"', {"Content-Encoding": "gzip"})
    headers = {"Vary": "Accept-Encoding", "Access-Control-Allow-Origin": "*"}

    @get(f"/{file.name}", include_in_schema=False)
    async def get_file(request: VisitorRequest) -> Response[Any]:
        takes_gzip = _GZIP.search(request.headers.get("accept-encoding", "")) is not None
        content = packed if takes_gzip else plain
        return _tagged(request, content, media_type, cache_control, headers)

    return get_file


def build_demo_route(*, shop_name: str, api_key: str, public_url: str) -> HTTPRouteHandler:
    """Return the route of the demo shop's page, with the widget as a customer would embed it.

    The page's own tag is relative, so that it works under every address of this machine; the code
    it shows has the public address.
    """
    page = DEMO_PAGE.read_text(encoding="utf-8")
    for name, value in (
        ("shop_name", escape(shop_name)),
        ("embed_snippet", build_embed_snippet("", api_key)),
        ("embed_snippet_escaped", escape(build_embed_snippet(public_url, api_key))),
    ):
        page = page.replace("{{" + name + "}}", value)

    @get("/demo", media_type=MediaType.HTML, summary="The demo shop", include_in_schema=False)
    async def get_demo() -> Response[str]:
        headers = {
            "Content-Security-Policy": DEMO_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "strict-origin-when-cross-origin",
            "Cache-Control": "no-cache",
        }
        return Response(page, media_type="text/html", headers=headers)

    return get_demo


def _tagged(
    request: VisitorRequest,
    content: _Content,
    media_type: str,
    cache_control: str,
    headers: Mapping[str, str] = NO_HEADERS,
) -> Response[Any]:
    """Return ``content`` with its ETag, or 304 when the client has it already."""
    told = {
        "ETag": content.tag,
        "Cache-Control": cache_control,
        "X-Content-Type-Options": "nosniff",
        **headers,
    }
    known_tags = {
        item.strip().removeprefix("W/")
        for item in request.headers.get("if-none-match", "").split(",")
    }
    if content.tag in known_tags:
        return Response(b"", status_code=304, media_type=media_type, headers=told)
    return Response(content.body, media_type=media_type, headers={**told, **content.headers})
