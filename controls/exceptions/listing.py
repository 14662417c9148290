"""Exceptions as lists show them: what, where, due in words, state, owner."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When

from controls.catalogue.loader import catalogue
from controls.catalogue.models import Control
from controls.exceptions.models import ControlException
from controls.exceptions.parties import owned_controls
from controls.exceptions.states import LIVE
from controls.results.accounts import account_names, keys_in, named
from controls.results.words import SEVERITIES, Said
from tenants.access.gate import Gate
from tenants.members.models import Role
from tenants.members.selectors import names_of
from tenants.templatetags.frame import span

SOON: Final = timedelta(days=2)
# States in which nobody is waited for to mend anything.
MENDED: Final = ("fixed", "retested", "accepted")
_RANK: Final = {"critical": 0, "high": 1, "medium": 2, "low": 3}


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a list of exceptions."""

    exception: ControlException
    said: str
    severity: Said
    state: Said
    due: Said
    owner: str
    members: int
    act: bool


def late(at: datetime) -> Q:
    """The exceptions whose fix is overdue."""
    return Q(state__in=LIVE, fix_due__lt=at) & ~Q(state__in=MENDED)


def untriaged(at: datetime) -> Q:
    """The exceptions that wait for triage."""
    return Q(state="open")


def visible(gate: Gate) -> QuerySet[ControlException]:
    """The exceptions that a person may see at all: an auditor's period and categories, an employee's own, else all."""
    found = ControlException.objects.all()
    period = gate.period
    if period is not None:
        covered = [key for key in catalogue().criteria if gate.covers(key)]
        return found.filter(
            occurred_first__lt=period.ends_before,
            occurred_last__gte=period.begins_at,
            criteria__overlap=covered,
        )
    if gate.standing.roles == {Role.EMPLOYEE.value}:
        person = getattr(gate.standing.principal, "pk", None)
        found = found.filter(
            Q(owner=person) | Q(control__in=Control.objects.filter(owner=person).values("pk"))
        )
    return found


def repeated(gate: Gate, exception: ControlException) -> str:
    """Return the number of the exception that one repeats; empty where the person may not know of that one."""
    before = exception.recurs
    return before.number if before is not None and gate.allows(before, "exception.read") else ""


def by_urgency(found: QuerySet[ControlException], *, at: datetime) -> QuerySet[ControlException]:
    """Order: what is waited for by its due time, then what is mended, then what has ended, newest first."""
    rank = Case(
        When(Q(state__in=LIVE) & ~Q(state__in=MENDED), then=Value(0)),
        When(state__in=LIVE, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return found.annotate(rank=rank).order_by(
        "rank", F("closed_at").desc(nulls_first=True), "fix_due", "number"
    )


def listed_rows(gate: Gate, found: QuerySet[ControlException], *, at: datetime, most: int) -> list[Listed]:
    """Return the first rows of a query, most urgent first, in three queries."""
    return rows_of(gate, by_urgency(found, at=at)[:most], at=at)


def rows_of(gate: Gate, found: Iterable[ControlException], *, at: datetime) -> list[Listed]:
    """Return rows of exceptions in the order given, those that the person may see."""
    exceptions = list(found)
    owned = owned_controls(each.control for each in exceptions)
    for each in exceptions:
        each.control_owner = owned.get(each.control)
    exceptions = gate.only(exceptions, "exception.read")
    names = account_names(key for each in exceptions for key in keys_in(each.facts))
    people = names_of(each.owner for each in exceptions)
    keys = [each.pk for each in exceptions]
    counted = ControlException.objects.filter(pk__in=keys).annotate(
        n=Count("members", filter=Q(members__result="fail"))
    )
    counts = dict(counted.values_list("pk", "n")) if keys else {}
    return [
        Listed(
            exception=each,
            said=named(each.facts, names).rstrip("."),
            severity=severity_said(each.severity),
            state=state_said(each),
            due=due_said(each, at=at),
            owner=people.get(each.owner, "") if each.owner else "",
            members=counts.get(each.pk, 0),
            act=is_late(each, at=at),
        )
        for each in exceptions
    ]


def severity_said(severity: str) -> Said:
    """A severity as a pill."""
    return Said(SEVERITIES.get(severity, "none"), severity)


def state_said(exception: ControlException) -> Said:
    """A state as a pill: what waits for a person needs one, what has ended well is met."""
    tones = {
        "open": "attention", "triaged": "attention", "ticketed": "attention", "fixed": "attention",
        "retested": "attention", "accepted": "none", "closed": "met", "false_positive": "none", "merged": "none",
    }  # fmt: skip
    words = {
        "open": "open, not triaged",
        "triaged": "triaged",
        "ticketed": "ticket given",
        "fixed": "fixed, retest due",
        "retested": "retested, to be closed",
        "accepted": "risk accepted",
        "closed": "closed",
        "false_positive": "false alarm",
        "merged": "merged",
    }
    return Said(tones.get(exception.state, "none"), words.get(exception.state, exception.state))


def is_late(exception: ControlException, *, at: datetime) -> bool:
    """Whether something about it is overdue: the triage of an open one, the fix of one that is not mended."""
    if exception.state == "open" and exception.triage_due < at:
        return True
    return exception.state in LIVE and exception.state not in MENDED and exception.fix_due < at


def due_said(exception: ControlException, *, at: datetime) -> Said:
    """What its clock says, in words: `triage 2 h late`, `due in 21 h`, `in time`, `3 d late`."""
    if exception.state == "open":
        return _clock("triage ", exception.triage_due, at)
    if exception.state in ("fixed", "retested", "closed") and exception.fixed_at:
        over = exception.fixed_at - exception.fix_due
        return Said("met", "in time") if over <= timedelta(0) else Said("attention", f"{span(over)} late")
    if exception.state not in LIVE:
        return Said("none", "ended")
    if exception.state == "accepted":
        until = exception.accepted_until
        return Said("none", f"until {until:%d %b %Y}" if until else "accepted")
    return _clock("", exception.fix_due, at)


def _clock(what: str, due: datetime, at: datetime) -> Said:
    left = due - at
    if left < timedelta(0):
        return Said("deviation", f"{what}{span(left)} late")
    lead = f"{what}due in" if what else "due in"
    return Said("attention" if left < SOON else "none", f"{lead} {span(left)}")


def severity_order(found: QuerySet[ControlException]) -> QuerySet[ControlException]:
    """Annotate how grave each is, gravest first, for sorting."""
    cases = [When(severity=name, then=Value(rank)) for name, rank in _RANK.items()]
    return found.annotate(gravity=Case(*cases, default=Value(9), output_field=IntegerField()))
