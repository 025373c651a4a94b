import pytest
from PySide6.QtCore import QObject

from gui.api.errors import Missing, Refused, ServerFault
from gui.api.models import CreatedTenant
from gui.view_models import tenants
from gui.view_models.tenants import TenantStore
from tests.gui.panel_fixtures import WAIT_MS, new_outcome


@pytest.fixture
def store(client):
    return TenantStore(client, client)


def load(qtbot, store):
    with qtbot.waitSignal(store.loaded, timeout=WAIT_MS):
        store.load()


def test_all_pages_are_loaded(qtbot, store, admin_server, monkeypatch):
    monkeypatch.setattr(tenants, "PAGE_SIZE", 2)
    for number in range(5):
        admin_server.add_tenant(f"shop {number}")
    load(qtbot, store)
    assert [tenant.name for tenant in store.table.tenants] == [f"shop {n}" for n in range(5)]
    assert admin_server.count("GET", "/api/admin/tenants") == 3


def test_loading_twice_at_once_asks_once(qtbot, store, admin_server):
    store.load()
    load(qtbot, store)
    assert admin_server.count("GET", "/api/admin/tenants") == 1


def test_a_failed_load_keeps_what_was_there(qtbot, store, admin_server):
    admin_server.add_tenant("shop")
    load(qtbot, store)
    admin_server.fail("GET /api/admin/tenants", 500)
    with qtbot.waitSignal(store.load_failed, timeout=WAIT_MS) as failed:
        store.load()
    assert isinstance(failed.args[0], ServerFault)
    assert len(store.table.tenants) == 1
    assert not store.is_loading


def test_a_double_click_adds_one_tenant(qtbot, store, admin_server):
    outcome, body = new_outcome(), {"name": "Bob"}
    accepted = [
        store.create(body, owner=store, on_success=outcome.succeed, on_error=outcome.fail)
        for _ in range(3)
    ]
    qtbot.waitUntil(lambda: outcome.is_known, timeout=WAIT_MS)
    assert accepted == [True, False, False]
    assert len(admin_server.tenants) == 1
    created = outcome.values[0]
    assert isinstance(created, CreatedTenant)
    assert created.api_key.startswith("pk_")
    assert created.signing_secret
    assert store.table.tenants == [created]


def test_after_a_refusal_another_attempt_is_possible(qtbot, store):
    outcome = new_outcome()
    store.create({"name": "taken"}, owner=store, on_success=outcome.succeed, on_error=outcome.fail)
    qtbot.waitUntil(lambda: outcome.is_known, timeout=WAIT_MS)
    error = outcome.errors[0]
    assert isinstance(error, Refused)
    assert error.fields == {"name": "This name is taken."}
    second = new_outcome()
    assert store.create(
        {"name": "free"}, owner=store, on_success=second.succeed, on_error=second.fail
    )
    qtbot.waitUntil(lambda: bool(second.values), timeout=WAIT_MS)


def test_the_table_follows_even_when_the_asker_is_gone(qtbot, store, admin_server):
    gate, asker, outcome = admin_server.hold("POST /api/admin/tenants"), QObject(), new_outcome()
    store.create({"name": "Bob"}, owner=asker, on_success=outcome.succeed, on_error=outcome.fail)
    with qtbot.waitSignal(asker.destroyed):
        asker.deleteLater()
    gate.set()
    qtbot.waitUntil(lambda: len(store.table.tenants) == 1, timeout=WAIT_MS)
    assert not outcome.is_known


def test_changes_show_in_the_row(qtbot, store, admin_server):
    tenant = admin_server.add_tenant("old")
    load(qtbot, store)
    outcome = new_outcome()
    store.update(
        tenant["id"],
        {"name": "new"},
        owner=store,
        on_success=outcome.succeed,
        on_error=outcome.fail,
    )
    qtbot.waitUntil(lambda: outcome.is_known, timeout=WAIT_MS)
    assert [tenant.name for tenant in store.table.tenants] == ["new"]


def test_deactivating_shows_in_the_row(qtbot, store, admin_server):
    tenant = admin_server.add_tenant("shop")
    load(qtbot, store)
    outcome = new_outcome()
    store.deactivate(tenant["id"], owner=store, on_success=outcome.succeed, on_error=outcome.fail)
    qtbot.waitUntil(lambda: not store.table.tenants[0].is_active, timeout=WAIT_MS)
    assert outcome.values == [None]


def test_a_tenant_that_is_gone_is_said(qtbot, store):
    outcome = new_outcome()
    store.load_embed("gone", owner=store, on_success=outcome.succeed, on_error=outcome.fail)
    qtbot.waitUntil(lambda: outcome.is_known, timeout=WAIT_MS)
    assert isinstance(outcome.errors[0], Missing)


def test_signing_out_forgets_the_list(qtbot, store, admin_server):
    admin_server.add_tenant("shop")
    load(qtbot, store)
    store.clear()
    assert (store.table.tenants, store.has_loaded) == ([], False)
