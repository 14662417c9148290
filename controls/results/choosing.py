"""Which days a page shows: quick periods, an engagement's period, or two dates; never outside an auditor's."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils import timezone

from tenants.access.gate import Gate
from tenants.clients.period import Period
from tenants.engagements.models import Engagement
from tenants.templatetags.frame import day

DEFAULT: Final = "90d"
QUICK: Final = {"30d": ("30 days", 30), "90d": ("90 days", 90), "12m": ("12 months", 365)}
ENGAGEMENTS_SHOWN: Final = 2
LONGEST: Final = 3 * 366


@dataclass(frozen=True, slots=True)
class Chosen:
    """The period of a page, its words, the query that names it, and the chips that choose another."""

    period: Period
    words: str
    params: dict[str, str]
    chips: list[dict[str, object]] = field(default_factory=list)
    fault: str = ""

    @property
    def query(self) -> str:
        """What names the period in an address."""
        return urlencode(self.params)

    @property
    def dates(self) -> str:
        """The period as a query of two dates: the same days tomorrow."""
        return urlencode({"from": self.period.start.isoformat(), "to": self.period.end.isoformat()})


def span_words(start: date, end: date) -> str:
    """Write a period: `25 Aug – 24 Nov`, one day as itself."""
    return day(start) if start == end else f"{day(start)} – {day(end)}"


def choose(request: HttpRequest, gate: Gate, *, kept: dict[str, str] | None = None) -> Chosen:
    """Return the period that a request asks for by `?period=KEY` or `?from=…&to=…`, else the last 90 days.

    For an auditor nothing reaches outside the engagement's period, whose whole is the default. `kept` are other
    parameters of the page that the chips must not lose.
    """
    zone = request.client.tzinfo
    today = timezone.localdate(timezone=zone)
    bound = gate.period
    engagements = _engagements(request, gate)
    fallback = next(iter(engagements)) if bound is not None and engagements else DEFAULT
    last = min(today, bound.end) if bound else today
    spans = {key: (last - timedelta(days=days - 1), last) for key, (_, days) in QUICK.items()}
    for key, engagement in engagements.items():
        start, end = _days(engagement)
        spans[key] = (start, max(start, min(end, today)))
    key = request.GET.get("period", "")
    fault = ""
    asked = _dates(request)
    if isinstance(asked, str):
        fault, asked = asked, None
    if asked is None:
        key = key if key in spans else fallback
        asked = spans[key]
    else:
        key = ""
    start, end = _within(asked, bound)
    params = {"period": key} if key else {"from": start.isoformat(), "to": end.isoformat()}
    chips: list[dict[str, object]] = [
        {
            "label": _label(name, engagements),
            "count": None,
            "href": f"?{urlencode({**(kept or {}), 'period': name})}",
            "current": name == key,
        }
        for name in spans
    ]
    return Chosen(Period(start, end, zone), span_words(start, end), params, chips, fault)


def _label(key: str, engagements: dict[str, Engagement]) -> str:
    if key in QUICK:
        return QUICK[key][0]
    engagement = engagements[key]
    return f"{engagement.get_kind_display()}, {span_words(*_days(engagement))}"


def _days(engagement: Engagement) -> tuple[date, date]:
    start = engagement.as_of or engagement.period_start
    end = engagement.as_of or engagement.period_end
    assert start is not None
    assert end is not None
    return start, end


def _engagements(request: HttpRequest, gate: Gate) -> dict[str, Engagement]:
    """The engagements to offer, newest first, by a key that is short enough to read in an address."""
    if gate.standing.engagement is not None:
        found = [gate.standing.engagement]
    elif gate.may("engagement.read"):
        found = sorted(
            Engagement.objects.filter(client=request.client), key=lambda e: _days(e)[1], reverse=True
        )
    else:
        found = []
    return {f"e-{engagement.pk.hex[:8]}": engagement for engagement in found[:ENGAGEMENTS_SHOWN]}


def _dates(request: HttpRequest) -> tuple[date, date] | str | None:
    first, last = request.GET.get("from", "").strip(), request.GET.get("to", "").strip()
    if not first and not last:
        return None
    try:
        start, end = date.fromisoformat(first or last), date.fromisoformat(last or first)
    except ValueError:
        return f"“{first or last}” is no date; write 2026-06-30. The usual period is shown."
    if end < start:
        return "The period ends before it begins. The usual period is shown."
    if (end - start).days >= LONGEST:
        return "A page shows three years at most. The usual period is shown."
    return start, end


def _within(asked: tuple[date, date], bound: Period | None) -> tuple[date, date]:
    if bound is None:
        return asked
    start, end = max(asked[0], bound.start), min(asked[1], bound.end)
    return (start, end) if start <= end else (bound.start, bound.end)
