"""Table of contents: tasks live in the concepts' folders."""

from evidence.batches.tasks import intake
from evidence.intake.tasks import tell
from evidence.ledger.tasks import sign_head

__all__ = ["intake", "sign_head", "tell"]
