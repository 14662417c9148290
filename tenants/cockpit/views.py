"""The portal's start page: the cockpit for the MSSP, the way to one's client for everybody else."""

import datetime
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from tenants.access.declare import action
from tenants.access.export import csv_answer
from tenants.access.gate import Gate
from tenants.access.policy import judged_some, standing
from tenants.clients.context import client_address
from tenants.clients.models import Client
from tenants.cockpit.naming import titles_of
from tenants.cockpit.row import engagement_words, row_html
from tenants.cockpit.selectors import (
    ORDER_WORDS,
    SEVERITIES,
    STALE,
    WHOLE_DAYS,
    Asked,
    View,
    about_choices,
    next_audits,
    ordered,
    rows,
    totals,
    views,
)
from tenants.members.models import User
from tenants.members.selectors import clients_of
from tenants.savedviews.showing import saved_views

PAGE: Final = 50
_COLUMNS: Final = (
    {"label": "Client", "key": "name", "priority": 1},
    {"label": "Posture", "key": "posture", "priority": 3},
    {"label": "30 days", "key": "", "priority": 4},
    {"label": "Critical", "key": "critical", "numeric": True, "priority": 1},
    {"label": "Late", "key": "late", "numeric": True, "priority": 1},
    {"label": "Unknown", "key": "unknown", "numeric": True, "priority": 2},
    {"label": "Silent", "key": "silent", "numeric": True, "priority": 3},
    {"label": "Days heard", "key": "covered", "numeric": True, "priority": 2},
    {"label": "Duties late", "key": "duties", "numeric": True, "priority": 4},
    {"label": "Next audit", "key": "audit", "priority": 3},
)
_FIGURES: Final = (
    "exceptions_live", "exceptions_critical", "exceptions_high", "exceptions_late", "unknown_members_30d", "sources",
    "events_30d", "covered_days_30d", "posture", "sources_silent", "duties_overdue",
)  # fmt: skip


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
    """Answer the cockpit's table, filtered and sorted as on the page, or the clients that were selected, as CSV.

    A selected client that is not among the person's is a row with nothing but a note.
    """
    gate: Gate = request.access
    asked = Asked.of(request.GET)
    if "selected" in request.GET and not asked.selected:
        messages.warning(request, "No client was selected. Check the box beside a name first.")
        return redirect("start")
    view, found = _view(request, gate), rows(gate.standing)
    found = ordered(
        asked.narrowed(found).filter(view.condition), request.GET.get("sort", ""), today=gate.at.date()
    )
    head = (
        "client", "slug", *_FIGURES, "last_event_at", "figures_at", "next_audit", "engagement",
        *(["note"] if asked.selected else []),
    )  # fmt: skip
    name = f"clients-{'selected' if asked.selected else view.key}-{gate.at:%Y-%m-%d}.csv"
    return csv_answer(name, head, _lines(gate, found, asked.selected))


def _lines(gate: Gate, found: QuerySet[Client], selected: tuple[str, ...]) -> Iterator[tuple[object, ...]]:
    audits = next_audits(found.order_by().values("pk"), today=gate.at.date())
    note: tuple[str, ...] = ("",) if selected else ()
    left = set(selected)
    for each in found:
        left.discard(each.slug)
        summary = getattr(each, "summary", None)
        times = (summary.last_event_at, summary.updated_at) if summary else (None, None)
        audit = audits.get(each.pk)
        yield (
            each.name,
            each.slug,
            *(getattr(summary, name, None) for name in _FIGURES),
            *(time.isoformat() if time else None for time in times),
            audit.access_from if audit else None,
            engagement_words(each, audit),
            *note,
        )
    for slug in sorted(left):
        yield ("", slug[:40], *([None] * (len(_FIGURES) + 4)), "left out: not one of your clients")


def _view(request: HttpRequest, gate: Gate) -> View:
    known = {view.key: view for view in views(gate.at)}
    return known.get(request.GET.get("show", ""), known["all"])


