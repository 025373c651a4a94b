import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog

from gui.widgets.tenant_form import TenantForm
from gui.widgets.tenant_secrets import EmbedCode, NewTenantKeys
from tests.gui.panel_fixtures import WAIT_MS

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(qtbot, open_panel, admin_server):
    admin_server.add_tenant("Bob's Pizza Shop", domain="bob.example")
    admin_server.add_tenant("Atelier", domain="atelier.example")
    window = open_panel(page="tenants")
    qtbot.waitUntil(lambda: window.current_page.store.has_loaded, timeout=WAIT_MS)
    return window.current_page


def wait_for_dialog(qtbot, page, kind):
    def visible():
        return [found for found in page.findChildren(QDialog) if found.isVisible()]

    qtbot.waitUntil(lambda: [type(found) for found in visible()] == [kind], timeout=WAIT_MS)
    return visible()[0]


def press(qtbot, dialog, text):
    from gui.widgets.basics import Button

    (button,) = (found for found in dialog.findChildren(Button) if found.text() == text)
    qtbot.mouseClick(button, LEFT)


def select(page, row):
    page.list.table.setCurrentIndex(page.list.rows.index(row, 0))


def test_tenants_are_listed_by_name(page):
    rows = page.list.rows
    assert [rows.index(row, 0).data() for row in range(rows.rowCount())] == [
        "Atelier",
        "Bob's Pizza Shop",
    ]
    assert page.list.count.text() == "2 tenants"


def test_searching_narrows_the_list_and_can_be_cleared(qtbot, page):
    qtbot.keyClicks(page.list.search, "pizza")
    assert page.list.count.text() == "1 of 2 tenants"
    qtbot.keyClicks(page.list.search, "zzz")
    assert page.list.empty.isVisible()
    qtbot.mouseClick(page.list.empty.button, LEFT)
    assert page.list.rows.rowCount() == 2


def test_adding_with_a_double_click_adds_one_and_shows_its_keys_once(qtbot, page, admin_server):
    qtbot.mouseClick(page.add_button, LEFT)
    form = wait_for_dialog(qtbot, page, TenantForm)
    qtbot.keyClicks(form.name, "New shop")
    qtbot.keyClicks(form.domain, "new.example")
    assert form.origins.toPlainText() == "https://new.example\nhttps://www.new.example"
    for _ in range(3):
        qtbot.mouseClick(form.submit_button, LEFT)
    keys = wait_for_dialog(qtbot, page, NewTenantKeys)
    assert admin_server.count("POST", "/api/admin/tenants") == 1
    assert keys.api_key.line.text().startswith("pk_")
    qtbot.waitUntil(lambda: "<script" in keys.code.text.toPlainText(), timeout=WAIT_MS)
    qtbot.mouseClick(keys.signing_secret.copy_button, LEFT)
    assert QGuiApplication.clipboard().text() == "sk_once"
    qtbot.keyClick(keys, Qt.Key.Key_Escape)
    assert keys.isVisible()
    qtbot.mouseClick(keys.done_button, LEFT)
    assert page.list.count.text() == "3 tenants"
    created = next(t for t in admin_server.tenants.values() if t["name"] == "New shop")
    assert created["allowed_origins"] == ["https://new.example", "https://www.new.example"]


def test_a_form_with_mistakes_is_not_sent(qtbot, page, admin_server):
    page.open_add()
    form = wait_for_dialog(qtbot, page, TenantForm)
    qtbot.keyClick(form.name, Qt.Key.Key_Return)
    assert form._errors["name"].isVisible()
    assert form.focusWidget() is form.name
    assert admin_server.count("POST", "/api/admin/tenants") == 0


def test_what_the_server_refuses_is_said_beside_the_field(qtbot, page):
    page.open_add()
    form = wait_for_dialog(qtbot, page, TenantForm)
    form.name.setText("taken")
    form.submit()
    qtbot.waitUntil(lambda: not form.is_busy, timeout=WAIT_MS)
    assert form._errors["name"].text() == "This name is taken."
    assert not form.banner.isVisible()
    form.name.setText("free")
    form.submit()
    wait_for_dialog(qtbot, page, NewTenantKeys)


