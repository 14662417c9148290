"""The event row: narrow, partitioned by month of event time. Its raw record is read by (batch, seq)."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models


class Event(models.Model):
    """One normalized event. Rows come and go only through `evidence.batches.recording` (binary COPY).

    `uid` is 16 bytes (the vendor's id, else a hash of the record), `digest` the first 8 bytes of the raw
    record's SHA-256. Unmanaged: the table is made by a migration in SQL, its partitions on demand.
    """

    pk = models.CompositePrimaryKey("time", "uid")
    time = models.DateTimeField()
    uid = models.BinaryField(max_length=16)
    digest = models.BinaryField(max_length=8)
    batch = models.ForeignKey(
        "evidence.Batch",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    seq = models.IntegerField()
    class_uid = models.IntegerField()
    source = models.ForeignKey(
        "evidence.Source",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    activity_id = models.SmallIntegerField()
    status_id = models.SmallIntegerField()
    severity_id = models.SmallIntegerField()
    src_ip = models.GenericIPAddressField(null=True)
    actor_key = models.TextField()
    action = models.TextField()
    target_key = models.TextField()

    class Meta:
        managed = False
        db_table = "evidence_event"
        indexes = [BrinIndex(fields=["time"], name="event_time_brin")]

    def __str__(self) -> str:
        return f"{self.time:%Y-%m-%d %H:%M:%S} {self.action}"
