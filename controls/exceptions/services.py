"""Opening exceptions from failed members, and the acts that lead one to its end (soc2-work §5)."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Max
from django.db.models.functions import Length

from controls.catalogue.models import Control
from controls.exceptions.clocks import fix_due, triage_due
from controls.exceptions.models import ControlException, ExceptionAct
from controls.exceptions.states import (
    CAUSES,
    FALSE_CODES,
    HARMS,
    LIVE,
    SEVERITIES,
    TRANSITIONS,
    Step,
)
from controls.exceptions.telling import tell_assigned
from controls.exceptions.work import KIND, work_about
from controls.results.accounts import account_names
from controls.results.models import Occurrence
from controls.rules.language import Rule, group_key
from controls.rules.language.durations import parse_duration
from controls.rules.registry import rule_by_id
from evidence.ledger.leaf import canonical, rfc3339
from evidence.ledger.services import Recorded, append, hold
from tenants.mywork.services import keep_work

# Half of an advisory lock's key; numbers of one client and year are given one at a time.
NUMBER_LOCK = 0x65786E6F


class Refused(Exception):
    """An act that the state table, a missing word, or separation of duties refuses; the message says which."""


class Changed(Refused):
    """Somebody else acted on the exception since it was read."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed member on its way to an exception."""

    occurrence: Occurrence
    rule: Rule
    bucket: str


def open_for(failures: Sequence[Failure], *, at: datetime) -> list[ControlException]:
    """Join each failed member to its exception, opening one per group and bucket; return those opened.

    Runs inside the transaction that stores the members. A closed exception whose fix precedes the member
    is re-opened; a member from before the fix joins as already fixed.
    """
    hold()
    opened: list[ControlException] = []
    things: list[tuple[ExceptionAct, Recorded | None]] = []
    for (_, group, bucket), members in sorted(_grouped(failures).items()):
        rule = members[0].rule
        exception = _existing(rule, group, bucket)
        new = exception is None
        if exception is None:
            exception = _open(members, group, bucket, at)
            opened.append(exception)
            things.append(_act(exception, "open", "", "open", None, at, exception.facts, "rule"))
        Occurrence.objects.filter(pk__in=[m.occurrence.pk for m in members]).update(exception=exception)
        if not new:
            before = _join(exception, members, at)
            if before:
                action = "bad_retest" if before in ("fixed", "retested") else "reopen"
                things.append(
                    _act(exception, action, before, "triaged", None, at, "A later member failed.", "rule")
                )
    _write(things, at)
    return opened


def _existing(rule: Rule, group: str, bucket: str) -> ControlException | None:
    """The exception that members of a group and bucket join.

    That of the bucket; else one of the group that is being retested (a later member is its bad retest). An
    item that goes on failing is one exception for as long as that one is live, not one for each day.
    """
    of_group = ControlException.objects.select_for_update().filter(rule=rule.id, group_key=group)
    found = of_group.filter(bucket=bucket).first()
    if found is None:
        joined = LIVE if rule.kind == "state" else ("fixed", "retested")
        found = of_group.filter(state__in=joined).order_by("-opened").first()
    return found


def release(occurrence_ids: Iterable[int], *, at: datetime) -> None:
    """Take members that no longer fail off their exceptions; one without failing members is corrected."""
    hold()
    touched = set(
        Occurrence.objects.filter(pk__in=list(occurrence_ids), exception__isnull=False).values_list(
            "exception_id", flat=True
        )
    )
    things = []
    for exception in ControlException.objects.select_for_update().filter(pk__in=touched).order_by("pk"):
        if _describe(exception):
            exception.version += 1
            exception.save()
            continue
        if exception.state not in LIVE:
            continue
        before, exception.state, exception.closed_at = exception.state, "closed", at
        exception.version += 1
        exception.save(update_fields=["state", "closed_at", "version"])
        words = "Corrected: judged again with late evidence, no member fails."
        things.append(_act(exception, "correct", before, "closed", None, at, words, "rule"))
    _write(things, at)


def act(
    exception: ControlException,
    action: str,
    *,
    by: UUID,
    at: datetime,
    given: Mapping[str, object],
    version: int,
    way: str = "web",
) -> ControlException:
    """Apply one action of the state table and return the exception as it is then.

    `version` is the version that the actor saw. Raises `Changed` when it is no longer the present one, and
    `Refused` with a sentence when the table, a missing word or separation of duties forbids the act.
    """
    with transaction.atomic():
        hold()
        locked = ControlException.objects.select_for_update().get(pk=exception.pk)
        if locked.version != version:
            raise Changed(
                f"{locked.number} was changed by somebody else meanwhile. Look at it again, then act."
            )
        step = TRANSITIONS[locked.state].get(action)
        if step is None:
            possible = ", ".join(TRANSITIONS[locked.state]) or "nothing"
            raise Refused(
                f"{locked.number} is {locked.get_state_display()}: it allows {possible}, not {action}."
            )
        _check(locked, action, step, by, at, given)
        before, owner = locked.state, locked.owner
        _apply(locked, action, step, at, by, given)
        locked.version += 1
        locked.save()
        words = str(given.get("words") or given.get("fix") or "")
        row, thing = _act(locked, action, before, step.to, by, at, words, way)
        _write([(row, thing)] if step.leaf else [(row, None)], at)
        keep_work(KIND, locked.number, work_about(locked))
        if locked.owner != owner:
            tell_assigned(locked, by=by, at=at)
        return locked


