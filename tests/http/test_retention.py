"""Retention, erasure, exports and usage on a running server and beside it."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.http.clients import Operator, Shop, Visitor, check_problem
from tests.http.running_server import RunningServer, run_csai, wait_until
from tests.http.stored_rows import read_rows, write_rows

pytestmark = pytest.mark.stored

OLD = datetime(2020, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive") / "messages"


@pytest.fixture(scope="module")
def server(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = {"CSAI_ARCHIVE_URL": str(archive)}
    with RunningServer(tmp_path_factory.mktemp("retention"), settings=settings) as server:
        yield server


@pytest.fixture(scope="module")
def owner(server: RunningServer) -> Iterator[Operator]:
    operator = Operator(server)
    yield operator
    operator.http.close()


@pytest.fixture
def shop(owner: Operator) -> Shop:
    return owner.make_shop("Erased & Sons")


def visit(server: RunningServer, shop: Shop, text: str, who: str) -> Visitor:
    """Say something as a visitor whom the shop's page named."""
    visitor = Visitor(server, shop.api_key)
    visitor.ask(text, user_identifier=who)
    visitor.http.close()
    return visitor


def age(server: RunningServer, shop: Shop) -> None:
    """Let a shop's messages be of years ago."""
    write_rows(
        server.database, "UPDATE messages SET created_at = ? WHERE tenant_id = ?", OLD, shop.id
    )


def run(server: RunningServer, *arguments: str) -> Any:
    """Run a command beside the server, with its settings."""
    command = (*arguments, "--data-dir", str(server.data_dir))
    return run_csai(*command, home=server.folder / "home", settings=server.settings)


def list_archived(archive: Path, shop: Shop) -> list[dict[str, Any]]:
    """Return the archived messages of a shop."""
    return [
        json.loads(line)
        for place in sorted((archive / shop.id).rglob("*.gz"))
        for line in gzip.decompress(place.read_bytes()).splitlines()
    ]


def holds(folder: Path, text: str) -> bool:
    """Say whether any file in the data folder has the text in it."""
    files = [place for place in folder.rglob("*") if place.is_file()]
    assert len(files) > 3
    return any(text.encode() in place.read_bytes() for place in files)


def test_a_run_by_hand_archives_deletes_and_tells(server, owner, archive, shop):
    visitor = visit(server, shop, "CANARY-ONE of long ago", "dana")
    age(server, shop)
    started = owner.call("POST", "/maintenance/retention", status=202)
    assert started["state"] in ("running", "done")

    def state() -> Any:
        return owner.call("GET", "/maintenance/retention")

    wait_until(lambda: state()["state"] == "done", timeout_s=20, what="the end of retention")
    report = state()["report"]
    (done,) = [tenant for tenant in report["tenants"] if tenant["tenant_id"] == shop.id]
    assert (done["messages"], done["archived_messages"]) == (2, 2)
    assert [line["role"] for line in list_archived(archive, shop)] == ["user", "assistant"]
    assert not holds(server.data_dir, "CANARY-ONE")
    visitor = Visitor(server, shop.api_key)
    visitor.http.close()


def read_log(server: RunningServer) -> list[dict[str, Any]]:
    """Return the lines of the server's log file."""
    text = (server.data_dir / "logs" / "csai.log").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_turn_is_logged_with_its_request_and_what_goes_on_behind_one_without(server, owner, shop):
    ids = {"X-Request-ID": "asked-by-hand-1"}

    def logged(event: str) -> list[str | None]:
        lines = [line for line in read_log(server) if line["event"] == event]
        return [line.get("request_id") for line in lines]

    visitor = Visitor(server, shop.api_key)
    asked = visitor.http.post("/chat/message", json={"message": "hello"}, headers=ids)
    visitor.http.close()
    assert asked.status_code == 200
    runs = len(logged("retention_finished"))
    owner.http.post("/maintenance/retention", headers=ids)
    wait_until(
        lambda: len(logged("retention_finished")) > runs, timeout_s=20, what="the end of retention"
    )
    assert set(logged("retention_finished")) == {None}
    assert logged("turn_finished")[-1] == "asked-by-hand-1"


def test_the_session_goes_on_after_its_messages_went(server, owner, shop):
    visitor = Visitor(server, shop.api_key)
    visitor.ask("first words", user_identifier="dana")
    age(server, shop)
    assert run(server, "retention").returncode == 0
    assert visitor.history() == []
    session = visitor.session_id
    visitor.ask("second words")
    assert visitor.session_id == session
    assert visitor.lines()[0] == ("user", "second words")
    visitor.http.close()


def test_the_command_counts_and_deletes_beside_the_server(server, archive, shop):
    visit(server, shop, "hello", "dana")
    age(server, shop)
    counted = run(server, "retention", "--dry-run")
    assert counted.returncode == 0
    assert f"Erased & Sons ({shop.id}): 2 messages, 0 tool executions and" in counted.stdout
    assert "ratings would go" in counted.stdout
    deleted = run(server, "retention")
    assert "ratings deleted, 2 archived in 1 objects" in deleted.stdout
    assert "#" not in deleted.stderr
    again = run(server, "retention")
    assert again.stdout == "Nothing of any tenant is older than it may be.\n"
    assert len(list_archived(archive, shop)) == 2


