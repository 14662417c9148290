"""Telling people of exceptions in the background: the sweep finds what no batch announced."""

from django.utils import timezone

from controls.exceptions.telling import tell_late, tell_opened
from tenants.tasks.envelope import client_task


@client_task(name="controls.tell")
def tell() -> None:
    """Tell people of exceptions that were opened, and of those past their date."""
    at = timezone.now()
    tell_opened(at=at)
    tell_late(at=at)
