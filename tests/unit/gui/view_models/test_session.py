import pytest

from gui.api.client import ApiClient
from gui.api.errors import Busy, SignedOut
from gui.view_models.session import Session
from tests.fakes.admin_server import PASSWORD
from tests.gui.panel_fixtures import WAIT_MS


@pytest.fixture
def session(qapp, admin_server, tmp_path):
    client = ApiClient(admin_server.url, qapp)
    return Session(client, tmp_path, client)


def write_first_login(folder, password):
    (folder / "first-login.txt").write_text(f"username=admin\npassword={password}\n")


def wait_for(qtbot, session, phase):
    qtbot.waitUntil(lambda: session.state.phase == phase, timeout=WAIT_MS)


def test_a_readable_first_password_signs_in_silently(qtbot, session, tmp_path):
    write_first_login(tmp_path, PASSWORD)
    with qtbot.waitSignal(session.status_changed, timeout=WAIT_MS):
        session.try_first_login()
    assert session.is_signed_in
    assert session.state.has_first_password
    assert session.state.operator.username == "admin"
    assert session.status.data_dir == "/srv/csai"


def test_a_first_password_that_was_changed_makes_no_noise(qtbot, session, tmp_path, admin_server):
    write_first_login(tmp_path, "old")
    session.try_first_login()
    wait_for(qtbot, session, "signed_out")
    assert (session.state.error, session.state.notice) == (None, "")
    session.try_first_login()
    assert session.state.phase == "signed_out"
    assert admin_server.count("POST", "/api/admin/login") == 1


def test_a_server_that_is_not_ready_is_asked_again_later(qtbot, session, tmp_path, admin_server):
    write_first_login(tmp_path, PASSWORD)
    admin_server.fail("POST /api/admin/login", 503)
    session.try_first_login()
    wait_for(qtbot, session, "signed_out")
    admin_server.heal()
    session.try_first_login()
    wait_for(qtbot, session, "signed_in")


def test_typing_the_password_signs_in_once(qtbot, session, admin_server):
    for _ in range(3):
        session.sign_in("admin", PASSWORD)
    wait_for(qtbot, session, "signed_in")
    assert admin_server.count("POST", "/api/admin/login") == 1
    assert not session.state.has_first_password


@pytest.mark.parametrize(("status", "kind"), [(401, SignedOut), (429, Busy)])
def test_a_refused_password_is_said(qtbot, session, admin_server, status, kind):
    admin_server.fail("POST /api/admin/login", status, detail="No.")
    session.sign_in("admin", "x")
    wait_for(qtbot, session, "signed_out")
    assert isinstance(session.state.error, kind)


def test_a_session_that_ends_says_why(qtbot, session, admin_server):
    session.sign_in("admin", PASSWORD)
    wait_for(qtbot, session, "signed_in")
    admin_server.revoke_all()
    session.load_status()
    wait_for(qtbot, session, "signed_out")
    assert "sign in again" in session.state.notice


def test_after_signing_out_the_first_password_is_not_used(qtbot, session, tmp_path):
    write_first_login(tmp_path, PASSWORD)
    session.try_first_login()
    wait_for(qtbot, session, "signed_in")
    session.sign_out()
    assert session.state.phase == "signed_out"
    session.try_first_login()
    assert session.state.phase == "signed_out"
