"""Reading events: a list by keyset, and one record with everything that is known of it."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Q, QuerySet

from evidence.batches.models import Batch, RejectedRecord
from evidence.batches.raw import ProvenRecord, prove
from evidence.events.models import Event as EventRow
from evidence.intake.models import Source
from evidence.inventory.facts import Facts
from evidence.inventory.models import Account
from evidence.ledger.tree import leaf_hash, root_from_inclusion
from evidence.ocsf.event import Event
from evidence.sources.contract import Window
from evidence.sources.registry import adapter
from tenants.clients.period import Period

Key = tuple[datetime, bytes]


def key_text(row: EventRow) -> str:
    """Write an event's key for an address: `2026-10-12T02:11:00.000000Z~<32 hex digits>`."""
    utc = row.time.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return f"{utc}~{bytes(row.uid).hex()}"


def key_of(text: str) -> Key | None:
    """Read what `key_text` wrote; None for anything else."""
    time, mark, uid = text.partition("~")
    try:
        found = datetime.fromisoformat(time)
        return (found, uuid.UUID(hex=uid).bytes) if mark and found.tzinfo else None
    except ValueError:
        return None


def events_of(sources: Iterable[Source], within: Period) -> QuerySet[EventRow]:
    """Return the events of some sources on the days of a period, newest first."""
    found = EventRow.objects.filter(
        source__in=[source.pk for source in sources], time__gte=within.begins_at, time__lt=within.ends_before
    )
    return found.order_by("-time", "-uid")


def older_than(found: QuerySet[EventRow], key: Key) -> QuerySet[EventRow]:
    """Go on below a key; the plain bound on time lets the database skip whole months."""
    time, uid = key
    return found.filter(Q(time__lt=time) | Q(time=time, uid__lt=uid), time__lte=time)


def newest_event(sources: Iterable[Source]) -> datetime | None:
    """Return the time of the newest event that any batch brought, without reading events."""
    found = Batch.objects.filter(source__in=[source.pk for source in sources])
    return found.aggregate(last=Max("last_event"))["last"]


def account_names(keys: Iterable[str]) -> dict[str, str]:
    """Return the names of accounts by key, in one query; one without another name than its key is missing."""
    wanted = {key for key in keys if key}
    if not wanted:
        return {}
    rows = Account.objects.filter(key__in=wanted).exclude(name="").order_by("source_id")
    return {key: name for key, name in rows.values_list("key", "name") if name != key}


@dataclass(frozen=True, slots=True)
class Record:
    """One raw record of a batch, read again from its bytes.

    `event` is what the adapter makes of it now (None for a listing or a rejected record), `row` the stored
    event of its key, which lies elsewhere when the record is a duplicate.
    """

    batch: Batch
    seq: int
    proven: ProvenRecord
    event: Event | None
    row: EventRow | None
    rejected: RejectedRecord | None

    @property
    def raw(self) -> bytes:
        """The exact bytes."""
        return self.proven.raw

    @property
    def duplicate(self) -> bool:
        """Whether the stored event was made from another record."""
        return self.row is not None and (self.row.batch_id, self.row.seq) != (self.batch.pk, self.seq)

    @property
    def root(self) -> bytes:
        """The root that record and path lead to, computed now."""
        return root_from_inclusion(self.seq, self.proven.records, leaf_hash(self.raw), self.proven.path)


def record_of(batch: Batch, seq: int) -> Record:
    """Return one record of a batch. Raises LookupError where there is none, OSError where the bytes are missing."""
    proven = prove(batch, [seq]).get(seq)
    if proven is None:
        raise LookupError(f"Batch {batch.sha256[:12]} has no record {seq}.")
    outputs = adapter(batch.adapter).normalize(proven.raw, seq, window=Window.around(batch.received_to))
    event = next((output for output in outputs if isinstance(output, Event)), None)
    row = None
    if event is not None:
        row = EventRow.objects.select_related("source").filter(time=event.time, uid=event.uid).first()
    rejected = batch.rejects.filter(seq=seq).first()
    return Record(batch, seq, proven, event, row, rejected)


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """What was known of an event's actor at its time: of which subject, and which facts."""

    subject: str
    facts: list[tuple[str, Any]]


def facts_at(record: Record) -> KnownFacts:
    """Return the facts of the actor as of the event, from the listings and changes around it."""
    event = record.event
    assert event is not None
    subjects = adapter(record.batch.adapter).fact_subjects(event, "actor.privileged")
    facts = Facts(record.batch.source_id, event.time, event.time + timedelta(seconds=1))
    facts.load(subjects)
    for subject in subjects:
        known = facts.names(subject, event.time)
        if known:
            return KnownFacts(subject, [(name.replace("_", " "), known[name]) for name in sorted(known)])
    return KnownFacts(subjects[0] if subjects else "", [])