def test_without_its_archive_nothing_is_deleted(server, shop, tmp_path):
    visit(server, shop, "hello", "dana")
    age(server, shop)
    (tmp_path / "file").write_bytes(b"")
    settings = {**server.settings, "CSAI_ARCHIVE_URL": str(tmp_path / "file")}
    command = ("retention", "--data-dir", str(server.data_dir))
    failed = run_csai(*command, home=server.folder / "home", settings=settings)
    assert failed.returncode == 1
    assert failed.stderr.startswith(f"csai: The archive folder {str(tmp_path / 'file')!r} cannot")
    query = "SELECT count(*) FROM messages WHERE tenant_id = ?"
    assert read_rows(server.database, query, shop.id) == [(2,)]
    run(server, "retention")


@pytest.mark.on_sqlite
def test_an_erased_visitor_is_gone_from_every_file(server, owner, shop):
    first = visit(server, shop, "CANARY-TWO is my secret", "dana CANARY-TWO")
    visit(server, shop, "kept words", "bob")
    before = owner.call("GET", f"/usage?tenant_id={shop.id}")["items"]
    path = f"/tenants/{shop.id}/visitors/erase"
    erased = owner.call("POST", path, {"user_identifier": "dana CANARY-TWO"})
    assert erased["conversations"] == 1
    assert erased["rows"]["messages"] == 2
    assert "Backups" in erased["note"]
    assert not holds(server.data_dir, "CANARY-TWO")
    assert holds(server.data_dir, "kept words")
    assert owner.call("GET", f"/usage?tenant_id={shop.id}")["items"] == before
    back = Visitor(server, shop.api_key)
    back.session_id = first.session_id
    back.ask("hello again")
    assert back.session_id != first.session_id
    back.http.close()
    check_problem(owner.http.post(path, json={"user_identifier": ""}), 400, "validation_failed")
    assert owner.call("POST", path, {"user_identifier": "dana"})["rows"] == {}


def test_a_conversation_is_erased_by_its_id(server, owner, shop):
    visitor = Visitor(server, shop.api_key)
    reply = visitor.ask("CANARY-THREE", user_identifier="dana")
    path = f"/conversations/{reply['conversation_id']}"
    assert owner.call("DELETE", path)["conversations"] == 1
    assert not holds(server.data_dir, "CANARY-THREE")
    check_problem(owner.http.delete(path), 404, "conversation_not_found")
    check_problem(visitor.http.get(f"/chat/history/{visitor.session_id}"), 404, "session_not_found")
    visitor.http.close()


def test_an_erased_tenant_is_gone_but_for_the_record(server, owner, shop):
    visit(server, shop, "CANARY-FOUR", "dana")
    owner.call("PATCH", f"/tenants/{shop.id}", {"domain": "canary-four.example"})
    erased = owner.call("DELETE", f"/tenants/{shop.id}?erase=true")
    assert erased["rows"]["tenants"] == 1
    assert not holds(server.data_dir, "CANARY-FOUR")
    assert not holds(server.data_dir, "canary-four")
    assert owner.http.get(f"/tenants/{shop.id}").status_code == 404
    assert owner.http.delete(f"/tenants/{shop.id}?erase=true").status_code == 404
    nobody = Visitor(server, shop.api_key)
    assert nobody.post("hello").status_code == 401
    nobody.http.close()
    query = "SELECT action, changes FROM audit_log WHERE tenant_id = ? ORDER BY id"
    entries = dict(read_rows(server.database, query, shop.id))
    assert entries["tenant.create"] == entries["tenant.change"] == "{}"
    assert json.loads(entries["tenant.erase"])["rows"] == erased["rows"]


def test_the_command_erases_when_it_is_sure(server, owner, shop):
    visit(server, shop, "CANARY-FIVE", "dana")
    asked = run(server, "erase", "--tenant", shop.id, "--visitor", "dana")
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    erased = run(server, "erase", "--tenant", shop.id, "--visitor", "dana", "--yes")
    assert erased.returncode == 0
    assert "2 rows of messages erased" in erased.stdout
    assert "Backups" in erased.stdout
    assert not holds(server.data_dir, "CANARY-FIVE")
    unknown = run(server, "erase", "--tenant", "nobody", "--yes")
    assert (unknown.returncode, unknown.stderr) == (1, "csai: There is no tenant 'nobody'.\n")
    assert run(server, "erase", "--tenant", shop.id, "--yes").returncode == 0
    assert owner.http.get(f"/tenants/{shop.id}").status_code == 404


