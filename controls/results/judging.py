"""Judging what a batch brought: its new events, what it makes known of earlier ones, and the days it lists.

Listens to `batch_recording`, inside the recording transaction: events, members, tallies and exceptions
are stored together or not at all.
"""

from collections import defaultdict
from collections.abc import Container, Sequence
from datetime import date, datetime

from django.db import connection
from django.db.models import Q

from controls.results.asking import Asking
from controls.results.members import Member, drop, keep
from controls.results.models import Occurrence
from controls.rules.language import Judgment, Rule
from controls.rules.registry import RuleSetInForce, in_force
from evidence.batches.models import Batch
from evidence.batches.raw import decode
from evidence.batches.recording import LATENESS
from evidence.intake.models import Source
from evidence.inventory.facts import MAX_AGE
from evidence.inventory.listing import Listed, accounts_on_days, days_between
from evidence.inventory.store import Changes
from evidence.ocsf.event import Event
from tenants.clients.period import Period


def on_batch_recording(
    sender: type[Batch],
    *,
    batch: Batch,
    events: Sequence[Event],
    changes: Changes,
    at: datetime,
    **_: object,
) -> int:
    """Receive one chunk of a batch on its way into the tables; return how many exceptions that opened."""
    rules = in_force()
    opened = keep(_judge(rules, batch.source, batch, events), at=at) if events else 0
    if changes:
        just = {(batch.pk, event.seq) for event in events}
        opened += _judge_again(rules, batch.source, changes, just, at)
        opened += _judge_days(rules, batch.source, changes, at)
    return opened


def _judge(rules: RuleSetInForce, source: Source, batch: Batch, events: Sequence[Event]) -> list[Member]:
    """Judge events; one that only a fact kept out of a population is kept too, as no member.

    A first look finds the events that some rule is about, and what it would ask for; the facts and proofs
    of all of them are then read at once.
    """
    asking = Asking(source, min(e.time for e in events), max(e.time for e in events), rules.fact_names)
    about = [e for e in events if rules.at(e.time).judge(e, asking.foresee) or asking.foresaw()]
    asking.read_ahead()
    members = []
    for event in about:
        ruleset = rules.at(event.time)
        for rule in ruleset.candidates(event):
            judgment = ruleset.judge_rule(rule, event, asking)
            if judgment is None and not asking.asked:
                continue
            key = asking.occurrence_key(event)
            members.append(_member(batch, event, rule, judgment, key, asking.taken()))
    return members


def _member(
    batch: Batch,
    event: Event,
    rule: Rule,
    judgment: Judgment | None,
    occurrence_key: str,
    asked: tuple[str, ...],
) -> Member:
    return Member(
        rule=rule,
        member_id=f"e:{event.uid.hex()}",
        time=event.time,
        source_id=batch.source_id,
        batch_id=batch.pk,
        seq=event.seq,
        judgment=judgment,
        uid=event.uid,
        occurrence_key=occurrence_key,
        action=event.action,
        actor_key=event.actor_key,
        target_key=event.target_key,
        depends=asked,
        late=batch.received_to - event.time > LATENESS,
    )


def _judge_again(
    rules: RuleSetInForce, source: Source, changes: Changes, just: set[tuple[int, int]], at: datetime
) -> int:
    """Judge earlier events again whose facts or proofs are known only now; return the exceptions opened.

    `just` are the places of events that were judged with these facts and proofs a moment ago.
    """
    bearing = [Q(time__gte=start, time__lte=end) for start, end in changes.windows]
    if changes.proofs:
        bearing.append(Q(depends__overlap=sorted(changes.proofs)))
    spans: dict[tuple[datetime, datetime], list[str]] = defaultdict(list)
    for key, span in changes.facts.items():
        if key.rsplit(" ", 1)[1] in rules.fact_names:
            spans[span].append(key)
    for (start, end), keys in spans.items():
        bearing.append(Q(time__gte=start, time__lte=end, depends__overlap=sorted(keys)))
    places: set[tuple[int, int]] = set()
    shared: set[str] = set()
    for which in bearing:
        rows = Occurrence.objects.filter(which, source=source, uid__isnull=False)
        for batch_id, seq, key in rows.values_list("batch_id", "seq", "occurrence_key"):
            places.add((batch_id, seq))
            if key:
                shared.add(key)
    if shared:
        # All records of one occurrence are judged together, so that one of them counts.
        rows = Occurrence.objects.filter(source=source, uid__isnull=False, occurrence_key__in=shared)
        places.update(rows.values_list("batch_id", "seq"))
    return _judge_places(rules, source, places - just, at)


