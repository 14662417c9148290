"""What became of a delivery: derived from its batches."""

from dataclasses import dataclass, field

from django.db.models import QuerySet

from evidence.batches.models import Batch, RejectedRecord
from evidence.intake.models import DeliveredBatch, Delivery


@dataclass(frozen=True, slots=True)
class Outcome:
    """The counts of one delivered file (keys of `ingest --json`, design §8).

    `records = events + duplicates + rejected + other`, where other are records that are no event by
    design, such as an account listing. A file that was delivered before counts its events as duplicates.
    """

    records: int = 0
    events: int = 0
    duplicates: int = 0
    rejected: int = 0
    exceptions: int = 0
    batches: int = 0
    waiting: int = 0
    refused: list[str] = field(default_factory=list)
    reasons: list[dict[str, object]] = field(default_factory=list)


def outcome(delivery: Delivery) -> Outcome:
    """Return the counts of a delivery as far as its batches are recorded."""
    links = list(DeliveredBatch.objects.filter(delivery=delivery).select_related("batch"))
    first = [link.batch for link in links if not link.repeated]
    again = [link.batch for link in links if link.repeated]
    rejects = RejectedRecord.objects.filter(batch__in=[b.pk for b in first + again], resolved=False)
    reasons = [
        {
            "reason": reason,
            "count": count,
            "example": f"record {seq} of batch {sha256[:12]}",
        }
        for reason, count, seq, sha256 in _grouped(rejects)
    ]
    return Outcome(
        records=sum(b.records for b in first + again),
        events=sum(b.events for b in first),
        duplicates=sum(b.duplicates for b in first) + sum(b.events + b.duplicates for b in again),
        rejected=sum(b.rejected for b in first + again),
        exceptions=sum(b.exceptions for b in first),
        batches=len(links),
        waiting=sum(b.state == Batch.State.SEALED for b in first + again) + delivery.receipts.count(),
        refused=[b.reason for b in first + again if b.state == Batch.State.REFUSED],
        reasons=reasons,
    )


def _grouped(rejects: QuerySet[RejectedRecord]) -> list[tuple[str, int, int, str]]:
    groups: dict[str, tuple[int, int, str]] = {}
    rows = rejects.order_by("batch_id", "seq").values_list("reason", "seq", "batch__sha256")
    for reason, seq, sha256 in rows.iterator(chunk_size=2000):
        count, first_seq, first_sha = groups.get(reason, (0, seq, sha256))
        groups[reason] = (count + 1, first_seq, first_sha)
    return [(reason, *values) for reason, values in sorted(groups.items(), key=lambda g: (-g[1][0], g[0]))]


__all__ = ["Outcome", "outcome"]
