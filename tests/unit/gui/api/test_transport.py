import contextlib
import socket
import threading

import pytest

from gui.api.errors import TimedOut, UnexpectedAnswer, Unreachable
from gui.api.transport import Answer, ApiRequest, HttpTransport
from tests.gui.panel_fixtures import WAIT_MS


@pytest.fixture
def send(qtbot, qapp):
    def run(url, request):
        outcomes = []
        transport = HttpTransport(url, qapp)
        transport.send(request, headers={}, on_outcome=outcomes.append)
        qtbot.waitUntil(lambda: bool(outcomes), timeout=WAIT_MS)
        return outcomes[0]

    return run


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_answer_of_any_status_is_an_answer(send, admin_server):
    outcome = send(admin_server.url, ApiRequest("GET", "/api/admin/me"))
    assert isinstance(outcome, Answer)
    assert (outcome.status, outcome.request_id) == (401, "req-1")


def test_nobody_listening_is_unreachable(send):
    outcome = send(f"http://127.0.0.1:{closed_port()}", ApiRequest("GET", "/health"))
    assert isinstance(outcome, Unreachable)


def test_a_server_that_never_answers_is_given_up_at_the_deadline(send, admin_server):
    admin_server.hold("GET /health")
    outcome = send(admin_server.url, ApiRequest("GET", "/health", deadline_s=0.2))
    assert isinstance(outcome, TimedOut)


def test_something_that_speaks_no_http_is_not_an_answer(send):
    with socket.create_server(("127.0.0.1", 0)) as other:

        def talk() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = other.accept()
                    with connection:
                        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        talking = threading.Thread(target=talk, daemon=True)
        talking.start()
        port = other.getsockname()[1]
        outcome = send(f"http://127.0.0.1:{port}", ApiRequest("GET", "/health", deadline_s=3))
        other.shutdown(socket.SHUT_RDWR)
        talking.join(5)
    assert isinstance(outcome, UnexpectedAnswer | Unreachable)


def test_a_redirect_is_not_followed(send, admin_server):
    admin_server.faults["GET /health"] = (302, b"", {"Location": f"{admin_server.url}/elsewhere"})
    outcome = send(admin_server.url, ApiRequest("GET", "/health"))
    assert isinstance(outcome, Answer)
    assert outcome.status == 302
    assert admin_server.count("GET", "/elsewhere") == 0


def test_a_cancelled_exchange_reports_nothing(qtbot, qapp, admin_server):
    gate = admin_server.hold("GET /health")
    outcomes = []
    transport = HttpTransport(admin_server.url, qapp)
    request = ApiRequest("GET", "/health")
    exchange = transport.send(request, headers={}, on_outcome=outcomes.append)
    qtbot.waitUntil(lambda: admin_server.count("GET", "/health") == 1, timeout=WAIT_MS)
    with qtbot.waitSignal(exchange.destroyed, timeout=WAIT_MS):
        exchange.cancel()
    gate.set()
    assert outcomes == []


def test_query_values_survive_the_journey(qtbot, qapp, admin_server, client):
    admin_server.log("a+b & c=ü")
    seen = []
    client.call(
        ApiRequest("GET", "/api/admin/logs", query={"limit": "1", "q": "a+b & c=ü%20"}),
        None,
        owner=qapp,
        on_success=seen.append,
        on_error=seen.append,
    )
    qtbot.waitUntil(lambda: bool(seen), timeout=WAIT_MS)
    assert admin_server.queries[-1] == {"limit": ["1"], "q": ["a+b & c=ü%20"]}
