from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.domain.ids import TenantId
from appliance.domain.message import TokenUsage
from appliance.ports.turn_store import ModelUsage
from appliance.storage.engine import SqliteConnection, open_writer
from appliance.storage.statements import run_on_sqlite
from appliance.storage.usage_sums import UsageSum, add_usage

TENANT = TenantId("t1")
COUNT = st.integers(min_value=0, max_value=2**40)
USAGE = st.builds(
    ModelUsage,
    provider=st.sampled_from(["ollama", "anthropic"]),
    model=st.sampled_from(["small", "large"]),
    usage=st.builds(TokenUsage, input_tokens=COUNT, output_tokens=COUNT, cached_input_tokens=COUNT),
    cost_micro_usd=st.none() | COUNT,
)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteConnection]:
    connection = open_writer(tmp_path_factory.mktemp("usage") / "csai.sqlite3")
    columns = ", ".join(UsageSum.__struct_fields__)
    connection.raw.execute(
        f"CREATE TABLE api_usage (tenant_id, day, provider, model, {columns},"
        " UNIQUE (tenant_id, day, provider, model))"
    )
    yield connection
    connection.close()


def sums(connection: SqliteConnection) -> dict[str, int]:
    names = UsageSum.__struct_fields__
    row = connection.raw.execute(
        f"SELECT {', '.join(f'coalesce(sum({name}), 0)' for name in names)} FROM api_usage"
    ).fetchone()
    return dict(zip(names, row, strict=True))


@settings(deadline=None)
@given(turns=st.lists(st.tuples(st.lists(USAGE, max_size=4), st.booleans()), max_size=6))
def test_the_sums_are_the_sums_of_the_parts(
    connection: SqliteConnection, turns: list[tuple[list[ModelUsage], bool]]
):
    connection.raw.execute("BEGIN")
    for usage, is_first in turns:
        turn = UsageSum(conversations=int(is_first), messages=2, tool_calls=1)
        run_on_sqlite(connection.raw, add_usage(TENANT, "2026-03-02", usage, turn))
    found = sums(connection)
    connection.raw.execute("ROLLBACK")
    entries = [entry for usage, _ in turns for entry in usage]
    assert found["messages"] == 2 * len(turns)
    assert found["tool_calls"] == len(turns)
    assert found["conversations"] == sum(is_first for _, is_first in turns)
    assert found["input_tokens"] == sum(entry.usage.input_tokens for entry in entries)
    assert found["output_tokens"] == sum(entry.usage.output_tokens for entry in entries)
    assert found["cost_micro_usd"] == sum(entry.cost_micro_usd or 0 for entry in entries)
    assert found["unpriced_tokens"] == sum(
        entry.usage.input_tokens + entry.usage.output_tokens
        for entry in entries
        if entry.cost_micro_usd is None
    )


def test_the_model_that_answered_gets_the_turn(connection: SqliteConnection):
    connection.raw.execute("BEGIN")
    usage = [
        ModelUsage(provider=provider, model="m", usage=TokenUsage(input_tokens=1))
        for provider in ("failed", "answered")
    ]
    run_on_sqlite(connection.raw, add_usage(TENANT, "2026-03-02", usage, UsageSum(messages=2)))
    run_on_sqlite(connection.raw, add_usage(TENANT, "2026-03-02", [], UsageSum(tool_calls=1)))
    found = connection.raw.execute(
        "SELECT provider, messages, tool_calls FROM api_usage ORDER BY provider"
    ).fetchall()
    connection.raw.execute("ROLLBACK")
    assert found == [("", 0, 1), ("answered", 2, 0), ("failed", 0, 0)]
