"""My work: what waits for a person at all of their clients, and at one."""

import datetime
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import get_script_prefix

from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.clients.context import client_address
from tenants.cockpit.models import ClientSummary
from tenants.cockpit.selectors import STALE
from tenants.members.models import User
from tenants.mywork.models import WorkItem
from tenants.mywork.registry import Work, verbs
from tenants.mywork.selectors import work_here, work_of
from tenants.savedviews.showing import saved_views
from tenants.templatetags.frame import span

PAGE: Final = 50
SOON: Final = datetime.timedelta(days=2)
_GRAVE: Final = {"critical": 0, "high": 1, "medium": 2, "low": 3}
_TONES: Final = {"critical": "deviation", "high": "deviation", "medium": "attention"}
_COLUMNS: Final = (
    {"label": "What", "key": "", "priority": 1},
    {"label": "Act", "key": "act", "priority": 2},
    {"label": "Client", "key": "client", "priority": 2},
    {"label": "Severity", "key": "severity", "priority": 3},
    {"label": "Due", "key": "due", "priority": 1},
)
_SORTED_BY: Final = {"due": "due time", "client": "client", "act": "act", "severity": "severity"}


@action("mywork.read")
def over_clients(request: HttpRequest) -> HttpResponseBase:
    """List what waits for a person at all of their clients, from `public` alone, what is due first on top."""
    gate: Gate = request.access
    user = gate.standing.principal
    assert isinstance(user, User)
    gate.check(user)
    saved = saved_views(request, "mywork")
    if saved.instead:
        return redirect(saved.instead)
    everything = work_of(user)
    slugs = [slug for slug in request.GET.getlist("client") if slug][:500]
    chosen = everything.filter(client__slug__in=slugs) if slugs else everything
    counts, places = _counted(everything, chosen, gate.at)
    show = _show(request, counts)
    sort = _sort(request)
    paginator = Paginator(_ordered(_shown(chosen, show, gate.at), sort), PAGE)
    paginator.count = counts[show]
    page = paginator.get_page(request.GET.get("page"))
    listed = [
        _row(each, gate.at, client_address(request, each.client), each.client.name)
        for each in page.object_list
    ]
    kept = [*(("client", slug) for slug in slugs), ("sort", sort)]
    context = _context(counts, show, sort, kept, listed)
    context |= {
        "page": page,
        "saved": saved,
        "columns": _COLUMNS,
        "age": _age(user, gate.at),
        "search": _places(places, slugs, show, sort),
    }
    return render(request, "tenants/mywork.html", context)


@action("mywork.read")
def here(request: HttpRequest) -> HttpResponseBase:
    """List what waits for a person at this client, asked in its own tables now."""
    gate: Gate = request.access
    user = gate.standing.principal
    assert isinstance(user, User)
    gate.check(user)
    saved = saved_views(request, "mywork")
    if saved.instead:
        return redirect(saved.instead)
    found = work_here(gate.standing)
    counts: Counter[str] = Counter(
        {"all": len(found), "late": sum(_late(each.due, gate.at) for each in found)}
    )
    counts.update(each.action for each in found)
    show, sort = _show(request, counts), _sort(request)
    chosen = [
        each
        for each in found
        if show == "all" or each.action == show or (show == "late" and _late(each.due, gate.at))
    ]
    keys = {"act": lambda work: work.action, "severity": lambda work: _GRAVE.get(work.severity, 9)}
    if key := keys.get(sort.removeprefix("-")):
        chosen.sort(key=key)
    if sort.startswith("-"):
        chosen.reverse()
    page = Paginator(chosen, PAGE).get_page(request.GET.get("page"))
    context = _context(
        counts,
        show,
        sort,
        [("sort", sort)],
        [_row(each, gate.at, get_script_prefix(), "") for each in page.object_list],
    )
    context |= {
        "page": page,
        "saved": saved,
        "columns": [each for each in _COLUMNS if each["key"] != "client"],
    }
    return render(request, "tenants/mywork.html", context)


