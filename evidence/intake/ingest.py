"""A whole file through the ordinary intake, waited for: received, sealed, recorded, counted."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import BinaryIO
from uuid import UUID

from evidence.batches.models import Batch
from evidence.batches.recording import ATTEMPTS, record
from evidence.batches.sealing import seal_delivery
from evidence.intake.deliveries import Outcome, outcome
from evidence.intake.models import Delivery, Source
from evidence.intake.services import receive_file
from evidence.intake.telling import tell_refused

log = logging.getLogger(__name__)


def ingest(
    source: Source,
    stream: BinaryIO,
    *,
    name: str,
    way: str,
    at: datetime,
    by: UUID | None = None,
) -> tuple[Delivery, Outcome]:
    """Receive one file and see it through to its last record; return the delivery and its counts."""
    delivery = receive_file(source, stream, name=name, way=way, at=at, by=by)
    return delivery, finish(delivery, at=at)


def finish(
    delivery: Delivery,
    *,
    at: datetime,
    progress: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Seal and record what a delivery still waits for. May be called again after a crash: nothing is done twice.

    A batch that another worker holds is left to it; `Outcome.waiting` counts what is not done yet.
    """
    seal_delivery(delivery, at=at)
    links = delivery.delivered.select_related("batch").order_by("batch_id")
    for batch in [link.batch for link in links]:
        _record(batch, at)
        if progress:
            progress(outcome(delivery))
    found = outcome(delivery)
    if not found.waiting:
        before = delivery.state
        delivery.state = Delivery.State.REFUSED if found.refused else Delivery.State.DONE
        delivery.reason = " ".join(found.refused)
        delivery.finished_at = at
        delivery.save(update_fields=["state", "reason", "finished_at"])
        if found.refused and before != Delivery.State.REFUSED:
            tell_refused(delivery, at=at)
    return found


def _record(batch: Batch, at: datetime) -> None:
    """Record one batch; after `ATTEMPTS` failures it is refused with its reason, which the outcome shows."""
    for _ in range(ATTEMPTS):
        if batch.state != Batch.State.SEALED:
            return
        try:
            record(batch.pk, at=at)
        except Exception:  # kept with the batch by record(), and shown as its reason
            log.exception("batch %s could not be recorded", batch.pk)
        batch.refresh_from_db(fields=["state"])
