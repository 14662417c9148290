"""Sealing and recording in the background. A message is a hint; the sweep finds what none announced."""

import logging

from django.conf import settings
from django.db import connection
from django.utils import timezone

from evidence.batches.models import Batch
from evidence.batches.recording import record_sealed
from evidence.batches.sealing import seal
from evidence.intake.hint import hint_intake
from evidence.intake.ingest import finish
from evidence.intake.models import Delivery, Receipt, Source
from evidence.intake.services import give_up_receiving
from tenants.tasks.envelope import client_task

log = logging.getLogger(__name__)


@client_task(name="evidence.intake")
def intake() -> int:
    """Seal and record everything that waits at the client; return how many batches were recorded.

    Beat sends it to every client each minute, and whoever receives bytes sends it at once. What cannot be
    sealed (a full disk) waits for the next sweep and keeps nothing else from being recorded.
    """
    at = timezone.now()
    give_up_receiving(at=at)
    for delivery in Delivery.objects.filter(state=Delivery.State.RECEIVED).order_by("started_at"):
        try:
            finish(delivery, at=at)
        except Exception:
            log.exception("delivery %s waits for the next sweep", delivery.pk)
    for source in Source.objects.filter(pk__in=Receipt.objects.filter(delivery=None).values("source")):
        try:
            seal(source, at=at)
        except Exception:
            log.exception("receipts of source %s wait for the next sweep", source.pk)
    recorded = 0
    while done := record_sealed(at=timezone.now()):
        recorded += done
    if (
        Receipt.objects.filter(delivery=None).exists()
        or Batch.objects.filter(state=Batch.State.SEALED).exists()
    ):
        # Receipts too young to seal, or a batch that failed once: look again before the next sweep.
        hint_intake(connection.tenant, countdown=settings.PROOFLINE_SEAL_SECONDS)
    return recorded
