from __future__ import annotations

from datetime import UTC, datetime

from appliance.domain.escalation import NewEscalation
from appliance.domain.ids import ConversationId, TenantId
from appliance.storage.escalation_rows import escalate
from appliance.storage.statements import Row

AT = datetime(2026, 3, 2, tzinfo=UTC)
WISH = NewEscalation(cause="visitor", contact="dana@example.org", notices=("email",))


def play(found: list[Row]) -> list[str]:
    """Return the first words of each statement when ``found`` is the open escalation."""
    script = escalate(TenantId("t"), ConversationId("c"), WISH, at=AT)
    statements = [next(script)]
    try:
        while True:
            is_search = statements[-1][0].sqlite.split()[0] == "SELECT"
            statements.append(script.send(found if is_search else []))
    except StopIteration:
        return [" ".join(statement.sqlite.split()[:3]) for statement, _ in statements]


def test_the_first_wish_is_stored_with_its_notice() -> None:
    *_, opened, told = play([])
    assert (opened, told) == ("INSERT INTO escalations", "INSERT INTO outbox")


def test_the_shop_is_told_of_the_first_contact_only() -> None:
    assert play([("e", None, None)])[-2:] == ["UPDATE escalations SET", "INSERT INTO outbox"]
    assert play([("e", None, "050-1234567")])[-1] == "UPDATE escalations SET"
