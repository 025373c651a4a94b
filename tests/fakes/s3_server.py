"""An S3-compatible store on loopback that checks every signature as Amazon documents it.

Owns its own reading of Signature Version 4, so that it and the client under test agree only if both
follow the document. Objects live in memory; faults are told to it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import threading
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit

BUCKET = "archive"
REGION = "eu-central-1"
ACCESS_KEY_ID = "AKIAFAKEARCHIVEKEY00"
SECRET_ACCESS_KEY = "archive-secret-of-the-tests"

Fault = Literal["slow_down", "denied", "cut", "hang", "internal"]

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/s3/aws4_request,"
    r" ?SignedHeaders=(?P<headers>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


class S3Server:
    """Runs in a thread while used as a context."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.faults: deque[Fault] = deque()
        self.requests: list[tuple[str, str]] = []
        self.asked = threading.Event()
        self.released = threading.Event()
        store = self

        class Handler(_Handler):
            server_store = store

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_store: S3Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_PUT(self) -> None:
        body = self._read_body()
        self._answer(body, lambda key: self._put(key, body))

    def do_GET(self) -> None:
        self._answer(b"", self._get)

    def do_HEAD(self) -> None:
        self._answer(b"", self._get)

    def _read_body(self) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            pass  # http.server has answered it already
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _answer(self, body: bytes, act: Any) -> None:
        store = self.server_store
        path = unquote(urlsplit(self.path).path)
        store.requests.append((self.command, path))
        store.asked.set()
        fault = store.faults.popleft() if store.faults else None
        if fault == "cut":
            self.close_connection = True
            self.connection.close()
            return
        if fault == "hang":
            store.released.wait(60)
            self.close_connection = True
            return
        if fault == "slow_down":
            self._refuse(503, "SlowDown", "Please reduce your request rate.")
            return
        if fault == "internal":
            self._refuse(500, "InternalError", "We encountered an internal error.")
            return
        problem = "AccessDenied" if fault == "denied" else self._find_problem(body)
        if problem is not None:
            self._refuse(403, problem, "Refused.")
            return
        bucket, _, key = path.lstrip("/").partition("/")
        if bucket != BUCKET:
            self._refuse(404, "NoSuchBucket", "The specified bucket does not exist.")
            return
        act(key)

    def _put(self, key: str, body: bytes) -> None:
        md5 = self.headers.get("Content-MD5")
        if md5 is not None and base64.b64decode(md5) != hashlib.md5(body).digest():
            self._refuse(400, "BadDigest", "The Content-MD5 you specified did not match.")
            return
        self.server_store.objects[key] = body
        self._send(200, b"", {"ETag": f'"{hashlib.md5(body).hexdigest()}"'})

    def _get(self, key: str) -> None:
        if not key:
            query = dict(parse_qsl(urlsplit(self.path).query))
            keys = [
                k
                for k in sorted(self.server_store.objects)
                if k.startswith(query.get("prefix", ""))
            ]
            listed = "".join(f"<Contents><Key>{k}</Key></Contents>" for k in keys)
            self._send(200, f"<ListBucketResult>{listed}</ListBucketResult>".encode(), {})
        elif key in self.server_store.objects:
            self._send(200, self.server_store.objects[key], {})
        else:
            self._refuse(404, "NoSuchKey", "The specified key does not exist.")

    def _find_problem(self, body: bytes) -> str | None:
        found = _AUTHORIZATION.fullmatch(self.headers.get("Authorization", ""))
        if found is None:
            return "AccessDenied"
        if found["key"] != ACCESS_KEY_ID:
            return "InvalidAccessKeyId"
        at = self.headers.get("x-amz-date", "")
        if not re.fullmatch(r"\d{8}T\d{6}Z", at) or at[:8] != found["day"]:
            return "AccessDenied"
        sent_at = datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs(datetime.now(UTC) - sent_at) > timedelta(minutes=15):
            return "RequestTimeTooSkewed"
        digest = self.headers.get("x-amz-content-sha256", "")
        is_covered = digest == hashlib.sha256(body).hexdigest()
        if not is_covered or found["region"] != REGION:
            return "SignatureDoesNotMatch"
        signed = found["headers"].split(";")
        if not {"host", "x-amz-content-sha256", "x-amz-date"} <= set(signed):
            return "AccessDenied"
        expected = sign(self._canonical_request(signed, digest), at, found["region"])
        is_right = hmac.compare_digest(expected, found["signature"])
        return None if is_right else "SignatureDoesNotMatch"

    def _canonical_request(self, signed: list[str], digest: str) -> str:
        parts = urlsplit(self.path)
        query = sorted(
            (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        )
        headers = "".join(
            f"{name}:{' '.join(self.headers.get(name, '').split())}\n" for name in signed
        )
        return "\n".join(
            (
                self.command,
                quote(unquote(parts.path), safe="/-_.~"),
                "&".join(f"{name}={value}" for name, value in query),
                headers,
                ";".join(signed),
                digest,
            )
        )

    def _refuse(self, status: int, code: str, message: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        self._send(status, body, {"Content-Type": "application/xml"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amz-request-id", f"{time.monotonic_ns():x}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def sign(canonical_request: str, at: str, region: str) -> str:
    """Return the signature of a request by the tests' own secret."""
    scope = f"{at[:8]}/{region}/s3/aws4_request"
    hashed = hashlib.sha256(canonical_request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashed}"
    key = f"AWS4{SECRET_ACCESS_KEY}".encode()
    for part in (at[:8], region, "s3", "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()
