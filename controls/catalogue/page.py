"""What the page of one control shows, from values read in a fixed number of queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Max, Q
from django.http import HttpRequest
from django.urls import reverse

from controls.catalogue.loader import catalogue
from controls.catalogue.models import Control, ControlProcedure
from controls.exceptions.listing import Listed, listed_rows
from controls.exceptions.models import ControlException
from controls.results.choosing import Chosen, span_words
from controls.results.models import RuleSetting
from controls.results.period import NO_SOURCE, DayFigures, ProcedureResult, control_result, coverage_of
from controls.results.reasons import reason_help, reason_words
from controls.results.strip import Bar, Row, narrow_rows, wide_rows
from controls.results.words import (
    DAYS,
    OUTCOMES,
    Said,
    frequency_words,
    function_words,
    nature_words,
    rates,
    title_of,
)
from controls.rules.language import Rule
from controls.rules.language.words import procedure_in_words
from controls.rules.registry import rule_by_id
from evidence.coverage.states import DayState, State
from evidence.intake.selectors import kind_of
from evidence.ledger.models import Checkpoint, LedgerEntry
from tenants.access.gate import Gate
from tenants.members.selectors import names_of
from tenants.templatetags.frame import day, figure

EXCEPTIONS_SHOWN: Final = 8
KINDS: Final = {
    "rule": "Rule",
    "state": "State",
    "obl": "Duty",
    "rec": "Match",
    "insp": "Reading",
    "design": "Design",
}
KIND_WORDS: Final = {
    "obl": "Inspect the record of every duty that falls due: done by whom, when, with what evidence.",
    "rec": "Match two lists in both directions, and explain what has no partner.",
    "insp": "Select members and read their evidence, attribute by attribute.",
    "state": "Evaluate every item on every day.",
    "design": "Read statement, owner and configuration, and one instance, at least once a year.",
}


@dataclass(frozen=True, slots=True)
class Tested:
    """One procedure that has results, as its card shows it."""

    result: ProcedureResult
    title: str
    said: Said
    member: str
    figures: list[dict[str, Any]]
    reasons: list[dict[str, Any]]
    wide: list[Row]
    narrow: list[Row]
    alternative: str
    coverage: list[dict[str, Any]]
    days_href: str
    members_href: str
    aside: str
    state: bool


def control_page(request: HttpRequest, control: Control, chosen: Chosen) -> dict[str, Any]:
    """Return the context of `controls/control.html`."""
    gate: Gate = request.access
    coverage = coverage_of(chosen.period, at=gate.at)
    result = control_result(control, chosen.period, at=gate.at, coverage=coverage)
    settings = list(
        RuleSetting.objects.filter(rule__in=[p.rule_id for p in result.procedures]).order_by("-valid_from")
    )
    exceptions, total = _exceptions(gate, control, chosen)
    people = names_of([control.owner, *(row.by for row in settings)])
    opens = gate.allows(control, "population.read")
    owner = people.get(control.owner) if control.owner else None
    inside = catalogue().criteria
    return {
        "control": control,
        "title": title_of(control.statement),
        "chosen": chosen,
        "said": OUTCOMES[result.outcome],
        "owner": owner,
        "owner_function": function_words(control.owner_function),
        "frequency": frequency_words(control.frequency),
        "nature": nature_words(control.nature),
        "criteria": [(key, inside[key].title if key in inside else "") for key in control.criteria],
        "tested": [_tested(p, control, chosen, coverage, opens=opens) for p in result.procedures if p.days],
        "procedures": [_procedure(p, _values(settings, p.rule_id)) for p in result.procedures],
        "exceptions": exceptions,
        "exceptions_total": total,
        "exceptions_aside": f"{figure(total)} in the period" if total else "",
        "procedures_aside": f"{len(result.procedures)} procedures"
        if len(result.procedures) != 1
        else "1 procedure",
        "exceptions_href": f"{reverse('exceptions')}?control={control.pk}&show=all&{chosen.dates}",
        "proof": _proof(),
        "history": _history(control, settings, people),
        "edits": gate.allows(control, "control.edit"),
        "opens": opens,
        "sources_href": reverse("sources")
        if gate.may("source.read") and any(p.why == NO_SOURCE for p in result.procedures)
        else "",
    }


def _values(settings: Sequence[RuleSetting], rule: str) -> dict[str, object] | None:
    """The values of a rule's settings that are in force now."""
    return next((row.values for row in settings if row.rule == rule), None)


# Results ────────────────────────────────────────────────────────────────────────────────────────────


