"""What is swept of the API."""

from celery import shared_task
from django.utils import timezone

from tenants.api.idempotency import sweep


@shared_task(name="tenants.sweep_idempotency_keys", ignore_result=True)
def sweep_idempotency_keys() -> int:
    """Forget idempotency keys of more than a day ago; they lie in `public`, so no client is entered."""
    return sweep(at=timezone.now())
