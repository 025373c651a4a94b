"""What every implementation of ``appliance.ports.repositories`` must do.

Owns the suite; opening the repositories is left to the subclasses.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from appliance.domain.ids import TenantId, ToolId, UserId, WorkflowId, new_id
from appliance.domain.tenant import (
    AgentSettings,
    BusinessInfo,
    Faq,
    LlmSettings,
    ModelChoice,
    Tenant,
)
from appliance.domain.tool import RequiredIntegration, TenantTool, Tool
from appliance.domain.user import AuditEntry, RefreshToken, User
from appliance.domain.workflow import StoredWorkflow
from appliance.errors import Conflict, InvalidInput, NotFound
from appliance.ports.repositories import (
    AuditLog,
    Page,
    TenantRepository,
    ToolRepository,
    UserRepository,
    WorkflowRepository,
)
from appliance.storage.repositories.settings import StoredSettings
from tests.fakes.clock import SettableClock

KEY = "pk_0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class OpenedRepositories:
    """Empty repositories under test."""

    tenants: TenantRepository
    tools: ToolRepository
    workflows: WorkflowRepository
    users: UserRepository
    audit: AuditLog
    settings: StoredSettings
    clock: SettableClock

    def build_tenant(self, name: str = "Bob's Pizza Shop", **more: Any) -> Tenant:
        self.clock.advance(1)
        now = self.clock.now()
        return Tenant(id=TenantId(new_id()), name=name, created_at=now, updated_at=now, **more)

    async def add_tenant(self, name: str = "Bob's Pizza Shop", **more: Any) -> Tenant:
        tenant = self.build_tenant(name, **more)
        await self.tenants.add(tenant)
        return tenant

    def build_tool(self, tool_name: str = "get_order_status", **more: Any) -> Tool:
        self.clock.advance(1)
        return Tool(
            id=ToolId(new_id()),
            tool_name=tool_name,
            description="Look up an order",
            parameters_schema={"type": "object", "required": ["order_number"]},
            created_at=self.clock.now(),
            **more,
        )

    async def add_tool(self, tool_name: str = "get_order_status", **more: Any) -> Tool:
        tool = self.build_tool(tool_name, **more)
        await self.tools.add(tool)
        return tool

    def build_user(self, username: str = "Dana", **more: Any) -> User:
        return User(
            id=UserId(new_id()),
            username=username,
            password_hash="$argon2id$…",
            role="operator",
            created_at=self.clock.now(),
            **more,
        )

    def build_login(self, user: User) -> RefreshToken:
        return RefreshToken(
            id=new_id(),
            user_id=user.id,
            token_hash="hash-1",
            created_at=self.clock.now(),
            expires_at=self.clock.now() + timedelta(days=30),
        )


async def read_all(
    list_page: Callable[..., Awaitable[Page[Any]]], *, limit: int, **more: Any
) -> list[list[Any]]:
    """Return the pages of a list, to its end."""
    pages, cursor = [], None
    while True:
        page = await list_page(limit=limit, cursor=cursor, **more)
        pages.append(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return pages


class RepositoriesContract(ABC):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[OpenedRepositories]:
        """Open empty repositories."""

    @pytest_asyncio.fixture
    async def opened(self) -> AsyncIterator[OpenedRepositories]:
        async with self.open() as opened:
            yield opened

    async def test_a_tenant_is_kept_whole(self, opened: OpenedRepositories):
        tenant = await opened.add_tenant(
            domain="bobs.example",
            allowed_origins=["https://bobs.example", "*"],
            plan="pro",
            language="he",
            time_zone="Asia/Jerusalem",
            business_info=BusinessInfo(
                about="פיצה טובה",
                hours={"Sun-Thu": "11:00–22:00", "Fri": {"open": "10:00", "close": "15:00"}},
                faqs=[Faq(question="Vegan?", answer="Yes.")],
            ),
            widget_config={"theme": {"primary": "#f00"}},
            llm=LlmSettings(provider="ollama", fallbacks=[ModelChoice(provider="builtin")]),
            agent=AgentSettings(max_tool_rounds=5, tone="cheerful"),
        )
        assert await opened.tenants.get(tenant.id) == tenant
        changed = msgspec.structs.replace(tenant, name="Bob", status="inactive", domain=None)
        await opened.tenants.save(changed)
        assert await opened.tenants.get(tenant.id) == changed
        assert await opened.tenants.get(TenantId(new_id())) is None
        with pytest.raises(NotFound):
            await opened.tenants.save(opened.build_tenant())

    async def test_tenants_come_in_pages_oldest_first(self, opened: OpenedRepositories):
        tenants = [await opened.add_tenant(f"shop {number}") for number in range(5)]
        pages = await read_all(opened.tenants.list_page, limit=2)
        assert pages == [tenants[:2], tenants[2:4], tenants[4:]]
        assert await read_all(opened.tenants.list_page, limit=5) == [tenants]
        only = await opened.tenants.list_page(limit=5, cursor=None, only=tenants[3].id)
        assert only.items == [tenants[3]]

    @pytest.mark.parametrize("cursor", ["", "x", "!!!", "W10", "WzEsMl0", "ünï", "A" * 5000])
    async def test_a_made_up_cursor_is_refused(self, opened: OpenedRepositories, cursor: str):
        for list_page in (
            opened.tenants.list_page, opened.tools.list_page, opened.audit.list_page,
        ):  # fmt: skip
            with pytest.raises(InvalidInput) as refused:
                await list_page(limit=5, cursor=cursor)
            assert [error.field for error in refused.value.errors] == ["cursor"]

    async def test_a_key_stands_for_its_active_tenant(self, opened: OpenedRepositories):
        tenant = await opened.add_tenant()
        key = await opened.tenants.add_publishable_key(tenant.id, KEY, at=opened.clock.now())
        assert key.prefix
        assert KEY.startswith(key.prefix)
        assert len(key.prefix) < len(KEY) // 2
        find = opened.tenants.find_by_publishable_key
        assert await find(KEY, at=opened.clock.now()) == tenant
        assert await find(KEY[:-1], at=opened.clock.now()) is None
        await opened.tenants.save(msgspec.structs.replace(tenant, status="inactive"))
        assert await find(KEY, at=opened.clock.now()) is None

    async def test_keys_expire_and_are_deleted(self, opened: OpenedRepositories):
        tenants, tenant = opened.tenants, await opened.add_tenant()
        old = await tenants.add_publishable_key(tenant.id, "pk_old", at=opened.clock.now())
        opened.clock.advance(1)
        new = await tenants.add_publishable_key(tenant.id, "pk_new", at=opened.clock.now())
        until = opened.clock.now() + timedelta(hours=1)
        await tenants.expire_publishable_keys(tenant.id, except_key_id=new.id, at=until)
        later = until + timedelta(hours=9)
        await tenants.expire_publishable_keys(tenant.id, except_key_id=new.id, at=later)
        expired = msgspec.structs.replace(old, expires_at=until)
        assert await tenants.list_publishable_keys(tenant.id) == [expired, new]
        assert await tenants.find_by_publishable_key("pk_old", at=opened.clock.now()) == tenant
        assert await tenants.find_by_publishable_key("pk_old", at=until) is None
        assert await tenants.find_by_publishable_key("pk_new", at=later) == tenant
        assert await tenants.delete_publishable_key(tenant.id, new.id)
        assert not await tenants.delete_publishable_key(tenant.id, new.id)
        assert await tenants.find_by_publishable_key("pk_new", at=opened.clock.now()) is None

    async def test_a_foreign_tenant_reaches_no_key(self, opened: OpenedRepositories):
        tenants, mine = opened.tenants, await opened.add_tenant()
        foreign = await opened.add_tenant()
        key = await tenants.add_publishable_key(mine.id, KEY, at=opened.clock.now())
        await tenants.set_signing_secret(mine.id, "whsec_mine", at=opened.clock.now())
        assert await tenants.list_publishable_keys(foreign.id) == []
        assert not await tenants.delete_publishable_key(foreign.id, key.id)
        await tenants.expire_publishable_keys(
            foreign.id, except_key_id=new_id(), at=opened.clock.now()
        )
        assert await tenants.list_publishable_keys(mine.id) == [key]
        with pytest.raises(NotFound):
            await tenants.get_signing_secret(foreign.id)

    async def test_the_newest_signing_secret_counts(self, opened: OpenedRepositories):
        tenants, tenant = opened.tenants, await opened.add_tenant()
        await tenants.set_signing_secret(tenant.id, "whsec_one", at=opened.clock.now())
        await tenants.set_signing_secret(tenant.id, "whsec_two", at=opened.clock.now())
        assert await tenants.get_signing_secret(tenant.id) == "whsec_two"
        assert await tenants.list_publishable_keys(tenant.id) == []

    async def test_a_tool_is_kept_whole(self, opened: OpenedRepositories):
        tool = await opened.add_tool(
            category="orders",
            risk="write",
            required_integrations=[RequiredIntegration(key="order_api", required=False)],
            examples=["Where is my order?"],
        )
        assert await opened.tools.get(tool.id) == tool
        assert await opened.tools.find_by_name("get_order_status") == tool
        changed = msgspec.structs.replace(tool, description="Changed", risk="read")
        await opened.tools.save(changed)
        assert await opened.tools.get(tool.id) == changed
        assert await opened.tools.find_by_name("none") is None

    async def test_a_tool_name_is_taken_once(self, opened: OpenedRepositories):
        await opened.add_tool("one")
        two = await opened.add_tool("two")
        with pytest.raises(Conflict) as taken:
            await opened.add_tool("one")
        assert taken.value.code == "tool_name_taken"
        with pytest.raises(Conflict):
            await opened.tools.save(msgspec.structs.replace(two, tool_name="one"))
        assert await opened.tools.get(two.id) == two

    async def test_tools_are_stored_together_or_not_at_all(self, opened: OpenedRepositories):
        one, two, three = (opened.build_tool(name) for name in ("one", "two", "three"))
        await opened.tools.add(one)
        changed = msgspec.structs.replace(one, description="Other")
        await opened.tools.put_all([changed, two])
        assert await opened.tools.get(one.id) == changed
        assert await opened.tools.get(two.id) == two
        taken = msgspec.structs.replace(opened.build_tool("four"), tool_name="two")
        with pytest.raises(Conflict) as caught:
            await opened.tools.put_all([three, one, taken])
        assert caught.value.code == "tool_name_taken"
        assert await opened.tools.get(three.id) is None
        assert await opened.tools.get(one.id) == changed

    async def test_the_catalogue_comes_in_pages(self, opened: OpenedRepositories):
        tools = [await opened.add_tool(f"tool_{number}") for number in range(3)]
        assert await read_all(opened.tools.list_page, limit=2) == [tools[:2], tools[2:]]

    async def test_a_tenant_uses_tools_its_own_way(self, opened: OpenedRepositories):
        tools, tenant, other = opened.tools, await opened.add_tenant(), await opened.add_tenant()
        second, first = await opened.add_tool("b_tool"), await opened.add_tool("a_tool")
        use = TenantTool(
            tenant_id=tenant.id,
            tool=first,
            executor="n8n_webhook",
            webhook_url="https://n8n.example/webhook/x",
            custom_config={"table": "orders"},
            integration_mapping={"order_api": "id-1"},
            risk_override="destructive",
        )
        await tools.put_for_tenant(msgspec.structs.replace(use, enabled=False, webhook_url=None))
        await tools.put_for_tenant(use)
        await tools.put_for_tenant(
            TenantTool(tenant_id=tenant.id, tool=second, enabled=False, workflow="orders")
        )
        listed = await tools.list_for_tenant(tenant.id)
        assert [entry.tool.tool_name for entry in listed] == ["a_tool", "b_tool"]
        assert listed[0] == use
        assert (listed[1].enabled, listed[1].workflow) == (False, "orders")
        assert await tools.get_for_tenant(tenant.id, first.id) == use
        assert await tools.list_for_tenant(other.id) == []
        assert await tools.get_for_tenant(other.id, first.id) is None
        assert not await tools.delete_for_tenant(other.id, first.id)
        assert await tools.delete_for_tenant(tenant.id, first.id)
        assert not await tools.delete_for_tenant(tenant.id, first.id)

    async def test_the_tools_that_a_workflow_runs_are_found_for_all_tenants(
        self, opened: OpenedRepositories
    ):
        tools, tenant = opened.tools, await opened.add_tenant()
        other = await opened.add_tenant()
        first, second = await opened.add_tool("a_tool"), await opened.add_tool("b_tool")
        by_name = TenantTool(tenant_id=tenant.id, tool=first)
        chosen = TenantTool(tenant_id=tenant.id, tool=second, workflow="a_tool", enabled=False)
        by_webhook = TenantTool(tenant_id=other.id, tool=first, executor="n8n_webhook")
        blank = TenantTool(tenant_id=other.id, tool=second, workflow="")
        for use in (by_name, chosen, by_webhook, blank):
            await tools.put_for_tenant(use)
        assert await tools.list_by_workflow({"a_tool", "x"}) == [by_name, chosen]
        assert await tools.list_by_workflow(["b_tool"]) == [blank]
        assert await tools.list_by_workflow([]) == []

    async def test_deleting_a_tool_takes_every_use_of_it(self, opened: OpenedRepositories):
        tools, tenant, tool = opened.tools, await opened.add_tenant(), await opened.add_tool()
        await tools.put_for_tenant(TenantTool(tenant_id=tenant.id, tool=tool))
        assert await tools.delete(tool.id)
        assert not await tools.delete(tool.id)
        assert await tools.list_for_tenant(tenant.id) == []

    async def test_a_workflow_keeps_its_id_under_its_name(self, opened: OpenedRepositories):
        workflows = opened.workflows
        definition = {"name": "orders", "nodes": [{"z": 1, "a": [None, "é"]}], "active": True}
        first = StoredWorkflow(
            id=WorkflowId(new_id()),
            name="orders",
            definition=definition,
            created_at=opened.clock.now(),
        )
        await workflows.put(first)
        stored = await workflows.find_by_name("orders")
        assert stored == first
        assert list(stored.definition["nodes"][0]) == ["z", "a"]
        opened.clock.advance(9)
        await workflows.put(
            StoredWorkflow(
                id=WorkflowId(new_id()),
                name="orders",
                definition={"nodes": []},
                is_bundled=True,
                created_at=opened.clock.now(),
            )
        )
        replaced = msgspec.structs.replace(first, definition={"nodes": []}, is_bundled=True)
        assert await workflows.get(first.id) == replaced
        another = msgspec.structs.replace(first, id=WorkflowId(new_id()), name="booking")
        await workflows.put(another)
        assert await workflows.list_all() == [another, replaced]
        exported = {"id": "nT5aBc", "nodes": []}
        foreign = msgspec.structs.replace(
            first, id=WorkflowId(new_id()), name="aaa", definition=exported
        )
        await workflows.put(foreign)
        named = msgspec.structs.replace(foreign, id=WorkflowId(new_id()), name="nT5aBc")
        assert await workflows.find("nT5aBc") == foreign
        await workflows.put(named)
        assert await workflows.find("nT5aBc") == named
        assert await workflows.find(foreign.id) == foreign
        assert await workflows.find("nobody") is None
        await workflows.delete(foreign.id)
        await workflows.delete(named.id)
        assert await workflows.delete(first.id)
        assert not await workflows.delete(first.id)
        assert await workflows.get(first.id) is None

    async def test_a_username_is_one_account_whatever_its_case(self, opened: OpenedRepositories):
        users = opened.users
        assert await users.count() == 0
        user, other = opened.build_user("Łucja"), opened.build_user("moshe")
        await users.add(user)
        await users.add(other)
        assert await users.count() == 2
        assert await users.find_by_username("ŁUCJA") == user
        assert await users.find_by_username("nobody") is None
        for taken in (users.add(opened.build_user("łucja")),
                      users.save(msgspec.structs.replace(other, username="łUCJA"))):  # fmt: skip
            with pytest.raises(Conflict) as conflict:
                await taken
            assert conflict.value.code == "username_taken"
        tenant = await opened.add_tenant()
        bound = msgspec.structs.replace(
            user, username="Lucja", tenant_id=tenant.id, is_active=False, role="viewer"
        )
        await users.save(bound)
        assert await users.get(user.id) == bound
        assert await users.find_by_username("łucja") is None

    async def test_a_refresh_token_is_rotated_once(self, opened: OpenedRepositories):
        users, user = opened.users, opened.build_user()
        await users.add(user)
        login = opened.build_login(user)
        await users.add_refresh_token(login)
        assert await users.get_refresh_token(login.id) == login
        assert await users.get_refresh_token(new_id()) is None
        until = opened.clock.now() + timedelta(days=60)
        rotations = await asyncio.gather(
            *(
                users.rotate_refresh_token(
                    login.id, old_hash="hash-1", new_hash=f"next-{number}", expires_at=until
                )
                for number in range(10)
            )
        )
        assert rotations.count(True) == 1
        rotated = await users.get_refresh_token(login.id)
        assert rotated is not None
        assert rotated.token_hash == f"next-{rotations.index(True)}"
        assert rotated.expires_at == until

    async def test_login_sessions_are_revoked_one_or_all(self, opened: OpenedRepositories):
        users, user, other = opened.users, opened.build_user("a"), opened.build_user("b")
        await users.add(user)
        await users.add(other)
        logins = [opened.build_login(owner) for owner in (user, user, other)]
        for login in logins:
            await users.add_refresh_token(login)
        at = opened.clock.now()
        await users.revoke_refresh_tokens(user.id, at=at, only_id=logins[2].id)
        await users.revoke_refresh_tokens(user.id, at=at, only_id=logins[0].id)

        async def revoked() -> list[Any]:
            found = [await users.get_refresh_token(login.id) for login in logins]
            return [login.revoked_at if login else "gone" for login in found]

        assert await revoked() == [at, None, None]
        assert not await users.rotate_refresh_token(
            logins[0].id, old_hash="hash-1", new_hash="hash-2", expires_at=at
        )
        opened.clock.advance(1)
        await users.revoke_refresh_tokens(user.id, at=opened.clock.now())
        assert await revoked() == [at, opened.clock.now(), None]

    async def test_of_many_that_ensure_a_setting_all_get_the_first(
        self, opened: OpenedRepositories
    ):
        """As servers do that are started at once on a new database."""
        values = [{"id": number} for number in range(20)]
        got = await asyncio.gather(*(opened.settings.ensure("name", value) for value in values))
        assert got[0] in values
        assert got == [got[0]] * 20
        assert await opened.settings.get("name") == got[0]
        assert await opened.settings.ensure("other", "value") == "value"

    async def test_the_audit_log_shows_the_newest_first(self, opened: OpenedRepositories):
        tenant_id = TenantId(new_id())
        entries = []
        for number in range(5):
            if number != 3:  # two of one moment
                opened.clock.advance(1)
            entries.append(
                AuditEntry(
                    id=new_id(),
                    actor="admin",
                    action="tenant.update",
                    subject=f"tenant/{number}",
                    tenant_id=tenant_id if number % 2 else None,
                    changes={"name": ["a", "b"]},
                    at=opened.clock.now(),
                )
            )
            await opened.audit.append(entries[-1])
        newest_first = entries[::-1]
        pages = await read_all(opened.audit.list_page, limit=2)
        assert pages == [newest_first[:2], newest_first[2:4], newest_first[4:]]
        own = await read_all(opened.audit.list_page, limit=9, tenant_id=tenant_id)
        assert own == [[entries[3], entries[1]]]
