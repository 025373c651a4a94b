"""What must hold after every crash, of the database alone and beside what visitors were told.

Owns the promises and how each is checked; reading is left to ``stored_state``, knowing what was
told to ``journal``. Everything here expects a server that has started and serves nobody.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, func, select, text
from sqlalchemy.exc import DBAPIError

from appliance.domain.ids import hash_token
from appliance.storage.tables import (
    api_usage,
    conversations,
    data_table_rows,
    data_tables,
    messages,
    tool_executions,
    tool_usage,
)
from tests.crash.journal import Journal, Message
from tests.crash.stored_state import StoredState
from tests.crash.surroundings import MINDFUL_SHOP

BOOKINGS_TABLE = "bookings"
BOOKING_TOOL = "book_appointment"
CHUNK = 400
USED = ("conversations", "messages", "tool_calls", "input_tokens", "output_tokens")

Check = Callable[[Connection], Iterator[str]]


def check_leases(connection: Connection) -> Iterator[str]:
    """No session is locked by a turn of a dead process."""
    found = select(conversations.c.id, conversations.c.lease_message_id).where(
        conversations.c.lease_message_id.is_not(None)
    )
    for row in connection.execute(found):
        yield f"conversation {row.id} is leased to message {row.lease_message_id}"


def check_turn_states(connection: Connection) -> Iterator[str]:
    """Every visitor's message is answered, or marked as failed and can be sent again."""
    kinds = select(
        messages.c.id, messages.c.role, messages.c.turn_state, messages.c.error_code
    ).where(
        (
            (messages.c.role == "user")
            & (messages.c.turn_state.is_(None) | messages.c.turn_state.not_in(("done", "failed")))
        )
        | ((messages.c.role != "user") & messages.c.turn_state.is_not(None))
        | ((messages.c.turn_state == "failed") & messages.c.error_code.is_(None))
        | ((messages.c.turn_state == "done") & messages.c.error_code.is_not(None))
    )
    for row in connection.execute(kinds):
        yield f"message {row.id} ({row.role}) is {row.turn_state!r} with error {row.error_code!r}"


def check_answers(connection: Connection) -> Iterator[str]:
    """A message that is done has one answer, of its own conversation, and no other has."""
    columns = (
        messages.c.id,
        messages.c.conversation_id,
        messages.c.role,
        messages.c.turn_state,
        messages.c.reply,
        messages.c.tool_calls,
    )
    rows = connection.execute(select(*columns)).all()
    answers = {row.id: row.conversation_id for row in rows if row.role == "assistant"}
    answered: Counter[str] = Counter()
    for row in rows:
        if row.role == "user" and (row.reply is not None) != (row.turn_state == "done"):
            yield f"message {row.id} is {row.turn_state!r}, which its reply contradicts"
        if row.reply is not None:
            reply_id = row.reply["message"]["id"]
            answered[reply_id] += 1
            if answers.get(reply_id) != row.conversation_id:
                yield f"message {row.id} has no stored answer {reply_id}"
    for row in rows:
        if row.role == "assistant" and not row.tool_calls and answered[row.id] != 1:
            yield f"answer {row.id} belongs to {answered[row.id]} messages"


def check_message_ids(connection: Connection) -> Iterator[str]:
    """A message that was sent again is the same row."""
    doubled = (
        select(messages.c.tenant_id, messages.c.client_message_id, func.count().label("rows"))
        .where(messages.c.client_message_id.is_not(None))
        .group_by(messages.c.tenant_id, messages.c.client_message_id)
        .having(func.count() > 1)
    )
    for row in connection.execute(doubled):
        yield f"message {row.client_message_id} of the visitor is stored {row.rows} times"


