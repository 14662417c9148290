"""The task envelope. Celery finds an app's tasks by importing `tenants.tasks`: this is its table of contents."""

from tenants.api.tasks import sweep_idempotency_keys
from tenants.apitokens.tasks import tell_of_expiring_tokens
from tenants.breakglass.tasks import settle
from tenants.database.tasks import refill_spares
from tenants.members.tasks import mail_reset_link
from tenants.notifications.tasks import send_mails
from tenants.tasks.envelope import fan_out

__all__ = [
    "fan_out",
    "mail_reset_link",
    "refill_spares",
    "send_mails",
    "settle",
    "sweep_idempotency_keys",
    "tell_of_expiring_tokens",
]
