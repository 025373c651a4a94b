"""Answers that come before the body is read, as a caller sees who sends all before reading.

The connections are raw sockets: a client library may look for the answer while it sends.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from appliance.web.apps import (
    MAX_ADMIN_BODY_BYTES,
    MAX_ADMIN_UNREAD_BYTES,
    MAX_PUBLIC_BODY_BYTES,
    MAX_PUBLIC_UNREAD_BYTES,
)
from appliance.web.unread_bodies import DEADLINE_S
from tests.http.running_server import RunningServer

TIMEOUT_S = 20.0
PUBLIC, ADMIN = 0, 1
LISTENERS = pytest.mark.parametrize(
    ("listener", "path", "size"),
    [
        (PUBLIC, "/chat/message", MAX_PUBLIC_BODY_BYTES + MAX_PUBLIC_UNREAD_BYTES // 2),
        (ADMIN, "/api/admin/login", MAX_ADMIN_BODY_BYTES + MAX_ADMIN_UNREAD_BYTES // 4),
    ],
    ids=["public", "admin"],
)
FRAMINGS = pytest.mark.parametrize("is_chunked", [False, True], ids=["content-length", "chunked"])


@pytest.fixture
def connect(demo_server: RunningServer) -> Iterator[Callable[[int], socket.socket]]:
    opened: list[socket.socket] = []

    def connect(listener: int) -> socket.socket:
        address = ("127.0.0.1", demo_server.ports[listener])
        opened.append(socket.create_connection(address, timeout=TIMEOUT_S))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def build_head(path: str, key: str, *, size: int | None, extra: str = "") -> bytes:
    """Return the head of a POST, of a body in chunks where ``size`` is ``None``."""
    framing = "Transfer-Encoding: chunked" if size is None else f"Content-Length: {size}"
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\n"
        f"Content-Type: application/json\r\n{extra}{framing}\r\n\r\n"
    ).encode()


def send_body(connection: socket.socket, size: int, *, is_chunked: bool) -> None:
    """Send the whole body without a look at what comes back."""
    piece = b"x" * 16_384
    for start in range(0, size, len(piece)):
        part = piece[: size - start]
        framed = b"%x\r\n%s\r\n" % (len(part), part) if is_chunked else part
        connection.sendall(framed)
    if is_chunked:
        connection.sendall(b"0\r\n\r\n")


def read_answer(connection: socket.socket) -> tuple[int, str]:
    """Read one answer; return its status and the code of its problem, if it is one."""
    stream = connection.makefile("rb")
    status = int(stream.readline().split()[1])
    size = 0
    while line := stream.readline().strip():
        name, _, value = line.partition(b":")
        size = int(value) if name.lower() == b"content-length" else size
    body = json.loads(stream.read(size)) if size else {}
    return status, body.get("code", "")


@contextmanager
def busy_machine() -> Iterator[None]:
    """Keep every core busy twice over."""
    spinners = [multiprocessing.Process(target=spin, daemon=True) for _ in range(4)]
    for spinner in spinners:
        spinner.start()
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.terminate()
            spinner.join()


def spin() -> None:
    """Count for as long as the longest test may take."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        pass


@LISTENERS
@FRAMINGS
def test_who_sends_all_first_gets_the_answer_and_keeps_the_connection(
    connect, demo_key, listener, path, size, is_chunked
):
    connection = connect(listener)
    connection.sendall(build_head(path, demo_key, size=None if is_chunked else size))
    send_body(connection, size, is_chunked=is_chunked)
    assert read_answer(connection) == (413, "body_too_large")
    connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert read_answer(connection)[0] == 200


@LISTENERS
@FRAMINGS
def test_no_answer_is_lost_on_a_busy_machine(connect, demo_key, listener, path, size, is_chunked):
    def post(_: int) -> tuple[int, str]:
        connection = connect(listener)
        connection.sendall(build_head(path, demo_key, size=None if is_chunked else size))
        send_body(connection, size, is_chunked=is_chunked)
        return read_answer(connection)

    with busy_machine(), ThreadPoolExecutor(4) as pool:
        assert set(pool.map(post, range(20))) == {(413, "body_too_large")}


def test_a_refusal_of_the_key_or_of_the_type_is_not_lost_either(connect, demo_key):
    size = MAX_PUBLIC_UNREAD_BYTES // 2
    for key, extra, expected in [
        ("pk_unknown", "", (401, "unknown_key")),
        (demo_key, "Origin: https://evil.example\r\n", (403, "origin_not_allowed")),
    ]:
        connection = connect(PUBLIC)
        connection.sendall(build_head("/chat/message", key, size=size, extra=extra))
        send_body(connection, size, is_chunked=False)
        assert read_answer(connection) == expected
    connection = connect(PUBLIC)
    head = build_head("/chat/message", demo_key, size=size)
    connection.sendall(head.replace(b"application/json", b"text/plain"))
    send_body(connection, size, is_chunked=False)
    assert read_answer(connection) == (415, "unsupported_media_type")


@LISTENERS
def test_who_asks_before_sending_is_refused_without_being_told_to_send(
    connect, demo_key, listener, path, size
):
    connection = connect(listener)
    expect = "Expect: 100-continue\r\n"
    connection.sendall(build_head(path, demo_key, size=size, extra=expect))
    assert read_answer(connection) == (413, "body_too_large")


@LISTENERS
def test_who_asks_and_sends_all_the_same_gets_the_answer(connect, demo_key, listener, path, size):
    connection = connect(listener)
    expect = "Expect: 100-continue\r\n"
    connection.sendall(build_head(path, demo_key, size=size, extra=expect))
    send_body(connection, size, is_chunked=False)
    assert read_answer(connection) == (413, "body_too_large")


@LISTENERS
def test_a_sender_that_stands_still_is_let_go(connect, demo_key, listener, path, size):
    connection = connect(listener)
    connection.sendall(build_head(path, demo_key, size=size) + b"x" * 1_000)
    assert read_answer(connection) == (413, "body_too_large")
    answered = time.monotonic()
    assert connection.recv(1) == b""
    assert time.monotonic() - answered < 5 * DEADLINE_S


@LISTENERS
@FRAMINGS
def test_a_sender_that_never_ends_is_let_go(connect, demo_key, listener, path, size, is_chunked):
    connection = connect(listener)
    connection.sendall(build_head(path, demo_key, size=None if is_chunked else 1 << 40))
    with pytest.raises(ConnectionError):
        send_body(connection, 100 * size, is_chunked=is_chunked)
