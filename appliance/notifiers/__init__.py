"""The ways to tell a shop that a visitor needs a person, one module each."""

from appliance.notifiers.smtp import MailServer, SmtpNotifier, read_mail_server
from appliance.notifiers.webhook import WebhookNotifier

__all__ = ["MailServer", "SmtpNotifier", "WebhookNotifier", "read_mail_server"]
