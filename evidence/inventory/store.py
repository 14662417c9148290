"""Keeping what records say of accounts, whatever order they arrive in, and telling what that changed."""

import json
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from evidence.batches.models import Batch
from evidence.inventory.facts import MAX_AGE
from evidence.inventory.models import FactChange, FactInterval, Snapshot
from evidence.ocsf.event import MISSING
from evidence.sources import contract

# A subject and the name of a fact.
Key = tuple[str, str]


@dataclass(slots=True)
class Changes:
    """What is known now and was not before, for rules that judged without it.

    `facts`: per `subject name` the span of event times for which the answer may differ. `windows`: spans
    in which every fact of the source was stale and is known now. `proofs`: `kind key` pairs. `snapshots`:
    instants of new listings.
    """

    facts: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    windows: list[tuple[datetime, datetime]] = field(default_factory=list)
    proofs: set[str] = field(default_factory=set)
    snapshots: list[datetime] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.facts or self.windows or self.proofs or self.snapshots)

    def touch(self, subject: str, name: str, start: datetime, end: datetime) -> None:
        """Note that this fact may read differently between two instants."""
        key = fact_key(subject, name)
        first, last = self.facts.get(key, (start, end))
        self.facts[key] = (min(first, start), max(last, end))


def fact_key(subject: str, name: str) -> str:
    """Name a fact as an occurrence's `depends` names it."""
    return f"{subject} {name}"


def proof_key(kind: str, key: str) -> str:
    """Name a proof as an occurrence's `depends` names it."""
    return f"proof:{kind} {key}"


class Gathered:
    """What the records of one batch said, collected while it is read and kept at its end.

    A fact that shares its record with an event is a change at that instant; others belong to a listing.
    """

    def __init__(self) -> None:
        self.listed: dict[int, dict[Key, Any]] = {}
        self.changed: list[contract.Fact] = []
        self.snapshots: list[contract.Snapshot] = []
        self.proofs: list[contract.Proof] = []

    def __bool__(self) -> bool:
        return bool(self.changed or self.snapshots or self.proofs)

    def list_fact(self, fact: contract.Fact) -> None:
        """Take a fact of a listing, found under the listing's own record."""
        self.listed.setdefault(fact.seq, {})[fact.subject, fact.name] = fact.value

    def keep(self, batch: Batch) -> Changes:
        """Store everything within the recording transaction and return what it changed."""
        changes = Changes()
        by_kind: dict[str, list[contract.Snapshot]] = defaultdict(list)
        for snapshot in sorted(self.snapshots, key=lambda s: s.at):
            by_kind[f"{snapshot.kind} {snapshot.scope}".strip()].append(snapshot)
        for kind, snapshots in by_kind.items():
            _Folding(batch, kind, snapshots).fold(self.listed, changes)
        _see_accounts(batch, self.snapshots, self.listed)
        _keep_changes(batch, self.changed, changes)
        _keep_proofs(batch, self.proofs, changes)
        return changes


@dataclass(slots=True)
class _Interval:
    """An interval in memory; `row` is its primary key once stored, `moved` that its ends differ from the row's."""

    value: Any
    first: datetime
    last: datetime | None
    seq: int
    row: int | None = None
    moved: bool = False


