"""Who may do what: every published operation, tried by everybody who may not.

The operations come from the published contract; one that is not in ``BODIES`` fails the first test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from tests.fakes.background import Background
from tests.fakes.n8n_api import KEY, FakeN8n
from tests.http.clients import Operator, Shop, Visitor, check_problem
from tests.http.running_server import ADMIN_PASSWORD, RunningServer
from tests.http.stored_rows import write_rows
from tests.http.test_openapi import listed_operations
from tests.http.test_workflows import GREET, build_export
from tests.loopback import DIRECT

OPEN = {("GET", "/health"), ("POST", "/api/admin/login"), ("POST", "/api/admin/refresh")}
ADMIN = "/api/admin"
TENANT = f"{ADMIN}/tenants/{{tenant_id}}"
TENANT_TOOL = f"{TENANT}/tools/{{tool_id}}"
TABLE = f"{TENANT}/tables/{{table_id}}"
INTEGRATIONS = f"{TENANT}/integrations"
INTEGRATION = f"{INTEGRATIONS}/{{integration_id}}"
ENDPOINT = f"{INTEGRATION}/endpoints/{{endpoint_id}}"
CREDENTIALS = f"{TENANT}/credentials"
CONNECTION = {
    "integration_type": "rest",
    "name": "Warehouse",
    "connection_config": {"base_url": "https://warehouse.example"},
}
CREDENTIAL = {"credential_type": "httpHeaderAuth", "name": "Warehouse", "values": {"value": "v"}}
NEW_TOOL = {"tool_name": "matrix_tool", "description": "A tool."}

BODIES: dict[tuple[str, str], Any] = {
    ("POST", f"{ADMIN}/logout"): None,
    ("GET", f"{ADMIN}/me"): None,
    ("PATCH", f"{ADMIN}/me"): {"display_name": None},
    ("GET", f"{ADMIN}/status"): None,
    ("GET", f"{ADMIN}/logs"): None,
    ("GET", f"{ADMIN}/logs/stream"): None,
    ("GET", f"{ADMIN}/tenants"): None,
    ("POST", f"{ADMIN}/tenants"): {"name": "Matrix Shop"},
    ("GET", TENANT): None,
    ("PATCH", TENANT): {"name": "Taken over"},
    ("DELETE", TENANT): None,
    ("GET", f"{TENANT}/keys"): None,
    ("POST", f"{TENANT}/keys"): {"overlap_hours": 0},
    ("DELETE", f"{TENANT}/keys/{{key_id}}"): None,
    ("POST", f"{TENANT}/signing-secret"): None,
    ("GET", f"{TENANT}/embed"): None,
    ("GET", f"{TENANT}/prompt"): None,
    ("GET", f"{TENANT}/tools"): None,
    ("PUT", TENANT_TOOL): {"webhook_url": "https://evil.example/webhook"},
    ("PATCH", TENANT_TOOL): {"enabled": False},
    ("DELETE", TENANT_TOOL): None,
    ("POST", f"{TENANT_TOOL}/test"): {"parameters": {"order_number": "1"}},
    ("GET", f"{TENANT}/tables"): None,
    ("POST", f"{TENANT}/tables"): {"name": "matrix"},
    ("GET", TABLE): None,
    ("PATCH", TABLE): {"name": "taken over"},
    ("DELETE", TABLE): None,
    ("POST", f"{TABLE}/columns"): {"name": "added"},
    ("PATCH", f"{TABLE}/columns/{{column}}"): {"name": "renamed"},
    ("DELETE", f"{TABLE}/columns/{{column}}"): None,
    ("GET", f"{TABLE}/rows"): None,
    ("POST", f"{TABLE}/rows"): {"sku": "X-1"},
    ("PATCH", f"{TABLE}/rows/{{row_id}}"): {"sku": "X-2"},
    ("DELETE", f"{TABLE}/rows/{{row_id}}"): None,
    ("POST", f"{TABLE}/import"): "sku\nX-3\n",
    ("GET", f"{TABLE}/export"): None,
    ("GET", INTEGRATIONS): None,
    ("POST", INTEGRATIONS): CONNECTION,
    ("PATCH", INTEGRATION): {"name": "Taken over"},
    ("DELETE", INTEGRATION): None,
    ("POST", f"{INTEGRATION}/test"): None,
    ("GET", f"{INTEGRATION}/logs"): None,
    ("GET", f"{INTEGRATION}/endpoints"): None,
    ("POST", f"{INTEGRATION}/endpoints"): {"endpoint_name": "more"},
    ("POST", f"{INTEGRATION}/refresh"): None,
    ("POST", f"{ENDPOINT}/approve"): {"fingerprint": "f"},
    ("POST", f"{ENDPOINT}/tool"): None,
    ("PATCH", ENDPOINT): {"cache_s": 60},
    ("DELETE", ENDPOINT): None,
    ("GET", CREDENTIALS): None,
    ("POST", CREDENTIALS): {**CREDENTIAL, "name": "Another"},
    ("PATCH", f"{CREDENTIALS}/{{credential_id}}"): {"name": "Taken over"},
    ("DELETE", f"{CREDENTIALS}/{{credential_id}}"): None,
    ("GET", f"{ADMIN}/tools"): None,
    ("POST", f"{ADMIN}/tools"): NEW_TOOL,
    ("GET", f"{ADMIN}/tools/export"): None,
    ("POST", f"{ADMIN}/tools/import"): NEW_TOOL,
    ("GET", f"{ADMIN}/tools/{{tool_id}}"): None,
    ("PATCH", f"{ADMIN}/tools/{{tool_id}}"): {"description": "Taken over"},
    ("DELETE", f"{ADMIN}/tools/{{tool_id}}"): None,
    ("GET", f"{ADMIN}/n8n"): None,
    ("GET", f"{ADMIN}/n8n/workflows"): None,
    ("POST", f"{ADMIN}/n8n/workflows"): {"workflow_id": "x"},
    ("POST", f"{ADMIN}/n8n/workflows/{{n8n_id}}/publish"): None,
    ("POST", f"{ADMIN}/n8n/workflows/{{n8n_id}}/use"): {"tenant_id": "{tenant_id}", "tool_id": "x"},
    ("GET", f"{ADMIN}/workflows"): None,
    ("POST", f"{ADMIN}/workflows"): build_export("matrix", GREET),
    ("GET", f"{ADMIN}/workflows/{{workflow_id}}"): None,
    ("DELETE", f"{ADMIN}/workflows/{{workflow_id}}"): None,
    ("POST", f"{ADMIN}/workflows/{{workflow_id}}/run"): {"input": {}},
    ("GET", f"{ADMIN}/backups"): None,
    ("POST", f"{ADMIN}/backups"): None,
    ("POST", f"{ADMIN}/backups/{{backup_id}}/verify"): None,
    ("GET", f"{TENANT}/export"): None,
    ("POST", f"{TENANT}/visitors/erase"): {"user_identifier": "dana"},
    ("GET", f"{ADMIN}/models"): None,
    ("GET", f"{ADMIN}/models/{{provider}}"): None,
    ("POST", f"{ADMIN}/models/{{provider}}/pull"): {"model": "qwen3:4b"},
    ("DELETE", f"{ADMIN}/models/{{provider}}/{{name}}"): None,
    ("POST", f"{ADMIN}/models/{{provider}}/check"): None,
    ("GET", f"{ADMIN}/conversations"): None,
    ("GET", f"{ADMIN}/conversations/export"): None,
    ("GET", f"{ADMIN}/conversations/{{conversation_id}}"): None,
    ("DELETE", f"{ADMIN}/conversations/{{conversation_id}}"): None,
    ("GET", f"{ADMIN}/tool-executions"): None,
    ("GET", f"{ADMIN}/tool-executions/export"): None,
    ("GET", f"{ADMIN}/escalations"): None,
    ("POST", f"{ADMIN}/conversations/{{conversation_id}}/take-over"): None,
    ("POST", f"{ADMIN}/conversations/{{conversation_id}}/hand-back"): None,
    ("POST", f"{ADMIN}/conversations/{{conversation_id}}/messages"): {"content": "Hello"},
    ("POST", f"{ADMIN}/conversations/{{conversation_id}}/typing"): {"typing": True},
    ("POST", f"{ADMIN}/test-chat"): {"tenant_id": "{tenant_id}", "message": "hello"},
    ("GET", f"{ADMIN}/usage"): None,
    ("GET", f"{ADMIN}/usage/export"): None,
    ("GET", f"{ADMIN}/maintenance/retention"): None,
    ("POST", f"{ADMIN}/maintenance/retention"): {"dry_run": True},
    ("GET", "/api/config"): None,
    ("POST", "/chat/message"): {"message": "hello"},
    ("POST", "/chat/stop"): {"session_id": "{session_id}"},
    ("POST", "/chat/end"): {"session_id": "{session_id}"},
    ("POST", "/chat/escalate"): {"session_id": "{session_id}"},
    ("POST", "/api/feedback"): {"session_id": "{session_id}", "rating": 5},
    ("GET", "/chat/history/{session_id}"): None,
    ("GET", "/chat/events/{session_id}"): None,
}
IDS_IN_BODIES = ("{session_id}", "{tenant_id}")
OPERATIONS = sorted(operation for operation in BODIES if operation[1].startswith(ADMIN))
OF_ONE_TENANT = [
    operation
    for operation in OPERATIONS
    if operation[1].startswith(TENANT)
    or "{conversation_id}" in operation[1]
    or "{tenant_id}" in str(BODIES[operation])
]
OF_ALL_TENANTS = [operation for operation in OPERATIONS if operation not in OF_ONE_TENANT]
OF_ONESELF = {("GET", f"{ADMIN}/me"), ("PATCH", f"{ADMIN}/me"), ("POST", f"{ADMIN}/logout")}
READING = [operation for operation in OPERATIONS if operation[0] == "GET"]
WRITING = [
    operation for operation in OPERATIONS if operation[0] != "GET" and operation not in OF_ONESELF
]
OF_VISITORS = sorted(operation for operation in BODIES if not operation[1].startswith(ADMIN))


class Twins(NamedTuple):
    """Two shops that differ in their names only, one object of each kind."""

    mine: dict[str, str]
    theirs: dict[str, str]


@pytest.fixture(scope="module")
def matrix_server(tmp_path_factory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("matrix")
    with Background().serve(FakeN8n()) as n8n:
        settings = {"CSAI_N8N_URL": n8n.url, "CSAI_N8N_API_KEY": KEY}
        with RunningServer(folder, settings=settings) as server:
            server.expect("tool_failed")
            yield server


@pytest.fixture(scope="module")
def owner(matrix_server) -> Iterator[Operator]:
    operator = Operator(matrix_server)
    yield operator
    operator.http.close()


@pytest.fixture(scope="module")
def twins(matrix_server, owner) -> Twins:
    tool_id = owner.find_tool_id("get_order_status")
    workflow = owner.call("POST", "/workflows", build_export("greeter", GREET), status=201)

    def build(name: str) -> dict[str, str]:
        shop: Shop = owner.make_shop(name)
        owner.use_tool(shop.id, "get_order_status", workflow="get_order_status")
        path = f"/tenants/{shop.id}"
        key = owner.call("GET", f"{path}/keys")["items"][0]
        tables = f"{path}/tables"
        new_table = {"name": "stock", "columns": [{"name": "sku"}]}
        table = owner.call("POST", tables, new_table, status=201)
        row = owner.call("POST", f"{tables}/{table['id']}/rows", {"sku": "X-0"}, status=201)
        integration = owner.call("POST", f"{path}/integrations", CONNECTION, status=201)
        endpoints = f"{path}/integrations/{integration['id']}/endpoints"
        endpoint = owner.call("POST", endpoints, {"endpoint_name": "stock"}, status=201)
        credential = owner.call("POST", f"{path}/credentials", CREDENTIAL, status=201)
        visitor = Visitor(matrix_server, shop.api_key)
        reply = visitor.ask(f"canary of {name}")
        visitor.http.close()
        return {
            "tenant_id": shop.id,
            "key_id": key["id"],
            "tool_id": tool_id,
            "table_id": table["id"],
            "column": "sku",
            "row_id": str(row["id"]),
            "workflow_id": workflow["id"],
            "integration_id": integration["id"],
            "endpoint_id": endpoint["id"],
            "credential_id": credential["id"],
            "n8n_id": "wf-1",
            "provider": "builtin",
            "name": "qwen3:4b",
            "backup_id": "20260101T033000Z-00000000",
            "session_id": str(visitor.session_id),
            "conversation_id": reply["conversation_id"],
            "api_key": shop.api_key,
        }

    return Twins(build("My Shop"), build("Their Shop"))


def log_in_as(server: RunningServer, role: str, tenant_id: str | None, name: str) -> Operator:
    """Log in as an account that no route can make yet; its password is the first owner's."""
    write_rows(
        server.database,
        "INSERT INTO users (id, username, folded_username, password_hash, role, tenant_id,"
        " is_active, created_at) SELECT ?, ?, ?, password_hash, ?, ?, TRUE, created_at FROM users"
        " WHERE username = 'admin'",
        *(f"id-of-{name}", name, name, role, tenant_id),
    )
    return Operator(server, name, ADMIN_PASSWORD)


