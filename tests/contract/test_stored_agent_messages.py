from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from tests.contract.agent_messages_contract import AgentMessagesContract
from tests.fakes.stored_history import StoredHistory, open_history


class TestSqliteAgentMessages(AgentMessagesContract):
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        return open_history("sqlite")


class TestPostgresAgentMessages(AgentMessagesContract):
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        return open_history("postgres")
