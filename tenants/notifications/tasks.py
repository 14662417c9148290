"""Mailing in the background. A message is a hint; the sweep each minute finds what is due."""

from celery import shared_task
from django.utils import timezone

from tenants.clients.switch import public
from tenants.notifications.sending import send_due


@shared_task(name="tenants.send_mails", ignore_result=True)
def send_mails() -> int:
    """Send the mail that is due, of all clients; return how many left."""
    with public():
        return send_due(at=timezone.now())
