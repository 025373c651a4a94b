"""A program that stands for ``csai serve`` where the panel's care for its process is tested.

Owns answering ``/health`` and stopping as the server does; run as a script, told its port by the
same arguments.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STARTED_AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
HEALTH = {"status": "ok", "version": "0.1.0", "components": {"database": {"status": "ok"}}}


class Handler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        body = json.dumps(HEALTH).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--admin-port", type=int)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--stop-on-stdin-eof", action="store_true")
    options, _ = parser.parse_known_args()
    server = ThreadingHTTPServer(("127.0.0.1", options.admin_port), Handler)
    (options.data_dir / "pid.json").write_text(json.dumps(os.getpid()))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if options.stop_on_stdin_eof:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), stop.set()), daemon=True).start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stop.wait()
    server.shutdown()


if __name__ == "__main__":
    main()
