"""Telling a shop by e-mail, through the operator's mail server.

Owns the message; the way to the server is left to ``appliance.mail_delivery``, the words to
``mail_text``.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

from appliance.certificates import build_client_tls
from appliance.domain.escalation import NoticeKind
from appliance.errors import ConfigurationError
from appliance.mail_delivery import MailServer, deliver, is_this_machine
from appliance.notifiers.mail_text import build_subject, build_text
from appliance.ports.clock import Clock
from appliance.ports.notifier import Notice

_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_PORTS = {"smtp": 587, "smtps": 465}


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
        is_on_this_machine=is_this_machine(host),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


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
        await deliver(
            message,
            self._server,
            build_tls=self._build_tls,
            login="the user and password of CSAI_SMTP_URL",
        )

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