def _judge_places(rules: RuleSetInForce, source: Source, places: set[tuple[int, int]], at: datetime) -> int:
    by_batch: dict[int, set[int]] = defaultdict(set)
    for batch_id, seq in places:
        by_batch[batch_id].add(seq)
    members: list[Member] = []
    for batch in Batch.objects.filter(pk__in=by_batch).order_by("pk"):
        events = list(decode(batch, by_batch[batch.pk]).values())
        if events:
            members += _judge(rules, source, batch, events)
    return keep(members, at=at) if members else 0


def _judge_days(rules: RuleSetInForce, source: Source, changes: Changes, at: datetime) -> int:
    """Evaluate state rules on the days that a listing or a change event of this batch bears on."""
    zone = connection.tenant.tzinfo
    days = {day for listed in changes.snapshots for day in days_between(listed, listed + MAX_AGE, zone)}
    for key, (start, end) in changes.facts.items():
        if key.rsplit(" ", 1)[1] in rules.fact_names:
            days.update(days_between(start, min(end, start + 2 * MAX_AGE), zone))
    return judge_days(rules, source, sorted(days), at=at)


def judge_days(rules: RuleSetInForce, source: Source, days: Sequence[date], *, at: datetime) -> int:
    """Judge every item of the state rules on some client-zone days; return the exceptions opened.

    A day fails if any evaluation of it failed, else it is unknown if any was, else it passes.
    """
    zone = connection.tenant.tzinfo
    periods = [Period(day, day, zone) for day in days]
    worst: dict[tuple[str, str], Member] = {}
    for day, accounts in accounts_on_days(source, periods, names=rules.fact_names):
        for account in accounts:
            ruleset = rules.at(account.at)
            for rule in ruleset.state_rules:
                item = {"key": account.key, **account.facts}
                judgment = ruleset.judge_item(rule, item, account.at, source.slug)
                if judgment is not None:
                    member = _account_member(source, rule, judgment, account, day)
                    earlier = worst.get((rule.id, member.member_id))
                    if earlier is None or _worse(member.result, earlier.result):
                        worst[rule.id, member.member_id] = member
    _drop_gone(rules, source, days, worst, at)
    return keep(list(worst.values()), at=at)


def _account_member(source: Source, rule: Rule, judgment: Judgment, account: Listed, day: date) -> Member:
    return Member(
        rule=rule,
        member_id=f"i:{account.key}/{day.isoformat()}",
        time=account.at,
        source_id=source.pk,
        batch_id=account.batch_id,
        seq=account.seq,
        judgment=judgment,
        actor_key=account.key,
    )


def _drop_gone(
    rules: RuleSetInForce,
    source: Source,
    days: Sequence[date],
    kept: Container[tuple[str, str]],
    at: datetime,
) -> None:
    """Take away members of these days that the days' listings no longer have."""
    ids = {rule.id for ruleset in rules.sets for rule in ruleset.state_rules}
    rows = Occurrence.objects.filter(rule__in=ids, source=source, local_date__in=list(days))
    gone = [
        row for row in rows.exclude(result=Occurrence.Result.NONE) if (row.rule, row.member_id) not in kept
    ]
    if gone:
        drop(gone, at=at)


def _worse(result: str, than: str) -> bool:
    order = ("fail", "unknown", "pass")
    return order.index(result) < order.index(than)