def _tested(
    result: ProcedureResult,
    control: Control,
    chosen: Chosen,
    coverage: Mapping[str, list[DayState]],
    *,
    opens: bool,
) -> Tested:
    rule = rule_by_id(result.rule_id)
    assert rule is not None
    state = rule.kind == "state"
    members = reverse("members", args=[control.pk, rule.id])
    days = reverse("days", args=[control.pk, rule.id])
    bars = [_bar(each, members if opens else "") for each in result.days]
    counted = sum(1 for each in result.days if each.state in (State.COVERED, State.PROVEN_ZERO))
    return Tested(
        result=result,
        title=rule.title,
        said=OUTCOMES[result.outcome],
        member=_member(control, rule),
        figures=_figures(result, _member(control, rule), f"{members}?{chosen.dates}" if opens else ""),
        reasons=_reasons(result, f"{members}?{chosen.dates}" if opens else ""),
        wide=wide_rows(bars),
        narrow=narrow_rows(bars),
        alternative=_alternative(result),
        coverage=_coverage(result, coverage),
        days_href=f"{days}?{chosen.dates}",
        members_href=f"{members}?{chosen.dates}" if opens else "",
        aside=f"{counted} of {figure(len(result.days))} days heard",
        state=state,
    )


def _member(control: Control, rule: Rule) -> str:
    if rule.kind == "state" and rule.state:
        return f"{rule.state['item']} days"
    template = catalogue().templates.get(control.pk)
    return template.population if template else "members"


def _figures(result: ProcedureResult, member: str, href: str) -> list[dict[str, Any]]:
    def link(which: str) -> str:
        return f"{href}&result={which}" if href else ""

    passing, deviating = rates(result)
    judged = result.passed + result.failed
    return [
        {"value": result.population, "label": member, "tone": "", "href": href},
        {"value": result.passed, "label": "pass", "tone": "met" if result.passed else "", "href": link("pass")},
        {"value": result.failed, "label": "fail", "tone": "deviation" if result.failed else "", "href": link("fail")},
        {
            "value": result.unknown,
            "label": "unknown: could not be judged",
            "tone": "unknown" if result.unknown else "",
            "href": link("unknown"),
        },
        {"value": passing, "label": f"pass rate, of {figure(result.population)}", "tone": "", "href": link("pass")},
        {"value": deviating, "label": f"deviation rate, of {figure(judged)} judged", "tone": "", "href": link("fail")},
    ]  # fmt: skip


