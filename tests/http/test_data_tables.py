"""A shop without any system: its rows come from spreadsheets, and visitors are answered by them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import httpx
import pytest

from tests.http.clients import Operator, Shop, Visitor, check_problem
from tests.http.stored_rows import read_rows

pytestmark = pytest.mark.stored

CSV = {"Content-Type": "text/csv"}
PRODUCTS = (
    'מק"ט;שם;מחיר;מטבע;מלאי\r\nH-1;כובע צמר;49,90 ₪;ILS;3\r\nH-2;כובע קש;"1.234,50";ILS;0\r\n'
).encode("windows-1255", "replace")


class Corner(NamedTuple):
    """A new shop with the stock tool, and the path of its tables."""

    operator: Operator
    shop: Shop
    tables: str

    def table(self, name: str) -> dict[str, Any]:
        listed = self.operator.call("GET", self.tables)["items"]
        found: dict[str, Any] = next(table for table in listed if table["name"] == name)
        return found

    def put(self, name: str, content: bytes, **query: str) -> httpx.Response:
        path = f"{self.tables}/{self.table(name)['id']}/import"
        return self.operator.http.post(path, content=content, params=query, headers=CSV)


@pytest.fixture
def corner(operator: Operator) -> Iterator[Corner]:
    shop = operator.make_shop("Corner Shop", language="he", time_zone="Asia/Jerusalem")
    operator.use_tool(shop.id, "check_inventory", workflow="check_inventory")
    yield Corner(operator, shop, f"/tenants/{shop.id}/tables")
    operator.call("DELETE", f"/tenants/{shop.id}")


def test_a_shop_starts_with_a_hebrew_spreadsheet(corner: Corner, demo_server):
    assert {"orders", "products", "bookings"} <= {
        table["name"] for table in corner.operator.call("GET", corner.tables)["items"]
    }
    done = corner.put("products", PRODUCTS, encoding="windows-1255")
    assert (done.status_code, done.json()) == (200, {"added": 2, "changed": 0, "removed": 0})
    assert corner.table("products")["row_count"] == 2
    visitor = Visitor(demo_server, corner.shop.api_key)
    reply = visitor.ask("יש לכם כובע צמר?")
    assert [tool["name"] for tool in reply["tools"]] == ["check_inventory"]
    assert "כובע צמר" in reply["message"]["content"]
    assert "49.90" in reply["message"]["content"]
    corner.put("products", b"sku,stock\nH-1,0\n", mode="update", key="sku")
    assert visitor.say("יש לכם כובע צמר?") != reply["message"]["content"]
    visitor.http.close()
    path = f"{corner.tables}/{corner.table('products')['id']}"
    rows = corner.operator.call("GET", f"{path}/rows?q=קש")["items"]
    assert [(row["sku"], row["price"], row["stock"]) for row in rows] == [("H-2", 1234.5, 0)]
    exported = corner.operator.http.get(f"{path}/export")
    assert exported.headers["content-type"] == "text/csv; charset=utf-8"
    in_hebrew = corner.operator.http.get(f"{path}/export?language=he").text
    assert in_hebrew.lstrip("\ufeff").startswith("id,מק״ט,שם המוצר,")
    again = corner.put("products", exported.content, mode="replace")
    assert again.json() == {"added": 2, "changed": 0, "removed": 2}


def test_a_file_with_faults_changes_nothing_and_names_them(corner: Corner):
    corner.put("products", b"sku,price\nA,1\n")
    refused = corner.put("products", b"sku,price\nB,2\nC,cheap\n", mode="replace")
    problem = check_problem(refused, 400, "validation_failed")
    assert problem["errors"] == [{"field": "line 3, price", "message": "'cheap' is no number."}]
    broken = corner.put("products", PRODUCTS)
    assert "windows-1255" in check_problem(broken, 400, "csv_broken")["errors"][0]["message"]
    empty = corner.put("products", b"sku,price\n", mode="replace")
    assert check_problem(empty, 400, "csv_without_rows")["errors"][0]["field"] == "line 1"
    assert corner.table("products")["row_count"] == 1
    for query in ({"mode": "merge"}, {"encoding": "koi8"}, {"columns": "[1]"}, {"key": "sku"}):
        answer = corner.put("products", b"sku\nA\n", **query)
        assert answer.status_code == (200 if "key" in query else 400), query


def test_bodies_that_are_no_csv_or_too_large(corner: Corner):
    path = f"{corner.tables}/{corner.table('products')['id']}/import"
    as_json = corner.operator.http.post(path, json={})
    check_problem(as_json, 415, "unsupported_media_type")
    large = corner.put("products", b"sku\n" + b"x" * (33 * 1024 * 1024))
    check_problem(large, 413, "body_too_large")


def test_a_table_and_its_rows_are_kept_by_hand(corner: Corner):
    call = corner.operator.call
    columns = [
        {"name": "code", "type": "string", "titles": {"he": "קוד"}},
        {"name": "percent", "type": "number", "titles": {}},
    ]
    made = call("POST", corner.tables, {"name": "coupons", "columns": columns}, status=201)
    assert (made["name"], made["row_count"], made["columns"]) == ("coupons", 0, columns)
    path = f"{corner.tables}/{made['id']}"
    row = call("POST", f"{path}/rows", {"code": "SUMMER", "percent": "10"}, status=201)
    assert (row["code"], row["percent"]) == ("SUMMER", 10)
    changed = call("PATCH", f"{path}/rows/{row['id']}", {"percent": 15})
    assert (changed["code"], changed["percent"]) == ("SUMMER", 15)
    renamed = call("PATCH", f"{path}/columns/percent", {"name": "discount", "type": "string"})
    assert renamed["columns"][1] == {"name": "discount", "type": "string", "titles": {}}
    call("POST", f"{path}/columns", {"name": "until", "type": "date"}, status=201)
    call("DELETE", f"{path}/columns/code")
    (listed,) = call("GET", f"{path}/rows")["items"]
    assert (listed["discount"], listed["until"], "code" in listed) == ("15", None, False)
    assert call("PATCH", path, {"name": "vouchers"})["name"] == "vouchers"
    call("DELETE", f"{path}/rows/{row['id']}", status=204)
    call("DELETE", path, status=204)
    call("GET", path, status=404)


def test_what_cannot_be_is_refused(corner: Corner):
    call = corner.operator.call
    call("POST", corner.tables, {"name": "Products"}, status=409)
    call("POST", corner.tables, {"name": ""}, status=400)
    call("POST", corner.tables, {"name": "x", "columns": [{"name": "מחיר"}]}, status=400)
    call("POST", corner.tables, {"name": "x", "colums": []}, status=400)
    path = f"{corner.tables}/{corner.table('products')['id']}"
    call("POST", f"{path}/rows", {"price": "cheap"}, status=400)
    call("POST", f"{path}/rows", {"colour": "red"}, status=400)
    call("PATCH", f"{path}/rows/77", {"price": 1}, status=404)
    for number in (2**31, 2**63 - 1):
        call("PATCH", f"{path}/rows/{number}", {"sku": "x"}, status=404)
    assert call("GET", f"{path}/rows?cursor={10**18 - 1}")["items"] == []
    for cursor in ("x", "-1", str(2**63), "9" * 5_000):
        refused = call("GET", f"{path}/rows?cursor={cursor}", status=400)
        assert [error["field"] for error in refused["errors"]] == ["cursor"]
    call("GET", f"{corner.tables}/none", status=404)
    call("GET", "/tenants/nobody/tables", status=404)


def test_changes_are_recorded_without_what_rows_hold(corner: Corner, demo_server):
    path = f"{corner.tables}/{corner.table('products')['id']}"
    corner.put("products", b"sku\nSECRET-SKU\n")
    corner.operator.call("POST", f"{path}/rows", {"name": "Dana Levi"}, status=201)
    entries = read_rows(
        demo_server.database,
        "SELECT action, changes FROM audit_log WHERE tenant_id = ? ORDER BY at",
        corner.shop.id,
    )
    actions = [action for action, _ in entries]
    assert actions[-2:] == ["data_table.import", "data_table.add_row"]
    assert "SECRET-SKU" not in str(entries)
    assert "Dana" not in str(entries)


def test_a_hundred_thousand_rows_keep_nobody_waiting_long(corner: Corner, demo_server):
    line = "SKU-{0},Product number {0},described in a few words that say little,{0}.5\r\n"
    lines = "".join(line.format(number) for number in range(100_000))
    content = f"sku,name,description,price\r\n{lines}".encode()
    visitor = Visitor(demo_server, corner.shop.api_key)
    waits = []
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(corner.put, "products", content, mode="replace")
        while not running.done():
            waits.append(visitor.http.get("/health").elapsed.total_seconds())
        assert running.result().json()["added"] == 100_000
        again = pool.submit(corner.put, "products", content, mode="update", key="sku")
        while not again.done():
            waits.append(visitor.post("שלום").elapsed.total_seconds())
        assert again.result().json() == {"added": 0, "changed": 100_000, "removed": 0}
    visitor.http.close()
    assert max(waits) < 10