@pytest.fixture(scope="module")
def viewer(matrix_server) -> Iterator[Operator]:
    operator = log_in_as(matrix_server, "viewer", None, "viewer")
    yield operator
    operator.http.close()


@pytest.fixture(scope="module")
def my_operator(matrix_server, twins) -> Iterator[Operator]:
    operator = log_in_as(matrix_server, "operator", twins.mine["tenant_id"], "my-operator")
    yield operator
    operator.http.close()


@pytest.fixture(scope="module")
def my_viewer(matrix_server, twins) -> Iterator[Operator]:
    operator = log_in_as(matrix_server, "viewer", twins.mine["tenant_id"], "my-viewer")
    yield operator
    operator.http.close()


def send(
    client: httpx.Client, base_url: str, operation: tuple[str, str], ids: dict[str, str]
) -> httpx.Response:
    """Send an operation with its body; a stream is answered by its head alone."""
    method, path = operation
    body = BODIES[operation]
    if isinstance(body, dict):
        body = {k: v.format(**ids) if v in IDS_IN_BODIES else v for k, v in body.items()}
    sent: dict[str, Any] = {"json": body}
    if isinstance(body, str):
        sent = {"content": body, "headers": {"Content-Type": "text/csv"}}
    request = client.build_request(method, base_url + path.format(**ids), **sent)
    answer = client.send(request, stream=True)
    if not answer.headers["content-type"].startswith("text/event-stream"):
        answer.read()
    answer.close()
    return answer


