"""What closes an entry whose time ran out: access ended by itself before, this keeps the record."""

from django.utils import timezone

from tenants.breakglass.services import settle_expired
from tenants.clients.switch import current_client
from tenants.tasks.envelope import client_task


@client_task(name="tenants.settle_breakglass")
def settle() -> int:
    """Record the end of each entry at this client that ran out."""
    return settle_expired(current_client(), at=timezone.now())
