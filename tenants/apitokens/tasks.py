"""What is done about tokens in the background."""

from celery import shared_task
from django.utils import timezone

from tenants.apitokens.telling import tell_expiring
from tenants.clients.switch import public


@shared_task(name="tenants.tell_expiring", ignore_result=True)
def tell_of_expiring_tokens() -> None:
    """Tell people of API tokens that expire soon."""
    with public():
        tell_expiring(at=timezone.now())
