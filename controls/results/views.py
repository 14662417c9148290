"""The rows behind a control's figures: members of a population, and its days."""

import datetime
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from controls.catalogue.models import Control, ControlProcedure
from controls.results.accounts import account_names
from controls.results.choosing import Chosen, choose
from controls.results.models import Occurrence
from controls.results.period import ProcedureResult, control_result, counts_in
from controls.results.reasons import reason_help, reason_words
from controls.results.rows import shown_members
from controls.results.words import DAYS, RESULTS, title_of
from controls.rules.language import Rule
from controls.rules.registry import rule_by_id
from evidence.coverage.states import State
from tenants.access.declare import action
from tenants.access.export import csv_answer
from tenants.access.gate import Gate

PAGE: Final = 50
DAYS_PAGE: Final = 100


def _asked(request: HttpRequest, control: str, rule: str) -> tuple[Control, Rule]:
    """Return the control and the rule of one of its procedures; both are 404 alike where they are not the client's."""
    found = Control.objects.prefetch_related("procedures").filter(pk=control).first()
    known = rule_by_id(rule)
    if found is None:
        raise Http404
    request.access.check(found)
    if known is None or not ControlProcedure.objects.filter(control=found, ref=rule).exists():
        raise Http404
    return found, known


# Members ────────────────────────────────────────────────────────────────────────────────────────────


@action("population.read")
def members(request: HttpRequest, control: str, rule: str) -> HttpResponse:
    """List the members of a population over a period, newest first, by result, reason or account."""
    found, known = _asked(request, control, rule)
    gate: Gate = request.access
    kept = _kept(request)
    chosen = choose(request, gate, kept=kept)
    rows, older, newer = _page(request, _narrowed(_population(known, chosen), kept))
    counts = counts_in(known.id, chosen.period)
    names = account_names([kept["account"]]) if "account" in kept else {}
    shown = shown_members(rows, gate=gate, opens=True)
    context = {
        "control": found,
        "title": title_of(found.statement),
        "rule": known,
        "chosen": chosen,
        "members": shown,
        "targets": any(each.target for each in shown),
        "older": f"?{urlencode({**kept, **chosen.params, 'before': older})}" if older else "",
        "newer": f"?{urlencode({**kept, **chosen.params, 'after': newer})}" if newer else "",
        "chips": _chips(kept, counts, chosen),
        "kept": kept,
        "notes": _notes(kept, names, chosen),
        "whole": counts["population"]
        if not kept
        else counts[kept["result"]]
        if set(kept) == {"result"}
        else None,
        "help": reason_help(kept.get("reason", "")),
        "csv_href": f"{reverse('members_csv', args=[found.pk, known.id])}?{urlencode({**kept, **chosen.params})}",
        "days_href": f"{reverse('days', args=[found.pk, known.id])}?{chosen.query}",
        "control_href": f"{reverse('control', args=[found.pk])}?{chosen.query}",
    }
    return render(request, "controls/members.html", context)


def _kept(request: HttpRequest) -> dict[str, str]:
    kept = {}
    for name in ("result", "reason", "account"):
        value = request.GET.get(name, "").replace("\x00", "").strip()[:300]
        if value:
            kept[name] = value
    if kept.get("result") not in RESULTS:
        kept.pop("result", None)
    return kept


def _population(rule: Rule, chosen: Chosen) -> QuerySet[Occurrence]:
    return Occurrence.objects.filter(
        rule=rule.id,
        local_date__range=(chosen.period.start, chosen.period.end),
        result__in=tuple(RESULTS),
    )


def _narrowed(found: QuerySet[Occurrence], kept: dict[str, str]) -> QuerySet[Occurrence]:
    columns = {"result": "result", "reason": "reason", "account": "actor_key"}
    return found.filter(**{columns[name]: value for name, value in kept.items()})


def _page(request: HttpRequest, found: QuerySet[Occurrence]) -> tuple[list[Occurrence], str, str]:
    """Return one page and the keys from which the next and the one before begin; nothing is counted or skipped."""
    found = found.select_related("exception")
    before, after = _key(request.GET.get("before", "")), _key(request.GET.get("after", ""))
    # The date comes first: it is in the index, and in the same order as the time.
    if after is not None:
        day, at, pk = after
        newer = Q(local_date__gte=day) & (Q(time__gt=at) | Q(time=at, pk__gt=pk))
        rows = list(found.filter(newer).order_by("local_date", "time", "pk")[: PAGE + 1])
        more = len(rows) > PAGE
        rows = rows[:PAGE][::-1]
        return rows, _written(rows[-1]) if rows else "", _written(rows[0]) if more else ""
    if before is not None:
        day, at, pk = before
        found = found.filter(Q(local_date__lte=day) & (Q(time__lt=at) | Q(time=at, pk__lt=pk)))
    rows = list(found.order_by("-local_date", "-time", "-pk")[: PAGE + 1])
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    return rows, _written(rows[-1]) if more else "", _written(rows[0]) if before is not None and rows else ""


def _written(row: Occurrence) -> str:
    return f"{row.local_date.isoformat()}_{row.time.isoformat()}_{row.pk}"


