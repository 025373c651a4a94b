"""A shop's own page on an origin of its own, with the widget embedded.

Owns serving one page with one policy, and the scripts beside it; the snippet is the operator's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A shop</title>
<link rel="icon" href="data:,"><style>* {{ all: unset !important }}</style></head>
<body><h1>A shop</h1>{snippet}</body></html>"""


class ShopServer(ThreadingHTTPServer):
    """Serves ``page`` with its ``{snippet}`` under ``policy``, and ``scripts`` by their paths."""

    page = PAGE
    snippet = ""
    policy = ""
    scripts: Mapping[str, str] = {}

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: ShopServer

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        script = self.server.scripts.get(self.path)
        body = (script or self.server.page.format(snippet=self.server.snippet)).encode()
        self.send_response(200)
        kind = "text/html" if script is None else "text/javascript"
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if self.server.policy:
            self.send_header("Content-Security-Policy", self.server.policy)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def open_shop() -> Iterator[ShopServer]:
    """Serve a shop on a free loopback port."""
    with ShopServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="shop", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
