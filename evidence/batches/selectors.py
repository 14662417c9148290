"""Reading batches and rejected records, as far as a period allows."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from evidence.batches.access import days_of_batch
from evidence.batches.models import Batch, RejectedRecord
from evidence.intake.models import Source
from evidence.inventory.models import Snapshot
from evidence.ledger.models import Checkpoint, LedgerEntry
from tenants.clients.period import Period


def batches_of(source: Source, period: Period | None) -> QuerySet[Batch]:
    """Return a source's batches, newest first: those that tell of the period, where there is one."""
    found = Batch.objects.filter(source=source).order_by("-id")
    return found if period is None else found.filter(telling_of(period))


def telling_of(period: Period) -> Q:
    """Return what holds of batches with an event or a listing in the period, or received in it without either.

    The same as `days_of_batch` answers for one.
    """
    begin, end = period.begins_at, period.ends_before
    listing = Snapshot.objects.filter(batch=OuterRef("pk"))
    within = Exists(listing.filter(at__gte=begin, at__lt=end))
    return Q(first_event__lt=end, last_event__gte=begin) | Q(first_event=None) & (
        Q(within) | Q(~Exists(listing), received_from__lt=end, received_to__gte=begin)
    )


def wholly_within(batch: Batch, period: Period | None) -> bool:
    """Tell whether everything that a batch holds may be shown to whom only a period is open."""
    if period is None:
        return True
    first, last = days_of_batch(batch)
    return first >= period.begins_at and last < period.ends_before


def rejected_of(source: Source, period: Period | None) -> QuerySet[RejectedRecord]:
    """Return the rejected records of a source that wait for a decision, newest batch first."""
    found = RejectedRecord.objects.filter(batch__source=source, resolved=False).order_by("-batch_id", "seq")
    return found if period is None else found.filter(batch__in=Batch.objects.filter(telling_of(period)))


@dataclass(frozen=True, slots=True)
class Leaves:
    """Where a batch stands in the client's ledger: the leaf of its bytes, that of its records, the last head."""

    batch: LedgerEntry | None
    records: LedgerEntry | None
    head: Checkpoint | None

    @property
    def head_root(self) -> str:
        """The last head's root in hex, empty before the first checkpoint."""
        return bytes(self.head.root).hex() if self.head else ""

    @property
    def signed(self) -> bool:
        """Whether the last signed head covers the leaf of the records."""
        return bool(self.records and self.head and self.records.seq < self.head.size)


def leaves_of(batch: Batch) -> Leaves:
    """Return the leaves of a batch and the last signed head, in two queries."""
    entries = LedgerEntry.objects.filter(ref=str(batch.pk), kind__in=["batch", "records"]).order_by("seq")
    by_kind = {entry.kind: entry for entry in entries}
    return Leaves(by_kind.get("batch"), by_kind.get("records"), Checkpoint.objects.order_by("-size").first())
