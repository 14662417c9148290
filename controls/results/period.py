"""What a control's procedures came to over a period, from daily tallies (soc2-rules §3.7)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from django.db.models import Count, Q, Sum

from controls.catalogue.models import Control, ControlProcedure
from controls.results.models import Occurrence, RuleSetting, Tally
from controls.rules.language import Rule
from controls.rules.registry import rule_by_id
from evidence.coverage.states import DayState, State, listing_of, source_days, worst
from evidence.intake.models import Source
from tenants.clients.period import Period

NO_SOURCE = "no source of it is connected"


class Outcome(StrEnum):
    """Result words in order of precedence: a control takes its worst procedure's."""

    DEVIATIONS = "deviations"
    NOT_TESTED = "not_tested"
    PARTLY_TESTED = "partly_tested"
    DID_NOT_OCCUR = "did_not_occur"
    NO_DEVIATIONS = "no_deviations"


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One client-zone day of one procedure: its members and what was heard of its sources."""

    local_date: date
    population: int
    passed: int
    failed: int
    unknown: int
    state: State


@dataclass(frozen=True)
class ProcedureResult:
    """One procedure over a period. Counts are members; for state tests members are item-days."""

    procedure: ControlProcedure
    rule_id: str
    rule_version: str
    kind: str
    outcome: Outcome
    why: str
    population: int = 0
    passed: int = 0
    failed: int = 0
    unknown: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    days: Sequence[DayFigures] = ()
    sources: Sequence[str] = ()
    late: int = 0
    items: int = 0
    items_failed: int = 0

    def days_in(self, state: State) -> int:
        """How many days of the period had this state."""
        return sum(day.state is state for day in self.days)

    @property
    def covered_days(self) -> int:
        """Days that were covered or a proven zero."""
        return self.days_in(State.COVERED) + self.days_in(State.PROVEN_ZERO)


@dataclass(frozen=True)
class Tallied:
    """The tallies of some rules over a period, read at once: per rule its days, reasons and items.

    `off` is the number of days on which a rule was switched off, for some time or all of it.
    """

    days: Mapping[str, Mapping[date, tuple[int, int, int, int, int]]]
    reasons: Mapping[str, Mapping[str, int]]
    items: Mapping[str, tuple[int, int]]
    off: Mapping[str, int]


@dataclass(frozen=True)
class ControlResult:
    """A control over a period: the worst of its procedures; rates of different procedures are never added."""

    control: Control
    outcome: Outcome
    procedures: Sequence[ProcedureResult]

    def days(self) -> list[tuple[date, State]]:
        """The control's own coverage per day over all sources that its tested procedures read."""
        tested = [p for p in self.procedures if p.days]
        return [
            (figures[0].local_date, worst(day.state for day in figures))
            for figures in zip(*(p.days for p in tested), strict=True)
        ]


def coverage_of(period: Period, *, at: datetime) -> dict[str, list[DayState]]:
    """Return the day states of every connected source's events, by slug, and of its listings."""
    states: dict[str, list[DayState]] = {}
    for source in Source.objects.exclude(state=Source.State.RETIRED).order_by("slug"):
        states |= source_days(source, period, at=at)
    return states


def streams_read(rule: Rule, slugs: Iterable[str]) -> list[str]:
    """Return what of these sources a rule reads: their events, and their listings where it asks for facts."""
    carriers = [slug for slug in slugs if slug in rule.sources or "any" in rule.sources]
    events = carriers if rule.kind != "state" else []
    asks = rule.kind == "state" or any(not name.startswith("session.") for name in rule.facts)
    return [*events, *(listing_of(slug) for slug in carriers if asks)]


