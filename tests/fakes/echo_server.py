"""A web server on loopback that says what it was asked, and answers in other ways by path.

For workflows that run in n8n and here: both call the same server.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ANSWERS = {
    "/list": (200, "application/json", '[{"a":1},{"a":2}]'),
    "/text": (200, "text/plain", "plain words"),
    "/json-as-text": (200, "text/plain", '{"a":1}'),
    "/broken": (200, "application/json", '{"a":'),
    "/empty": (200, "application/json", ""),
    "/nothing": (204, "text/plain", ""),
    "/word": (200, "application/json", '"word"'),
    "/null": (200, "application/json", "null"),
}
SHOWN_HEADERS = ("authorization", "content-type", "x-one", "x-two", "x-key")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        pass

    def answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode(errors="replace")
        parts = urlsplit(self.path)
        if parts.path in ANSWERS:
            self.reply(*ANSWERS[parts.path])
        elif parts.path.startswith("/status/"):
            self.reply(int(parts.path[8:]), "application/json", '{"why":"because"}')
        elif parts.path == "/redirect":
            self.reply(302, "text/plain", "", location="/echo?after=1")
        elif parts.path == "/pages":
            self.reply_page(parse_qs(parts.query))
        else:
            shown = {n: self.headers[n] for n in SHOWN_HEADERS if n in self.headers}
            if shown.get("content-type", "").startswith("multipart/"):
                boundary = shown["content-type"].partition("boundary=")[2]
                shown["content-type"] = "multipart"
                body = body.replace(boundary, "boundary")
            said = {"method": self.command, "path": parts.path, "query": parts.query}
            self.reply(
                200, "application/json", json.dumps({**said, "headers": shown, "body": body})
            )

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

    def reply_page(self, query: dict[str, list[str]]) -> None:
        """Answer with one of three pages; behind them with nothing, or with ``end``'s status."""
        number = int(query.get("page", ["1"])[0])
        if number > 3:
            status = int(query.get("end", ["200"])[0])
            self.reply(status, "application/json", "[]" if status == 200 else '{"why":"end"}')
            return
        port = self.server.server_address[1]
        following = f"http://127.0.0.1:{port}/pages?form=object&page={number + 1}"
        page: object = [{"k": number * 10}, {"k": number * 10 + 1}]
        if query.get("form") == ["object"]:
            page = {"k": number, "next": following if number < 3 else None}
        self.reply(200, "application/json", json.dumps(page), **{"x-page": str(number)})

    def reply(self, status: int, content_type: str, body: str, **headers: str) -> None:
        content = body.encode()
        self.send_response_only(status)
        for name, value in {"content-type": content_type, **headers}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@contextmanager
def echo_server() -> Iterator[str]:
    """Run the server and give its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
