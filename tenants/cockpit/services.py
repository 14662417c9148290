"""Writing the cockpit's summary: from the right, one row per client, never by visiting schemas at reading."""

from collections.abc import Iterable
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


def about_token(about: str, severity: str) -> str:
    """Write what an open exception is about as `ClientSummary.open_about` keeps it; either part may be empty."""
    return f"{about}/{severity}" if severity else about


def about_tokens(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return the tokens of open exceptions, given as (rule or control, severity).

    Each part and both together, so that "rule R01" and "rule R01, critical" are one look-up each.
    """
    found = set()
    for about, severity in pairs:
        found |= {about_token(about, ""), about_token("", severity), about_token(about, severity)}
    return sorted(found - {""})
