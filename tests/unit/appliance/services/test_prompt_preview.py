"""The prompt as operators see it."""

from __future__ import annotations

from appliance.domain.tenant import BusinessInfo
from appliance.services.prompt_preview import PromptPreviews
from appliance.services.tenant_directory import TenantDirectory
from tests.fakes.shops import build_tenant, build_tenant_tool
from tests.fakes.sqlite_database import open_temporary_database


async def test_a_preview_is_the_prompt_of_the_tenant_as_it_is_now() -> None:
    async with open_temporary_database() as temporary:
        database = temporary.database
        tenant = build_tenant(
            language="he", business_info=BusinessInfo(instructions="תמיד להציע קינוח.")
        )
        await database.tenants.add(tenant)
        previews = PromptPreviews(
            directory=TenantDirectory(
                tenants=database.tenants, tools=database.tools, clock=temporary.clock
            ),
            clock=temporary.clock,
        )
        plain = await previews.build(tenant)
        assert (plain.language, plain.tools) == ("he", [])
        assert "תמיד להציע קינוח." in plain.prompt[: plain.stable_chars]
        assert 50 < plain.estimated_tokens < 2_000
        use = build_tenant_tool(tenant.id)
        await database.tools.add(use.tool)
        await database.tools.put_for_tenant(use)
        assert (await previews.build(tenant)).tools == ["get_order_status"]