def _reasons(result: ProcedureResult, href: str) -> list[dict[str, Any]]:
    counted = sorted(result.reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    return [
        {
            "count": count,
            "words": reason_words(reason),
            "help": reason_help(reason),
            "href": f"{href}&{urlencode({'result': 'unknown', 'reason': reason})}" if href else "",
        }
        for reason, count in counted
    ]


def _bar(each: DayFigures, href: str) -> Bar:
    on = each.local_date
    if each.population:
        parts = [f"{figure(each.population)} members"]
        parts += [
            f"{figure(n)} {word}" for n, word in ((each.failed, "fail"), (each.unknown, "unknown")) if n
        ]
        if each.state in (State.GAP, State.UNKNOWN):
            parts.append(DAYS[each.state])
    else:
        parts = [DAYS[each.state] if each.state is not State.COVERED else "heard, no member"]
    return Bar(
        on=on,
        passed=each.passed,
        failed=each.failed,
        unknown=each.unknown,
        gap=each.state is State.GAP,
        open=each.state in (State.UNKNOWN, State.NOT_IN_SCOPE),
        text=f"{day(on)}: {', '.join(parts)}",
        href=f"{href}?{urlencode({'from': on.isoformat(), 'to': on.isoformat()})}"
        if href and each.population
        else "",
    )


def _alternative(result: ProcedureResult) -> str:
    failing = [each for each in result.days if each.failed]
    silent = result.days_in(State.GAP)
    said = (
        f"{figure(len(result.days))} days, {figure(result.population)} members, {figure(result.failed)} fail"
    )
    said += f" on {len(failing)} {'day' if len(failing) == 1 else 'days'}"
    if silent:
        said += f"; nothing was received on {silent} {'day' if silent == 1 else 'days'}"
    return said


def _coverage(result: ProcedureResult, coverage: Mapping[str, list[DayState]]) -> list[dict[str, Any]]:
    """Per stream that the procedure reads: days heard, and stretches in which it was not."""
    found = []
    for stream in result.sources:
        states = coverage[stream]
        heard = sum(each.state in (State.COVERED, State.PROVEN_ZERO) for each in states)
        found.append(
            {
                "stream": stream_words(stream),
                "heard": heard,
                "days": len(states),
                "missing": [
                    {
                        "words": DAYS[state],
                        "spans": _spans([d.local_date for d in states if d.state is state]),
                    }
                    for state in (State.GAP, State.UNKNOWN, State.NOT_IN_SCOPE)
                    if any(d.state is state for d in states)
                ],
            }
        )
    return found


def stream_words(stream: str) -> str:
    """Say what a stream is: a source's events, or its listings of accounts."""
    slug, dot, _ = stream.partition(".")
    vendor = kind_of(slug).vendor
    return f"{vendor}, listings of accounts" if dot else f"{vendor}, events"


def _spans(days: Sequence[date], most: int = 3) -> str:
    runs: list[tuple[date, date]] = []
    for each in days:
        if runs and runs[-1][1] + timedelta(days=1) == each:
            runs[-1] = (runs[-1][0], each)
        else:
            runs.append((each, each))
    said = [span_words(*run) for run in runs[:most]]
    more = sum((last - first).days + 1 for first, last in runs[most:])
    if more:
        said.append(f"{more} more days" if more > 1 else "1 more day")
    return ", ".join(said)


# Procedures, exceptions, proof, history ────────────────────────────────────────────────────────────


def _procedure(result: ProcedureResult, values: dict[str, object] | None) -> dict[str, Any]:
    kind = result.procedure.kind
    rule = rule_by_id(result.procedure.ref)
    shown = "state" if rule is not None and rule.kind == "state" else kind
    if rule is not None:
        title, words = rule.title, rule.description
    elif kind == ControlProcedure.Kind.RULE:
        title, words = f"Rule {result.procedure.ref}", ""
    else:
        title = {
            "obl": "Records of duties",
            "rec": "Reconciliation",
            "insp": "Inspection of a sample",
            "state": "State of records",
            "design": "Inspection of its design",
        }.get(kind, kind)
        words = KIND_WORDS.get(kind, "")
    return {
        "kind": KINDS.get(shown, shown),
        "title": title,
        "ident": f"{rule.id} · version {rule.version}" if rule else "",
        "words": words,
        "reading": procedure_in_words(rule, values) if rule is not None and rule.judged else "",
        "said": OUTCOMES[result.outcome],
        "why": result.why,
        "sources": ", ".join(rule.sources) if rule else "",
        "remedy": rule.remediation.summary if rule else "",
    }


def _exceptions(gate: Gate, control: Control, chosen: Chosen) -> tuple[list[Listed], int]:
    """Exceptions with a member in the period, or open on a day of it; what must be acted on first."""
    period = chosen.period
    inside = Q(occurred_first__lt=period.ends_before, occurred_last__gte=period.begins_at)
    live = Q(opened__lt=period.ends_before) & (Q(closed_at=None) | Q(closed_at__gte=period.begins_at))
    if gate.period is not None:
        live = Q(pk__in=[])
    found = ControlException.objects.filter(
        Q(control=control.pk) | Q(further_controls__contains=[control.pk])
    )
    found = found.filter(inside | live)
    total = found.count()
    return listed_rows(gate, found, at=gate.at, most=EXCEPTIONS_SHOWN), total


def _proof() -> dict[str, Any]:
    head = Checkpoint.objects.order_by("-size").values("size", "root", "time").first()
    last = LedgerEntry.objects.aggregate(last=Max("seq"))["last"]
    return {
        "size": 0 if last is None else last + 1,
        "root": bytes(head["root"]).hex() if head else "",
        "at": head["time"] if head else None,
        "behind": 0 if last is None or head is None else last + 1 - head["size"],
    }


def _history(
    control: Control, settings: Sequence[RuleSetting], people: Mapping[Any, str]
) -> list[dict[str, Any]]:
    """What is known of the control's versions and of the settings that judge it, newest first."""
    zone = connection.tenant.tzinfo

    def begins(on: date) -> datetime:
        return datetime(on.year, on.month, on.day, tzinfo=zone)

    acts = [
        {
            "at": row.valid_from,
            "who": people.get(row.by, "system") if row.by else "system",
            "what": f"Settings of {row.rule} changed" if row.enabled else f"{row.rule} turned off",
            "words": ", ".join(f"{name}: {value}" for name, value in sorted(row.values.items())),
            "tone": "" if row.enabled else "attention",
        }
        for row in settings
    ]
    if control.in_operation_from:
        acts.append(
            {"at": begins(control.in_operation_from), "what": "In operation since this day", "tone": "met"}
        )
    if control.design_reviewed:
        acts.append({"at": begins(control.design_reviewed), "what": "Design reviewed", "tone": "met"})
    acts.append(
        {"at": begins(control.version_from), "what": f"Version {control.version} in force", "tone": ""}
    )
    return sorted(acts, key=lambda act: act["at"], reverse=True)
