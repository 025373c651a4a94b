"""Telling a shop by e-mail, through the operator's mail server.

Owns the message and the way to the server: encryption, login, what its answers mean; the words are
left to ``mail_text``.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Callable
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib
from msgspec import Struct

from appliance.certificates import build_client_tls
from appliance.domain.escalation import NoticeKind
from appliance.errors import AuthFailed, ConfigurationError, Rejected, Unavailable, UpstreamError
from appliance.notifiers.mail_text import build_subject, build_text
from appliance.ports.clock import Clock
from appliance.ports.notifier import Notice

STEP_TIMEOUT_S = 10.0
_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_MAX_ANSWER_LENGTH = 200
_PORTS = {"smtp": 587, "smtps": 465}


class MailServer(Struct, frozen=True, kw_only=True):
    """Where mail is handed in.

    Without ``is_tls`` the connection is encrypted by STARTTLS where the server offers it, but not
    to a server on this machine: it often has no certificate that could be checked.
    """

    host: str
    port: int
    is_tls: bool = False
    is_on_this_machine: bool = False
    username: str | None = None
    password: str | None = None


def read_mail_server(url: str) -> MailServer:
    """Return the server of ``smtp://user:password@host:587`` or ``smtps://…``.

    Raises:
        ConfigurationError: The port is none.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(
            "CSAI_SMTP_URL has a port that is none.", setting="CSAI_SMTP_URL"
        ) from error
    host = parts.hostname or ""
    return MailServer(
        host=host,
        port=port or _PORTS[parts.scheme],
        is_tls=parts.scheme == "smtps",
        is_on_this_machine=host == "localhost" or _is_loopback(host),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_sender(sender: str) -> str:
    """Return the sender's address as it goes into a message.

    Raises:
        ConfigurationError: It is none.
    """
    name, address = parseaddr(sender)
    try:
        if not sender.isprintable() or not _ADDRESS.fullmatch(address):
            raise ValueError(address)
        return str(Address(display_name=name, addr_spec=address))
    except (MessageError, ValueError) as error:
        raise ConfigurationError(
            "CSAI_MAIL_FROM is not an address such as shop@example.com.", setting="CSAI_MAIL_FROM"
        ) from error


class SmtpNotifier:
    """Implements ``Notifier``: one connection for each message."""

    def __init__(
        self,
        server: MailServer,
        clock: Clock,
        *,
        sender: str,
        build_tls: Callable[[], ssl.SSLContext] = build_client_tls,
    ) -> None:
        self._server = server
        self._clock = clock
        self._sender = check_sender(sender)
        self._build_tls = build_tls

    @property
    def kind(self) -> NoticeKind:
        """The kind of notices that it sends."""
        return "email"

    async def send(self, notice: Notice) -> None:
        """Send it once; a password never goes over an open line to another machine."""
        message = self.build_message(notice)
        server = self._server
        try:
            async with self._connect() as client:
                is_open = not server.is_tls and client.get_transport_info("sslcontext") is None
                if server.username is not None:
                    if is_open and not server.is_on_this_machine:
                        raise AuthFailed(
                            f"{server.host} offers no encryption, so no password was sent. Use "
                            "smtps://, or a server that offers STARTTLS."
                        )
                    await client.login(server.username, server.password or "")
                await client.send_message(message)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise self._translate(error) from error

    def build_message(self, notice: Notice) -> EmailMessage:
        """Return the message; no text in it can become a header.

        Raises:
            ConfigurationError: The tenant has no e-mail address any more.
        """
        recipient = notice.tenant.escalation.email
        if not recipient:
            raise ConfigurationError("The tenant has no e-mail address for escalations any more.")
        host = parseaddr(self._sender)[1].rpartition("@")[2]
        message = EmailMessage(policy=SMTP_POLICY)
        message["Subject"] = build_subject(notice)
        message["From"] = self._sender
        message["To"] = Address(addr_spec=recipient)
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{notice.id}@{host}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(build_text(notice), charset="utf-8", cte="base64")
        return message

    def _connect(self) -> aiosmtplib.SMTP:
        server = self._server
        may_upgrade = not server.is_tls and not server.is_on_this_machine
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.is_tls,
            start_tls=None if may_upgrade else False,
            tls_context=self._build_tls() if server.is_tls or may_upgrade else None,
            timeout=STEP_TIMEOUT_S,
        )

    def _translate(self, error: Exception) -> UpstreamError:
        host = self._server.host
        if isinstance(error, aiosmtplib.SMTPAuthenticationError):
            return AuthFailed(f"{host} does not accept the user and password of CSAI_SMTP_URL.")
        if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
            return Rejected(f"{host} does not take mail for the shop's address.")
        if isinstance(error, aiosmtplib.SMTPResponseException):
            if error.code < 0:
                return Unavailable(f"{host} does not answer as a mail server does.")
            said = " ".join(error.message.split())[:_MAX_ANSWER_LENGTH]
            text = f"{host} answered {error.code}: {said}"
            return Rejected(text) if error.code >= 500 else Unavailable(text)
        if isinstance(error, aiosmtplib.SMTPTimeoutError | TimeoutError):
            return Unavailable(f"{host} took too long to answer.", code="timed_out")
        return Unavailable(f"No connection to the mail server {host}.", code="connect_failed")
