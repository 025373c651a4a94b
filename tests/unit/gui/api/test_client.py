import pytest
from PySide6.QtCore import QObject

from gui.api.client import REFRESH_PATH, ApiClient
from gui.api.errors import Busy, NotPermitted, SignedOut, UnexpectedAnswer
from gui.api.models import Operator, ServerStatus
from gui.api.transport import ApiRequest
from tests.fakes.admin_server import PASSWORD
from tests.gui.panel_fixtures import WAIT_MS, new_outcome

ME = ApiRequest("GET", "/api/admin/me")


@pytest.fixture
def ask(qtbot):
    def run(client, request=ME, answer_type=Operator):
        outcome = new_outcome()
        client.call(
            request, answer_type, owner=client, on_success=outcome.succeed, on_error=outcome.fail
        )
        qtbot.waitUntil(lambda: outcome.is_known, timeout=WAIT_MS)
        return outcome

    return run


def test_an_answer_arrives_as_its_type(ask, client):
    assert ask(client).values == [Operator(username="admin", role="owner")]


def test_an_expired_token_is_refreshed_unnoticed(ask, client, admin_server):
    admin_server.expire_access()
    assert ask(client).values
    assert admin_server.count("POST", REFRESH_PATH) == 1


def test_calls_at_the_same_time_share_one_refresh(qtbot, client, admin_server):
    admin_server.expire_access()
    outcomes = [new_outcome() for _ in range(5)]
    for outcome in outcomes:
        client.call(ME, Operator, owner=client, on_success=outcome.succeed, on_error=outcome.fail)
    qtbot.waitUntil(lambda: all(outcome.is_known for outcome in outcomes), timeout=WAIT_MS)
    assert all(outcome.values for outcome in outcomes)
    assert admin_server.count("POST", REFRESH_PATH) == 1


def test_a_session_that_cannot_be_refreshed_ends_with_a_reason(qtbot, ask, client, admin_server):
    admin_server.revoke_all()
    with qtbot.waitSignal(client.signed_out, timeout=WAIT_MS) as ended:
        outcome = ask(client)
    assert isinstance(outcome.errors[0], SignedOut)
    assert ended.args[0]
    assert not client.has_credential


def test_a_failing_refresh_does_not_end_the_session(ask, client, admin_server):
    admin_server.expire_access()
    admin_server.fail(f"POST {REFRESH_PATH}", 503, detail="Starting up.")
    assert isinstance(ask(client).errors[0], Busy)
    admin_server.heal()
    assert ask(client).values


def test_a_token_that_is_never_accepted_is_not_asked_for_in_circles(ask, client, admin_server):
    admin_server.fail("GET /api/admin/me", 401, detail="No.")
    assert isinstance(ask(client).errors[0], SignedOut)
    assert admin_server.count("GET", "/api/admin/me") == 2


def test_a_wrong_password_is_an_error_and_no_refresh(qtbot, qapp, admin_server):
    client, outcome = ApiClient(admin_server.url, qapp), new_outcome()
    client.sign_in("admin", "no", owner=qapp, on_success=outcome.succeed, on_error=outcome.fail)
    qtbot.waitUntil(lambda: outcome.is_known, timeout=WAIT_MS)
    assert isinstance(outcome.errors[0], SignedOut)
    assert admin_server.count("POST", REFRESH_PATH) == 0


def test_signing_out_revokes_the_token(qtbot, client, admin_server):
    with qtbot.waitSignal(client.signed_out):
        client.sign_out()
    qtbot.waitUntil(
        lambda: (
            admin_server.count("POST", "/api/admin/logout") == 1 and not admin_server.access_tokens
        ),
        timeout=WAIT_MS,
    )
    assert not client.has_credential


def test_a_refusal_carries_the_servers_words(ask, client, admin_server):
    admin_server.fail("GET /api/admin/me", 403, detail="Only owners may.")
    error = ask(client).errors[0]
    assert isinstance(error, NotPermitted)
    assert error.message == "Only owners may."


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"pid": "x"}', b"\xff"])
def test_an_answer_of_another_shape_is_no_traceback(ask, client, admin_server, body):
    admin_server.fail("GET /api/admin/status", 200, raw=body)
    outcome = ask(client, ApiRequest("GET", "/api/admin/status"), ServerStatus)
    assert isinstance(outcome.errors[0], UnexpectedAnswer)


def test_nothing_is_reported_to_an_owner_that_is_gone(qtbot, client, admin_server):
    gate, owner, outcome = admin_server.hold("GET /api/admin/me"), QObject(), new_outcome()
    client.call(ME, Operator, owner=owner, on_success=outcome.succeed, on_error=outcome.fail)
    qtbot.waitUntil(lambda: admin_server.count("GET", "/api/admin/me") == 1, timeout=WAIT_MS)
    with qtbot.waitSignal(owner.destroyed):
        owner.deleteLater()
    gate.set()
    other = new_outcome()
    client.call(ME, Operator, owner=client, on_success=other.succeed, on_error=other.fail)
    qtbot.waitUntil(lambda: other.is_known, timeout=WAIT_MS)
    assert not outcome.is_known


def test_a_cancelled_call_reports_nothing(qtbot, client, admin_server):
    gate, outcome = admin_server.hold("GET /api/admin/me"), new_outcome()
    call = client.call(
        ME, Operator, owner=client, on_success=outcome.succeed, on_error=outcome.fail
    )
    call.cancel()
    gate.set()
    client.sign_in(
        "admin", PASSWORD, owner=client, on_success=outcome.succeed, on_error=outcome.fail
    )
    qtbot.waitUntil(lambda: outcome.is_known, timeout=WAIT_MS)
    assert outcome.values == [None]
