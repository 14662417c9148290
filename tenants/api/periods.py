"""The days that an address asks for: both included, in the client's zone, never outside an auditor's."""

from datetime import date, timedelta
from typing import Any, Final

from rest_framework import serializers

from tenants.access.gate import Gate
from tenants.api.endpoint import Asked
from tenants.api.problems import Problem
from tenants.clients.models import Client
from tenants.clients.period import Period

MOST_DAYS: Final = 3 * 366
_FIRST, _LAST = date(1990, 1, 1), date(2199, 12, 31)


class DaysAsked(Asked):
    """Two days; without them the last 90, for an auditor the whole period of the engagement."""

    start = serializers.DateField(required=False, help_text="The first day, in the client's zone.")
    end = serializers.DateField(required=False, help_text="The last day; both are included.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse days that no calendar of evidence has."""
        for name in ("start", "end"):
            if name in attrs and not _FIRST <= attrs[name] <= _LAST:
                raise serializers.ValidationError({name: [f"Choose a day from {_FIRST} to {_LAST}."]})
        return attrs


def days_asked(asked: dict[str, Any], *, gate: Gate, client: Client, usual: int = 90) -> Period:
    """Return the period that is asked for."""
    bound = gate.period
    today = gate.at.astimezone(client.tzinfo).date()
    last = asked.get("end") or (bound.end if bound else max(today, asked.get("start") or today))
    first = asked.get("start") or (bound.start if bound else last - timedelta(days=usual - 1))
    if last < first:
        raise Problem(400, f"The period ends ({last}) before it begins ({first}). Exchange start and end.")
    if bound is not None:
        if last < bound.start or first > bound.end:
            raise Problem(
                400, f"Those days lie outside the engagement's period, {bound.start} to {bound.end}."
            )
        first, last = max(first, bound.start), min(last, bound.end)
    if (last - first).days >= MOST_DAYS:
        raise Problem(400, f"At most {MOST_DAYS} days are answered at once. Ask for fewer.")
    return Period(first, last, client.tzinfo)
