from __future__ import annotations

import pytest

from appliance.errors import UpstreamError
from appliance.integrations.database import failures
from appliance.integrations.database.connection import read_connection

CONNECTION = read_connection(
    {"engine": "mysql", "host": "db.example", "database": "shop", "username": "reader"}
)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (failures.no_connection(), "unreachable"),
        (failures.too_busy(), "unreachable"),
        (failures.timed_out(), "no_answer"),
        (failures.connection_lost(), "no_answer"),
        (failures.server_failed(), "no_answer"),
        (failures.too_many_bytes(), "no_answer"),
        (failures.unreadable_value(), "no_answer"),
        (failures.misfit(), "refused"),
        (failures.no_tls(is_required_by_server=True), "not_available"),
        (failures.no_tls(is_required_by_server=False), "not_available"),
        (failures.wrong_certificate(), "not_available"),
        (failures.wrong_password(CONNECTION), "not_available"),
        (failures.no_such_database("shop"), "not_available"),
        (failures.too_mighty("root", "is a superuser"), "not_available"),
        (failures.may_not_read(), "not_available"),
        (failures.would_write(), "not_available"),
        (failures.broken_query(), "not_available"),
    ],
)
def test_each_failure_says_who_acts_and_what_is_known(error: UpstreamError, failure: str) -> None:
    assert failures.find_failure(error) == failure
    assert "operator" in error.message or "later" in error.message or failure == "refused"


def test_what_a_server_says_of_a_new_query_is_bounded_and_printable() -> None:
    message = failures.refused_query("no\ttable\n" + "x" * 1_000).message
    assert message.startswith("The database refuses the query: no table x")
    assert len(message) < 400
    assert message.isprintable()


def test_a_test_names_what_the_user_may_change() -> None:
    describe = failures.describe_test
    assert "may only read. The connection is encrypted" in describe(
        CONNECTION, [], is_encrypted=True
    )
    assert "may also change a, b; no query" in describe(CONNECTION, ["a", "b"], is_encrypted=False)
    assert "a, b, c and more" in describe(CONNECTION, ["a", "b", "c", "d"], is_encrypted=False)
