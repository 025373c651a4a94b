from __future__ import annotations

from appliance.errors import Rejected
from appliance.integrations.mcp.notes import Notes


def test_a_request_begins_with_nothing_noted() -> None:
    notes = Notes(failure=Rejected("no"), status=401)
    notes.forget()
    assert (notes.failure, notes.status) == (None, None)