class _Folding:
    """Folds listings of one kind into the intervals around them: read once, changed in memory, written once."""

    def __init__(self, batch: Batch, kind: str, snapshots: Sequence[contract.Snapshot]) -> None:
        self.batch, self.kind, self.snapshots = batch, kind, snapshots
        begin, end = snapshots[0].at, snapshots[-1].at
        stored = Snapshot.objects.filter(source=batch.source, kind=kind)
        before = stored.filter(at__lt=begin).order_by("-at").values_list("at", flat=True).first()
        after = stored.filter(at__gt=end).order_by("at").values_list("at", flat=True).first()
        within = stored.filter(at__range=(begin, end)).order_by("at").values_list("at", flat=True)
        self.times: list[datetime] = [t for t in (before, *within, after) if t is not None]
        self.intervals: dict[Key, list[_Interval]] = defaultdict(list)
        rows = FactInterval.objects.filter(
            Q(last_at__isnull=True) | Q(last_at__gte=before or begin),
            source=batch.source,
            kind=kind,
            first_at__lte=after or end,
        )
        columns = ("subject", "name", "value", "first_at", "last_at", "seq", "pk")
        for subject, name, *ends in rows.order_by("first_at").values_list(*columns):
            self.intervals[subject, name].append(_Interval(*ends))

    def fold(self, listed: Mapping[int, dict[Key, Any]], changes: Changes) -> None:
        """Fold every listing that is new, note what reads differently, and store the result."""
        fresh = []
        for snapshot in self.snapshots:
            place = bisect_left(self.times, snapshot.at)
            if place < len(self.times) and self.times[place] == snapshot.at:
                continue
            before = self.times[place - 1] if place else None
            after = self.times[place] if place < len(self.times) else None
            self.times.insert(place, snapshot.at)
            fresh.append(snapshot)
            _note_windows(changes, snapshot.at, before, after)
            end = min(after, snapshot.at + MAX_AGE) if after else snapshot.at + MAX_AGE
            said = listed.get(snapshot.seq, {})
            for key in {**self.intervals, **said}:
                if self._fold_key(key, said.get(key, MISSING), snapshot, before, after):
                    changes.touch(*key, before or snapshot.at, end)
            self._touch_changed(changes, snapshot.at, before, end)
        self._write(fresh)

    def _touch_changed(self, changes: Changes, at: datetime, before: datetime | None, end: datetime) -> None:
        """What an event changed since the listing before is confirmed or contradicted by this one."""
        since = before or at - MAX_AGE
        rows = FactChange.objects.filter(source=self.batch.source, at__gt=since, at__lte=at)
        for subject, name in rows.values_list("subject", "name").distinct():
            changes.touch(subject, name, since, end)

    def _fold_key(
        self,
        key: Key,
        said: Any,
        snapshot: contract.Snapshot,
        before: datetime | None,
        after: datetime | None,
    ) -> bool:
        """Fold what one listing says of one fact between its neighbors; say whether that reads differently."""
        at, intervals = snapshot.at, self.intervals[key]
        for place, each in enumerate(intervals):
            if each.first < at and (each.last is None or each.last > at):
                # Its neighbors both say this value, or it is what the newest listing said.
                if said is not MISSING and said == each.value:
                    return False
                if after is not None:
                    intervals.insert(place + 1, _Interval(each.value, after, each.last, each.seq))
                each.last, each.moved = before, True
                if said is not MISSING:
                    intervals.insert(place + 1, self._new(said, snapshot, after))
                return True
        if said is MISSING:
            return False
        for each in intervals:
            if each.value == said and each.last is not None and each.last == before:
                each.last, each.moved = at, True
                return True
            if each.value == said and each.first == after:
                each.first, each.moved = at, True
                return True
        intervals.append(self._new(said, snapshot, after))
        intervals.sort(key=lambda each: each.first)
        return True

    @staticmethod
    def _new(value: Any, snapshot: contract.Snapshot, after: datetime | None) -> _Interval:
        return _Interval(value, snapshot.at, None if after is None else snapshot.at, snapshot.seq)

    def _write(self, fresh: Sequence[contract.Snapshot]) -> None:
        source = self.batch.source
        Snapshot.objects.bulk_create(
            [
                Snapshot(
                    source=source, kind=self.kind, at=s.at, subjects=s.subjects, batch=self.batch, seq=s.seq
                )
                for s in fresh
            ]
        )
        moved = [
            each for line in self.intervals.values() for each in line if each.moved and each.row is not None
        ]
        if moved:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE evidence_factinterval f SET first_at = m.first_at, last_at = m.last_at"
                    " FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS m (id, first_at, last_at)"
                    " WHERE f.id = m.id",
                    [[m.row for m in moved], [m.first for m in moved], [m.last for m in moved]],
                )
        FactInterval.objects.bulk_create(
            [
                FactInterval(
                    source=source, kind=self.kind, subject=subject, name=name, value=each.value,
                    first_at=each.first, last_at=each.last, batch=self.batch, seq=each.seq,
                )
                for (subject, name), line in self.intervals.items()
                for each in line
                if each.row is None
            ],
            batch_size=2000,
        )  # fmt: skip


def _note_windows(changes: Changes, at: datetime, before: datetime | None, after: datetime | None) -> None:
    """Note in which span facts were stale without this listing."""
    changes.snapshots.append(at)
    end = min(after, at + MAX_AGE) if after else at + MAX_AGE
    if before is None or at - before > MAX_AGE:
        changes.windows.append((at, end))
    elif before + MAX_AGE < end:
        changes.windows.append((before + MAX_AGE, end))


