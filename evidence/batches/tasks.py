"""Sealing and recording in the background. A message is a hint; the sweeper finds what none announced."""

import logging

from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from evidence.batches.models import Batch
from evidence.batches.recording import record_sealed
from evidence.batches.sealing import seal
from evidence.intake.ingest import finish
from evidence.intake.models import Delivery, Receipt, Source
from tenants.clients.models import Client
from tenants.tasks.envelope import client_task, each_client

log = logging.getLogger(__name__)


@client_task()
def intake_client() -> int:
    """Seal and record everything that waits at the client; return how many batches were recorded."""
    at = timezone.now()
    for delivery in Delivery.objects.filter(state=Delivery.State.RECEIVED).order_by("started_at"):
        finish(delivery, at=at)
    for source in Source.objects.filter(pk__in=Receipt.objects.filter(delivery=None).values("source")):
        seal(source, at=at)
    recorded = 0
    while done := record_sealed(at=timezone.now()):
        recorded += done
    if _waits():
        # Receipts too young to seal: look again soon, so that the next sweep is not waited for.
        hint_intake_of_present_client(countdown=2)
    return recorded


def _waits() -> bool:
    sealed = Batch.objects.filter(state=Batch.State.SEALED).exists()
    return sealed or Receipt.objects.filter(delivery=None).exists()
