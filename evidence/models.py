"""Table of contents: models live in the concepts' folders."""

from evidence.batches.models import Batch, RejectedRecord
from evidence.coverage.models import SourceDay
from evidence.events.models import Event
from evidence.intake.models import (
    DeliveredBatch,
    Delivery,
    IntakeToken,
    Receipt,
    Source,
)
from evidence.inventory.models import Account, FactChange, FactInterval, Proof, Snapshot
from evidence.ledger.models import Checkpoint, LedgerEntry

__all__ = [
    "Account",
    "Batch",
    "Checkpoint",
    "DeliveredBatch",
    "Delivery",
    "Event",
    "FactChange",
    "FactInterval",
    "IntakeToken",
    "LedgerEntry",
    "Proof",
    "Receipt",
    "RejectedRecord",
    "Snapshot",
    "Source",
    "SourceDay",
]