def test_exports_over_http_and_by_command(server, owner, shop, tmp_path):
    visit(server, shop, "=1+1", "dana")
    path = f"/tenants/{shop.id}/export"
    document = owner.call("GET", f"{path}?user_identifier=dana")
    assert document["conversations"][0]["messages"][0]["content"] == "=1+1"
    answer = owner.http.get(path)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="tenant.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert json.loads(archive.read("manifest.json"))["rows"]["messages"] == 2
        everything = b"".join(map(archive.read, archive.namelist()))
    secrets = read_rows(
        server.database,
        "SELECT key_hash, encrypted_secret FROM api_keys WHERE tenant_id = ?",
        shop.id,
    )
    for secret in (shop.api_key, shop.signing_secret, *(s for row in secrets for s in row if s)):
        assert secret.encode() not in everything
    output = tmp_path / "dana.json"
    command = ("export", "--tenant", shop.id, "--visitor", "dana", "--output", str(output))
    assert run(server, *command).returncode == 0
    written = json.loads(output.read_bytes())
    assert written["conversations"] == document["conversations"]
    assert output.stat().st_mode & 0o077 == 0
    again = run(server, *command)
    assert again.returncode == 3
    assert "is there already" in again.stderr
    answer = owner.http.get(f"/conversations/export?format=csv&tenant_id={shop.id}")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert ",'=1+1," in answer.text
    check_problem(owner.http.get("/conversations/export?format=xlsx"), 400, "validation_failed")
    check_problem(owner.http.get("/tenants/nobody/export"), 404, "tenant_not_found")


def test_usage_is_summed_and_exported(server, owner, shop):
    visit(server, shop, "hello", "dana")
    (row,) = owner.call("GET", f"/usage?tenant_id={shop.id}&group_by=tenant")["items"]
    assert (row["tenant_id"], row["conversations"], row["messages"]) == (shop.id, 1, 2)
    assert row["day"] is row["model"] is None
    assert isinstance(row["unpriced_tokens"], int)
    (day,) = owner.call("GET", f"/usage?tenant_id={shop.id}")["items"]
    assert owner.call("GET", f"/usage?tenant_id={shop.id}&to=2020-01-01")["items"] == []
    lines = owner.http.get(f"/usage/export?tenant_id={shop.id}&from={day['day']}").text
    assert lines.splitlines()[1].startswith(f"{shop.id},{day['day']},")
    for query in ("group_by=week", "from=yesterday", "from=2026-02-30"):
        check_problem(owner.http.get(f"/usage?{query}"), 400, "validation_failed")
    check_problem(owner.http.get("/usage?from=2026-02-02&to=2026-02-01"), 400, "validation_failed")


@pytest.mark.parametrize("path", ["/conversations/export", "/usage", "/usage/export"])
@pytest.mark.parametrize("days", ["from=2026-02-02&to=2026-02-01", "to=9999-12-31"])
def test_days_that_make_no_period_are_refused_everywhere(owner, path, days):
    problem = check_problem(owner.http.get(f"{path}?{days}"), 400, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == ["to"]


def test_the_outermost_days_are_taken(owner, shop):
    days = "from=0001-01-01&to=9999-12-30"
    assert owner.call("GET", f"/conversations/export?tenant_id={shop.id}&{days}") == []


def test_an_identifier_that_no_visitor_can_have_is_refused(owner, shop):
    path = f"/tenants/{shop.id}"
    answers = (
        owner.http.get(f"{path}/export?user_identifier=dana%00"),
        owner.http.post(f"{path}/visitors/erase", json={"user_identifier": "dana\0"}),
    )
    for answer in answers:
        problem = check_problem(answer, 400, "validation_failed")
        assert [error["field"] for error in problem["errors"]] == ["user_identifier"]


def test_nobody_visits_under_such_an_identifier(server, shop):
    visitor = Visitor(server, shop.api_key)
    answer = visitor.post("hello", user_identifier="dana\0")
    problem = check_problem(answer, 400, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == ["user_identifier"]
    visitor.http.close()


@pytest.mark.parametrize("given", ["from=2026-13-01", "to=soon", "format=xml"])
def test_a_value_that_does_not_fit_is_refused_by_its_public_name(owner, given):
    answer = owner.http.get(f"/conversations/export?{given}")
    problem = check_problem(answer, 400, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == [given.partition("=")[0]]


def test_the_command_says_that_a_visitor_left_nothing(server, shop, tmp_path):
    visit(server, shop, "hello", "dana")
    for who, is_told in (("nobody", True), ("dana", False)):
        output = tmp_path / f"{who}.json"
        command = ("export", "--tenant", shop.id, "--visitor", who, "--output", str(output))
        ended = run(server, *command)
        assert ended.returncode == 0
        assert ("Nothing is stored under the identifier 'nobody'" in ended.stdout) == is_told
        assert (json.loads(output.read_bytes())["conversations"] == []) == is_told


def test_usage_of_an_unknown_tenant_is_not_found(owner):
    for path in ("/usage", "/usage/export"):
        check_problem(owner.http.get(f"{path}?tenant_id=nobody"), 404, "tenant_not_found")
