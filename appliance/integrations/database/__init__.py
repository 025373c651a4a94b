"""Databases that are only read; see ``kind``."""

from __future__ import annotations

from functools import cache

from appliance.integrations.database.kind import DatabaseKind, Engine
from appliance.integrations.database.threads import QueryThreads
from appliance.integrations.registry import IntegrationParts
from appliance.ports.integrations import IntegrationKind

__all__ = ["DatabaseKind", "build"]


def build(parts: IntegrationParts) -> IntegrationKind:
    """Return the type ``database``; a driver, of several megabytes, is loaded when it is needed."""
    threads = QueryThreads()

    @cache
    def load_postgresql() -> Engine:
        from appliance.integrations.database.postgresql import PostgreSql

        return PostgreSql(parts.connections)

    @cache
    def load_mysql() -> Engine:
        from appliance.integrations.database.mysql import MySql

        return MySql(parts.connections, threads)

    @cache
    def load_sqlite() -> Engine:
        from appliance.integrations.database.sqlite import Sqlite

        return Sqlite(parts.sqlite_dir, threads)

    return DatabaseKind(
        {
            "postgresql": load_postgresql,
            "mysql": load_mysql,
            "mariadb": load_mysql,
            "sqlite": load_sqlite,
        },
        parts.clock,
    )