@pytest.mark.parametrize("status", [403, 500, 503])
def test_other_failures_are_said_above_the_form_which_stays(qtbot, page, admin_server, status):
    admin_server.fail("POST /api/admin/tenants", status, detail="Not now.")
    page.open_add()
    form = wait_for_dialog(qtbot, page, TenantForm)
    form.name.setText("New shop")
    form.submit()
    qtbot.waitUntil(form.banner.isVisible, timeout=WAIT_MS)
    assert form.banner.text_label.text() == "Not now."
    assert form.name.text() == "New shop"


def test_keys_are_shown_even_if_the_form_was_closed_meanwhile(qtbot, page, admin_server):
    gate = admin_server.hold("POST /api/admin/tenants")
    page.open_add()
    form = wait_for_dialog(qtbot, page, TenantForm)
    form.name.setText("New shop")
    form.submit()
    form.reject()
    qtbot.waitUntil(lambda: not shiboken6.isValid(form), timeout=WAIT_MS)
    gate.set()
    wait_for_dialog(qtbot, page, NewTenantKeys)


def test_editing_changes_the_row(qtbot, page, admin_server):
    select(page, 0)
    qtbot.mouseClick(page.list.edit_button, LEFT)
    form = wait_for_dialog(qtbot, page, TenantForm)
    assert form.domain.text() == "atelier.example"
    form.name.setText("Atelier Lumière")
    press(qtbot, form, "Save")
    qtbot.waitUntil(lambda: page.list.rows.index(0, 0).data() == "Atelier Lumière", timeout=WAIT_MS)


def test_deactivating_asks_first_and_can_be_undone(qtbot, page, admin_server):
    from gui.widgets.dialogs import Question

    select(page, 0)
    qtbot.mouseClick(page.list.toggle_button, LEFT)
    question = wait_for_dialog(qtbot, page, Question)
    press(qtbot, question, "Keep active")
    assert admin_server.count("DELETE", "/api/admin/tenants/tenant-0002") == 0
    qtbot.mouseClick(page.list.toggle_button, LEFT)
    press(qtbot, wait_for_dialog(qtbot, page, Question), "Deactivate")
    qtbot.waitUntil(
        lambda: page.list.toggle_button.text() == "Activate" and not page.store.is_loading,
        timeout=WAIT_MS,
    )
    qtbot.mouseClick(page.list.toggle_button, LEFT)
    qtbot.waitUntil(lambda: page.list.toggle_button.text() == "Deactivate", timeout=WAIT_MS)
    assert admin_server.tenants["tenant-0002"]["status"] == "active"


def test_the_embed_code_can_be_copied(qtbot, page):
    select(page, 1)
    qtbot.mouseClick(page.list.embed_button, LEFT)
    dialog = wait_for_dialog(qtbot, page, EmbedCode)
    qtbot.waitUntil(dialog.code.copy_button.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(dialog.code.copy_button, LEFT)
    assert 'data-api-key="tenant-0001"' in QGuiApplication.clipboard().text()


def test_a_failed_refresh_is_said_and_can_be_tried_again(qtbot, page, admin_server):
    select(page, 1)
    admin_server.fail("GET /api/admin/tenants", 500, detail="The server failed.")
    page.refresh()
    qtbot.waitUntil(page.banner.isVisible, timeout=WAIT_MS)
    assert page.list.rows.rowCount() == 2
    admin_server.heal()
    qtbot.mouseClick(page.banner.action_button, LEFT)
    qtbot.waitUntil(lambda: not page.banner.isVisible(), timeout=WAIT_MS)
    assert page.list.selected_tenant().name == "Bob's Pizza Shop"


def test_a_viewer_may_look_and_copy_only(qtbot, open_panel, admin_server):
    admin_server.role = "viewer"
    admin_server.add_tenant("Bob's Pizza Shop")
    window = open_panel(page="tenants")
    page = window.current_page
    qtbot.waitUntil(lambda: page.store.has_loaded, timeout=WAIT_MS)
    select(page, 0)
    allowed = [button.isEnabled() for button in (page.add_button, *page.list._row_buttons)]
    assert allowed == [False, False, True, False]


def test_a_mirrored_narrow_window_keeps_everything_in_place(qtbot, page):
    window = page.window()
    window.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    window.resize(820, 540)
    qtbot.wait(20)
    assert window.sidebar.geometry().right() == window.centralWidget().rect().right()
    inside = page.list.rect()
    for button in page.list._row_buttons:
        place = button.geometry()
        assert inside.contains(place)
        assert button.accessibleName()
