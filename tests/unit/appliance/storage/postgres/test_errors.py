from __future__ import annotations

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from appliance.errors import ConfigurationError, InvalidInput, StorageError
from appliance.storage.postgres.errors import (
    build_start_error,
    find_sqlstate,
    is_lost_connection,
    is_retried,
    translate,
)

SHOWN = "postgresql://bob:***@db.example/csai"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (asyncpg.DiskFullError("no space"), "storage_full"),
        (asyncpg.LockNotAvailableError("lock timeout"), "storage_busy"),
        (asyncpg.TooManyConnectionsError("too many"), "storage_busy"),
        (asyncpg.SerializationError("again"), "storage_busy"),
        (TimeoutError(), "storage_busy"),
        (asyncpg.ReadOnlySQLTransactionError("standby"), "storage_unavailable"),
        (asyncpg.AdminShutdownError("bye"), "storage_unavailable"),
        (asyncpg.InterfaceError("connection is closed"), "storage_unavailable"),
        (asyncpg.DataCorruptedError("bad page"), "storage_unavailable"),
        (ConnectionRefusedError(111, "refused"), "storage_unavailable"),
        (asyncpg.UndefinedTableError("no table"), "storage_unavailable"),
    ],
)
def test_each_kind_of_failure_has_its_code(error: Exception, code: str):
    for raised in (error, DBAPIError("SELECT 1", {}, error)):
        found = translate(raised)
        assert isinstance(found, StorageError), found
        assert found.code == code
        assert found.__cause__ is raised


def test_a_text_that_no_database_holds_is_the_callers_to_mend():
    assert isinstance(translate(asyncpg.CharacterNotInRepertoireError("0x00")), InvalidInput)


def test_errors_of_the_program_pass():
    error = KeyError("a")
    assert translate(error) is error
    assert build_start_error(error, SHOWN) is error


def test_only_what_came_second_is_tried_again():
    assert is_retried(asyncpg.SerializationError("again"))
    assert is_retried(DBAPIError("x", {}, asyncpg.DeadlockDetectedError("again")))
    assert not is_retried(asyncpg.UniqueViolationError("twice"))
    assert not is_retried(ValueError("x"))


def test_a_lost_connection_is_known_in_every_form():
    assert is_lost_connection(asyncpg.ConnectionDoesNotExistError("closed"))
    assert is_lost_connection(ConnectionResetError(104, "reset"))
    assert is_lost_connection(DBAPIError("x", {}, asyncpg.AdminShutdownError("bye")))
    assert not is_lost_connection(asyncpg.DiskFullError("no space"))
    assert find_sqlstate(asyncpg.DiskFullError("no space")) == "53100"
    assert find_sqlstate(ValueError("x")) is None


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (asyncpg.InvalidPasswordError("no"), "password"),
        (asyncpg.InvalidCatalogNameError("no"), "createdb"),
        (asyncpg.InsufficientPrivilegeError("no"), "rights"),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (TimeoutError(), "in time"),
        (ValueError("invalid port"), "not valid"),
        (asyncpg.CannotConnectNowError("starting up"), "57P03"),
    ],
)
def test_a_start_that_fails_says_what_to_mend(error: Exception, remedy: str):
    refused = build_start_error(error, SHOWN)
    assert isinstance(refused, ConfigurationError)
    assert refused.setting == "CSAI_DATABASE_URL"
    assert remedy in refused.message
    assert SHOWN in refused.message
