"""Sealing and recording in the background. A message is a hint; the sweep finds what none announced."""

from django.conf import settings
from django.db import connection
from django.utils import timezone

from evidence.batches.models import Batch
from evidence.batches.recording import record_sealed
from evidence.batches.sealing import seal
from evidence.intake.ingest import finish
from evidence.intake.models import Delivery, Receipt, Source
from tenants.tasks.envelope import client_task


@client_task(name="evidence.intake")
def intake() -> int:
    """Seal and record everything that waits at the client; return how many batches were recorded.

    Beat sends it to every client each minute, and whoever receives bytes sends it at once.
    """
    at = timezone.now()
    for delivery in Delivery.objects.filter(state=Delivery.State.RECEIVED).order_by(
        "started_at"
    ):
        finish(delivery, at=at)
    for source in Source.objects.filter(
        pk__in=Receipt.objects.filter(delivery=None).values("source")
    ):
        seal(source, at=at)
    recorded = 0
    while done := record_sealed(at=timezone.now()):
        recorded += done
    if (
        Receipt.objects.filter(delivery=None).exists()
        or Batch.objects.filter(state=Batch.State.SEALED).exists()
    ):
        # Receipts too young to seal, or a batch that failed once: look again before the next sweep.
        intake.apply_async(
            kwargs={"client": connection.tenant.pk},
            countdown=settings.PROOFLINE_SEAL_SECONDS,
        )
    return recorded