def look(owner: Operator, ids: dict[str, str]) -> list[Any]:
    """Return everything an owner sees of a shop."""
    path = f"/tenants/{ids['tenant_id']}"
    rows = f"/tables/{ids['table_id']}/rows"
    endpoints = f"/integrations/{ids['integration_id']}/endpoints"
    parts = ("", "/keys", "/tools", "/tables", rows, "/integrations", endpoints, "/credentials")
    seen = [owner.call("GET", f"{path}{part}") for part in parts]
    return [*seen, owner.call("GET", f"/tools/{ids['tool_id']}")]


def test_every_published_operation_is_in_the_matrix(matrix_server):
    answer = httpx.get(f"{matrix_server.admin_url}/schema/openapi.json", **DIRECT)
    assert listed_operations(answer.json()) == set(BODIES) | OPEN


@pytest.mark.parametrize("operation", OPERATIONS)
def test_without_a_token_nothing_works(matrix_server, owner, twins, operation):
    before = look(owner, twins.theirs)
    revoked = Operator(matrix_server)
    revoked.call("POST", "/logout", status=204)
    with httpx.Client(**DIRECT) as nobody:
        for client in (nobody, revoked.http):
            answer = send(client, matrix_server.admin_url, operation, twins.theirs)
            assert answer.status_code == 401, operation
    revoked.http.close()
    assert look(owner, twins.theirs) == before


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_visitors_key_opens_nothing_on_the_admin_side(matrix_server, twins, operation):
    headers = {
        "X-API-Key": twins.theirs["api_key"],
        "Authorization": f"Bearer {twins.theirs['api_key']}",
    }
    with httpx.Client(**DIRECT, headers=headers) as visitor:
        answer = send(visitor, matrix_server.admin_url, operation, twins.theirs)
        elsewhere = send(visitor, matrix_server.base_url, operation, twins.theirs)
    assert answer.status_code == 401
    is_file = isinstance(BODIES[operation], str)
    assert elsewhere.status_code in ((415,) if is_file else (404, 405))


