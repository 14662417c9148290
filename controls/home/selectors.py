"""What the client's start page says: what waits for somebody, how much is open, which dates come next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.http import urlencode

from controls.exceptions.listing import SOON, Listed, late, listed_rows, visible
from controls.exceptions.states import LIVE
from controls.results.words import SEVERITIES
from evidence.intake.models import Source
from evidence.intake.selectors import Heard
from tenants.access.gate import Gate
from tenants.engagements.models import Engagement
from tenants.templatetags.frame import day, span

MOST: Final = 8
GRAVEST_FIRST: Final = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing that waits for a person: a status, a sentence, what is around it, and where to do it."""

    tone: str
    label: str
    what: str
    around: str
    href: str


@dataclass(frozen=True, slots=True)
class Age:
    """Live exceptions of one severity, by how their time stands; `late` is what red is for."""

    severity: str
    in_time: int
    soon: int
    late: int
    mended: int


@dataclass(frozen=True, slots=True)
class NextDate:
    """A date that comes, what it is, and what is known of it."""

    on: date
    what: str
    note: str


def waiting(gate: Gate, heard: Sequence[Heard]) -> list[Attention]:
    """Return what needs somebody: late and grave exceptions by due time, then sources, then the other exceptions."""
    open_ones = visible(gate).filter(state__in=LIVE).exclude(state="accepted")
    rows = listed_rows(gate, open_ones, at=gate.at, most=MOST)
    urgent = [_exception(row) for row in rows if row.act or row.exception.severity in ("critical", "high")]
    others = [_exception(row) for row in rows if not row.act and row.exception.severity in ("medium", "low")]
    return [*urgent, *_of_sources(heard), *others]


def _exception(row: Listed) -> Attention:
    found = row.exception
    around = [row.exception.control, row.due.text, row.state.text, row.owner]
    return Attention(
        tone=SEVERITIES.get(found.severity, "none"),
        label=found.severity.capitalize(),
        what=row.said,
        around=" · ".join(word for word in around if word),
        href=reverse("exception", args=[found.number]),
    )


def _of_sources(heard: Sequence[Heard]) -> list[Attention]:
    found = []
    for each in heard:
        page = reverse("source", args=[each.source.slug])
        if each.refused:
            many = "batch" if each.refused == 1 else "batches"
            words = f"{each.refused:,} {many} of {each.name} could not be recorded"
            found.append(Attention("deviation", "Unread", words, "the bytes are kept", page))
        if each.silence:
            words = f"{each.name}: nothing for {span(each.silence)}"
            found.append(Attention("unknown", "Silent", words, "what it would show cannot be tested", page))
        elif each.last_event is None and each.last_day is None and each.source.state == Source.State.ACTIVE:
            words = f"{each.name} is connected and has sent nothing"
            found.append(
                Attention("unknown", "Silent", words, "upload a file or push the first events", page)
            )
        if each.rejected:
            many = "record" if each.rejected == 1 else "records"
            words = f"{each.rejected:,} rejected {many} of {each.name}"
            around = "each with its reason, waiting for a decision"
            found.append(
                Attention(
                    "attention", "Rejected", words, around, reverse("rejected", args=[each.source.slug])
                )
            )
    return found


def ages(gate: Gate) -> list[Age]:
    """Return the live exceptions by severity and by how their time stands, in one query."""
    overdue = late(gate.at) | Q(state="open", triage_due__lt=gate.at)
    mended = Q(state__in=("fixed", "retested", "accepted"))
    near = ~overdue & ~mended & Q(fix_due__lt=gate.at + SOON)
    rows = (
        visible(gate)
        .filter(state__in=LIVE)
        .order_by()
        .values("severity")
        .annotate(
            n=Count("pk"),
            late=Count("pk", filter=overdue),
            soon=Count("pk", filter=near),
            mended=Count("pk", filter=mended & ~overdue),
        )
    )
    by_severity = {row["severity"]: row for row in rows}
    found = []
    for severity in GRAVEST_FIRST:
        row = by_severity.get(severity, {"n": 0, "late": 0, "soon": 0, "mended": 0})
        rest = row["n"] - row["late"] - row["soon"] - row["mended"]
        found.append(Age(severity, rest, row["soon"], row["late"], row["mended"]))
    return found


def exceptions_href(**asked: str) -> str:
    """Return the address of the list of exceptions, narrowed down."""
    return f"{reverse('exceptions')}?{urlencode(asked)}" if asked else reverse("exceptions")


def engagements_of(gate: Gate) -> list[Engagement]:
    """Return the engagements at this client that the person may know of."""
    client = gate.standing.client
    found = Engagement.objects.filter(client=client).order_by("access_until")
    return gate.only(found, "engagement.read")


def next_dates(engagements: Sequence[Engagement], *, today: date) -> list[NextDate]:
    """Return the dates to come of the engagements, nearest first."""
    found = []
    for each in engagements:
        name = str(each)
        if each.period_end and each.period_end >= today:
            found.append(
                NextDate(each.period_end, f"The period ends: {name}", f"began {day(each.period_start)}")
            )
        if each.as_of and each.as_of >= today:
            found.append(NextDate(each.as_of, f"As-of date: {name}", ""))
        if each.access_from >= today:
            found.append(
                NextDate(each.access_from, f"Auditors may read: {name}", f"until {day(each.access_until)}")
            )
        if each.access_until >= today:
            found.append(NextDate(each.access_until, f"Auditors’ access ends: {name}", ""))
    return sorted(found, key=lambda each: (each.on, each.what))
