"""A real mail server on a loopback port, which keeps what it gets.

Owns what it refuses and when it hangs; the protocol is aiosmtpd's.
"""

from __future__ import annotations

import asyncio
import email
import ssl
import warnings
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USER, PASSWORD = "shop@example.org", "päss word"


@dataclass(frozen=True)
class ReceivedMail:
    """A message and how it came."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    is_encrypted: bool
    is_logged_in: bool

    @property
    def text(self) -> str:
        """The body."""
        return self.message.get_content()


@dataclass
class MailServer:
    """Takes mail.

    Args:
        answers: Instead of taking it, by command: ``{"RCPT": "550 No such user"}``.
        hangs_at: The command that gets no answer.
        tls: Encrypts: by STARTTLS, or with ``is_tls`` from the first byte.
        needs_login: Refuses mail of who is not logged in.
    """

    answers: dict[str, str] = field(default_factory=dict)
    hangs_at: str | None = None
    tls: ssl.SSLContext | None = None
    is_tls: bool = False
    needs_login: bool = False
    mails: list[ReceivedMail] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    has_mail: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self._release = asyncio.Event()
        self._server = await asyncio.get_running_loop().create_server(
            self._build_protocol, "127.0.0.1", 0, ssl=self.tls if self.is_tls else None
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._release.set()
        self._server.close()

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"{'smtps' if self.is_tls else 'smtp'}://127.0.0.1:{self.port}"

    def _build_protocol(self) -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a password may be asked for without TLS
            return SMTP(
                self,
                enable_SMTPUTF8=True,
                hostname="mail.example.org",
                tls_context=None if self.is_tls else self.tls,
                auth_required=self.needs_login,
                auth_require_tls=False,
                authenticator=self._authenticate,
            )

    def _authenticate(self, server: Any, session: Any, envelope: Any, kind: str, given: Any) -> Any:
        assert isinstance(given, LoginPassword)
        login = (given.login.decode(), given.password.decode())
        self.logins.append(login)
        return AuthResult(success=login == (USER, PASSWORD), handled=False)

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, host: str, responses: list[str]
    ) -> list[str]:
        await self._answer("EHLO")
        session.host_name = host
        return responses

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        answer = await self._answer("RCPT")
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = await self._answer("DATA")
        if answer is not None:
            return answer
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.append(
            ReceivedMail(
                sender=envelope.mail_from,
                recipients=envelope.rcpt_tos,
                message=message,
                is_encrypted=self.is_tls or session.ssl is not None,
                is_logged_in=bool(session.authenticated),
            )
        )
        self.has_mail.set()
        return "250 Taken"

    async def _answer(self, command: str) -> str | None:
        if self.hangs_at == command:
            await self._release.wait()
        return self.answers.get(command)