def _keep_changes(batch: Batch, facts: Sequence[contract.Fact], changes: Changes) -> None:
    """Store what events changed. Two that name one instant and differ leave it open which was the last."""
    merged: dict[tuple[str, str, datetime], contract.Fact] = {}
    for f in facts:
        key = (f.subject, f.name, f.at)
        earlier = merged.get(key)
        merged[key] = (
            f
            if earlier is None or (earlier.value == f.value and earlier.certain)
            else replace(max(earlier, f, key=lambda each: json.dumps(each.value)), certain=False)
        )
    if not merged:
        return
    rows = [
        (f.subject, f.name, json.dumps(f.value), f.certain, f.at, f.seq)
        for _, f in sorted(merged.items(), key=lambda each: each[0])
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO evidence_factchange AS c (source_id, batch_id, subject, name, value, certain, at, seq)
            SELECT %s, %s, * FROM unnest(
                %s::text[], %s::text[], %s::jsonb[], %s::boolean[], %s::timestamptz[], %s::int[])
            ON CONFLICT (subject, name, source_id, at) DO UPDATE SET
                certain = c.certain AND excluded.certain AND c.value = excluded.value,
                value = greatest(c.value, excluded.value)
            WHERE (c.certain, c.value) IS DISTINCT FROM (excluded.certain, excluded.value)
            """,
            [batch.source_id, batch.pk, *(list(column) for column in zip(*rows, strict=True))],
        )
    earlier_listing = _listing_before(batch, [f.at for f in merged.values()])
    for f in merged.values():
        # A change settles what was unknown since the listing before it, and holds until the next.
        changes.touch(f.subject, f.name, min(f.at - MAX_AGE, earlier_listing(f.at)), f.at + MAX_AGE)


def _listing_before(batch: Batch, times: Sequence[datetime]) -> Callable[[datetime], datetime]:
    """Return a function that gives the instant of the oldest of each kind's last listings before an instant."""
    near = Snapshot.objects.filter(source=batch.source, at__lte=max(times)).order_by("at")
    by_kind: dict[str, list[datetime]] = defaultdict(list)
    for kind, at in near.values_list("kind", "at"):
        by_kind[kind].append(at)

    def before(time: datetime) -> datetime:
        return min(
            (taken[place - 1] for taken in by_kind.values() if (place := bisect_right(taken, time))),
            default=time,
        )

    return before


def _keep_proofs(batch: Batch, proofs: Sequence[contract.Proof], changes: Changes) -> None:
    if not proofs:
        return
    rows = [
        {
            "kind": p.kind,
            "key": p.key,
            "at": p.at.isoformat(),
            "value": p.value,
            "uid": p.uid.hex(),
            "seq": p.seq,
        }
        for p in proofs
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO evidence_proof (source_id, batch_id, kind, key, at, value, uid, seq)"
            " SELECT %s, %s, kind, key, at, value, decode(uid, 'hex'), seq FROM jsonb_to_recordset(%s::jsonb)"
            " AS p (kind text, key text, at timestamptz, value jsonb, uid text, seq int) ON CONFLICT DO NOTHING",
            [batch.source_id, batch.pk, json.dumps(rows)],
        )
    changes.proofs.update(proof_key(p.kind, p.key) for p in proofs)


def _see_accounts(
    batch: Batch, snapshots: Sequence[contract.Snapshot], listed: Mapping[int, dict[Key, Any]]
) -> None:
    """Widen each listed account's first and last sight; its names are those of the newest listing."""
    seen: dict[str, list[datetime]] = {}
    names: dict[str, dict[str, Any]] = defaultdict(dict)
    for snapshot in sorted(snapshots, key=lambda s: s.at):
        for (subject, name), value in listed.get(snapshot.seq, {}).items():
            if name in ("name", "arn"):
                seen.setdefault(subject, []).append(snapshot.at)
                names[subject][name] = value
    if not seen:
        return
    rows = [
        (
            subject.removeprefix("account:"),
            str(names[subject].get("name") or "")[:200],
            str(names[subject].get("arn") or ""),
            times[0],
            times[-1],
        )
        for subject, times in sorted(seen.items())
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO evidence_account AS a (source_id, key, name, aliases, first_seen, last_seen)
            SELECT %s, key, name, CASE WHEN arn = '' THEN '{}' ELSE ARRAY[arn] END, first_seen, last_seen
            FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])
                AS n (key, name, arn, first_seen, last_seen)
            ON CONFLICT (source_id, key) DO UPDATE SET
                name = CASE WHEN excluded.last_seen >= a.last_seen AND excluded.name <> ''
                    THEN excluded.name ELSE a.name END,
                aliases = CASE WHEN excluded.last_seen >= a.last_seen AND excluded.aliases <> '{}'
                    THEN excluded.aliases ELSE a.aliases END,
                first_seen = least(a.first_seen, excluded.first_seen),
                last_seen = greatest(a.last_seen, excluded.last_seen)
            """,
            [batch.source_id, *(list(column) for column in zip(*rows, strict=True))],
        )
