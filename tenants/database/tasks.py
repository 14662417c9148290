"""What the portal itself does about the clients' schemas, at no client."""

from celery import shared_task

from tenants.database import spares


@shared_task(name="tenants.refill_spares", ignore_result=True)
def refill_spares() -> None:
    """Make spare schemas where some were taken, and remove those of another release."""
    spares.refill_spares()
