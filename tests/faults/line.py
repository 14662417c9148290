"""A client's evidence line for tests of dying and racing: what goes in, and everything that must come out of it."""

import datetime
import io
from typing import Any

from controls.exceptions.models import ControlException
from controls.results.models import Occurrence, Tally
from evidence.batches.models import RejectedRecord
from evidence.coverage.models import SourceDay
from evidence.events.models import Event
from evidence.inventory.models import FactChange, FactInterval, Proof, Snapshot
from tests import make

NOON = make.NOON
HOUR = datetime.timedelta(hours=1)
LATER = NOON + 40 * HOUR


def story(events: int = 60) -> list[tuple[str, bytes]]:
    """Files by name: listings, sign-ins with and without a factor, a chain, a change, ordinary calls, bad records."""
    people = {"alice": True, "bob": False, "carol": True}
    files = [
        (f"iam-{day}.json", make.listing(NOON + (24 * day - 6) * HOUR, people, {"admin": True}))
        for day in (-1, 0, 1)
    ]
    files += [
        (
            make.report_name(NOON + (24 * day - 5) * HOUR),
            make.credential_report({"alice": True, "carol": False}),
        )
        for day in (-1, 0, 1)
    ]
    key = "ASIASTORY00000000001"
    records = [
        make.assume_role("admin", key=key, mfa=True),
        make.assume_role(
            "admin",
            by=make.role_identity("admin", "alice", key=key),
            key="ASIASTORY00000000002",
            at=NOON + HOUR,
        ),
        make.attach_policy("bob", at=NOON + 3 * HOUR),
    ]
    for n in range(events):
        at = NOON + datetime.timedelta(minutes=20 * n - 600)
        who = ("alice", "bob", "carol", "root")[n % 4]
        records.append(make.sign_in(who, at=at, mfa=n % 3 == 0, n=n) if n % 2 else make.record(at=at, n=n))
    third = len(records) // 3
    files.append(("a.json.gz", make.log_file(records[: 2 * third])))
    files.append(("b.ndjson", make.lines(records[third:]) + b"17\n"))
    files.append(("c.json.gz", make.log_file(records[::2])))
    return files


def outcome() -> dict[str, Any]:
    """Everything derived at the present client that must not depend on how its bytes came in."""
    return {
        "events": sorted((e.time, bytes(e.uid), bytes(e.digest), e.actor_key) for e in Event.objects.all()),
        "occurrences": sorted(
            (o.rule, o.member_id, o.time, o.result, o.reason, tuple(o.group), o.occurrence_key)
            for o in Occurrence.objects.exclude(result="none")
        ),
        "tallies": sorted(
            (t.rule, t.local_date, t.population, t.passed, t.failed, t.unknown, sorted(t.reasons.items()))
            for t in Tally.objects.filter(population__gt=0)
        ),
        "exceptions": sorted(
            (
                e.rule,
                e.group_key,
                e.bucket if e.rule != "R10" else "",
                e.occurred_first,
                e.occurred_last,
                e.members.filter(result="fail").count(),
            )
            for e in ControlException.objects.all()
            if e.members.filter(result="fail").exists()
        ),
        "intervals": sorted(
            (i.kind, i.subject, i.name, str(i.value), i.first_at, str(i.last_at))
            for i in FactInterval.objects.all()
        ),
        "changes": sorted(
            (c.subject, c.name, c.at, str(c.value), c.certain) for c in FactChange.objects.all()
        ),
        "proofs": sorted((p.kind, p.key, p.at) for p in Proof.objects.all()),
        "listings": sorted((s.kind, s.at) for s in Snapshot.objects.all()),
        "heard": sorted((d.local_date, d.events) for d in SourceDay.objects.filter(events__gt=0)),
        "rejected": sorted(r.code for r in RejectedRecord.objects.all()),
    }


def take_in(files: list[tuple[str, bytes]]) -> None:
    """Bring files in one after the other, as `manage.py ingest` does."""
    for name, content in files:
        make.take_in(content, name=name, at=LATER)


def receive(files: list[tuple[str, bytes]]) -> None:
    """Only receive them: what is left is a worker's work."""
    from evidence.intake.services import receive_file

    for name, content in files:
        receive_file(make.source(), io.BytesIO(content), name=name, way="upload", at=LATER)


def work() -> None:
    """Seal and record everything that waits, as a worker does."""
    from evidence.batches.models import Batch
    from evidence.batches.recording import record_sealed
    from evidence.batches.sealing import seal
    from evidence.intake.models import Receipt

    source = make.source()
    while True:
        seal(source, at=LATER, everything=True)
        record_sealed(at=LATER)
        if not Receipt.objects.exists() and not Batch.objects.filter(state="sealed").exists():
            return
