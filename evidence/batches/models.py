"""Sealed raw bytes, and the records in them that could not be read."""

from django.db import models


class Batch(models.Model):
    """Immutable raw bytes of one source, named by their SHA-256; everything else is derived from them."""

    class State(models.TextChoices):
        """Found by state and age: a queue message is only a hint."""

        SEALED = "sealed", "sealed"
        RECORDED = "recorded", "recorded"
        REFUSED = "refused", "refused"

    source = models.ForeignKey("evidence.Source", on_delete=models.PROTECT, related_name="batches")
    sha256 = models.CharField(max_length=64)
    # The transport form's hash where there was one (one delivered gzip file), else empty.
    packed_sha256 = models.CharField(max_length=64, default="", blank=True)
    name = models.CharField(max_length=300, default="", blank=True)
    # The instant that the name gives to a listing which tells none itself: on a quiet day a listing has the
    # bytes of the day before, and is another listing all the same.
    said_at = models.DateTimeField(null=True)
    adapter = models.CharField(max_length=40)
    adapter_version = models.CharField(max_length=12, default="", blank=True)
    received_from = models.DateTimeField()
    received_to = models.DateTimeField()
    first_event = models.DateTimeField(null=True)
    last_event = models.DateTimeField(null=True)
    records = models.IntegerField(default=0)
    events = models.IntegerField(default=0)
    duplicates = models.IntegerField(default=0)
    rejected = models.IntegerField(default=0)
    # Exceptions that were opened while it was recorded, as the receivers of `batch_recording` said.
    exceptions = models.IntegerField(default=0)
    bytes_raw = models.BigIntegerField()
    bytes_stored = models.BigIntegerField()
    object_name = models.CharField(max_length=200)
    dictionary = models.CharField(max_length=64, default="", blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.SEALED)
    reason = models.TextField(default="", blank=True)
    attempts = models.SmallIntegerField(default=0)
    sealed_at = models.DateTimeField()
    recorded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "sha256", "said_at"], nulls_distinct=False, name="batch_once_per_source"
            )
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=models.Q(state="sealed"),
                name="batch_unrecorded",
            ),
        ]

    def __str__(self) -> str:
        return self.sha256[:12]


class RejectedRecord(models.Model):
    """A record that is no event, with its reason: kept, listed, and retried after a mend.

    `conflict` says that an event of the same id and time but other content was recorded before.
    """

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="rejects")
    seq = models.IntegerField()
    code = models.CharField(max_length=30)
    reason = models.TextField()
    excerpt = models.BinaryField(max_length=512)
    retried_at = models.DateTimeField(null=True)
    resolved = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint("batch", "seq", "code", name="reject_once")]

    def __str__(self) -> str:
        return f"{self.batch} record {self.seq}: {self.code}"