def comment(
    exception: ControlException, *, by: UUID, at: datetime, words: str, way: str = "web"
) -> ExceptionAct:
    """Add a note to the history; the state stays."""
    if not words.strip():
        raise Refused("A comment needs words.")
    return ExceptionAct.objects.create(
        exception=exception,
        at=at,
        by=by,
        action="comment",
        state_before=exception.state,
        state_after=exception.state,
        words=words.strip(),
        way=way,
    )


def _check(
    exception: ControlException,
    action: str,
    step: Step,
    by: UUID,
    at: datetime,
    given: Mapping[str, object],
) -> None:
    missing = [name for name in step.needs if not str(given.get(name) or "").strip()]
    if missing:
        raise Refused(f"To {action.replace('_', ' ')} {exception.number}, say also: {', '.join(missing)}.")
    if step.separate and by in {exception.owner, exception.fixed_by}:
        raise Refused(
            f"Who owns or fixed {exception.number} cannot {action.replace('_', ' ')} it. Ask another person."
        )
    for name, allowed in (
        ("severity", SEVERITIES),
        ("cause", CAUSES),
        ("harm", HARMS),
        ("code", FALSE_CODES),
    ):
        if name in step.needs and given[name] not in allowed:
            raise Refused(f'"{given[name]}" is no {name}. Choose one of: {", ".join(allowed)}.')
    if action == "close" and str(given.get("cause") or exception.cause) in ("", "not known yet"):
        raise Refused(
            f"The cause of {exception.number} is not known yet. Say it to close: {', '.join(CAUSES[:-1])}."
        )
    if given.get("cause") and given["cause"] not in CAUSES:
        raise Refused(f'"{given["cause"]}" is no cause. Choose one of: {", ".join(CAUSES)}.')
    fixed_at = given.get("fixed_at")
    if "fixed_at" in step.needs and (
        not isinstance(fixed_at, datetime) or fixed_at.tzinfo is None or fixed_at > at
    ):
        raise Refused("The time of the fix is a time with its zone, and not in the future.")


def _apply(
    exception: ControlException,
    action: str,
    step: Step,
    at: datetime,
    by: UUID,
    given: Mapping[str, object],
) -> None:
    exception.state = step.to
    if action == "triage":
        _grade(exception, str(given["severity"]), at)
        exception.cause = str(given["cause"])
        exception.harm = str(given["harm"])
        exception.cause_words = str(given.get("words") or "")
        owner = given.get("owner")
        exception.owner = owner if isinstance(owner, UUID) else exception.owner
    elif action == "fix":
        fixed_at = given["fixed_at"]
        assert isinstance(fixed_at, datetime)
        exception.fix, exception.fixed_at, exception.fixed_by = (
            str(given["fix"]),
            fixed_at,
            by,
        )
    elif action == "good_retest":
        exception.retested_at = at
    elif step.to in ("closed", "false_positive"):
        exception.closed_at = at
        exception.cause = str(given.get("cause") or exception.cause)
    elif action == "reopen":
        _restart(exception, at)


def _grouped(failures: Sequence[Failure]) -> dict[tuple[str, str, str], list[Failure]]:
    groups: dict[tuple[str, str, str], list[Failure]] = {}
    for failure in failures:
        group = group_key(failure.occurrence.group)[:400]
        groups.setdefault((failure.rule.id, group, failure.bucket), []).append(failure)
    return groups


def _open(members: Sequence[Failure], group: str, bucket: str, at: datetime) -> ControlException:
    rule = members[0].rule
    zone = connection.tenant.tzinfo
    times = [m.occurrence.time for m in members]
    severity = max((m.occurrence.severity for m in members), key=SEVERITIES.index)
    controls = sorted(
        Control.objects.filter(procedures__ref=rule.id).values_list("pk", "key"),
        key=lambda c: (not c[1], c[0]),
    )
    primary = controls[0][0] if controls else ""
    criteria = Control.objects.filter(pk=primary).values_list("criteria", flat=True).first()
    due = fix_due(at, severity, parse_duration(rule.remediation.sla), zone)
    first = min((m.occurrence for m in members), key=lambda row: (row.time, row.member_id))
    before = ControlException.objects.filter(rule=rule.id, group_key=group, occurred_first__lt=first.time)
    return ControlException.objects.create(
        number=_next_number(at),
        origin="failed_member",
        rule=rule.id,
        rule_version=rule.version,
        group_key=group,
        bucket=bucket,
        control=primary,
        further_controls=[pk for pk, _ in controls[1:]],
        criteria=criteria or list(rule.soc2.criteria),
        severity=severity,
        facts=_sentence(rule, first, len(members)),
        occurred_first=min(times),
        occurred_last=max(times),
        detected=at,
        opened=at,
        recurs=before.order_by("-occurred_first", "-pk").first(),
        triage_due=triage_due(at, severity, due, zone),
        fix_due=due,
    )


