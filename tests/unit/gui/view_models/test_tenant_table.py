from datetime import UTC, datetime

import pytest
from PySide6.QtCore import Qt

from gui.api.models import Tenant
from gui.view_models.tenant_table import (
    COLUMN_CREATED,
    COLUMN_NAME,
    COLUMN_STATUS,
    TENANT_ROLE,
    TenantSearch,
    TenantTable,
)

LATER, EARLIER = datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)
TENANTS = [
    Tenant(id="t-1", name="Bob's Pizza", domain="bob.example", created_at=LATER),
    Tenant(id="t-2", name="atelier", domain=None, created_at=EARLIER),
    Tenant(id="t-3", name="פלאפל", domain="falafel.example", status="inactive"),
]


@pytest.fixture
def table(qapp, qtmodeltester):
    table = TenantTable()
    table.replace_all(TENANTS)
    qtmodeltester.check(table)
    return table


@pytest.fixture
def rows(table):
    return TenantSearch(table)


def names(rows) -> list[str]:
    return [rows.index(row, COLUMN_NAME).data() for row in range(rows.rowCount())]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["Bob's Pizza", "atelier", "פלאפל"]),
        ("PIZZA bob", ["Bob's Pizza"]),
        ("example", ["Bob's Pizza", "פלאפל"]),
        ("t-2", ["atelier"]),
        ("פלא", ["פלאפל"]),
        ("pizza atelier", []),
    ],
)
def test_search_keeps_rows_with_every_word(rows, text, found):
    rows.search(text)
    assert names(rows) == found


def test_names_sort_without_regard_to_case(rows):
    rows.sort(COLUMN_NAME, Qt.SortOrder.AscendingOrder)
    assert names(rows)[:2] == ["atelier", "Bob's Pizza"]


def test_dates_sort_as_dates(rows):
    rows.sort(COLUMN_CREATED, Qt.SortOrder.DescendingOrder)
    assert names(rows) == ["Bob's Pizza", "atelier", "פלאפל"]


def test_a_changed_tenant_keeps_its_row_and_a_new_one_gets_its_own(qtbot, table):
    with qtbot.waitSignal(table.dataChanged):
        table.put(Tenant(id="t-2", name="Atelier", status="inactive"))
    table.put(Tenant(id="t-4", name="New"))
    assert [tenant.name for tenant in table.tenants] == ["Bob's Pizza", "Atelier", "פלאפל", "New"]
    assert table.index(1, COLUMN_STATUS).data() == "Deactivated"
    assert table.index(3, 0).data(TENANT_ROLE).id == "t-4"


def test_what_is_unknown_is_a_dash(table):
    assert table.index(1, 1).data() == "–"
    assert table.index(2, COLUMN_CREATED).data() == "–"


def test_headers_are_named(table):
    headers = [
        table.headerData(column, Qt.Orientation.Horizontal) for column in range(table.columnCount())
    ]
    assert headers == ["Name", "Domain", "Plan", "Status", "Language", "Created"]
    assert table.headerData(0, Qt.Orientation.Vertical) is None
