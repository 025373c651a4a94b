"""What a shop's page loads: the widget bundle, its settings and the demo page.

Owns caching and the headers of these; the widget itself lives in ``widget/``.
"""

from __future__ import annotations

import hashlib
from html import escape
from pathlib import Path
from typing import Any

import msgspec
from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler

from appliance.errors import ConfigurationError
from appliance.services.tenants import build_embed_snippet
from appliance.services.widget_settings import build_public_settings
from appliance.web.controllers.chat import VisitorRequest, known_tenant

SHORT_CACHE = "public, max-age=300, stale-while-revalidate=86400"
LONG_CACHE = "public, max-age=31536000, immutable"
JAVASCRIPT = "text/javascript"
DEMO_PAGE = Path(__file__).parent.parent / "pages" / "demo.html"
DEMO_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)


@get("/api/config", summary="The widget's public settings", tags=["widget"])
async def get_widget_settings(request: VisitorRequest) -> Response[Any]:
    """Return the tenant's public settings; nothing else of it can be read here."""
    settings = build_public_settings(known_tenant(request).tenant)
    return _tagged(request, msgspec.json.encode(settings), "application/json", "no-cache")


def build_bundle_routes(bundle: Path) -> list[HTTPRouteHandler]:
    """Return the routes that serve the built widget, under its name and under its hash.

    Raises:
        ConfigurationError: The widget has not been built.
    """
    try:
        script = bundle.read_bytes()
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"The widget is not built: {bundle} is missing. Run `make widget`."
        ) from error
    digest = hashlib.sha256(script).hexdigest()[:16]

    @get("/widget.js", summary="The widget", include_in_schema=False)
    async def get_widget(request: VisitorRequest) -> Response[Any]:
        return _tagged(request, script, JAVASCRIPT, SHORT_CACHE, is_for_all=True)

    @get(f"/widget.{digest}.js", include_in_schema=False)
    async def get_hashed_widget(request: VisitorRequest) -> Response[Any]:
        return _tagged(request, script, JAVASCRIPT, LONG_CACHE, is_for_all=True)

    routes: list[HTTPRouteHandler] = [get_widget, get_hashed_widget]
    source_map = bundle.with_name(bundle.name + ".map")
    if source_map.is_file():

        @get("/widget.js.map", include_in_schema=False)
        async def get_source_map(request: VisitorRequest) -> Response[Any]:
            content = source_map.read_bytes()
            return _tagged(request, content, "application/json", SHORT_CACHE, is_for_all=True)

        routes.append(get_source_map)
    extras = sorted(bundle.parent.glob("widget-extras.*.js*"))
    return routes + [_build_file_route(path) for path in extras]


def _build_file_route(path: Path) -> HTTPRouteHandler:
    """Return the route of a file that is named by what is in it."""
    content = path.read_bytes()
    media_type = "application/json" if path.suffix == ".map" else JAVASCRIPT

    @get(f"/{path.name}", include_in_schema=False)
    async def get_file(request: VisitorRequest) -> Response[Any]:
        return _tagged(request, content, media_type, LONG_CACHE, is_for_all=True)

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
    content: bytes,
    media_type: str,
    cache_control: str,
    *,
    is_for_all: bool = False,
) -> Response[Any]:
    """Return ``content`` with its ETag, or 304 when the client has it already."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    headers = {"ETag": tag, "Cache-Control": cache_control, "X-Content-Type-Options": "nosniff"}
    if is_for_all:
        headers["Access-Control-Allow-Origin"] = "*"
    known_tags = {item.strip() for item in request.headers.get("if-none-match", "").split(",")}
    if tag in known_tags or f"W/{tag}" in known_tags:
        return Response(b"", status_code=304, media_type=media_type, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