def tallied(rule_ids: Iterable[str], period: Period) -> Tallied:
    """Read the tallies of these rules over a period, in four queries however many rules there are."""
    wanted = sorted(set(rule_ids))
    inside = Q(rule__in=wanted, local_date__range=(period.start, period.end))
    days: dict[str, dict[date, tuple[int, int, int, int, int]]] = {}
    sums = {f"all_{name}": Sum(name) for name in ("population", "passed", "failed", "unknown", "late")}
    for rule, day, *counts in Tally.objects.filter(inside).values_list("rule", "local_date").annotate(**sums):
        days.setdefault(rule, {})[day] = tuple(counts)
    reasons: dict[str, Counter[str]] = {}
    for rule, counted in Tally.objects.filter(inside, unknown__gt=0).values_list("rule", "reasons"):
        reasons.setdefault(rule, Counter()).update(counted)
    states = [rule for rule in wanted if (found := rule_by_id(rule)) is not None and found.kind == "state"]
    counted = {rule: dict(found) for rule, found in reasons.items()}
    return Tallied(days, counted, _items(states, period), _days_off(wanted, period))


def counts_in(rule_id: str, period: Period) -> dict[str, int]:
    """Return a rule's members over a period from its tallies: population, pass, fail, unknown."""
    names = {"population": "population", "pass": "passed", "fail": "failed", "unknown": "unknown"}
    rows = Tally.objects.filter(rule=rule_id, local_date__range=(period.start, period.end))
    sums = rows.aggregate(**{f"n_{key}": Sum(column) for key, column in names.items()})
    return {key: sums[f"n_{key}"] or 0 for key in names}


def control_result(
    control: Control,
    period: Period,
    *,
    at: datetime,
    coverage: Mapping[str, list[DayState]] | None = None,
    tallies: Tallied | None = None,
) -> ControlResult:
    """Return what a control's procedures came to; `coverage` and `tallies` save reading them once per control."""
    if coverage is None:
        coverage = coverage_of(period, at=at)
    procedures = list(control.procedures.all())
    if tallies is None:
        tallies = tallied([procedure.ref for procedure in procedures], period)
    results = [_procedure_result(p, control, period, coverage, tallies) for p in procedures]
    return ControlResult(control, _worst(results), results)


def control_results(
    controls: Iterable[Control],
    period: Period,
    *,
    at: datetime,
    coverage: Mapping[str, list[DayState]] | None = None,
) -> list[ControlResult]:
    """Return what many controls came to, with a number of queries that does not depend on how many there are.

    Their procedures are expected to be prefetched.
    """
    listed = list(controls)
    if coverage is None:
        coverage = coverage_of(period, at=at)
    tallies = tallied([p.ref for control in listed for p in control.procedures.all()], period)
    return [control_result(c, period, at=at, coverage=coverage, tallies=tallies) for c in listed]


def _worst(results: Sequence[ProcedureResult]) -> Outcome:
    """The worst word wins, but `did_not_occur` yields to any procedure that had members."""
    words = {r.outcome for r in results if r.procedure.kind != ControlProcedure.Kind.DESIGN}
    if Outcome.DID_NOT_OCCUR in words and any(r.population for r in results):
        words.discard(Outcome.DID_NOT_OCCUR)
    return next((word for word in Outcome if word in words), Outcome.NOT_TESTED)


