"""The portal's start page: the cockpit for the MSSP, the way to one's client for everybody else."""

import datetime
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone

from tenants.access.declare import action
from tenants.access.export import csv_answer
from tenants.access.gate import Gate
from tenants.access.policy import judged_some, standing
from tenants.clients.context import client_address
from tenants.clients.models import Client
from tenants.cockpit.selectors import ORDER_WORDS, ORDERS, WHOLE_DAYS, View, rows, totals, views
from tenants.engagements.models import Engagement
from tenants.members.models import User
from tenants.members.selectors import clients_of

PAGE: Final = 50
_COLUMNS: Final = (
    {"label": "Client", "key": "name", "priority": 1},
    {"label": "Posture", "key": "", "priority": 3},
    {"label": "30 days", "key": "", "priority": 3},
    {"label": "Critical", "key": "critical", "numeric": True, "priority": 1},
    {"label": "Late", "key": "late", "numeric": True, "priority": 1},
    {"label": "Unknown", "key": "unknown", "numeric": True, "priority": 2},
    {"label": "Days heard", "key": "covered", "numeric": True, "priority": 2},
    {"label": "Duties overdue", "key": "", "numeric": True, "priority": 4},
    {"label": "Next audit", "key": "audit", "priority": 3},
    {"label": "Engagement", "key": "", "priority": 4},
)


@action("client.list")
def start(request: HttpRequest) -> HttpResponseBase:
    """Show the cockpit to the MSSP; lead others to their client, or let them choose among several."""
    gate: Gate = request.access
    if judged_some(gate.standing, "cockpit.read"):
        return _cockpit(request, gate)
    person = gate.standing.principal
    assert isinstance(person, User)
    mine = gate.only(clients_of(person, at=gate.at))
    if len(mine) == 1 and judged_some(standing(person, mine[0], at=gate.at), "control.read"):
        return redirect(client_address(request, mine[0]))
    return render(
        request, "tenants/choose.html", {"places": [_place(request, each, gate.at) for each in mine]}
    )


@action("cockpit.read")
def cockpit_csv(request: HttpRequest) -> HttpResponseBase:
    """Answer the cockpit's table, filtered and sorted as on the page, as CSV."""
    gate: Gate = request.access
    today = timezone.localdate()
    view, found = _filtered(request, rows(gate.standing, today=today), today)
    head = (
        "client", "slug", "exceptions_live", "exceptions_critical", "exceptions_high", "exceptions_late",
        "unknown_members_30d", "sources", "events_30d", "covered_days_30d", "last_event_at", "next_audit", "engagement",
    )  # fmt: skip
    return csv_answer(f"clients-{view.key}-{today:%Y-%m-%d}.csv", head, _lines(found))


def _lines(found: Any) -> Iterator[tuple[object, ...]]:
    for each in found.order_by(*ORDERS["needs"]):
        summary = getattr(each, "summary", None)
        figures = (
            "exceptions_live", "exceptions_critical", "exceptions_high", "exceptions_late", "unknown_members_30d",
            "sources", "events_30d", "covered_days_30d",
        )  # fmt: skip
        last = summary.last_event_at if summary else None
        yield (
            each.name,
            each.slug,
            *(getattr(summary, name, None) for name in figures),
            last.isoformat() if last else None,
            each.audit_from,
            _engagement_words(each),
        )


def _filtered(request: HttpRequest, found: Any, today: datetime.date) -> tuple[View, Any]:
    known = {view.key: view for view in views(today)}
    view = known.get(request.GET.get("show", ""), known["all"])
    return view, _named(request, found).filter(view.condition)


def _named(request: HttpRequest, found: Any) -> Any:
    wanted = request.GET.get("q", "").replace("\x00", "").strip()[:120]
    return found.filter(name__icontains=wanted) if wanted else found


def _engagement_words(row: Any) -> str:
    # An administrator sees that a client exists that is not assigned to them, but not who audits it.
    if not row.assigned:
        return ""
    return f"{Engagement.Kind(row.audit_kind).label} · {row.audit_firm}" if row.audit_kind else ""


