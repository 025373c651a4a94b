"""What a database's failures mean, in sentences that say who should act.

Owns the sentences and what is known behind each; finding out which one it is is left to the
databases' own modules. None of them repeats what a server wrote, but for ``refused_query``, which
is told to the operator who has just written the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from appliance.domain.tool_failures import FailureKind
from appliance.errors import AuthFailed, Rejected, Unavailable, UpstreamError
from appliance.integrations.database.connection import DatabaseConnection

MAX_SAID_CHARS: Final = 300
MAX_BYTES: Final = 1_000_000
"""How much a query may bring, as JSON."""


def find_failure(error: UpstreamError) -> FailureKind:
    """Return what is known behind a failed query, which only ever reads."""
    match error.code:
        case "connect_failed" | "too_busy":
            return "unreachable"
        case "parameter_misfit":
            return "refused"
        case "timed_out" | "broken_response" | "response_too_large" | "server_failed":
            return "no_answer"
        case _:
            return "not_available"


def no_connection() -> UpstreamError:
    """Nobody listens, or not for us."""
    return Unavailable(
        "The database cannot be reached. It may work later; the operator should check that it runs "
        "and that host and port are right.",
        code="connect_failed",
    )


def too_busy() -> UpstreamError:
    """It has no connection left for us, or we have none."""
    return Unavailable(
        "The database is asked too much at once. It may work later.", code="too_busy"
    )


def server_failed() -> UpstreamError:
    """It has trouble of its own."""
    return Unavailable(
        "The database failed while answering. It may work later; the operator finds the reason in "
        "its log.",
        code="server_failed",
    )


def timed_out() -> UpstreamError:
    """It is too slow."""
    return Unavailable(
        "The database did not answer in time. The operator should make the query quicker, or raise "
        "timeout_s.",
        code="timed_out",
    )


def connection_lost() -> UpstreamError:
    """It went away in the middle."""
    return Unavailable(
        "The connection to the database broke off. It may work later.", code="broken_response"
    )


def no_tls(is_required_by_server: bool) -> UpstreamError:
    """One side wants TLS and the other does not."""
    if is_required_by_server:
        return Rejected(
            "The database lets this user in from here with TLS only, or not at all. The operator "
            "should set tls to 'require' or allow the user.",
            code="tls_required",
        )
    return Rejected(
        "The database offers no TLS. The operator should switch it on there, or set tls to 'auto' "
        "if the way there is private.",
        code="tls_missing",
    )


def wrong_certificate() -> UpstreamError:
    """The server does not prove who it is."""
    return Rejected(
        "The database's certificate does not prove that it is this host. The operator should give "
        "the authority that signed it as ca_certificate, or correct host.",
        code="certificate_refused",
    )


def wrong_password(connection: DatabaseConnection) -> UpstreamError:
    """It does not let the user in."""
    hint = " Some users are let in with TLS only: set tls to 'auto'."
    return AuthFailed(
        f"The database does not let {connection.username!r} in. The operator should check username "
        f"and password.{hint if connection.tls == 'off' else ''}"
    )


def no_such_database(database: str) -> UpstreamError:
    """The server has no such database, or not for this user."""
    return Rejected(
        f"The server has no database {database!r} for this user. The operator should correct "
        "database, or give the user the right to connect to it.",
        code="no_such_database",
    )


def too_mighty(username: str, why: str) -> UpstreamError:
    """The user could do anything."""
    return Rejected(
        f"The user {username!r} {why}. The operator should connect with a user that may only read.",
        code="user_too_mighty",
    )


def may_not_read() -> UpstreamError:
    """The user lacks a right that the query needs."""
    return Rejected(
        "The user may not read what the query asks for. The operator should grant SELECT on it.",
        code="not_permitted",
    )


def would_write() -> UpstreamError:
    """The database says that the query writes."""
    return Rejected(
        "The query would do more than read, and was not carried out. The operator should correct "
        "it.",
        code="query_writes",
    )


def misfit() -> UpstreamError:
    """A value cannot be what the query makes of it."""
    return Rejected(
        "A parameter does not fit what the query compares it with.", code="parameter_misfit"
    )


def broken_query() -> UpstreamError:
    """The database does not understand the query (any more)."""
    return Rejected(
        "The database does not understand the query: a table or column may be there no longer. The "
        "operator should save the endpoint again to see what is wrong with it.",
        code="query_refused",
    )


def refused_query(said: str) -> UpstreamError:
    """The database does not understand a query that is about to be saved, and says why."""
    words = "".join(sign if sign.isprintable() else " " for sign in said)
    return Rejected(
        f"The database refuses the query: {words.strip()[:MAX_SAID_CHARS]}", code="query_refused"
    )


def too_many_bytes() -> UpstreamError:
    """The answer is larger than a tool may get."""
    return Rejected(
        f"What the query found is larger than {MAX_BYTES} bytes. The operator should let it choose "
        "fewer rows or columns.",
        code="response_too_large",
    )


def unreadable_value() -> UpstreamError:
    """The driver cannot read what is there."""
    return Rejected(
        "The query found a value that cannot be read here, such as a date before our era. The "
        "operator should let it choose the value as text.",
        code="broken_response",
    )


def describe_test(
    connection: DatabaseConnection, writable: Sequence[str], *, is_encrypted: bool
) -> str:
    """Return what a test that found a working connection says.

    Args:
        connection: What was tried.
        writable: Tables or databases that the user may change, up to four of them.
        is_encrypted: Whether the way there is.
    """
    way = "The connection is encrypted." if is_encrypted else "The connection is not encrypted."
    if not writable:
        return f"The database answers, and {connection.username!r} may only read. {way}"
    named = ", ".join(writable[:3]) + (" and more" if len(writable) > 3 else "")
    return (
        f"The database answers. {connection.username!r} may also change {named}; no query here "
        f"does, but a user that may only read is safer. {way}"
    )
