"""The list of controls, and one control: what it says, what it came to, how it is tested."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from controls.catalogue.models import Control
from controls.catalogue.page import control_page
from controls.catalogue.selectors import ListedControl, by_series, in_scope, listed
from controls.results.choosing import Chosen, choose
from controls.results.period import Outcome
from controls.results.words import OUTCOMES, frequency_words
from tenants.access.declare import action
from tenants.access.export import csv_answer
from tenants.access.gate import Gate

SHOWN: Final = {
    "all": "All",
    "open": "With open exceptions",
    **{outcome.value: OUTCOMES[outcome].text for outcome in Outcome},
    "key": "Key controls",
    "mine": "Mine",
}


def _shows(each: ListedControl, key: str, gate: Gate) -> bool:
    if key == "open":
        return bool(each.live)
    if key == "key":
        return each.control.key
    if key == "mine":
        return each.control.owner == getattr(gate.standing.principal, "pk", None)
    return key == "all" or each.outcome.value == key


def _found(request: HttpRequest, controls: Iterable[ListedControl]) -> list[ListedControl]:
    words = request.GET.get("q", "").strip().casefold()[:80].split()
    return [
        each
        for each in controls
        if all(w in f"{each.control.pk} {each.control.statement} {each.owner}".casefold() for w in words)
    ]


@action("control.read")
def controls(request: HttpRequest) -> HttpResponse:
    """List all controls that serve a criterion in scope, by series, with what they came to in a period."""
    gate: Gate = request.access
    show = request.GET.get("show", "all")
    show = show if show in SHOWN else "all"
    kept = {name: value for name in ("q", "show") if (value := request.GET.get(name))}
    chosen = choose(request, gate, kept=kept)
    criteria = {key: criterion for key, criterion in in_scope().items() if gate.covers(key)}
    everyone = _found(request, listed(chosen.period, criteria, at=gate.at))
    everyone = [each for each in everyone if gate.allows(each.control)]
    shown = [each for each in everyone if _shows(each, show, gate)]
    series = [
        each for each in by_series(criteria, shown) if each.controls or (show == "all" and not kept.get("q"))
    ]
    context = {
        "chosen": chosen,
        "series": series,
        "total": len(everyone),
        "shown": len(shown),
        "figures": _figures(everyone, chosen, kept),
        "chips": _chips(everyone, show, chosen, kept, gate),
        "kept": kept.items(),
        "search": {
            "name": "q",
            "value": request.GET.get("q", "")[:80],
            "label": "Words of a control",
            "hidden": [("show", show), *chosen.params.items()],
        },
        "csv_href": f"{reverse('controls_csv')}?{urlencode({**kept, **chosen.params})}",
        "criteria": len(criteria),
    }
    return render(request, "controls/controls.html", context)


def _chips(
    everyone: list[ListedControl], show: str, chosen: Chosen, kept: dict[str, str], gate: Gate
) -> list[dict[str, Any]]:
    chips = []
    for key, label in SHOWN.items():
        count = sum(_shows(each, key, gate) for each in everyone)
        if count or key in ("all", show):
            query = urlencode({**kept, "show": key, **chosen.params})
            chips.append({"label": label, "count": count, "href": f"?{query}", "current": key == show})
    return chips


def _figures(everyone: list[ListedControl], chosen: Chosen, kept: dict[str, str]) -> list[dict[str, Any]]:
    counts = Counter(each.outcome for each in everyone)

    def link(key: str) -> str:
        return f"?{urlencode({**kept, 'show': key, **chosen.params})}"

    live = sum(each.live for each in everyone)
    late = sum(each.late for each in everyone)
    return [
        {
            "value": counts[Outcome.DEVIATIONS],
            "label": "controls with deviations",
            "tone": "deviation" if counts[Outcome.DEVIATIONS] else "",
            "href": link("deviations"),
        },
        {
            "value": counts[Outcome.PARTLY_TESTED],
            "label": "tested in part: unknown members, or days not heard",
            "tone": "unknown" if counts[Outcome.PARTLY_TESTED] else "",
            "href": link("partly_tested"),
        },
        {
            "value": counts[Outcome.NO_DEVIATIONS] + counts[Outcome.DID_NOT_OCCUR],
            "label": "without deviations, or without an occasion",
            "tone": "met" if counts[Outcome.NO_DEVIATIONS] else "",
            "href": link("no_deviations"),
        },
        {"value": counts[Outcome.NOT_TESTED], "label": "not tested", "tone": "", "href": link("not_tested")},
        {
            "value": live,
            "label": f"exceptions open, {late} late" if late else "exceptions open",
            "tone": "attention" if late else "",
            "href": reverse("exceptions"),
        },
    ]


@action("control.read")
def controls_csv(request: HttpRequest) -> HttpResponseBase:
    """Answer the list of controls, filtered as on the page, as CSV."""
    gate: Gate = request.access
    chosen = choose(request, gate)
    show = request.GET.get("show", "all")
    everyone = _found(request, listed(chosen.period, in_scope(), at=gate.at))
    everyone = [each for each in everyone if gate.allows(each.control)]
    head = (
        "control", "statement", "criteria", "key", "frequency", "owner", "status", "from", "to", "result", "why",
        "population", "fail", "unknown", "exceptions_open", "exceptions_late",
    )  # fmt: skip
    shown = [each for each in everyone if show not in SHOWN or _shows(each, show, gate)]
    return csv_answer(f"controls-{chosen.period.start}_{chosen.period.end}.csv", head, _lines(shown, chosen))


def _lines(controls: list[ListedControl], chosen: Chosen) -> Iterator[tuple[object, ...]]:
    for each in controls:
        control = each.control
        counts = (each.population, each.failed, each.unknown) if each.tested else (None, None, None)
        yield (
            control.pk, control.statement, " ".join(control.criteria), "yes" if control.key else "no",
            frequency_words(control.frequency), each.owner, control.get_status_display(), chosen.period.start,
            chosen.period.end, each.outcome.value, each.why, *counts, each.live, each.late,
        )  # fmt: skip


@action("control.read")
def control(request: HttpRequest, control: str) -> HttpResponse:
    """Show one control over a period."""
    gate: Gate = request.access
    found = Control.objects.prefetch_related("procedures").filter(pk=control).first()
    if found is None:
        raise Http404
    gate.check(found)
    return render(request, "controls/control.html", control_page(request, found, choose(request, gate)))
