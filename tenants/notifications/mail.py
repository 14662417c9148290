"""Sending one mail: plain text, one person, no header that somebody else's text could break into."""

from django.core.mail import EmailMessage
from django.utils.text import Truncator


def send_mail(to: str, subject: str, body: str) -> None:
    """Send a mail, or raise what the mail server's refusal raises; the caller decides about trying again."""
    one_line = Truncator(" ".join(subject.split())).chars(150)
    EmailMessage(subject=one_line, body=body, to=[to]).send(fail_silently=False)