@pytest.mark.parametrize("operation", OF_ONE_TENANT)
@pytest.mark.parametrize("who", ["my_operator", "my_viewer"])
def test_another_tenant_reads_as_absent(request, matrix_server, owner, twins, operation, who):
    before = look(owner, twins.theirs)
    client = request.getfixturevalue(who).http
    answer = send(client, matrix_server.admin_url, operation, twins.theirs)
    assert answer.status_code in ((403, 404) if operation == ("DELETE", TENANT) else (404,))
    unknown = {**twins.theirs, "tenant_id": "nobody"}
    absent = send(client, matrix_server.admin_url, operation, unknown)
    assert absent.status_code == answer.status_code
    assert "Their Shop" not in answer.text
    assert look(owner, twins.theirs) == before


@pytest.mark.parametrize("operation", READING)
def test_a_viewer_reads_everything(matrix_server, viewer, twins, operation):
    answer = send(viewer.http, matrix_server.admin_url, operation, twins.mine)
    assert answer.status_code == 200


@pytest.mark.parametrize("operation", WRITING)
def test_a_viewer_changes_nothing(matrix_server, owner, viewer, twins, operation):
    before = look(owner, twins.mine)
    answer = send(viewer.http, matrix_server.admin_url, operation, twins.mine)
    assert answer.status_code == 403, answer.text
    assert look(owner, twins.mine) == before


