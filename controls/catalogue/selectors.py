"""The controls of a client as pages list them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q

from controls.catalogue.loader import Criterion, catalogue
from controls.catalogue.models import Control, CriterionScope
from controls.catalogue.series import SERIES_TITLES, series_of
from controls.exceptions.models import ControlException
from controls.exceptions.states import LIVE
from controls.results.period import ControlResult, Outcome, control_results
from controls.results.words import OUTCOMES, Said, title_of
from tenants.clients.period import Period
from tenants.members.selectors import names_of


@dataclass(frozen=True, slots=True)
class ListedControl:
    """One control in a list: what it came to, its figures, how many exceptions are live, its owner in words."""

    control: Control
    title: str
    outcome: Outcome
    said: Said
    why: str
    tested: bool
    population: int
    failed: int
    unknown: int
    live: int
    late: int
    owner: str
    named: bool


@dataclass(slots=True)
class Series:
    """A series of criteria in scope, with the controls that are listed under it: each under its first criterion."""

    key: str
    title: str
    criteria: list[tuple[Criterion, list[str]]] = field(default_factory=list)
    controls: list[ListedControl] = field(default_factory=list)


def in_scope() -> dict[str, Criterion]:
    """Return the criteria in scope, in the catalogue's order."""
    inside = set(CriterionScope.objects.filter(in_scope=True).values_list("criterion", flat=True))
    return {key: criterion for key, criterion in catalogue().criteria.items() if key in inside}


def listed(period: Period, criteria: Iterable[str], *, at: datetime) -> list[ListedControl]:
    """Return every control that serves one of these criteria, in a fixed number of queries."""
    controls = (
        Control.objects.exclude(status=Control.Status.RETIRED)
        .filter(criteria__overlap=list(criteria))
        .prefetch_related("procedures")
        .order_by("pk")
    )
    results = control_results(controls, period, at=at)
    live = _live(at)
    people = names_of(result.control.owner for result in results)
    return [_listed(result, live, people) for result in results]


def _live(at: datetime) -> dict[str, tuple[int, int]]:
    late = Q(fix_due__lt=at) & ~Q(state__in=("fixed", "retested", "accepted"))
    rows = ControlException.objects.filter(state__in=LIVE).values_list("control")
    return {key: (n, m) for key, n, m in rows.annotate(n=Count("pk"), m=Count("pk", filter=late))}


def _listed(
    result: ControlResult, live: dict[str, tuple[int, int]], people: dict[UUID, str]
) -> ListedControl:
    control = result.control
    tested = [p for p in result.procedures if p.days]
    members = [p for p in tested if p.kind != "state"] or tested
    owner = people.get(control.owner) if control.owner else None
    return ListedControl(
        control=control,
        title=title_of(control.statement, longest=100),
        outcome=result.outcome,
        said=OUTCOMES[result.outcome],
        why=why_not_tested(result),
        tested=bool(tested),
        population=sum(p.population for p in members),
        failed=sum(p.failed for p in members),
        unknown=sum(p.unknown for p in members),
        live=live.get(control.pk, (0, 0))[0],
        late=live.get(control.pk, (0, 0))[1],
        owner=owner or control.owner_function,
        named=owner is not None,
    )


def why_not_tested(result: ControlResult) -> str:
    """Return the commonest reason for which procedures other than the design's were not run; empty if tested."""
    if result.outcome is not Outcome.NOT_TESTED:
        return ""
    reasons = Counter(p.why for p in result.procedures if p.why and p.procedure.kind != "design")
    return reasons.most_common(1)[0][0] if reasons else ""


def by_series(criteria: dict[str, Criterion], controls: Sequence[ListedControl]) -> list[Series]:
    """Put controls under the series of the first criterion in scope that they serve."""
    found: dict[str, Series] = {}
    for key, criterion in criteria.items():
        name = series_of(key)
        series = found.setdefault(name, Series(name, SERIES_TITLES.get(name, name)))
        serving = [each.control.pk for each in controls if key in each.control.criteria]
        series.criteria.append((criterion, serving))
    for each in controls:
        first = next(key for key in each.control.criteria if key in criteria)
        found[series_of(first)].controls.append(each)
    return list(found.values())
