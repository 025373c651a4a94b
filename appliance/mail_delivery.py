"""Handing a message to a mail server.

Owns the way there: encryption, login, and what the server's answers mean. What is written to whom
is left to the callers.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable
from email.message import EmailMessage

import aiosmtplib
from msgspec import Struct

from appliance.certificates import build_client_tls
from appliance.errors import AuthFailed, Rejected, Unavailable, UpstreamError

STEP_TIMEOUT_S = 10.0
_MAX_ANSWER_LENGTH = 200


class MailServer(Struct, frozen=True, kw_only=True):
    """Where mail is handed in.

    Without ``is_tls`` the connection is encrypted by STARTTLS where the server offers it, but not
    to a server on this machine (it often has no certificate that could be checked), nor with
    ``is_plain``.
    """

    host: str
    port: int
    is_tls: bool = False
    is_plain: bool = False
    is_on_this_machine: bool = False
    username: str | None = None
    password: str | None = None


def is_this_machine(host: str) -> bool:
    """Say whether a mail server's name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def deliver(
    message: EmailMessage,
    server: MailServer,
    *,
    recipients: list[str] | None = None,
    connection: socket.socket | None = None,
    build_tls: Callable[[], ssl.SSLContext] = build_client_tls,
    login: str = "the user and password",
) -> str:
    """Send a message once and return what the server said when it took it.

    A password never goes over an open line to another machine.

    Args:
        message: Whole, with its sender and recipients.
        server: Who takes it.
        recipients: Whom it goes to; by default those in the message.
        connection: To the server, already open; becomes this function's.
        build_tls: Returns the certificates that are trusted.
        login: What user and password are called when they are refused.

    Raises:
        AuthFailed: The login was refused, or would have gone over an open line.
        Rejected: The server does not take the message, or no mail for somebody.
        Unavailable: No connection, no answer, or a refusal for now.
    """
    try:
        async with _connect(server, connection, build_tls) as client:
            is_open = not server.is_tls and client.get_transport_info("sslcontext") is None
            if server.username is not None:
                if is_open and not server.is_on_this_machine:
                    raise AuthFailed(
                        f"{server.host} offers no encryption, so no password was sent. Use a "
                        "server that offers STARTTLS, or TLS from the beginning (smtps)."
                    )
                await client.login(server.username, server.password or "")
            _, answer = await client.send_message(message, recipients=recipients)
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _translate(error, server.host, login) from error
    return answer


def _connect(
    server: MailServer, connection: socket.socket | None, build_tls: Callable[[], ssl.SSLContext]
) -> aiosmtplib.SMTP:
    may_upgrade = not (server.is_tls or server.is_plain or server.is_on_this_machine)
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=None if connection is not None else server.port,
        sock=connection,
        use_tls=server.is_tls,
        start_tls=None if may_upgrade else False,
        tls_context=build_tls() if server.is_tls or may_upgrade else None,
        timeout=STEP_TIMEOUT_S,
    )


def _translate(error: Exception, host: str, login: str) -> UpstreamError:
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return AuthFailed(f"{host} does not accept {login}.")
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return Rejected(f"{host} does not take mail for the recipient's address.")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        if error.code < 0:
            return Unavailable(f"{host} does not answer as a mail server does.")
        said = " ".join(error.message.split())[:_MAX_ANSWER_LENGTH]
        text = f"{host} answered {error.code}: {said}"
        return Rejected(text) if error.code >= 500 else Unavailable(text)
    if isinstance(error, aiosmtplib.SMTPTimeoutError | TimeoutError):
        return Unavailable(f"{host} took too long to answer.", code="timed_out")
    return Unavailable(f"No connection to the mail server {host}.", code="connect_failed")