@pytest.mark.parametrize(
    "operation", [op for op in WRITING if op in OF_ALL_TENANTS or op == ("DELETE", TENANT)]
)
def test_what_concerns_all_tenants_is_not_for_one_tenants_operator(
    matrix_server, owner, my_operator, twins, operation
):
    before = look(owner, twins.mine)
    answer = send(my_operator.http, matrix_server.admin_url, operation, twins.mine)
    assert answer.status_code == 403, answer.text
    assert look(owner, twins.mine) == before


def test_one_tenants_operator_sees_that_tenant_only(my_operator, twins):
    listed = my_operator.call("GET", "/tenants")["items"]
    assert [tenant["id"] for tenant in listed] == [twins.mine["tenant_id"]]
    entries = my_operator.call("GET", f"/logs?tenant_id={twins.theirs['tenant_id']}")["items"]
    assert {entry["fields"].get("tenant_id") for entry in entries} <= {twins.mine["tenant_id"]}
    run = my_operator.http.post(
        f"/workflows/{twins.mine['workflow_id']}/run",
        json={"input": {}, "tenant_id": twins.theirs["tenant_id"]},
    )
    assert run.status_code == 404
    for path in ("usage", "usage/export", "conversations/export", "tool-executions", "escalations"):
        other = my_operator.http.get(f"/{path}?tenant_id={twins.theirs['tenant_id']}")
        assert other.status_code == 404, path
    items = my_operator.call("GET", "/usage?group_by=tenant")["items"]
    assert [row["tenant_id"] for row in items] == [twins.mine["tenant_id"]]
    exported = my_operator.call("GET", "/conversations/export")
    assert {conversation["tenant_id"] for conversation in exported} == {twins.mine["tenant_id"]}


def test_one_tenants_operator_sees_and_runs_the_workflows_of_its_own_tools(
    owner, my_operator, twins
):
    export = build_export("private", "return [{json: {key: 'sk-of-theirs'}}];") | {"id": "n8n-7"}
    private = owner.call("POST", "/workflows", export, status=201)
    path, tool = f"/workflows/{private['id']}", twins.mine["tool_id"]
    mine, theirs = (f"/tenants/{side['tenant_id']}/tools/{tool}" for side in twins)
    body = {"input": {}, "tenant_id": twins.mine["tenant_id"]}
    owner.call("PATCH", theirs, {"workflow": "private"})
    assert all(item["is_bundled"] for item in my_operator.call("GET", "/workflows")["items"])
    check_problem(my_operator.http.get(path), 404, "workflow_not_found")
    check_problem(my_operator.http.post(f"{path}/run", json=body), 404, "workflow_not_found")
    bundled = my_operator.call("GET", "/workflows")["items"][0]
    assert my_operator.call("GET", f"/workflows/{bundled['id']}")["definition"]
    for reference in ("private", private["id"], "n8n-7"):
        owner.call("PATCH", mine, {"workflow": reference})
        listed = my_operator.call("GET", "/workflows")["items"]
        assert [item["id"] for item in listed if not item["is_bundled"]] == [private["id"]]
        assert my_operator.call("GET", path)["definition"] == export
        assert "sk-of-theirs" in str(my_operator.call("POST", f"{path}/run", body)["output"])
    for used in (mine, theirs):
        owner.call("PATCH", used, {"workflow": "get_order_status"})
    owner.call("DELETE", path, status=204)


