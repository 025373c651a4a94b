"""The same small shop in real PostgreSQL, real MariaDB and real SQLite, and the type that asks it.

Each has a user who may only read and one who may change everything in it, and says by a hash
whether anything was changed.
"""

from __future__ import annotations

import hashlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import asyncpg

from appliance.domain.integration import Endpoint, EndpointParameter
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.tool import ToolOutcome
from appliance.egress import EgressClient
from appliance.integrations.database import DatabaseKind, build
from appliance.integrations.database.kind import Database
from appliance.integrations.database.statement import Statement
from appliance.integrations.registry import IntegrationParts
from tests.fakes.clock import SettableClock
from tests.fakes.integrations import TENANT, build_endpoint, build_integration
from tests.fakes.mariadb_server import MariaDbServer, running_mariadb
from tests.fakes.postgres_server import PostgresServer, running_postgres

READER, OWNER = "csai_reader", "csai_owner"
PASSWORD = "pass wörd ס"
ROWS = (
    "INSERT INTO orders (number, customer, total) VALUES "
    "('A-1', 'רות', 19.90), ('A-2', 'Ben', 5.00), ('A-3', 'O''Hara', 7.25)"
)


class ShopDatabase(ABC):
    """A database with the tables ``orders`` and ``customers``, and the way to ask it."""

    engine: str

    def __init__(self, kind: DatabaseKind, folder: Path) -> None:
        self.kind = kind
        self.folder = folder

    @abstractmethod
    def config(self, username: str = READER, **more: Any) -> JsonObject:
        """Return what it takes to connect."""

    @abstractmethod
    async def fingerprint(self) -> str:
        """Return a hash over everything that is stored."""

    def open(self, username: str = READER, **more: Any) -> Database:
        """Return the system, as a tool asks it."""
        stored = build_integration(self.config(username, **more), integration_type="database")
        opened = self.kind.open(stored)
        assert isinstance(opened, Database)
        return opened

    async def ask(
        self,
        query: str,
        *parameters: EndpointParameter,
        username: str = READER,
        arguments: JsonObject | None = None,
        **more: Any,
    ) -> ToolOutcome:
        """Return what comes of a query that is a tool's."""
        endpoint = build_query(query, *parameters)
        return await self.open(username, **more).call(endpoint, arguments or {})

    async def carry_out(self, query: str, *, username: str, **more: Any) -> list[JsonValue]:
        """Carry out a query without looking at it before."""
        opened = self.open(username, **more)
        statement = Statement(texts=(query,), names=())
        return await opened._wait(
            lambda: opened._engine.fetch(TENANT, opened._connection, statement, {})
        )


def build_query(query: str, *parameters: EndpointParameter, **more: Any) -> Endpoint:
    """Return a named query as an endpoint."""
    return build_endpoint(*parameters, url_template="", query=query, **more)


class PostgresShop(ShopDatabase):
    engine = "postgresql"
    server: PostgresServer
    url: str

    def config(self, username: str = READER, **more: Any) -> JsonObject:
        fields: JsonObject = {
            "engine": self.engine,
            "host": "127.0.0.1",
            "port": self.server.port,
            "database": self.url.rpartition("/")[2],
            "username": username,
            "password": PASSWORD,
        }
        return {**fields, **more}

    async def prepare(self) -> None:
        database = self.url.rpartition("/")[2]
        await self.execute(
            f"""
            DO $$ BEGIN
                CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}';
                CREATE ROLE {OWNER} LOGIN PASSWORD '{PASSWORD}';
            EXCEPTION WHEN duplicate_object THEN NULL; END $$;
            GRANT ALL ON DATABASE {database} TO {OWNER};
            GRANT ALL ON SCHEMA public TO {OWNER};
            SET ROLE {OWNER};
            CREATE TABLE orders (id serial PRIMARY KEY, number text, customer text,
                                 total numeric(10, 2));
            CREATE TABLE customers (id serial PRIMARY KEY, email text);
            {ROWS};
            INSERT INTO customers (email) VALUES ('ruth@shop.example');
            CREATE SEQUENCE tickets;
            CREATE FUNCTION wipe(text DEFAULT '') RETURNS text LANGUAGE plpgsql AS
                'BEGIN DELETE FROM orders; RETURN ''gone''; END';
            CREATE VIEW wiping AS SELECT wipe('x') AS said;
            GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER};
            """
        )

    async def execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def fingerprint(self) -> str:
        connection = await asyncpg.connect(self.url)
        try:
            found: list[Any] = []
            for query in (
                "SELECT * FROM orders ORDER BY id",
                "SELECT * FROM customers ORDER BY id",
                "SELECT oid, relname, relacl::text, reloptions FROM pg_class ORDER BY oid",
                "SELECT proname, prosrc, proacl::text FROM pg_proc ORDER BY oid",
                "SELECT rolname, rolsuper, rolpassword FROM pg_authid ORDER BY 1",
                "SELECT setconfig FROM pg_db_role_setting ORDER BY 1",
                "SELECT last_value, is_called FROM tickets",
                "SELECT last_value, is_called FROM orders_id_seq",
                "SELECT oid FROM pg_largeobject_metadata ORDER BY 1",
                "SELECT datname, datacl::text FROM pg_database WHERE datname = current_database()",
                "SELECT extname FROM pg_extension ORDER BY 1",
                "SELECT sourceline, name FROM pg_file_settings ORDER BY 1, 2",
                "SELECT slot_name FROM pg_replication_slots",
            ):
                found.append([tuple(row) for row in await connection.fetch(query)])
        finally:
            await connection.close()
        return _hash(found)


