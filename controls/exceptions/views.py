"""Exceptions: the list, one exception with its life, and what a person does about it."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from controls.exceptions.acting import ACTS, COMMENT, Act, build, could_own, offered, refused, typed
from controls.exceptions.forms import ActForm
from controls.exceptions.listing import (
    by_urgency,
    late,
    repeated,
    rows_of,
    severity_order,
    untriaged,
    visible,
)
from controls.exceptions.models import ControlException
from controls.exceptions.page import exception_page
from controls.exceptions.services import Changed, Refused
from controls.exceptions.services import act as act_on
from controls.exceptions.services import comment as comment_on
from controls.exceptions.states import LIVE
from controls.results.choosing import span_words
from tenants.access.declare import action
from tenants.access.export import csv_answer
from tenants.access.gate import Gate
from tenants.clients.period import Period
from tenants.members.models import User
from tenants.savedviews.showing import saved_views

PAGE: Final = 50
_LIVE: Final = Q(state__in=LIVE)
_COLUMNS: Final = (
    {"label": "Id", "key": "number", "priority": 1},
    {"label": "What", "key": "", "priority": 1},
    {"label": "Control", "key": "control", "priority": 3},
    {"label": "Severity", "key": "severity", "priority": 2},
    {"label": "Found", "key": "found", "priority": 3},
    {"label": "Members", "key": "", "numeric": True, "priority": 4},
    {"label": "Owner", "key": "", "priority": 4},
    {"label": "Due", "key": "due", "priority": 1},
    {"label": "State", "key": "", "priority": 2},
)
_SORTS: Final = {
    "number": "number",
    "control": "control",
    "found": "detected",
    "due": "fix_due",
    "severity": "gravity",
}
_SORT_WORDS: Final = {
    "": "urgency", "number": "number", "control": "control", "found": "time found", "due": "due time",
    "severity": "severity",
}  # fmt: skip


def _shows(gate: Gate) -> dict[str, tuple[str, Q]]:
    """The filters of the list: words and condition by key, the usual one first."""
    return {
        "live": ("Open", _LIVE),
        "late": ("Late", late(gate.at)),
        "untriaged": ("Not triaged", untriaged(gate.at)),
        "grave": ("Critical and high", _LIVE & Q(severity__in=("critical", "high"))),
        "retest": ("Retest or closing due", Q(state__in=("fixed", "retested"))),
        "ended": ("Ended", ~_LIVE),
        "all": ("All", Q()),
    }


@action("exception.read")
def exceptions(request: HttpRequest) -> HttpResponseBase:
    """List exceptions, what is due first on top."""
    gate: Gate = request.access
    saved = saved_views(request, "exceptions")
    if saved.instead:
        return redirect(saved.instead)
    found, kept, notes = _asked(request, gate)
    shows = _shows(gate)
    show = request.GET.get("show", "live")
    show = show if show in shows else "live"
    counts = found.aggregate(**{key: Count("pk", filter=condition) for key, (_, condition) in shows.items()})
    sort = request.GET.get("sort", "")
    chosen = _sorted(found.filter(shows[show][1]), sort, gate)
    paginator = Paginator(chosen, PAGE)
    paginator.count = counts[show]
    page = paginator.get_page(request.GET.get("page"))
    context = {
        "rows": rows_of(gate, page.object_list, at=gate.at),
        "page": page,
        "columns": _COLUMNS,
        "sort": sort,
        "sorted_by": _SORT_WORDS.get(sort.removeprefix("-"), "urgency"),
        "counts": counts,
        "saved": saved,
        "notes": notes,
        "chips": [
            {
                "label": label,
                "count": counts[key],
                "href": f"?{urlencode({**kept, 'show': key})}",
                "current": key == show,
            }
            for key, (label, _) in shows.items()
        ],
        "search": {
            "name": "q",
            "value": kept.get("q", ""),
            "label": "Number, control or words",
            "hidden": [("show", show), *((k, v) for k, v in kept.items() if k != "q")],
        },
        "csv_href": f"exceptions.csv?{urlencode({**kept, 'show': show})}",
        "empty": _empty(gate, show, kept, counts["all"]),
    }
    context["csv_href"] = f"../{context['csv_href']}"
    return render(request, "controls/exceptions.html", context)


def _asked(
    request: HttpRequest, gate: Gate
) -> tuple[QuerySet[ControlException], dict[str, str], list[dict[str, str]]]:
    """Return the exceptions that a request narrows down to, its parameters, and each as a note to take away."""
    found = visible(gate)
    kept: dict[str, str] = {}
    for name in ("control", "severity", "q", "from", "to"):
        value = request.GET.get(name, "").replace("\x00", "").strip()[:80]
        if value:
            kept[name] = value
    labels: dict[str, str] = {}
    if "control" in kept:
        found = found.filter(Q(control=kept["control"]) | Q(further_controls__contains=[kept["control"]]))
        labels["control"] = f"Control {kept['control']}"
    if "severity" in kept:
        found = found.filter(severity=kept["severity"])
        labels["severity"] = f"Severity {kept['severity']}"
    if "q" in kept:
        for word in kept["q"].split():
            found = found.filter(
                Q(number__icontains=word) | Q(facts__icontains=word) | Q(control__iexact=word)
            )
    period = _period(request, kept)
    if period is None:
        kept.pop("from", None)
        kept.pop("to", None)
    else:
        inside = Q(occurred_first__lt=period.ends_before, occurred_last__gte=period.begins_at)
        opened = Q(opened__lt=period.ends_before) & (Q(closed_at=None) | Q(closed_at__gte=period.begins_at))
        found = found.filter(inside if gate.period is not None else inside | opened)
        labels["from"] = f"In {span_words(period.start, period.end)}"
    notes = [{"label": label, "href": f"?{urlencode(_less(kept, name))}"} for name, label in labels.items()]
    return found, kept, notes


def _less(kept: dict[str, str], name: str) -> dict[str, str]:
    gone = {name, "to"} if name == "from" else {name}
    return {key: value for key, value in kept.items() if key not in gone}


def _period(request: HttpRequest, kept: dict[str, str]) -> Period | None:
    if "from" not in kept or "to" not in kept:
        return None
    try:
        return Period.parse(f"{kept['from']}..{kept['to']}", request.client.tzinfo)
    except ValueError:
        return None


def _sorted(found: QuerySet[ControlException], sort: str, gate: Gate) -> QuerySet[ControlException]:
    column = _SORTS.get(sort.removeprefix("-"))
    if column is None:
        return by_urgency(found, at=gate.at)
    if column == "gravity":
        found = severity_order(found)
    return found.order_by(f"-{column}" if sort.startswith("-") else column, "number")


def _empty(gate: Gate, show: str, kept: dict[str, str], everything: int) -> dict[str, str]:
    if kept or (everything and show != "live"):
        return {
            "title": "No exception under these filters",
            "text": "Take a filter away, or look at all.",
            "href": "?show=all",
            "label": "Show all",
        }
    if everything:
        return {
            "title": "No exception is open",
            "text": "Everything that was found has ended.",
            "href": "?show=all",
            "label": "Show all",
        }
    return {
        "title": "No exceptions yet",
        "text": "A rule that finds a deviation opens one. Until a source is connected, nothing is judged: "
        "no exception does not mean no deviation.",
        "href": reverse("sources") if gate.may("source.read") else "",
        "label": "Look at the sources",
    }


@action("exception.read")
def exceptions_csv(request: HttpRequest) -> HttpResponseBase:
    """Answer the list, filtered as on the page, as CSV."""
    gate: Gate = request.access
    found, _, _ = _asked(request, gate)
    show = request.GET.get("show", "live")
    shows = _shows(gate)
    found = by_urgency(found.filter(shows.get(show, shows["live"])[1]), at=gate.at)
    head = (
        "id", "control", "criteria", "severity", "state", "facts", "occurred_first", "occurred_last", "detected",
        "triage_due", "fix_due", "fixed_at", "closed_at", "cause", "harm", "recurs",
    )  # fmt: skip
    return csv_answer("exceptions.csv", head, _lines(gate, found.select_related("recurs")))


def _lines(gate: Gate, found: QuerySet[ControlException]) -> Iterator[tuple[object, ...]]:
    def told(value: Any) -> str:
        return value.isoformat() if value else ""

    for each in found.iterator(chunk_size=500):
        yield (
            each.number, each.control, " ".join(each.criteria), each.severity, each.state, each.facts,
            told(each.occurred_first), told(each.occurred_last), told(each.detected), told(each.triage_due),
            told(each.fix_due), told(each.fixed_at), told(each.closed_at), each.cause, each.harm,
            repeated(gate, each),
        )  # fmt: skip


# One exception ──────────────────────────────────────────────────────────────────────────────────────


def _one(request: HttpRequest, number: str) -> ControlException:
    found = ControlException.objects.select_related("recurs").filter(number=number).first()
    if found is None:
        raise Http404
    request.access.check(found, "exception.read")
    return found


@action("exception.read")
def exception(request: HttpRequest, number: str) -> HttpResponse:
    """Show one exception: what happened, its clocks, its life, and what can be done now."""
    return render(request, "controls/exception.html", exception_page(request, _one(request, number)))


def _take(request: HttpRequest, number: str, taken: Act) -> HttpResponseBase:
    """Take an act, or show the exception again with what was typed and the reason why it was not taken."""
    gate: Gate = request.access
    found = _one(request, number)
    if not gate.allows(found, taken.policy):
        return _again(request, found, taken, None, refusal=refused(gate, found, taken), status=403)
    people = could_own(request.client)
    form = build(taken, request.POST, people=people)
    if not form.is_valid():
        return _again(request, found, taken, form, status=422)
    assert isinstance(request.user, User)
    try:
        if taken is COMMENT:
            comment_on(found, by=request.user.pk, at=timezone.now(), words=form.cleaned_data["words"])
        else:
            name = form.cleaned_data.get("verdict") or taken.actions[0]
            act_on(
                found,
                name,
                by=request.user.pk,
                at=timezone.now(),
                given=form.given(),
                version=form.cleaned_data["version"],
            )
    except Changed as changed:
        found.refresh_from_db()
        return _again(request, found, taken, form, refusal=str(changed), status=409)
    except Refused as refusal:
        if taken is not COMMENT and not offered(found, taken):
            return _again(request, found, taken, form, refusal=str(refusal), status=422)
        form.add_error(None, str(refusal))
        return _again(request, found, taken, form, status=422)
    messages.success(request, f"{found.number}: {taken.done}")
    return redirect("exception", number=found.number)


def _again(
    request: HttpRequest,
    found: ControlException,
    taken: Act,
    form: ActForm | None,
    *,
    status: int,
    refusal: str = "",
) -> HttpResponse:
    """Show the exception with a form that was not accepted; after a conflict, with what the other did meanwhile."""
    meanwhile = None
    mine = typed(form) if form is not None and refusal else ""
    if status == 409 and form is not None:
        meanwhile = form.cleaned_data.get("seen") or 0
        kept = {name: form.data.get(name, "") for name in form.fields if name not in ("version", "seen")}
        form = build(
            taken, initial={**kept, "version": found.version, "seen": None}, people=could_own(request.client)
        )
    context = exception_page(
        request, found, tried=form, tried_key=taken.key, refusal=refusal, meanwhile=meanwhile, mine=mine
    )
    return render(request, "controls/exception.html", context, status=status)


@action("exception.triage")
def triage(request: HttpRequest, number: str) -> HttpResponseBase:
    """Say how grave it is, why it happened, whose it is."""
    return _take(request, number, ACTS["triage"])


@action("exception.fix")
def fix(request: HttpRequest, number: str) -> HttpResponseBase:
    """Say what was done and when."""
    return _take(request, number, ACTS["fix"])


@action("exception.retest")
def retest(request: HttpRequest, number: str) -> HttpResponseBase:
    """Say whether the fix held."""
    return _take(request, number, ACTS["retest"])


@action("exception.close")
def close(request: HttpRequest, number: str) -> HttpResponseBase:
    """End it."""
    return _take(request, number, ACTS["close"])


@action("exception.call_false")
def call_false(request: HttpRequest, number: str) -> HttpResponseBase:
    """Say that it is no deviation, and which correction was made."""
    return _take(request, number, ACTS["call_false"])


@action("exception.reopen")
def reopen(request: HttpRequest, number: str) -> HttpResponseBase:
    """Take up again what had ended."""
    return _take(request, number, ACTS["reopen"])


@action("exception.comment")
def comment(request: HttpRequest, number: str) -> HttpResponseBase:
    """Add a note."""
    return _take(request, number, COMMENT)
