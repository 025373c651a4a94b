from __future__ import annotations

import asyncpg
import pytest

from appliance.integrations.database.functions import FUNCTIONS, KEYWORDS
from tests.fakes.postgres_server import running_postgres

DANGEROUS = (
    "pg_read_file", "lo_import", "dblink", "set_config", "nextval", "pg_sleep", "query_to_xml",
    "load_file", "sleep", "benchmark", "get_lock", "load_extension", "writefile", "readfile",
    "fts3_tokenizer", "zeroblob", "randomblob", "printf", "repeat",
)  # fmt: skip


@pytest.mark.parametrize("engine", ["postgresql", "mysql", "mariadb", "sqlite"])
def test_only_harmless_functions_are_known(engine: str) -> None:
    known = FUNCTIONS[engine]  # type: ignore[index]
    assert known.isdisjoint(DANGEROUS)
    assert {"count", "lower", "coalesce"} <= known
    assert not any(name.startswith(("pg_", "lo_", "dblink", "sys_")) for name in known)


def test_no_keyword_is_a_function_that_does_something() -> None:
    assert KEYWORDS.isdisjoint(DANGEROUS)


async def test_postgresql_knows_none_of_them_as_one_that_changes_anything() -> None:
    """What PostgreSQL itself calls volatile may do anything; of ours nothing is."""
    connection = await asyncpg.connect(running_postgres().url("postgres"))
    try:
        rows = await connection.fetch(
            "SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'v' AND proname = ANY($1)",
            sorted(FUNCTIONS["postgresql"]),
        )
    finally:
        await connection.close()
    assert rows == []
