"""What tells shops that a visitor needs a person, put together.

Owns building the sender and its ways from the settings.
"""

from __future__ import annotations

from appliance.bootstrap.stores import Stores
from appliance.errors import ConfigurationError
from appliance.notifiers.webhook import WebhookNotifier
from appliance.ports.notifier import Notifier
from appliance.ports.outbound_http import OutboundHttp
from appliance.services.notices import NoticeSender
from appliance.settings import Settings


def build_notice_sender(
    settings: Settings, stores: Stores, http: OutboundHttp, *, admin_url: str
) -> NoticeSender:
    """Return what sends notices; by e-mail too where a mail server is set.

    Raises:
        ConfigurationError: The mail server is set without a sender, or one of both is none.
    """
    database, clock = stores.database, stores.clock
    notifiers: list[Notifier] = [
        WebhookNotifier(http, clock, signing_secret=database.tenants.get_signing_secret)
    ]
    if settings.smtp_url is not None:
        if settings.mail_from is None:
            raise ConfigurationError(
                "CSAI_SMTP_URL needs CSAI_MAIL_FROM beside it, the sender's address.",
                setting="CSAI_MAIL_FROM",
            )
        # The library for mail is loaded where there is a mail server only.
        from appliance.notifiers.smtp import SmtpNotifier, read_mail_server

        server = read_mail_server(settings.smtp_url)
        notifiers.append(SmtpNotifier(server, clock, sender=settings.mail_from))
    return NoticeSender(
        outbox=database.outbox,
        notifiers=notifiers,
        tenants=database.tenants,
        clock=clock,
        admin_url=admin_url,
    )