def _key(text: str) -> tuple[datetime.date, datetime.datetime, int] | None:
    try:
        day, at, pk = text.split("_")
        instant = datetime.datetime.fromisoformat(at)
        return (datetime.date.fromisoformat(day), instant, int(pk)) if instant.tzinfo else None
    except ValueError:
        return None


def _chips(kept: dict[str, str], counts: dict[str, int], chosen: Chosen) -> list[dict[str, Any]]:
    rest = {name: value for name, value in kept.items() if name == "account"}
    chips = [{"label": "All", "key": "", "count": counts["population"]}]
    chips += [{"label": RESULTS[key].text.capitalize(), "key": key, "count": counts[key]} for key in RESULTS]
    return [
        {
            "label": chip["label"],
            # Counts are of the whole period; with an account chosen they would say something else than they list.
            "count": chip["count"] if not rest else None,
            "href": f"?{urlencode({**rest, **({'result': chip['key']} if chip['key'] else {}), **chosen.params})}",
            "current": kept.get("result", "") == chip["key"],
        }
        for chip in chips
    ]


def _notes(kept: dict[str, str], names: dict[str, str], chosen: Chosen) -> list[dict[str, str]]:
    labels = {}
    if "reason" in kept:
        labels["reason"] = f"Because {reason_words(kept['reason'])}"
    if "account" in kept:
        labels["account"] = f"By {names.get(kept['account'], kept['account'])}"
    return [
        {
            "label": label,
            "href": f"?{urlencode({**{k: v for k, v in kept.items() if k != name}, **chosen.params})}",
        }
        for name, label in labels.items()
    ]


@action("population.read")
def members_csv(request: HttpRequest, control: str, rule: str) -> HttpResponseBase:
    """Answer members, filtered as on the page, oldest first, as CSV."""
    found, known = _asked(request, control, rule)
    kept = _kept(request)
    chosen = choose(request, request.access, kept=kept)
    rows = _narrowed(_population(known, chosen), kept).order_by("local_date", "time", "pk")
    head = (
        "member_id", "occurred_at", "local_date", "kind", "actor", "target", "source", "batch", "seq", "result",
        "reason", "rule", "rule_version", "judged_at", "exception",
    )  # fmt: skip
    name = f"{found.pk}.{known.id}-{chosen.period.start}_{chosen.period.end}.csv"
    return csv_answer(name, head, _lines(rows))


def _lines(rows: QuerySet[Occurrence]) -> Iterator[tuple[object, ...]]:
    columns = (
        "member_id", "time", "local_date", "action", "actor_key", "target_key", "source__slug", "batch_id", "seq",
        "result", "reason", "rule", "rule_version", "judged_at", "exception__number",
    )  # fmt: skip
    for member_id, time, *middle, judged_at, exception in rows.values_list(*columns).iterator(
        chunk_size=2000
    ):
        yield (member_id, _utc(time), *middle, _utc(judged_at), exception or "")


def _utc(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")


# Days ───────────────────────────────────────────────────────────────────────────────────────────────


@action("result.read")
def days(request: HttpRequest, control: str, rule: str) -> HttpResponse:
    """List the days of a period with what was heard and what the rule said: the strip as a table."""
    found, known = _asked(request, control, rule)
    gate: Gate = request.access
    chosen = choose(request, gate)
    result = _result(found, known, chosen, gate)
    page = Paginator(result.days[::-1] if result else [], DAYS_PAGE).get_page(request.GET.get("page"))
    opens = gate.allows(found, "population.read")
    address = reverse("members", args=[found.pk, known.id])
    context = {
        "control": found,
        "title": title_of(found.statement),
        "rule": known,
        "chosen": chosen,
        "result": result,
        "page": page,
        "rows": [
            {
                "day": each,
                "state": DAYS[each.state],
                "tone": {State.GAP: "unknown", State.UNKNOWN: "unknown", State.NOT_IN_SCOPE: "none"}.get(
                    each.state, "met"
                ),
                "href": f"{address}?{urlencode({'from': each.local_date, 'to': each.local_date})}"
                if opens and each.population
                else "",
            }
            for each in page.object_list
        ],
        "csv_href": f"{reverse('days_csv', args=[found.pk, known.id])}?{chosen.query}",
        "control_href": f"{reverse('control', args=[found.pk])}?{chosen.query}",
    }
    return render(request, "controls/days.html", context)


@action("result.read")
def days_csv(request: HttpRequest, control: str, rule: str) -> HttpResponseBase:
    """Answer the days as CSV, oldest first."""
    found, known = _asked(request, control, rule)
    gate: Gate = request.access
    chosen = choose(request, gate)
    result = _result(found, known, chosen, gate)
    head = ("local_date", "state", "population", "pass", "fail", "unknown")
    rows = [
        (d.local_date, d.state.value, d.population, d.passed, d.failed, d.unknown)
        for d in (result.days if result else [])
    ]
    return csv_answer(f"{found.pk}.{known.id}-days-{chosen.period.start}_{chosen.period.end}.csv", head, rows)


def _result(control: Control, rule: Rule, chosen: Chosen, gate: Gate) -> ProcedureResult | None:
    whole = control_result(control, chosen.period, at=gate.at)
    return next((p for p in whole.procedures if p.rule_id == rule.id and p.days), None)
