"""The one transaction that turns a sealed batch into events, inventory, tallies and a ledger leaf.

Everything here is repeatable: a batch whose recording died is sealed as before, and recording it again
gives the same rows (design §1.2, assurance §6).

Two workers at one client read and copy side by side; what follows from what they copied (members, inventory,
tallies, exceptions) is worked out by one after the other, so that each sees all that was known before.
"""

import errno
import logging
import traceback
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from psycopg import errors

from evidence.batches.models import Batch, RejectedRecord
from evidence.batches.objects import opened
from evidence.batches.raw import raw_of_events
from evidence.batches.signals import batch_recorded, batch_recording
from evidence.coverage import services as coverage
from evidence.events import rows
from evidence.events.partitions import ensure, month_of
from evidence.inventory.store import Changes, Gathered
from evidence.ledger.services import Recorded, append
from evidence.ledger.tree import Frontier, leaf_hash
from evidence.ocsf.event import Event
from evidence.sources.contract import EXCERPT, Fact, Output, Proof, Rejected, Snapshot, Window
from evidence.sources.registry import adapter as adapter_of

log = logging.getLogger(__name__)

# Records handled at once: large enough for COPY to be fast, small enough to bound memory.
CHUNK = 20_000
ATTEMPTS = 3
# Records that arrive later than this after their event time are late (soc2-packages §9.1).
LATENESS = timedelta(hours=48)
# Halves of advisory locks' keys; the other half is the schema. Many small batches are copied at once, a batch
# of several chunks alone: then nobody waits for a key while somebody else waits for his. One at a time draws
# the consequences.
COPYING, CONCLUDING = 0x636F7079, 0x636F6E63
# Conditions of the machine, which say nothing against a batch.
SURROUNDINGS = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS, errno.EIO}


def record(batch_id: int, *, at: datetime) -> Batch | None:
    """Record a sealed batch and return it; None when it is not sealed or another worker has it.

    After `ATTEMPTS` failures the batch is refused with its reason, so that nothing waits behind it. A full
    disk or a lost database is no failure of the batch: it stays sealed for as long as that lasts.
    """
    try:
        with transaction.atomic():
            batch = (
                Batch.objects.select_for_update(skip_locked=True, of=("self",))
                .select_related("source")
                .filter(pk=batch_id, state=Batch.State.SEALED)
                .first()
            )
            if batch is None:
                return None
            _Recording(batch, at).run()
    except Exception as error:
        _failed(batch_id, error)
        raise
    batch_recorded.send(sender=Batch, batch_id=batch.pk)
    return batch


def record_sealed(*, at: datetime, limit: int = 100) -> int:
    """Record up to `limit` sealed batches, oldest first, and return how many: what a worker does."""
    done = 0
    for batch_id in (
        Batch.objects.filter(state=Batch.State.SEALED).order_by("id").values_list("pk", flat=True)[:limit]
    ):
        try:
            done += record(batch_id, at=at) is not None
        except Exception:  # kept with the batch by record(); the next one must not wait
            log.exception(
                "batch %s of client %s could not be recorded",
                batch_id,
                connection.schema_name,
            )
    return done


def _failed(batch_id: int, error: Exception) -> None:
    try:
        with transaction.atomic():
            batch = Batch.objects.select_for_update().filter(pk=batch_id, state=Batch.State.SEALED).first()
            if batch is None:
                return
            place = traceback.extract_tb(error.__traceback__)[-1]
            batch.reason = f"{type(error).__name__}: {error} ({place.name}, line {place.lineno})"
            batch.attempts += not _is_surroundings(error)
            if batch.attempts >= ATTEMPTS:
                batch.state = Batch.State.REFUSED
            batch.save(update_fields=["attempts", "reason", "state"])
    except DatabaseError:
        # The database itself is gone; the batch is sealed as before.
        log.exception("the failure of batch %s could not be noted", batch_id)


