"""One row of the cockpit as markup: written here, since a template for each of fifty rows costs half the page."""

import datetime
from typing import Any, Final

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from tenants.clients.context import client_address
from tenants.cockpit.selectors import STALE, WHOLE_DAYS
from tenants.engagements.models import Engagement
from tenants.templatetags.frame import count, day, span, trend_points, trend_words

_NOT_COLLECTED: Final = count(None, "")
_ROW: Final = {True: '<tr class="act">', False: "<tr>"}
_SUB: Final = '<span class="sub">{}</span>'


def row_html(
    request: HttpRequest, client: Any, audit: Engagement | None, *, at: datetime.datetime, checked: bool
) -> SafeString:
    """Return the `<tr>` of a client with its `summary`, as `components/table.html` shows it.

    Of a client that is not assigned to the person only its name and its counts are told.
    """
    summary = getattr(client, "summary", None)
    critical = getattr(summary, "exceptions_critical", None)
    name = escape(client.name)
    cells = (
        f'<td class="check">{_box(client, name, checked)}</td>',
        f'<th scope="row">{_name(request, client, name)}{_notes(client, summary, at)}</th>',
        f'<td class="p3">{_posture(client, summary)}</td>',
        f'<td class="p4">{_trend(summary)}</td>',
        f'<td class="num">{count(critical, "deviation")}</td>',
        f'<td class="num">{count(getattr(summary, "exceptions_late", None), "attention")}</td>',
        f'<td class="num p2">{count(getattr(summary, "unknown_members_30d", None), "unknown")}</td>',
        f'<td class="num p3">{count(getattr(summary, "sources_silent", None), "unknown")}</td>',
        f'<td class="num p2">{_covered(summary)}</td>',
        f'<td class="num p4">{count(getattr(summary, "duties_overdue", None), "attention")}</td>',
        f'<td class="nowrap p3">{_audit(client, audit, at)}</td>',
    )
    # Every text above is escaped, every number a number.
    return mark_safe(_ROW[bool(critical)] + "".join(cells) + "</tr>")  # noqa: S308


def engagement_words(client: Any, audit: Engagement | None) -> str:
    """Say who audits a client, to whom it is assigned; to others only that it exists is told."""
    return f"{audit.get_kind_display()} · {audit.firm}" if audit and client.assigned else ""


def _box(client: Any, name: str, checked: bool) -> str:
    more = " checked" if checked else ""
    return f'<input type="checkbox" name="client" value="{escape(client.slug)}" aria-label="Select {name}"{more}>'


def _name(request: HttpRequest, client: Any, name: str) -> str:
    if client.assigned:
        return f'<a class="row-link" href="{escape(client_address(request, client))}">{name}</a>'
    address = escape(reverse("breakglass_open", args=[client.slug]))
    return f'{name}<span class="sub">not assigned to you · <a href="{address}">break-glass</a></span>'


def _notes(client: Any, summary: Any, at: datetime.datetime) -> str:
    notes = ["suspended"] if client.suspended_at else []
    if summary is not None and at - summary.updated_at > STALE:
        notes.append(f"figures {span(at - summary.updated_at)} old")
    return "".join(f'<span class="sub">{note}</span>' for note in notes)


def _posture(client: Any, summary: Any) -> str:
    if summary is None or summary.posture is None:
        return _NOT_COLLECTED
    share = {"value": summary.posture, "unknown": 0, "label": "Posture"}
    bar = render_to_string("components/share.html", share)
    cap = summary.posture_cap if client.assigned else ""
    words = format_html('<span class="quiet">{}</span>', cap) if cap else ""
    return f'<span class="posture"><strong>{summary.posture}</strong>{bar}{words}</span>'


def _trend(summary: Any) -> str:
    numbers = summary.daily_events if summary else []
    if len(numbers) < 2:
        return _NOT_COLLECTED
    return (
        '<svg class="sparkline" viewBox="0 0 84 24" role="img" preserveAspectRatio="none" '
        f'aria-label="Events per day, 30 days: {trend_words(numbers)}">'
        f'<polyline points="{trend_points(numbers)}"/></svg>'
    )


def _covered(summary: Any) -> str:
    if summary is None or summary.covered_days_30d is None:
        return _NOT_COLLECTED
    return f'{summary.covered_days_30d}<span class="zero"> of {WHOLE_DAYS}</span>'


def _audit(client: Any, audit: Engagement | None, at: datetime.datetime) -> str:
    if audit is None:
        return '<span class="zero">none planned</span>'
    begins = "under way" if audit.access_from <= at.date() else day(audit.access_from)
    words = engagement_words(client, audit)
    return f"{begins}{format_html(_SUB, words) if words else ''}"