def _context(
    counts: Counter[str], show: str, sort: str, kept: list[tuple[str, str]], rows: list[dict[str, Any]]
) -> dict[str, Any]:
    labels = {"all": "All", "late": "Late"} | verbs()
    chips = [
        {
            "label": label,
            "count": counts[key],
            "href": f"?{urlencode([*kept, ('show', key)])}",
            "current": key == show,
        }
        for key, label in labels.items()
        if counts[key] or key in ("all", "late", show)
    ]
    if show != "all" and counts["all"]:
        empty = ("Nothing under these filters", "Other work waits for you.", "?show=all", "Show all")
    else:
        empty = (
            "Nothing waits for you",
            "What is yours to triage, fix, retest or close is listed here as soon as a rule or a person opens it.",
            "",
            "",
        )
    return {
        "counts": counts,
        "chips": chips,
        "sort": sort,
        "sorted_by": _SORTED_BY[sort.removeprefix("-")],
        "rows": rows,
        "empty": dict(zip(("title", "text", "href", "label"), empty, strict=True)),
    }


def _show(request: HttpRequest, counts: Counter[str]) -> str:
    show = request.GET.get("show", "all")
    return show if show in verbs() or show in ("all", "late") else "all"


def _sort(request: HttpRequest) -> str:
    sort = request.GET.get("sort", "due")
    return sort if sort.removeprefix("-") in _SORTED_BY else "due"


def _counted(
    everything: QuerySet[WorkItem], chosen: QuerySet[WorkItem], at: datetime.datetime
) -> tuple["Counter[str]", list[tuple[str, str, int]]]:
    """Return the filters' counts, and how much waits at which client, in two queries."""
    counts: Counter[str] = Counter()
    for act, n, late in (
        chosen.order_by()
        .values_list("action")
        .annotate(n=Count("pk"), late=Count("pk", filter=Q(due__lt=at)))
    ):
        counts[act] += n
        counts["all"] += n
        counts["late"] += late
    places = everything.order_by("client__name", "client__slug").values_list("client__slug", "client__name")
    return counts, list(places.annotate(n=Count("pk")))


def _shown(found: QuerySet[WorkItem], show: str, at: datetime.datetime) -> QuerySet[WorkItem]:
    if show == "late":
        return found.filter(due__lt=at)
    return found if show == "all" else found.filter(action=show)


def _ordered(found: QuerySet[WorkItem], sort: str) -> QuerySet[WorkItem]:
    key, descending = sort.removeprefix("-"), sort.startswith("-")
    due = F("due").asc(nulls_last=True)
    if key == "due":
        return found.order_by(F("due").desc(nulls_last=True) if descending else due, "client__name", "key")
    if key == "severity":
        cases = [When(severity=name, then=Value(rank)) for name, rank in _GRAVE.items()]
        found = found.annotate(gravity=Case(*cases, default=Value(9), output_field=IntegerField()))
    column = {"client": "client__name", "act": "action", "severity": "gravity"}[key]
    return found.order_by(f"-{column}" if descending else column, due, "key")


def _places(
    places: list[tuple[str, str, int]], slugs: Iterable[str], show: str, sort: str
) -> dict[str, Any] | None:
    chosen = set(slugs)
    if len(places) < 2 and not chosen:
        return None
    options = [("", f"All {len(places)} clients"), *((slug, f"{name} · {n}") for slug, name, n in places)]
    value = next(iter(chosen)) if len(chosen) == 1 else ""
    if len(chosen) > 1:
        options.insert(0, ("", f"{len(chosen)} selected clients"))
    select = {"name": "client", "label": "Client", "value": value, "options": options}
    return {"hidden": [("show", show), ("sort", sort)], "selects": [select]}


def _age(user: User, at: datetime.datetime) -> dict[str, Any]:
    """Say of when the list is: the oldest figures among the person's clients, and whether that is too old."""
    summaries = ClientSummary.objects.filter(client__assignments__user=user)
    oldest = summaries.order_by("updated_at").values_list("updated_at", flat=True).first()
    return {
        "at": oldest,
        "old": oldest is not None and at - oldest > STALE,
        "span": at - oldest if oldest else None,
    }


def _late(due: datetime.datetime | None, at: datetime.datetime) -> bool:
    return due is not None and due < at


def _row(work: Work | WorkItem, at: datetime.datetime, root: str, client: str) -> dict[str, Any]:
    late = _late(work.due, at)
    if work.due is None:
        due = ("none", "no date")
    elif late:
        due = ("deviation", f"{span(at - work.due)} late")
    else:
        due = ("attention" if work.due - at < SOON else "none", f"due in {span(work.due - at)}")
    return {
        "key": work.key,
        "title": work.title,
        "href": f"{root}{work.url}",
        "client": client,
        "verb": verbs().get(work.action, work.action),
        "severity": work.severity,
        "severity_tone": _TONES.get(work.severity, "none"),
        "due_tone": due[0],
        "due": due[1],
        "act": late,
    }