def _sentence(rule: Rule, first: Occurrence, members: int) -> str:
    """The sentence that the exception states, generated from its failing members."""
    zone = connection.tenant.tzinfo
    key = first.group[0] if first.group else first.actor_key
    who = account_names([key]).get(key, key)
    what = f", {first.action}" if first.action else ""
    more = f" and {members - 1} more" if members > 1 else ""
    return f"{rule.title}: {who}{what}, {first.time.astimezone(zone):%d %b %Y %H:%M}{more}."


def _describe(exception: ControlException) -> bool:
    """Say again from the members that fail what happened and when; return whether any does."""
    failing = exception.members.filter(result=Occurrence.Result.FAIL).order_by("time", "member_id")
    first = failing.first()
    if first is None:
        return False
    sums = failing.aggregate(last=Max("time"), n=Count("pk"))
    exception.occurred_first, exception.occurred_last = first.time, sums["last"]
    rule = rule_by_id(exception.rule)
    if rule is not None:
        exception.facts = _sentence(rule, first, sums["n"])
    return True


def _join(exception: ControlException, members: Sequence[Failure], at: datetime) -> str:
    """Take note of members that fail from now on; return the former state when that re-opened it, else "".

    One from before the fix is already fixed, and re-opens nothing.
    """
    _describe(exception)
    worst = max((m.occurrence.severity for m in members), key=SEVERITIES.index)
    if SEVERITIES.index(worst) > SEVERITIES.index(exception.severity):
        _grade(exception, worst, at)
    before = ""
    after_fix = any(exception.fixed_at is None or m.occurrence.time > exception.fixed_at for m in members)
    if exception.state in ("closed", "false_positive", "fixed", "retested") and after_fix:
        before = exception.state
        exception.state = "triaged"
        if before in ("closed", "false_positive"):
            _restart(exception, at)
    exception.version += 1
    exception.save()
    return before


def _dues(exception: ControlException, start: datetime) -> tuple[datetime, datetime]:
    """When it must be triaged and fixed, counted from `start`."""
    zone = connection.tenant.tzinfo
    rule = rule_by_id(exception.rule)
    sla = parse_duration(rule.remediation.sla) if rule is not None else None
    fix = fix_due(start, exception.severity, sla, zone)
    return triage_due(start, exception.severity, fix, zone), fix


def _grade(exception: ControlException, severity: str, at: datetime) -> None:
    """Change the severity and with it the dues: down, as if it had been so from detection.

    Up, the earlier of old and new due, but with time to triage from now; never later than before.
    """
    was, exception.severity = exception.severity, severity
    if was == severity:
        return
    triage, fix = _dues(exception, exception.detected)
    if SEVERITIES.index(severity) > SEVERITIES.index(was):
        soonest = _dues(exception, at)[0]
        triage = min(exception.triage_due, max(triage, soonest))
        fix = min(exception.fix_due, max(fix, soonest))
    exception.triage_due, exception.fix_due = triage, fix


def _restart(exception: ControlException, at: datetime) -> None:
    """Give a re-opened exception a new clock; the old times stay in its history."""
    exception.closed_at = None
    exception.triage_due, exception.fix_due = _dues(exception, at)


def _next_number(at: datetime) -> str:
    year = at.astimezone(connection.tenant.tzinfo).year
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))",
            [NUMBER_LOCK],
        )
    # Longest first: after EX-2026-9999 comes EX-2026-10000.
    last = (
        ControlException.objects.filter(number__startswith=f"EX-{year}-")
        .order_by(Length("number").desc(), "-number")
        .values_list("number", flat=True)
        .first()
    )
    return f"EX-{year}-{int(last.rsplit('-', 1)[1]) + 1 if last else 1:04d}"


def _act(
    exception: ControlException,
    action: str,
    before: str,
    after: str,
    by: UUID | None,
    at: datetime,
    words: str,
    way: str,
) -> tuple[ExceptionAct, Recorded]:
    row = ExceptionAct(
        exception=exception,
        at=at,
        by=by,
        action=action,
        state_before=before,
        state_after=after,
        words=words,
        way=way,
    )
    content = canonical(
        {
            "action": action,
            "at": rfc3339(at),
            "by": str(by) if by else "system",
            "exception": exception.number,
            "from": before,
            "to": after,
            "version": exception.version,
            "words": words,
        }
    )
    thing = Recorded(
        kind="decision",
        ref=f"{exception.number}/{exception.version}",
        sha256=hashlib.sha256(content).hexdigest(),
        actor=str(by) if by else "system",
        meta={
            "action": action,
            "exception": exception.number,
            "from": before,
            "to": after,
        },
    )
    return row, thing


def _write(things: Sequence[tuple[ExceptionAct, Recorded | None]], at: datetime) -> None:
    recorded = [thing for _, thing in things if thing is not None]
    seqs = iter(append(recorded, at=at) if recorded else [])
    for row, thing in things:
        row.ledger_seq = next(seqs) if thing is not None else None
    ExceptionAct.objects.bulk_create([row for row, _ in things])
