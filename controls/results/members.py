"""Storing judgments: occurrences, the day's tallies and exceptions, always in step with each other."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.db import connection

from controls.exceptions.services import Failure, open_for, release
from controls.results import storing
from controls.results.models import Occurrence
from controls.rules.language import Judgment, Rule, bucket_of

COUNTED = ("pass", "fail", "unknown")


@dataclass(frozen=True, slots=True)
class Member:
    """One judged occurrence on its way into the tables."""

    rule: Rule
    member_id: str
    time: datetime
    source_id: int
    batch_id: int
    seq: int
    judgment: Judgment | None
    uid: bytes | None = None
    occurrence_key: str = ""
    action: str = ""
    actor_key: str = ""
    target_key: str = ""
    depends: tuple[str, ...] = ()
    late: bool = False

    @property
    def result(self) -> str:
        """What the rule said; `none` where a fact kept it out of the population."""
        return self.judgment.result if self.judgment else "none"


@dataclass(slots=True)
class _Delta:
    population: int = 0
    passed: int = 0
    failed: int = 0
    unknown: int = 0
    late: int = 0
    reasons: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __bool__(self) -> bool:
        return any(
            (
                self.population,
                self.passed,
                self.failed,
                self.unknown,
                self.late,
                *self.reasons.values(),
            )
        )

    @property
    def only_adds(self) -> bool:
        """Whether nothing is taken away."""
        counts = (self.population, self.passed, self.failed, self.unknown, self.late, *self.reasons.values())
        return min(counts) >= 0

    def add(self, row: Occurrence, sign: int) -> None:
        if row.result not in COUNTED:
            return
        self.population += sign
        self.passed += sign * (row.result == "pass")
        self.failed += sign * (row.result == "fail")
        self.unknown += sign * (row.result == "unknown")
        self.late += sign * row.late
        if row.result == "unknown":
            self.reasons[row.reason] += sign


Deltas = dict[tuple[str, int, date], _Delta]


def keep(members: Sequence[Member], *, at: datetime) -> int:
    """Store judged members, new or judged again, and return how many exceptions that opened.

    Tallies move by the difference between what was counted before and what is counted now, so that judging
    the same members twice changes nothing.
    """
    zone = connection.tenant.tzinfo
    members = sorted(members, key=lambda m: (m.rule.id, m.time, m.member_id))
    before = storing.by_member((member.rule.id, member.member_id) for member in members)
    deltas: Deltas = defaultdict(_Delta)
    fresh, moved, failing, mended = [], [], [], []
    for member in members:
        row = before.get((member.rule.id, member.member_id))
        was = None if row is None else (row.result, row.time)
        if row is None:
            row = _row(member, zone, at)
            fresh.append(row)
        else:
            deltas[_day(row)].add(row, -1)
            said = _judged(row)
            _judge_again(row, member)
            if _judged(row) != said:
                row.judged_at = at
                moved.append(row)
        deltas[_day(row)].add(row, +1)
        if row.result == "fail" and (was is None or was[0] != "fail"):
            failing.append((row, member.rule))
        elif was is not None and was[0] == "fail" and (row.result != "fail" or row.time != was[1]):
            mended.append(row)
    storing.insert(fresh)
    Occurrence.objects.bulk_update(moved, storing.UPDATED, batch_size=500)
    attached = _attach(members, deltas)
    _tally(deltas)
    failures = [
        Failure(row, rule, bucket_of(rule, row.time, zone)) for row, rule in failing if row.pk not in attached
    ]
    opened = len(open_for(failures, at=at)) if failures else 0
    # Only then: an exception whose member gave way to another that fails as well goes on, and says so.
    gone = {row.pk for row in mended} | attached
    if gone:
        release(gone, at=at)
    return opened


def drop(rows: Iterable[Occurrence], *, at: datetime) -> None:
    """Take away members that are none any more (an account that a corrected listing does not name)."""
    rows = list(rows)
    deltas: Deltas = defaultdict(_Delta)
    for row in rows:
        deltas[_day(row)].add(row, -1)
    release_ids = [row.pk for row in rows if row.result == "fail"]
    Occurrence.objects.filter(pk__in=[row.pk for row in rows]).update(result=Occurrence.Result.NONE)
    if release_ids:
        release(release_ids, at=at)
    _tally(deltas)


def _day(row: Occurrence) -> tuple[str, int, date]:
    return (row.rule, row.source_id, row.local_date)


def _row(member: Member, zone: ZoneInfo, at: datetime) -> Occurrence:
    row = Occurrence(
        rule=member.rule.id,
        member_id=member.member_id,
        time=member.time,
        local_date=member.time.astimezone(zone).date(),
        source_id=member.source_id,
        batch_id=member.batch_id,
        seq=member.seq,
        uid=member.uid,
        action=member.action,
        actor_key=member.actor_key,
        target_key=member.target_key,
        late=member.late,
        judged_at=at,
    )
    _judge_again(row, member)
    return row


def _judged(row: Occurrence) -> list[object]:
    known = row.__dict__
    return [known[name] for name in storing.JUDGED]


def _judge_again(row: Occurrence, member: Member) -> None:
    judgment = member.judgment
    # An item's day may be judged by another listing now; an event stays where it is.
    row.time, row.batch_id, row.seq = member.time, member.batch_id, member.seq
    row.result = member.result
    row.reason, row.note = (judgment.reason, judgment.note) if judgment else ("", "")
    row.severity = judgment.severity if judgment else member.rule.severity
    row.group = list(judgment.group) if judgment else []
    row.depends = sorted(member.depends)
    row.occurrence_key = member.occurrence_key
    row.rule_version = member.rule.version


def _attach(members: Sequence[Member], deltas: Deltas) -> set[int]:
    """Of several records of one occurrence let only the earliest count; return the keys of the others."""
    keys = {(m.rule.id, m.occurrence_key) for m in members if m.occurrence_key}
    attached: set[int] = set()
    rows = storing.of_occurrences(keys)
    for earlier, row in pairwise(rows):
        if (row.rule, row.occurrence_key) == (earlier.rule, earlier.occurrence_key):
            attached.add(row.pk)
            if row.result != Occurrence.Result.ATTACHED:
                deltas[_day(row)].add(row, -1)
                row.result = Occurrence.Result.ATTACHED
                row.save(update_fields=["result"])
    return attached


_KEYS = (
    "unnest(%s::text[], %s::smallint[], %s::date[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[],"
    " %s::jsonb[])"
)
_COLUMNS = "rule, source_id, local_date, population, passed, failed, unknown, late, reasons"
# The sums of two objects of counts, without what came to zero.
_SUMMED = (
    "(SELECT coalesce(jsonb_object_agg(key, n) FILTER (WHERE n <> 0), '{{}}') FROM (SELECT key, sum(value::int) AS n"
    " FROM (SELECT * FROM jsonb_each_text({0}.reasons) UNION ALL SELECT * FROM jsonb_each_text({1}.reasons)) both_sides"
    " GROUP BY key) sums)"
)


def _tally(deltas: Deltas) -> None:
    """Move the tallies; rows are taken in order of their key, so two workers cannot deadlock.

    What only adds may make a day's row; what also takes away finds one that was added to before.
    """
    moved = sorted(((key, delta) for key, delta in deltas.items() if delta), key=lambda each: each[0])
    adding = [each for each in moved if each[1].only_adds]
    taking = [each for each in moved if not each[1].only_adds]
    counters = ("population", "passed", "failed", "unknown", "late")
    with connection.cursor() as cursor:
        if adding:
            sums = ", ".join(f"{name} = t.{name} + excluded.{name}" for name in counters)
            cursor.execute(
                f"INSERT INTO controls_tally AS t ({_COLUMNS}) SELECT * FROM {_KEYS}"
                f" ON CONFLICT (rule, source_id, local_date) DO UPDATE SET {sums},"
                f" reasons = {_SUMMED.format('t', 'excluded')}",
                _arrays(adding),
            )
        if taking:
            sums = ", ".join(f"{name} = t.{name} + d.{name}" for name in counters)
            cursor.execute(
                f"UPDATE controls_tally t SET {sums}, reasons = {_SUMMED.format('t', 'd')}"
                f" FROM {_KEYS} AS d ({_COLUMNS})"
                " WHERE t.rule = d.rule AND t.source_id = d.source_id AND t.local_date = d.local_date",
                _arrays(taking),
            )


def _arrays(moved: Sequence[tuple[tuple[str, int, date], _Delta]]) -> list[list[object]]:
    """The columns of `_KEYS`, each as one list."""
    rows = [
        (*key, d.population, d.passed, d.failed, d.unknown, d.late, json.dumps(dict(d.reasons)))
        for key, d in moved
    ]
    return [list(column) for column in zip(*rows, strict=True)]
