"""Table of contents: tasks live in the concepts' folders."""

from evidence.batches.tasks import intake_client, sweep_intake
from evidence.ledger.tasks import checkpoint_client, checkpoint_clients

__all__ = ["checkpoint_client", "checkpoint_clients", "intake_client", "sweep_intake"]
