"""The client's start page: what needs somebody first, then how it stands."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from controls.home.selectors import (
    MOST,
    ages,
    engagements_of,
    exceptions_href,
    next_dates,
    waiting,
)
from evidence.coverage.strips import by_day
from evidence.intake.models import Source
from evidence.intake.selectors import MONTH, heard_of, window
from evidence.intake.views import strips
from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.engagements.models import Engagement
from tenants.templatetags.frame import day as day_words

DATES: Final = 6


@action("control.read")
def home(request: HttpRequest) -> HttpResponse:
    """Show what waits for somebody, the last 30 days of every source, exceptions by age, and the next dates."""
    gate: Gate = request.access
    today = timezone.localdate()
    sources = gate.only(Source.objects.order_by("slug"), "source.read")
    within = window(MONTH, today=today, period=gate.period, zone=timezone.get_current_timezone())
    heard = heard_of(sources, within, bound=gate.period, at=gate.at)
    engagements = engagements_of(gate)
    attention = waiting(gate, heard)
    open_by_severity = ages(gate) if gate.may("exception.read") else []
    total = sum(each.in_time + each.soon + each.late + each.mended for each in open_by_severity)
    context: dict[str, Any] = {
        "line": _line(engagements, today),
        "attention": attention[:MOST],
        "more": max(0, len(attention) - MOST),
        "late": sum(each.late for each in open_by_severity),
        "coverage": [row for each in heard for row in strips(each, by_day, last=MONTH)],
        "first": day_words(within.start),
        "last": "today" if within.end == today else day_words(within.end),
        "ages": [_age_row(each) for each in open_by_severity],
        "total": total,
        "exceptions_href": exceptions_href(),
        "dates": next_dates(engagements, today=today)[:DATES],
        "connected": bool(sources),
        "may_connect": gate.may("source.connect"),
        "sees_sources": gate.may("source.read"),
    }
    return render(request, "controls/home.html", context)


def _line(engagements: list[Engagement], today: Any) -> str:
    """Say which audit is under way or next, and how much of its period is left."""
    for each in engagements:
        if each.period_start and each.period_end and each.period_end >= today:
            left = (each.period_end - today).days
            span = f"{day_words(each.period_start)} – {day_words(each.period_end)}"
            return f"{each}, {span} · {left:,} {'day' if left == 1 else 'days'} left in the period"
    if engagements:
        last = engagements[-1]
        if last.as_of:
            return f"{last}, as of {day_words(last.as_of)}"
        return f"{last}, {day_words(last.period_start)} – {day_words(last.period_end)}"
    return "No audit is planned yet"


def _age_row(each: Any) -> dict[str, Any]:
    def link(count: int, **asked: str) -> dict[str, Any]:
        return {"count": count, "href": exceptions_href(severity=each.severity, **asked)}

    return {
        "severity": each.severity,
        "in_time": link(each.in_time),
        "soon": link(each.soon),
        "mended": link(each.mended, show="retest"),
        "late": link(each.late, show="late"),
    }
