from __future__ import annotations

from appliance.egress import EgressClient
from appliance.integrations.registry import PACKAGE, IntegrationParts, build_kinds
from appliance.plugins import walk
from tests.fakes.clock import SettableClock


def test_every_folder_builds_a_type_of_its_own_name() -> None:
    http = EgressClient()
    parts = IntegrationParts(http=http, streams=http, connections=http, clock=SettableClock())
    kinds = build_kinds(parts)
    assert {f"{PACKAGE}.{name}" for name in kinds} == set(walk(PACKAGE))
    assert all(kind.name == name and len(name) <= 20 for name, kind in kinds.items())