def check_usage(connection: Connection) -> Iterator[str]:
    """What each tenant is said to have used is what its messages and executions say."""
    said: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in connection.execute(select(api_usage)):
        said[row.tenant_id].update({name: getattr(row, name) for name in USED})
    real: defaultdict[str, Counter[str]] = defaultdict(Counter)
    is_done = messages.c.turn_state == "done"
    sums: list[tuple[str, Any]] = [
        ("messages", select(messages.c.tenant_id, 2 * func.count()).where(is_done)),
        (
            "conversations",
            select(conversations.c.tenant_id, func.count()).where(
                conversations.c.provider.is_not(None)
            ),
        ),
        ("tool_calls", select(tool_executions.c.tenant_id, func.count())),
        ("tool_calls", select(tool_usage.c.tenant_id, func.sum(tool_usage.c.calls))),
        ("input_tokens", select(messages.c.tenant_id, func.sum(messages.c.input_tokens))),
        ("output_tokens", select(messages.c.tenant_id, func.sum(messages.c.output_tokens))),
    ]
    for name, query in sums:
        for tenant_id, count in connection.execute(query.group_by(query.selected_columns[0])):
            real[tenant_id][name] += int(count)
    for tenant_id in said.keys() | real.keys():
        for name in sorted(said[tenant_id].keys() | real[tenant_id].keys()):
            if said[tenant_id][name] != real[tenant_id][name]:
                yield (
                    f"tenant {tenant_id}: usage says {said[tenant_id][name]} {name}, "
                    f"the rows say {real[tenant_id][name]}"
                )


def check_counters(connection: Connection) -> Iterator[str]:
    """A conversation's counters are those of its messages."""
    of_user = messages.c.role == "user"
    counted = {
        row.conversation_id: row
        for row in connection.execute(
            select(
                messages.c.conversation_id,
                (
                    func.count().filter(of_user)
                    + func.count().filter(messages.c.turn_state == "done")
                ).label("message_count"),
                func.sum(messages.c.input_tokens).label("input_tokens"),
                func.sum(messages.c.output_tokens).label("output_tokens"),
                func.max(messages.c.seq).label("last_seq"),
            ).group_by(messages.c.conversation_id)
        )
    }
    for row in connection.execute(
        select(conversations).where(conversations.c.content_deleted_at.is_(None))
    ):
        real = counted.get(row.id)
        for name in ("message_count", "input_tokens", "output_tokens", "last_seq"):
            if real is None or getattr(row, name) != getattr(real, name):
                yield (
                    f"conversation {row.id} says {name} {getattr(row, name)}, its messages say "
                    f"{getattr(real, name, None)}"
                )


def check_executions(connection: Connection) -> Iterator[str]:
    """What writes was done once: no booking twice, none under a call that is not the first."""
    done: Counter[tuple[str, str]] = Counter()
    found = select(tool_executions.c.conversation_id, tool_executions.c.parameters).where(
        (tool_executions.c.tool_name == BOOKING_TOOL) & tool_executions.c.is_success
    )
    for row in connection.execute(found):
        done[(row.conversation_id, str(sorted(row.parameters.items())))] += 1
    for (conversation_id, parameters), times in done.items():
        if times > 1:
            yield f"conversation {conversation_id} ran {BOOKING_TOOL} {times} times: {parameters}"
    for name, count in count_bookings(connection).items():
        if count > 1:
            yield f"{name!r} is booked {count} times"


def check_file(connection: Connection) -> Iterator[str]:
    """SQLite finds nothing wrong with its file."""
    if connection.dialect.name != "sqlite":
        return
    for (line,) in connection.execute(text("PRAGMA integrity_check")):
        if line != "ok":
            yield f"integrity_check: {line}"
    for row in connection.execute(text("PRAGMA foreign_key_check")):
        yield f"foreign_key_check: {tuple(row)}"


QUICK_CHECKS: dict[str, Check] = {
    "no lease is left": check_leases,
    "no turn is left running": check_turn_states,
    "usage is the sum of what happened": check_usage,
}
THOROUGH_CHECKS: dict[str, Check] = {
    "one answer per message": check_answers,
    "one row per message": check_message_ids,
    "counters are those of the messages": check_counters,
    "writes ran once": check_executions,
    "the file is whole": check_file,
}


def check_changes(state: StoredState, journal: Journal, changed: Collection[Message]) -> list[str]:
    """Return what is broken of the quick checks and of the messages that changed."""
    return [
        *journal.contradictions,
        *check_stored(state, is_thorough=False),
        *check_told(state, changed),
    ]


def check_everything(state: StoredState, journal: Journal) -> list[str]:
    """Return everything that is broken."""
    stored = check_stored(state, is_thorough=True)
    if any("cannot be read" in line for line in stored):
        return [*journal.contradictions, *stored]
    return [
        *journal.contradictions,
        *stored,
        *check_told(state, journal.messages.values()),
        *check_bookings(state, journal),
    ]


