"""What is done about sources in the background."""

from django.utils import timezone

from evidence.intake.telling import tell_expiring
from tenants.tasks.envelope import client_task


@client_task(name="evidence.tell")
def tell() -> None:
    """Tell people of source tokens that expire soon."""
    tell_expiring(at=timezone.now())