def _procedure_result(
    procedure: ControlProcedure,
    control: Control,
    period: Period,
    coverage: Mapping[str, list[DayState]],
    tallies: Tallied,
) -> ProcedureResult:
    rule = rule_by_id(procedure.ref)
    untested = _why_not_tested(procedure, control, period, coverage)
    off = tallies.off.get(procedure.ref, 0)
    if not untested and off == len(period):
        untested = "the rule was off on every day"
    if untested:
        version, kind = (rule.version, rule.kind) if rule else ("", procedure.kind)
        return ProcedureResult(procedure, procedure.ref, version, kind, Outcome.NOT_TESTED, untested)
    assert rule is not None
    carriers = streams_read(rule, coverage)
    counted = tallies.days.get(rule.id, {})
    per_day = {slug: {d.local_date: d.state for d in coverage[slug]} for slug in carriers}
    days = [
        DayFigures(day, *counted.get(day, _NOTHING)[:4], state=worst(per_day[slug][day] for slug in carriers))
        for day in period.days()
    ]
    reasons = tallies.reasons.get(rule.id, {})
    population, passed, failed, unknown = (
        sum(getattr(day, name) for day in days) for name in ("population", "passed", "failed", "unknown")
    )
    items, items_failed = tallies.items.get(rule.id, (0, 0))
    gaps = sum(day.state in (State.GAP, State.UNKNOWN, State.NOT_IN_SCOPE) for day in days)
    in_scope = sum(day.state is not State.NOT_IN_SCOPE for day in days)
    outcome = _outcome(population, failed, unknown, gaps + off, in_scope)
    return ProcedureResult(
        procedure,
        rule.id,
        rule.version,
        rule.kind,
        outcome,
        "",
        population,
        passed,
        failed,
        unknown,
        {reason: count for reason, count in sorted(reasons.items()) if count},
        days,
        carriers,
        sum(counts[4] for counts in counted.values()),
        items,
        items_failed,
    )


def _outcome(population: int, failed: int, unknown: int, gaps: int, in_scope: int) -> Outcome:
    if failed:
        return Outcome.DEVIATIONS
    if not population and not in_scope:
        return Outcome.NOT_TESTED
    if unknown or gaps:
        return Outcome.PARTLY_TESTED
    return Outcome.NO_DEVIATIONS if population else Outcome.DID_NOT_OCCUR


def _why_not_tested(
    procedure: ControlProcedure,
    control: Control,
    period: Period,
    coverage: Mapping[str, list[DayState]],
) -> str:
    rule = rule_by_id(procedure.ref)
    if procedure.kind not in (ControlProcedure.Kind.RULE, ControlProcedure.Kind.STATE):
        return "the procedure was not run"
    if rule is None:
        return (
            f"rule {procedure.ref} does not exist yet"
            if procedure.ref.startswith("R")
            else "the procedure was not run"
        )
    if rule.kind not in ("member", "state"):
        return f"rules of kind {rule.kind} are not evaluated yet"
    if not any(slug in rule.sources or "any" in rule.sources for slug in coverage):
        return NO_SOURCE
    if control.status != Control.Status.IN_PLACE:
        return "the control is not in place"
    if control.in_operation_from and control.in_operation_from > period.start:
        return f"the control was not in place before {control.in_operation_from}"
    return ""


_NOTHING = (0, 0, 0, 0, 0)


def _days_off(rules: Sequence[str], period: Period) -> dict[str, int]:
    """Count the days on which a rule was switched off, for some time or all of it."""
    changes: dict[str, list[tuple[datetime, bool]]] = {}
    rows = RuleSetting.objects.filter(rule__in=rules, valid_from__lt=period.ends_before).order_by(
        "valid_from", "pk"
    )
    for rule, since, enabled in rows.values_list("rule", "valid_from", "enabled"):
        changes.setdefault(rule, []).append((since, enabled))
    off: dict[str, int] = {}
    for rule, of_rule in changes.items():
        if all(enabled for _, enabled in of_rule):
            continue
        for day in period.days():
            one = Period(day, day, period.zone)
            before = [enabled for since, enabled in of_rule if since <= one.begins_at]
            within = [enabled for since, enabled in of_rule if one.begins_at < since < one.ends_before]
            if not all([*before[-1:], *within]):
                off[rule] = off.get(rule, 0) + 1
    return off


def _items(rules: Sequence[str], period: Period) -> dict[str, tuple[int, int]]:
    """Return per state test how many items it looked at, and how many failed on any day."""
    if not rules:
        return {}
    rows = Occurrence.objects.filter(
        rule__in=rules, local_date__range=(period.start, period.end), result__in=["pass", "fail", "unknown"]
    )
    counts = rows.values_list("rule").annotate(
        items=Count("group", distinct=True), bad=Count("group", distinct=True, filter=Q(result="fail"))
    )
    return {rule: (items, failed) for rule, items, failed in counts}
