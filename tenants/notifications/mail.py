"""Sending one mail: plain text, one person, no header that somebody else's text could break into."""

from collections.abc import Mapping

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.text import Truncator


def send_mail(
    to: str,
    subject: str,
    body: str,
    *,
    headers: Mapping[str, str] | None = None,
    connection: BaseEmailBackend | None = None,
) -> None:
    """Send a mail, or raise what the mail server's refusal raises; the caller decides about trying again.

    `connection` is one that is open already, for whoever sends several.
    """
    one_line = Truncator(" ".join(subject.split())).chars(150)
    EmailMessage(
        subject=one_line, body=body, to=[to], headers=dict(headers or {}), connection=connection
    ).send(fail_silently=False)