def test_one_tenants_operator_cannot_take_a_workflow_of_others(owner, my_operator, twins):
    export = build_export("theirs", "return [{json: {key: 'sk-of-theirs'}}];") | {"id": "n8n-8"}
    private = owner.call("POST", "/workflows", export, status=201)
    mine, theirs = (f"/tenants/{side['tenant_id']}/tools/{twins.mine['tool_id']}" for side in twins)
    before = owner.call("GET", f"/tenants/{twins.mine['tenant_id']}/tools")
    owner.call("PATCH", theirs, {"workflow": "theirs"})
    said = set()
    for reference in ("theirs", private["id"], "n8n-8", "nobody"):
        for method in ("PUT", "PATCH"):
            answer = my_operator.http.request(method, mine, json={"workflow": reference})
            problem = check_problem(answer, 400, "validation_failed")
            assert [error["field"] for error in problem["errors"]] == ["workflow"]
            said.add(problem["detail"].replace(reference, "…"))
    assert len(said) == 1
    assert owner.call("GET", f"/tenants/{twins.mine['tenant_id']}/tools") == before
    check_problem(my_operator.http.get(f"/workflows/{private['id']}"), 404, "workflow_not_found")
    my_operator.call("PATCH", mine, {"workflow": "get_order_status"})
    owner.call("PATCH", mine, {"workflow": "theirs"})
    my_operator.call("PATCH", mine, {"enabled": True, "workflow": "theirs"})
    for used in (mine, theirs):
        owner.call("PATCH", used, {"workflow": "get_order_status"})
    owner.call("DELETE", f"/workflows/{private['id']}", status=204)


def test_one_tenants_operator_may_change_that_tenant(my_operator, twins):
    changed = my_operator.call(
        "PATCH", f"/tenants/{twins.mine['tenant_id']}", {"domain": "mine.example"}
    )
    assert changed["domain"] == "mine.example"


def test_a_key_of_another_tenant_is_not_found(owner, twins):
    before = look(owner, twins.theirs)
    path = f"/tenants/{twins.mine['tenant_id']}/keys/{twins.theirs['key_id']}"
    assert owner.http.delete(path).status_code == 404
    assert look(owner, twins.theirs) == before


@pytest.mark.parametrize("operation", OF_VISITORS)
@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "pk_unknown"}])
def test_without_a_key_a_visitor_gets_nothing(matrix_server, twins, operation, headers):
    with httpx.Client(**DIRECT, headers=headers) as nobody:
        answer = send(nobody, matrix_server.base_url, operation, twins.theirs)
    assert answer.status_code == 401
    assert "canary" not in answer.text


@pytest.mark.parametrize(
    "operation", [op for op in OF_VISITORS if "session_id" in str((op[1], BODIES[op]))]
)
def test_a_session_of_another_tenant_is_not_found(matrix_server, twins, operation):
    with httpx.Client(**DIRECT, headers={"X-API-Key": twins.mine["api_key"]}) as mine:
        answer = send(mine, matrix_server.base_url, operation, twins.theirs)
    assert answer.status_code == 404
    with httpx.Client(**DIRECT, headers={"X-API-Key": twins.theirs["api_key"]}) as theirs:
        path = "/chat/history/{session_id}"
        history = send(theirs, matrix_server.base_url, ("GET", path), twins.theirs).json()
    assert (history["conversation_ended"], history["escalated"]) == (False, False)
    assert history["messages"][0]["content"] == "canary of Their Shop"