def _cockpit(request: HttpRequest, gate: Gate) -> HttpResponse:
    today = timezone.localdate()
    everyone = rows(gate.standing, today=today)
    sums = totals(_named(request, everyone), today=today)
    view, found = _filtered(request, everyone, today)
    sort = request.GET.get("sort", "needs")
    if sort not in ORDERS:
        sort = "needs"
    paginator = Paginator(found.order_by(*ORDERS[sort]), PAGE)
    # The filters' counts are known already: the table itself is the second and last query of the page.
    paginator.count = sums[f"n_{view.key}"] or 0
    page = paginator.get_page(request.GET.get("page"))
    shown = [_row(request, each) for each in page.object_list]
    kept = {name: value for name in ("q", "sort") if (value := request.GET.get(name))}
    context = {
        "today": today,
        "sums": sums,
        "figures": _figures(sums, kept),
        "page": page,
        "rows": shown,
        "columns": _COLUMNS,
        "sort": sort,
        "sorted_by": ORDER_WORDS[sort.removeprefix("-")],
        "chips": [
            {
                "label": each.label,
                "count": sums[f"n_{each.key}"],
                "href": f"?{urlencode({**kept, 'show': each.key})}",
                "current": each.key == view.key,
            }
            for each in views(today)
        ],
        "search": {
            "name": "q",
            "value": request.GET.get("q", "")[:120],
            "label": "Name of a client",
            "hidden": [("show", view.key), ("sort", sort)],
        },
        "csv_href": f"clients.csv?{urlencode({**kept, 'show': view.key})}",
        "empty": _empty(request, view, sums),
        "may_create": gate.could("client.create"),
    }
    template = "tenants/cockpit.html"
    return render(request, template, context)


def _figures(sums: dict[str, int | None], kept: dict[str, str]) -> list[dict[str, object]]:
    def link(key: str) -> str:
        return f"?{urlencode({**kept, 'show': key})}"

    days = (sums["counted"] or 0) * WHOLE_DAYS
    heard = f"{100 * (sums['covered'] or 0) / days:.1f} %" if days else None
    return [
        {
            "value": sums["critical"],
            "label": "critical exceptions open",
            "tone": "deviation" if sums["critical"] else "",
            "href": link("critical"),
        },
        {"value": sums["past"], "label": "exceptions past their date", "tone": "", "href": link("late")},
        {"value": None, "label": "duties overdue", "tone": "", "href": ""},
        {
            "value": sums["unknown_members"],
            "label": "unknown members, 30 days",
            "tone": "unknown" if sums["unknown_members"] else "",
            "href": link("unknown"),
        },
        {"value": sums["n_audit"], "label": "audits in 90 days", "tone": "", "href": link("audit")},
        {"value": heard, "label": "of days heard, 30 days", "tone": "", "href": link("gaps")},
    ]


def _row(request: HttpRequest, each: Any) -> dict[str, object]:
    summary = getattr(each, "summary", None)
    return {
        "name": each.name,
        "href": client_address(request, each) if each.assigned else "",
        "critical": getattr(summary, "exceptions_critical", None),
        "late": getattr(summary, "exceptions_late", None),
        "unknown": getattr(summary, "unknown_members_30d", None),
        "covered": getattr(summary, "covered_days_30d", None),
        "whole": WHOLE_DAYS,
        "trend": getattr(summary, "daily_events", None) or [],
        "audit_from": each.audit_from,
        "audit_now": each.audit_from is not None and each.audit_from <= timezone.localdate(),
        "engagement": _engagement_words(each),
        "act": bool(each.urgent),
    }


def _empty(request: HttpRequest, view: View, sums: dict[str, int | None]) -> dict[str, str]:
    if request.GET.get("q"):
        return {
            "title": "No client has that name",
            "text": "The filter looks for the words anywhere in the name.",
            "href": "?",
            "label": "Show all clients",
        }
    if view.key != "all" and sums["n_all"]:
        return {
            "title": f"No client under “{view.label}”",
            "text": "That is good news, or nothing has been measured yet.",
            "href": "?",
            "label": "Show all clients",
        }
    return {
        "title": "No client yet",
        "text": "The clients that you are assigned to are listed here. An operator makes one with "
        "“manage.py client create”, and an administrator assigns you.",
        "href": "",
        "label": "",
    }


def _place(request: HttpRequest, each: Client, at: datetime.datetime) -> dict[str, str]:
    user = request.user
    assert isinstance(user, User)
    place = standing(user, each, at=at)
    words = "" if place.engagement is None else str(place.engagement)
    if not place.known:
        return {}
    if not judged_some(place, "control.read"):
        # An employee has nothing to look at here until something is asked of them.
        return {"name": each.name, "href": "", "line": "Nothing is asked of you here now."}
    return {"name": each.name, "href": client_address(request, each), "line": words}