def _is_surroundings(error: Exception) -> bool:
    if isinstance(error, OperationalError):
        # A statement that takes too long does so again; a lost connection or a full disk does not.
        return not isinstance(error.__cause__, errors.QueryCanceled)
    if isinstance(error, OSError):
        return error.errno in SURROUNDINGS
    return isinstance(error, InterfaceError | MemoryError)


@dataclass
class _Counts:
    records: int = 0
    events: int = 0
    duplicates: int = 0
    rejected: int = 0
    first: datetime | None = None
    last: datetime | None = None
    days: dict[date, coverage.Heard] = field(default_factory=dict)


class _Recording:
    """One run over one batch; holds what must be summed over its chunks."""

    def __init__(self, batch: Batch, at: datetime) -> None:
        self.batch, self.at = batch, at
        self.adapter = adapter_of(batch.adapter)
        self.zone = connection.tenant.tzinfo
        self.counts = _Counts()
        self.gathered = Gathered()
        self.roots = Frontier()
        self.event_seq = -1
        self.rejects: list[RejectedRecord] = []
        self.concluding = False

    def run(self) -> None:
        batch, counts = self.batch, self.counts
        batch.exceptions = 0
        with opened(batch.object_name) as stream:
            window = Window.around(batch.received_to)
            outputs = self.adapter.read(stream, window=window, name=batch.name)
            chunk = list(islice(outputs, CHUNK))
            self._hold(COPYING, shared=len(chunk) < CHUNK)
            fresh = self._chunk(chunk)
            while chunk := list(islice(outputs, CHUNK)):
                self._announce(fresh, Changes())
                fresh = self._chunk(chunk)
        self._conclude()
        for listing in self.gathered.snapshots:
            self._day(listing.at).snapshots += 1
        # Facts and proofs are kept before the last events are judged, and earlier ones are judged again.
        self._announce(fresh, self.gathered.keep(batch))
        coverage.add(batch.source_id, counts.days)
        batch.records, batch.events = counts.records, counts.events
        batch.duplicates, batch.rejected = counts.duplicates, counts.rejected
        batch.first_event, batch.last_event = counts.first, counts.last
        batch.adapter_version = self.adapter.version
        batch.state, batch.recorded_at, batch.reason = Batch.State.RECORDED, self.at, ""
        batch.save()
        self._leaf()

    def _chunk(self, outputs: list[Output]) -> list[Event]:
        """Store the events of some outputs and gather what they tell; return the new ones."""
        events = []
        told: list[Proof | Fact] = []
        for output in outputs:
            if isinstance(output, Event):
                events.append(output)
                self.event_seq = output.seq
                self._count(output.seq)
                if self.roots.size == output.seq:
                    self.roots.append(leaf_hash(output.raw))
            elif isinstance(output, Rejected):
                self._count(output.seq)
                self._reject(output)
            elif isinstance(output, Proof):
                told.append(output)
            elif isinstance(output, Snapshot):
                self._count(output.seq)
                self.gathered.snapshots.append(output)
            elif output.seq == self.event_seq:
                told.append(output)
            else:
                self.gathered.list_fact(output)
        fresh = self._store(events) if events else []
        RejectedRecord.objects.bulk_create(self.rejects, batch_size=2000)
        self.rejects = []
        # A record that was known before has told what it tells; one in conflict with it is not believed.
        new = {event.seq for event in fresh}
        for one in told:
            if one.seq not in new:
                continue
            if isinstance(one, Proof):
                self.gathered.proofs.append(one)
            else:
                self.gathered.changed.append(one)
        return fresh

    def _hold(self, lock: int, *, shared: bool = False) -> None:
        function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s, hashtext(current_schema()))", [lock])

    def _conclude(self) -> None:
        """Wait for the turn to draw consequences; what earlier batches made known is visible from here on."""
        if not self.concluding:
            self._hold(CONCLUDING)
            self.concluding = True

    def _count(self, seq: int) -> None:
        self.counts.records = max(self.counts.records, seq + 1)

    def _reject(self, rejected: Rejected) -> None:
        self.counts.rejected += 1
        self._day(self.batch.received_to).rejected += 1
        self.rejects.append(
            RejectedRecord(
                batch=self.batch,
                seq=rejected.seq,
                code=rejected.code,
                reason=rejected.reason,
                excerpt=rejected.excerpt,
            )
        )

    def _store(self, events: list[Event]) -> list[Event]:
        """Store the events whose keys are new and return them; count the others as duplicates or conflicts."""
        ensure({month_of(e.time) for e in events})
        new: dict[rows.Key, Event] = {}
        again: list[Event] = []
        stored = rows.known(events)
        for event in events:
            key = (event.time, event.uid)
            if key in stored or key in new:
                again.append(event)
            else:
                new[key] = event
        fresh = list(new.values())
        kept = rows.store(fresh, batch_id=self.batch.pk, source_id=self.batch.source_id)
        if kept is not None:
            # Another worker stored the others between the question and the copying.
            lost = [event for event in fresh if (event.time, event.uid) not in kept]
            again += lost
            stored |= rows.known(lost)
            fresh = [event for event in fresh if (event.time, event.uid) in kept]
        self._repeated(again, stored, new)
        for event in fresh:
            heard = self._day(event.time)
            heard.events += 1
            heard.late += self.batch.received_to - event.time > LATENESS
        counts = self.counts
        counts.events += len(fresh)
        if fresh:
            first, last = min(e.time for e in fresh), max(e.time for e in fresh)
            counts.first = min(counts.first or first, first)
            counts.last = max(counts.last or last, last)
        return fresh

    def _repeated(
        self, events: list[Event], stored: dict[rows.Key, bytes], new: dict[rows.Key, Event]
    ) -> None:
        """Count events whose keys were there before: as duplicates, or as conflicts where the content differs."""
        doubtful = []
        for event in events:
            key = (event.time, event.uid)
            if event.digest == (stored[key] if key in stored else new[key].digest):
                self._duplicate(event)
            else:
                doubtful.append(event)
        # Another digest under the same key may be only another spelling of the same record.
        earlier = raw_of_events({(e.time, e.uid) for e in doubtful} & stored.keys())
        for event in doubtful:
            key = (event.time, event.uid)
            raw = earlier.get(key) if key in stored else new[key].raw
            if raw is not None and self.adapter.same_content(raw, event.raw):
                self._duplicate(event)
            else:
                self._conflict(event)

    def _duplicate(self, event: Event) -> None:
        self.counts.duplicates += 1
        self._day(event.time).duplicates += 1

    def _conflict(self, event: Event) -> None:
        self._reject(
            Rejected(
                event.seq,
                "conflict",
                "An event with the same id and time but other content was recorded before. Both are kept as"
                " bytes; find out at the source which one is right.",
                event.raw[:EXCERPT],
            )
        )

    def _announce(self, events: list[Event], changes: Changes) -> None:
        if events or changes:
            self._conclude()
            answers = batch_recording.send(
                sender=Batch,
                batch=self.batch,
                events=events,
                changes=changes,
                at=self.at,
            )
            self.batch.exceptions += sum(int(opened or 0) for _, opened in answers)

    def _day(self, time: datetime) -> coverage.Heard:
        return self.counts.days.setdefault(time.astimezone(self.zone).date(), coverage.Heard())

    def _leaf(self) -> None:
        batch, counts = self.batch, self.counts
        if self.roots.size != counts.records or self.gathered.snapshots:
            # Some records are no events: their bytes are read in a pass of their own.
            self.roots = Frontier()
            with opened(batch.object_name) as stream:
                self.roots.extend(leaf_hash(raw) for raw in self.adapter.raw_records(stream))
            counts.records = batch.records = self.roots.size
            batch.save(update_fields=["records"])
        thing = Recorded(
            kind="records",
            ref=str(batch.pk),
            sha256=self.roots.root().hex(),
            meta={
                "adapter": self.adapter.slug,
                "batch": batch.sha256,
                "events": counts.events,
                "records": counts.records,
                "rejected": counts.rejected,
                "version": self.adapter.version,
            },
        )
        append([thing], at=self.at)
