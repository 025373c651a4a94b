from __future__ import annotations

import random

from appliance.domain.ids import ConversationId
from appliance.services.turn_streams import TurnStreams
from tests.contract.erasure_contract import build_erasure, build_stream, plant_canaries
from tests.fakes.stored_history import open_history
from tests.unit.appliance.services.test_retention import holds


async def test_an_erased_visitor_is_gone_from_every_file():
    async with open_history() as history:
        chance = random.Random(2)
        for number in range(160):
            word = "CANARY" if number % 2 else "kept"
            text = f"{word} {number} " * chance.choice([1, 5, 60, 400])
            await history.talk(
                f"{word} {chance.randrange(20)}",
                text,
                text,
                tools=1,
                user_identifier=f"{word} visitor",
                page_url=f"https://shop.example/{text[:500]}",
            )
        await history.cache.set(f"{history.tenant_id}:conversation:x", b"CANARY", ttl_s=60)
        folder = history.temporary.folder
        assert holds(folder, b"CANARY")
        await build_erasure(history).erase_visitor("ann", history.tenant_id, "CANARY visitor")
        assert not holds(folder, b"CANARY")
        assert holds(folder, b"kept visitor")


async def test_an_erased_tenant_is_gone_from_every_file():
    async with open_history() as history:
        canary = await plant_canaries(history, history.tenant_id)
        await plant_canaries(history, history.other_tenant_id)
        folder = history.temporary.folder
        assert holds(folder, canary.encode())
        await build_erasure(history).erase_tenant("ann", history.tenant_id)
        assert not holds(folder, canary.encode())
        assert holds(folder, f"CANARY-{history.other_tenant_id}".encode())


async def test_progress_is_told():
    async with open_history() as history:
        for number in range(3):
            await history.talk(f"s{number}", user_identifier="dana")
        seen: list[int] = []
        await build_erasure(history, rows=2).erase_visitor(
            "ann", history.tenant_id, "dana", on_erased=seen.append
        )
        assert seen[-1] == 9
        assert seen == sorted(seen)


async def test_a_tenants_turns_in_memory_end():
    async with open_history() as history:
        streams, abandoned = TurnStreams(history.clock), list[str]()
        for tenant_id, name in ((history.tenant_id, "c1"), (history.other_tenant_id, "c2")):
            streams.add(build_stream(tenant_id, ConversationId(name), abandoned))
        await build_erasure(history, streams=streams).erase_tenant("ann", history.tenant_id)
        assert abandoned == ["c1"]