def check_stored(state: StoredState, *, is_thorough: bool) -> list[str]:
    """Return what of the database breaks a promise, each with the promise's name."""
    checks = QUICK_CHECKS | (THOROUGH_CHECKS if is_thorough else {})

    def work(connection: Connection) -> list[str]:
        return [
            f"{promise}: {broken}"
            for promise, check in checks.items()
            for broken in _run_check(check, connection)
        ]

    return state.read(work)


def _run_check(check: Check, connection: Connection) -> list[str]:
    """Run a check; what cannot even be read breaks the promise too."""
    try:
        return list(check(connection))
    except DBAPIError as error:
        return [f"cannot be read: {error.orig}"]


def check_told(state: StoredState, told: Collection[Message]) -> list[str]:
    """Return which messages and answers of the visitors are not stored as they know them."""
    ids = sorted({message.conversation_id for message in told if message.conversation_id})

    def work(connection: Connection) -> list[str]:
        rows: dict[str, list[Row[Any]]] = defaultdict(list)
        sessions: dict[str, str] = {}
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            in_them = messages.c.conversation_id.in_(chunk)
            for row in connection.execute(select(messages).where(in_them)):
                rows[row.conversation_id].append(row)
            known = select(conversations.c.id, conversations.c.session_hash)
            found = connection.execute(known.where(conversations.c.id.in_(chunk)))
            sessions.update((row.id, row.session_hash) for row in found)
        return [
            f"what visitors were told is stored: {broken}"
            for message in told
            if message.conversation_id is not None
            for broken in _compare(message, rows[message.conversation_id], sessions)
        ]

    return state.read(work)


def _compare(message: Message, rows: Iterable[Row[Any]], sessions: dict[str, str]) -> Iterator[str]:
    where = f"message {message.id} in conversation {message.conversation_id}"
    stored = [row for row in rows if row.client_message_id == message.id]
    if len(stored) != 1:
        yield f"{where} is stored {len(stored)} times"
        return
    if stored[0].content != message.text:
        yield f"{where} reads {stored[0].content!r} instead of {message.text!r}"
    if message.user_message_id not in (None, stored[0].id):
        yield f"{where} is stored as {stored[0].id} instead of {message.user_message_id}"
    session_hash = sessions.get(message.conversation_id or "")
    if message.session_id and session_hash != hash_token(message.session_id):
        yield f"{where} is in another session than the visitor's"
    if message.reply_id is None:
        return
    answers = [row for row in rows if row.id == message.reply_id]
    if [row.content for row in answers] != [message.reply_text]:
        yield f"{where}: its answer {message.reply_id} is not stored as the visitor has read it"
    if stored[0].reply is None or stored[0].reply["message"]["id"] != message.reply_id:
        yield f"{where}: it is stored with another answer than {message.reply_id}"


def check_bookings(state: StoredState, journal: Journal) -> list[str]:
    """Return which bookings were not done as often as the visitors were told."""
    stored = state.read(count_bookings)
    broken = []
    for booking in journal.bookings.values():
        calls = journal.webhook_calls.get(booking.name, [])
        done = stored[booking.name] + len(set(calls))
        if len(calls) > 1 and booking.shop != MINDFUL_SHOP:
            broken.append(f"{booking.name!r} was sent {len(calls)} times to who minds no key")
        if booking.is_told_done and done != 1:
            broken.append(f"{booking.name!r} was told of a booking that was done {done} times")
        elif done > min(1, booking.confirmations):
            broken.append(
                f"{booking.name!r} confirmed {booking.confirmations} times and was booked {done} "
                "times"
            )
    return [f"writes run once, and only when confirmed: {line}" for line in broken]


def count_bookings(connection: Connection) -> Counter[str]:
    """Return how often each name stands in the tenants' tables of bookings."""
    rows = connection.execute(
        select(data_table_rows.c.cells)
        .join(data_tables, data_tables.c.id == data_table_rows.c.table_id)
        .where(data_tables.c.name == BOOKINGS_TABLE)
    )
    return Counter(row.cells["name"] for row in rows)
