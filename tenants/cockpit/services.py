"""Writing the cockpit's summary: from the right, one row per client, never by visiting schemas at reading."""

from typing import Final

from tenants.clients.models import Client
from tenants.cockpit.models import ClientSummary

FIGURES: Final = frozenset(
    field.name for field in ClientSummary._meta.concrete_fields if field.name not in ("client", "updated_at")
)


def record_summary(client: Client, **figures: object) -> ClientSummary:
    """Set figures of a client's summary; those not named stay as they are.

    Each app on the right calls it with what it measures (`exceptions_critical=2`, `daily_events=[…]`).
    """
    unknown = figures.keys() - FIGURES
    if unknown:
        raise TypeError(
            f"The summary has no {', '.join(sorted(unknown))}. It has: {', '.join(sorted(FIGURES))}."
        )
    summary, _ = ClientSummary.objects.update_or_create(client=client, defaults=figures)
    return summary
