"""The task envelope. Celery finds an app's tasks by importing `tenants.tasks`: this is its table of contents."""

from tenants.api.tasks import sweep_idempotency_keys
from tenants.database.tasks import refill_spares
from tenants.tasks.envelope import fan_out

__all__ = ["fan_out", "refill_spares", "sweep_idempotency_keys"]