def _cockpit(request: HttpRequest, gate: Gate) -> HttpResponseBase:
    saved = saved_views(request, "cockpit")
    if saved.instead:
        return redirect(saved.instead)
    asked, view = Asked.of(request.GET), _view(request, gate)
    everyone = rows(gate.standing)
    narrowed = asked.narrowed(everyone)
    sums = totals(narrowed, at=gate.at)
    sort = request.GET.get("sort", "needs")
    if sort.removeprefix("-") not in ORDER_WORDS:
        sort = "needs"
    paginator = Paginator(ordered(narrowed.filter(view.condition), sort, today=gate.at.date()), PAGE)
    # The filters' counts are known already.
    paginator.count = sums[f"n_{view.key}"] or 0
    page = paginator.get_page(request.GET.get("page"))
    shown = list(page.object_list)
    checked = request.GET.get("select") == "page"
    audits = next_audits([each.pk for each in shown], today=gate.at.date())
    whole = asked.kept | {name: value for name in ("show", "sort") if (value := request.GET.get(name))}
    kept = {name: value for name, value in whole.items() if name != "show"}
    context = {
        "sums": sums,
        "figures": _figures(sums, kept),
        "page": page,
        "rows": [row_html(request, each, audits.get(each.pk), at=gate.at, checked=checked) for each in shown],
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
            for each in views(gate.at)
            if each.always or each.key == view.key or sums[f"n_{each.key}"]
        ],
        "search": _search(asked, view, sort, everyone, gate),
        "saved": saved,
        "old": _old(sums, kept),
        "selectable": True,
        "all_selected": checked,
        "bulk": _acts(gate),
        "csv_href": f"clients.csv?{urlencode(whole)}",
        "empty": _empty(asked, view, sums),
        "may_create": gate.could("client.create"),
    }
    return render(request, "tenants/cockpit.html", context)


def _search(asked: Asked, view: View, sort: str, everyone: QuerySet[Client], gate: Gate) -> dict[str, object]:
    choices = about_choices(everyone)
    titles = titles_of(choices)
    if asked.about and asked.about not in choices:
        choices.append(asked.about)
    selects = [
        {
            "name": "severity",
            "label": "Severity of open exceptions",
            "value": asked.severity,
            "options": [("", "Any severity"), *((each, each.capitalize()) for each in SEVERITIES)],
        },
        {
            "name": "about",
            "label": "Rule or control with open exceptions",
            "value": asked.about,
            "options": [
                ("", "Any rule or control"),
                *((each, f"{each} · {titles[each]}" if each in titles else each) for each in choices),
            ],
        },
    ]
    if "MA" in gate.standing.roles:
        options = [("", "Everybody's clients"), ("1", "Assigned to me")]
        value = "1" if asked.mine else ""
        selects.append({"name": "mine", "label": "Whose clients", "value": value, "options": options})
    return {
        "name": "q",
        "value": asked.words,
        "label": "Name of a client",
        "hidden": [("show", view.key), ("sort", sort)],
        "selects": selects,
    }


def _acts(gate: Gate) -> list[dict[str, str]]:
    """What can be done with several clients at once, by who may do it to some: each client is judged by itself."""
    acts = [
        ("cockpit.read", "cockpit_csv", "Export as CSV"),
        ("mywork.read", "mywork", "Show their work"),
        ("assignment.write", "assign_many", "Assign an analyst"),
    ]
    return [{"url": url, "label": label} for policy, url, label in acts if gate.could(policy)]


def _old(sums: dict[str, Any], kept: dict[str, str]) -> dict[str, object] | None:
    if not sums["n_old"]:
        return None
    return {
        "count": sums["n_old"],
        "oldest": sums["oldest"],
        "minutes": int(STALE.total_seconds() // 60),
        "href": f"?{urlencode({**kept, 'show': 'old'})}",
    }


def _figures(sums: dict[str, Any], kept: dict[str, str]) -> list[dict[str, object]]:
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
        {"value": sums["duties"], "label": "duties overdue", "tone": "", "href": ""},
        {
            "value": sums["unknown_members"],
            "label": "unknown members, 30 days",
            "tone": "unknown" if sums["unknown_members"] else "",
            "href": link("unknown"),
        },
        {"value": sums["n_audit"], "label": "audits in 90 days", "tone": "", "href": link("audit")},
        {"value": heard, "label": "of days heard, 30 days", "tone": "", "href": link("gaps")},
    ]


def _empty(asked: Asked, view: View, sums: dict[str, Any]) -> dict[str, str]:
    if asked.kept:
        return {
            "title": "No client under these filters",
            "text": "The name is looked for anywhere in a client's name; a severity and a rule or control mean "
            "exceptions that are open now.",
            "href": "?show=all",
            "label": "Show all clients",
        }
    if view.key != "all" and sums["n_all"]:
        return {
            "title": f"No client under “{view.label}”",
            "text": "That is good news, or nothing has been measured yet.",
            "href": "?show=all",
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
