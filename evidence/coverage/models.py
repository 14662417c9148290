"""What was heard from each source on each day of the client's own calendar."""

from django.db import models


class SourceDay(models.Model):
    """Counts of one source on one client-zone day, written by the transaction that records a batch."""

    source = models.ForeignKey("evidence.Source", on_delete=models.PROTECT, related_name="days")
    local_date = models.DateField()
    events = models.BigIntegerField(default=0)
    # Duplicates and rejected records count on the day of their event time, else of their receipt.
    duplicates = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    late = models.BigIntegerField(default=0)
    snapshots = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint("source", "local_date", name="source_day_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.local_date}"
