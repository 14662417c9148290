"""Receipts become immutable batches: object first, then row and ledger leaf in one transaction."""

import hashlib
import io
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from evidence.batches.models import Batch
from evidence.batches.objects import CHUNK, object_name, opened, store_compressed
from evidence.intake.models import DeliveredBatch, Delivery, Receipt, Source
from evidence.ledger.services import Recorded, append
from evidence.sources.registry import adapter

# At most this many receipts are looked at for one batch: many small webhooks become one batch.
RECEIPTS_PER_BATCH = 5000


def seal(source: Source, *, at: datetime, everything: bool = False) -> list[Batch]:
    """Seal what waits of one source and return the batches that now hold it, new or known before.

    A batch is made of up to `PROOFLINE_SEAL_BYTES` of line receipts of one origin, or of one document. Line
    receipts that are younger than `PROOFLINE_SEAL_SECONDS` and too few wait for more unless `everything`.
    """
    batches: list[Batch] = []
    while True:
        with transaction.atomic():
            receipts = _next(source, at, everything)
            if not receipts:
                return batches
            batches.append(_seal(source, receipts, at))


def seal_delivery(delivery: Delivery, *, at: datetime) -> list[Batch]:
    """Seal the receipts of one delivered file and return the batches that hold its bytes."""
    batches: list[Batch] = []
    while True:
        with transaction.atomic():
            receipts = _one_batch(_waiting(delivery=delivery))
            if not receipts:
                return batches
            batches.append(_seal(delivery.source, receipts, at))


def _next(source: Source, at: datetime, everything: bool) -> list[Receipt]:
    receipts = _one_batch(_waiting(source=source))
    if not receipts or everything:
        return receipts
    age = at - receipts[0].received_at
    full = sum(r.size for r in receipts) >= settings.PROOFLINE_SEAL_BYTES // 2
    ready = full or age >= timedelta(seconds=settings.PROOFLINE_SEAL_SECONDS)
    return receipts if ready or receipts[0].shape == Receipt.Shape.DOCUMENT else []


def _waiting(**of: object) -> list[Receipt]:
    """Hold the oldest receipts, without their bodies: only those that share the batch are worth memory."""
    waiting = Receipt.objects.select_for_update(skip_locked=True).filter(**of).defer("body")
    return list(waiting.order_by("id")[:RECEIPTS_PER_BATCH])


def _one_batch(waiting: list[Receipt]) -> list[Receipt]:
    """Return the longest head of `waiting` that may share a batch."""
    chosen: list[Receipt] = []
    size = 0
    for receipt in waiting:
        if chosen and (
            receipt.shape == Receipt.Shape.DOCUMENT
            or receipt.delivery_id != chosen[0].delivery_id
            or size + receipt.size > settings.PROOFLINE_SEAL_BYTES
        ):
            break
        chosen.append(receipt)
        size += receipt.size
        if receipt.shape == Receipt.Shape.DOCUMENT:
            break
    return chosen


def _seal(source: Source, receipts: list[Receipt], at: datetime) -> Batch:
    head = receipts[0]
    if head.object_name:
        sha256, size, name = head.sha256, head.size, head.object_name
        body = None
    else:
        bodies = dict(Receipt.objects.filter(pk__in=[r.pk for r in receipts]).values_list("pk", "body"))
        body = b"".join(_ended(bytes(bodies[r.pk] or b""), last=r is receipts[-1]) for r in receipts)
        sha256, size = hashlib.sha256(body).hexdigest(), len(body)
        name = object_name(connection.tenant.id, "raw", sha256, ".zst")
    said_at = _said_at(source, head, body)
    batch = Batch.objects.filter(source=source, sha256=sha256, said_at=said_at).first()
    repeated = batch is not None
    if batch is None:
        if body is not None:
            stored = store_compressed(name, io.BytesIO(body), size)
        else:
            with opened(name) as stream:
                stored = store_compressed(name, stream, size)
        batch, created = Batch.objects.get_or_create(
            source=source,
            sha256=sha256,
            said_at=said_at,
            defaults={
                "packed_sha256": head.packed_sha256 if len(receipts) == 1 else "",
                "name": head.name,
                "adapter": source.slug,
                "received_from": receipts[0].received_at,
                "received_to": receipts[-1].received_at,
                "bytes_raw": size,
                "bytes_stored": stored,
                "object_name": name,
                "sealed_at": at,
            },
        )
        repeated = not created
        if created:
            append(
                [
                    Recorded(
                        kind="batch",
                        ref=str(batch.pk),
                        sha256=sha256,
                        meta={
                            "bytes": size,
                            "packed_sha256": batch.packed_sha256,
                            "source": source.slug,
                        },
                    )
                ],
                at=at,
            )
    if head.delivery_id:
        DeliveredBatch.objects.create(delivery_id=head.delivery_id, batch=batch, repeated=repeated)
    with connection.cursor() as cursor:
        # Not by the ORM, which would read every body once more before it deletes it.
        cursor.execute("DELETE FROM evidence_receipt WHERE id = ANY(%s)", [[r.pk for r in receipts]])
    return batch


def _said_at(source: Source, receipt: Receipt, body: bytes | None) -> datetime | None:
    """The instant in the name of a document that is a listing."""
    if receipt.shape != Receipt.Shape.DOCUMENT or not receipt.name:
        return None
    if body is not None:
        return adapter(source.slug).said_at(body[:CHUNK], receipt.name)
    with opened(receipt.object_name) as stream:
        return adapter(source.slug).said_at(stream.read(CHUNK), receipt.name)


def _ended(body: bytes, *, last: bool) -> bytes:
    """A receipt's lines, with the line feed that its sender left out when another receipt follows."""
    return body if last or body.endswith(b"\n") else body + b"\n"
