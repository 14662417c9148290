"""What a package over these days would not prove, told before it is built."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from controls.catalogue.models import Control, CriterionScope
from controls.catalogue.page import stream_words
from controls.exceptions.models import ControlException
from controls.results.choosing import span_words
from controls.results.figures import grouped
from controls.results.period import ControlResult, control_results, coverage_of
from controls.results.reasons import reason_words
from evidence.coverage.states import DayState, State
from reports.packages.build import Asked
from tenants.clients.models import Client
from tenants.clients.period import Period

_SILENT: Final = {
    State.GAP: ("Nothing received", "unknown"),
    State.UNKNOWN: ("Not settled yet", "unknown"),
    State.NOT_IN_SCOPE: ("Not in scope", "none"),
}
_REASONS_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One line: its tone, how many of what, a sentence, and where to mend or see it."""

    tone: str
    title: str
    text: str
    href: str = ""


def foreseen(client: Client, asked: Asked, *, at: datetime) -> list[Foreseen]:
    """Return the lines, the gravest first, in a fixed number of queries."""
    today = timezone.localdate(timezone=client.tzinfo)
    period = Period(asked.start, min(asked.end, max(today, asked.start)), client.tzinfo)
    inside = list(CriterionScope.objects.filter(in_scope=True).values_list("criterion", flat=True))
    controls = Control.objects.exclude(status=Control.Status.RETIRED).filter(criteria__overlap=inside)
    controls = controls.prefetch_related("procedures").order_by("pk")
    coverage = coverage_of(period, at=at)
    results = control_results(controls, period, at=at, coverage=coverage)
    return [
        *_running(asked, today),
        *_days(coverage),
        *_unknown(results, asked, period),
        *_untriaged(period),
        *_not_tested(results, asked),
        *_people(results, asked),
    ]


def _running(asked: Asked, today: date) -> list[Foreseen]:
    if asked.end < today:
        return []
    text = f"It ends on {span_words(asked.end, asked.end)}. Days to come are not in it; build it again afterwards."
    return [Foreseen("attention", "The period is still running", text)]


def _days(streams: Mapping[str, list[DayState]]) -> list[Foreseen]:
    if not streams:
        text = "No rule has anything to judge. Connect a source first."
        return [Foreseen("unknown", "No source is connected", text, reverse("sources"))]
    found = []
    for state, (title, tone) in _SILENT.items():
        for stream, days in streams.items():
            lost = [each.local_date for each in days if each.state is state]
            if lost:
                slug = stream.partition(".")[0]
                text = f"{stream_words(stream)}: {len(lost)} of {len(days)} days, {_spans(lost)}."
                found.append(Foreseen(tone, title, text, reverse("coverage", args=[slug])))
    return found


def _spans(days: Sequence[date]) -> str:
    runs: list[list[date]] = []
    for each in days:
        if runs and runs[-1][1] + timedelta(days=1) == each:
            runs[-1][1] = each
        else:
            runs.append([each, each])
    shown = [span_words(*run) for run in runs[:_REASONS_SHOWN]]
    more = sum((last - first).days + 1 for first, last in runs[_REASONS_SHOWN:])
    return ", ".join([*shown, *([f"{more} more"] if more else [])])


def _tested(results: Iterable[ControlResult], asked: Asked) -> list[tuple[ControlResult, int]]:
    return [
        (result, index)
        for result in results
        for index, procedure in enumerate(result.procedures)
        if procedure.days and (asked.kind == 2 or procedure.kind == "state")
    ]


def _unknown(results: Sequence[ControlResult], asked: Asked, period: Period) -> list[Foreseen]:
    found = []
    for result, index in _tested(results, asked):
        procedure = result.procedures[index]
        if not procedure.unknown:
            continue
        counted = sorted(procedure.reasons.items(), key=lambda pair: -pair[1])
        why = ", ".join(f"{grouped(count)} {reason_words(reason)}" for reason, count in counted)
        query = urlencode({"result": "unknown", "from": period.start, "to": period.end})
        found.append(
            Foreseen(
                "unknown",
                "Could not be judged",
                f"{grouped(procedure.unknown)} of {grouped(procedure.population)} members of"
                f" {result.control.pk}.{procedure.rule_id}: {why}.",
                f"{reverse('members', args=[result.control.pk, procedure.rule_id])}?{query}",
            )
        )
    return found


def _untriaged(period: Period) -> list[Foreseen]:
    inside = Q(occurred_first__lt=period.ends_before, occurred_last__gte=period.begins_at)
    count = ControlException.objects.filter(inside, state="open").count()
    if not count:
        return []
    said = "1 exception is" if count == 1 else f"{grouped(count)} exceptions are"
    text = f"{said} not triaged. A draft prints {'it' if count == 1 else 'them'} as open; issuing asks for triage."
    query = urlencode({"show": "untriaged", "from": period.start, "to": period.end})
    return [Foreseen("attention", "Not triaged", text, f"{reverse('exceptions')}?{query}")]


def _not_tested(results: Sequence[ControlResult], asked: Asked) -> list[Foreseen]:
    reasons: Counter[str] = Counter()
    total = 0
    for result in results:
        for procedure in result.procedures:
            if procedure.procedure.kind == "design":
                continue
            total += 1
            if procedure.why:
                reasons[_without_id(procedure.why, procedure.procedure.ref)] += 1
            elif asked.kind == 1 and procedure.kind != "state":
                reasons["because a Type I tests state and design only"] += 1
    if not reasons:
        return []
    why = "; ".join(f"{count} {reason}" for reason, count in reasons.most_common(_REASONS_SHOWN))
    text = f"{reasons.total()} of {total} procedures, besides inspections of design: {why}."
    return [Foreseen("none", "Not tested", text, f"{reverse('controls')}?show=not_tested")]


def _without_id(why: str, ref: str) -> str:
    """Say a reason so that it can follow a count: `55 because the rule does not exist yet`."""
    if why == f"rule {ref} does not exist yet":
        return "because the rule does not exist yet"
    words = {
        "the procedure was not run": "not run",
        "the control is not in place": "because the control is not in place",
        "no source of it is connected": "because no source is connected",
    }
    return words.get(why, f"because {why}")


def _people(results: Sequence[ControlResult], asked: Asked) -> list[Foreseen]:
    populations = len(_tested(results, asked))
    out = CriterionScope.objects.filter(in_scope=False).count()
    lines = [
        Foreseen("none", "Assertion", "Management has not signed it; the draft says so."),
        Foreseen("none", "System description", "No part is accepted by a named person; the draft says so."),
    ]
    if populations:
        said = "1 population is" if populations == 1 else f"{populations} populations are"
        lines.append(Foreseen("none", "Not frozen", f"{said} not frozen, so members may still change."))
    if out:
        lines.append(
            Foreseen("none", "Criteria left out", f"{out} of 61, each with its reason in the package.")
        )
    return lines
