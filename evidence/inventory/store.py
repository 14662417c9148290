"""Keeping what records say of accounts, whatever order they arrive in, and telling what that changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Max, Min, Q

from evidence.batches.models import Batch
from evidence.inventory.facts import MAX_AGE
from evidence.inventory.models import Account, FactChange, FactInterval, Proof, Snapshot
from evidence.sources import contract


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
        self.listed: list[contract.Fact] = []
        self.changed: list[contract.Fact] = []
        self.snapshots: list[contract.Snapshot] = []
        self.proofs: list[contract.Proof] = []

    def __bool__(self) -> bool:
        return bool(self.listed or self.changed or self.snapshots or self.proofs)

    def keep(self, batch: Batch) -> Changes:
        """Store everything within the recording transaction and return what it changed."""
        changes = Changes()
        for snapshot in sorted(self.snapshots, key=lambda s: s.at):
            facts = {
                (f.subject, f.name): f.value
                for f in self.listed
                if f.seq == snapshot.seq
            }
            _keep_snapshot(batch, snapshot, facts, changes)
        _keep_changes(batch, self.changed, changes)
        _keep_proofs(batch, self.proofs, changes)
        return changes


def _keep_snapshot(
    batch: Batch,
    snapshot: contract.Snapshot,
    said: dict[tuple[str, str], Any],
    changes: Changes,
) -> None:
    kind, at = f"{snapshot.kind} {snapshot.scope}".strip(), snapshot.at
    of_kind = Snapshot.objects.filter(source=batch.source, kind=kind)
    before = of_kind.filter(at__lt=at).aggregate(t=Max("at"))["t"]
    after = of_kind.filter(at__gt=at).aggregate(t=Min("at"))["t"]
    _, new = of_kind.get_or_create(
        source=batch.source,
        kind=kind,
        at=at,
        defaults={"subjects": snapshot.subjects, "batch": batch, "seq": snapshot.seq},
    )
    if not new:
        return
    changes.snapshots.append(at)
    end = min(after, at + MAX_AGE) if after else at + MAX_AGE
    if before is None or at - before > MAX_AGE:
        changes.windows.append((at, end))
    elif before + MAX_AGE < end:
        changes.windows.append((before + MAX_AGE, end))
    differing = _fold(batch, snapshot.seq, kind, at, before, after, said)
    for subject, name in differing:
        changes.touch(subject, name, before or at, end)
    _see_accounts(batch, said, at)


def _fold(
    batch: Batch,
    seq: int,
    kind: str,
    at: datetime,
    before: datetime | None,
    after: datetime | None,
    said: dict[tuple[str, str], Any],
) -> list[tuple[str, str]]:
    """Fold one listing into the intervals between its neighbors; return the facts that read differently."""
    near = Q(last_at__isnull=True) | Q(last_at__gte=before or at)
    rows = FactInterval.objects.filter(
        near, source=batch.source, kind=kind, first_at__lte=after or at
    )
    fresh, changed, differing = [], [], []
    covered: set[tuple[str, str]] = set()

    def interval(
        key: tuple[str, str], value: Any, first: datetime, last: datetime | None
    ) -> FactInterval:
        return FactInterval(
            source=batch.source, kind=kind, subject=key[0], name=key[1], value=value, first_at=first,
            last_at=last, batch=batch, seq=seq,
        )  # fmt: skip

    for row in rows:
        key = (row.subject, row.name)
        agrees = key in said and said[key] == row.value
        # The newest listing ends at itself; an open interval was said by the listing before this one.
        spans = row.first_at < at and (row.last_at is None or row.last_at > at)
        if spans and agrees:
            covered.add(key)
        elif spans:
            differing.append(key)
            if after is not None:
                fresh.append(interval(key, row.value, after, row.last_at))
            row.last_at = before
            changed.append(row)
        elif agrees and row.last_at == before and before is not None:
            covered.add(key)
            row.last_at = at
            changed.append(row)
        elif agrees and row.first_at == after:
            covered.add(key)
            row.first_at = at
            changed.append(row)
    for key, value in said.items():
        if key not in covered:
            differing.append(key)
            fresh.append(interval(key, value, at, None if after is None else at))
    FactInterval.objects.bulk_update(changed, ["first_at", "last_at"], batch_size=1000)
    FactInterval.objects.bulk_create(fresh, batch_size=2000)
    return differing


def _keep_changes(
    batch: Batch, facts: Sequence[contract.Fact], changes: Changes
) -> None:
    rows = [
        FactChange(
            source=batch.source, subject=f.subject, name=f.name, value=f.value, certain=f.certain, at=f.at,
            batch=batch, seq=f.seq,
        )
        for f in facts
    ]  # fmt: skip
    FactChange.objects.bulk_create(rows, ignore_conflicts=True, batch_size=2000)
    for f in facts:
        # A change settles what was unknown since the listing before it, and holds until the next.
        changes.touch(f.subject, f.name, f.at - MAX_AGE, f.at + MAX_AGE)


def _keep_proofs(
    batch: Batch, proofs: Sequence[contract.Proof], changes: Changes
) -> None:
    rows = [
        Proof(
            source=batch.source,
            kind=p.kind,
            key=p.key,
            at=p.at,
            value=p.value,
            uid=p.uid,
            batch=batch,
            seq=p.seq,
        )
        for p in proofs
    ]
    Proof.objects.bulk_create(rows, ignore_conflicts=True, batch_size=2000)
    changes.proofs.update(proof_key(p.kind, p.key) for p in proofs)


def _see_accounts(batch: Batch, said: dict[tuple[str, str], Any], at: datetime) -> None:
    names: dict[str, dict[str, Any]] = {}
    for (subject, name), value in said.items():
        if name in ("name", "arn"):
            names.setdefault(subject, {})[name] = value
    rows = [
        Account(
            source=batch.source,
            key=subject.removeprefix("account:"),
            name=str(known.get("name") or "")[:200],
            aliases=[known["arn"]] if known.get("arn") else [],
            first_seen=at,
            last_seen=at,
        )
        for subject, known in names.items()
    ]
    present = {
        a.key: a
        for a in Account.objects.filter(
            source=batch.source, key__in=[r.key for r in rows]
        )
    }
    Account.objects.bulk_create(
        [r for r in rows if r.key not in present], batch_size=2000
    )
    moved = []
    for row in rows:
        known_account = present.get(row.key)
        if known_account is None:
            continue
        if at > known_account.last_seen:
            known_account.name, known_account.aliases = row.name, row.aliases
        known_account.first_seen = min(known_account.first_seen, at)
        known_account.last_seen = max(known_account.last_seen, at)
        moved.append(known_account)
    Account.objects.bulk_update(
        moved, ["name", "aliases", "first_seen", "last_seen"], batch_size=2000
    )