class MariaDbShop(ShopDatabase):
    engine = "mariadb"
    server: MariaDbServer
    database: str

    def config(self, username: str = READER, **more: Any) -> JsonObject:
        fields: JsonObject = {
            "engine": self.engine,
            "host": "127.0.0.1",
            "port": self.server.port,
            "database": self.database,
            "username": username,
            "password": PASSWORD,
        }
        return {**fields, **more}

    def prepare(self) -> None:
        self.server.execute(
            f"CREATE OR REPLACE USER {READER} IDENTIFIED BY '{PASSWORD}'",
            f"CREATE OR REPLACE USER {OWNER} IDENTIFIED BY '{PASSWORD}'",
            f"GRANT SELECT ON {self.database}.* TO {READER}",
            f"GRANT ALL ON {self.database}.* TO {OWNER}",
            "CREATE TABLE orders (id int PRIMARY KEY AUTO_INCREMENT, number varchar(50), "
            "customer varchar(50), total decimal(10, 2))",
            "CREATE TABLE customers (id int PRIMARY KEY AUTO_INCREMENT, email varchar(50)) "
            "ENGINE = MyISAM",
            ROWS,
            "INSERT INTO customers (email) VALUES ('ruth@shop.example')",
            "CREATE SEQUENCE tickets",
            "CREATE FUNCTION wipe() RETURNS int MODIFIES SQL DATA "
            "BEGIN DELETE FROM orders; RETURN 1; END",
            "CREATE PROCEDURE clear_out() BEGIN DELETE FROM customers; DELETE FROM orders; END",
            "CREATE VIEW wiping AS SELECT wipe() AS said",
            f"GRANT EXECUTE ON {self.database}.* TO {OWNER}",
            database=self.database,
        )

    async def fingerprint(self) -> str:
        found: list[Any] = []
        with closing(self.server.connect(self.database)) as connection:
            for query in (
                "SELECT * FROM orders ORDER BY id",
                "SELECT * FROM customers ORDER BY id",
                "SELECT * FROM tickets",
                "SELECT table_name, table_type, auto_increment, table_comment "
                f"FROM information_schema.tables WHERE table_schema = '{self.database}'",
                "SELECT routine_name, routine_definition FROM information_schema.routines "
                f"WHERE routine_schema = '{self.database}'",
                "SELECT * FROM mysql.global_priv ORDER BY host, user",
                "SELECT * FROM mysql.db ORDER BY host, db, user",
                "SELECT plugin_name FROM information_schema.plugins ORDER BY 1",
                "SELECT @@global.general_log, @@global.read_only, @@global.event_scheduler",
                "SHOW DATABASES",
            ):
                with closing(connection.cursor()) as cursor:
                    cursor.execute(query)
                    found.append(cursor.fetchall())
        files = sorted(str(path) for path in self.server.folder.rglob("*") if "attack" in path.name)
        return _hash([found, files])


class SqliteShop(ShopDatabase):
    engine = "sqlite"

    @property
    def file(self) -> Path:
        return self.folder / TENANT / "shop.db"

    def config(self, username: str = READER, **more: Any) -> JsonObject:
        return {"engine": self.engine, "file": "shop.db", **more}

    def prepare(self) -> None:
        self.file.parent.mkdir(parents=True)
        with closing(sqlite3.connect(self.file)) as connection:
            connection.executescript(
                f"""
                CREATE TABLE orders (id integer PRIMARY KEY, number text, customer text,
                                     total numeric);
                CREATE TABLE customers (id integer PRIMARY KEY, email text);
                {ROWS};
                INSERT INTO customers (email) VALUES ('ruth@shop.example');
                CREATE VIEW loading AS SELECT load_extension('x') AS said;
                """
            )

    async def fingerprint(self) -> str:
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return _hash([(str(path), path.read_bytes()) for path in files])


@asynccontextmanager
async def open_shop(engine: str, folder: Path) -> AsyncIterator[ShopDatabase]:
    """Open a new database of the kind, filled, with nobody else in it."""
    allow = [f"127.0.0.1:{running_postgres().port}"] if engine == "postgresql" else []
    if engine == "mariadb":
        allow = [f"127.0.0.1:{running_mariadb().port}"]
    http = EgressClient(allow)
    kind = build_kind(http, folder)
    try:
        if engine == "postgresql":
            postgres = PostgresShop(kind, folder)
            postgres.server = running_postgres()
            postgres.url = await postgres.server.create_database()
            await postgres.prepare()
            yield postgres
            await postgres.server.drop_database(postgres.url)
        elif engine == "mariadb":
            maria = MariaDbShop(kind, folder)
            maria.server = running_mariadb()
            maria.database = maria.server.create_database()
            maria.prepare()
            yield maria
            maria.server.execute(f"DROP DATABASE {maria.database}")
        else:
            sqlite = SqliteShop(kind, folder)
            sqlite.prepare()
            yield sqlite
    finally:
        await http.aclose()


def build_kind(http: EgressClient, folder: Path | None) -> DatabaseKind:
    """Return the real type ``database``."""
    parts = IntegrationParts(
        http=http, streams=http, connections=http, clock=SettableClock(), sqlite_dir=folder
    )
    kind = build(parts)
    assert isinstance(kind, DatabaseKind)
    return kind


def _hash(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()
