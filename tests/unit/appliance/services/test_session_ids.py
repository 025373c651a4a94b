from __future__ import annotations

from appliance.domain.ids import SESSION_PREFIX, TenantId
from appliance.services.session_ids import SessionIds

TENANT, OTHER = TenantId("t-1"), TenantId("t-2")
KEY = "k" * 64


def test_without_a_key_every_id_is_another_one():
    ids = SessionIds("secret")
    made = {ids.make(TENANT, opening_key=None) for _ in range(100)}
    assert len(made) == 100
    assert all(one.startswith(SESSION_PREFIX) and len(one) == 35 for one in made)


def test_the_same_key_gives_the_same_id():
    first = SessionIds("secret").make(TENANT, opening_key=KEY)
    assert SessionIds("secret").make(TENANT, opening_key=KEY) == first
    assert first.startswith(SESSION_PREFIX)
    assert len(first) == 35


def test_the_id_does_not_follow_from_the_key_alone():
    made = SessionIds("secret").make(TENANT, opening_key=KEY)
    assert SessionIds("another secret").make(TENANT, opening_key=KEY) != made
    assert SessionIds("secret").make(OTHER, opening_key=KEY) != made
    assert SessionIds("secret").make(TENANT, opening_key=KEY + "k") != made
    assert KEY not in made
