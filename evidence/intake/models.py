"""What arrives, before it is sealed."""

import uuid

from django.db import models

from tenants.history.tracking import tracked


@tracked("source", name="slug", page=("source", "slug"))
class Source(models.Model):
    """A system of the client's that sends evidence; `slug` is its folder in `evidence/sources/`."""

    class State(models.TextChoices):
        """A paused source receives nothing, and its silence is a gap all the same."""

        ACTIVE = "active", "active"
        PAUSED = "paused", "paused"
        RETIRED = "retired", "retired"

    id = models.SmallAutoField(primary_key=True)
    slug = models.CharField(max_length=40, unique=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.ACTIVE)
    connected_at = models.DateTimeField()
    # The client-zone day from which the source is in scope; empty until its first event says so.
    in_scope_from = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return self.slug


class IntakeToken(models.Model):
    """What one sender shows to push into one source: a visible prefix and the hash of a secret."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="tokens")
    prefix = models.CharField(max_length=12, unique=True)
    secret_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    created_by = models.UUIDField(null=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.prefix


class Delivery(models.Model):
    """One file given at once, by upload or by `manage.py ingest`.

    What became of it is derived from its batches (`evidence.intake.deliveries.outcome`).
    """

    class Way(models.TextChoices):
        """How the file came in."""

        UPLOAD = "upload", "upload"
        INGEST = "ingest", "command"

    class State(models.TextChoices):
        """`received` once every byte is durable, `done` once every byte is an event or a rejected record."""

        RECEIVING = "receiving", "receiving"
        RECEIVED = "received", "received"
        DONE = "done", "done"
        REFUSED = "refused", "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="deliveries")
    way = models.CharField(max_length=8, choices=Way.choices)
    name = models.CharField(max_length=300)
    by = models.UUIDField(null=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.RECEIVING)
    reason = models.TextField(default="", blank=True)
    # As it arrived; a CloudTrail digest names the packed hash.
    packed_sha256 = models.CharField(max_length=64, default="")
    sha256 = models.CharField(max_length=64, default="")
    bytes = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class DeliveredBatch(models.Model):
    """A delivery holds the bytes of this batch; `repeated` says that they had been sealed before."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="delivered")
    batch = models.ForeignKey("evidence.Batch", on_delete=models.CASCADE, related_name="deliveries")
    repeated = models.BooleanField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.delivery}: {self.batch}"


class Receipt(models.Model):
    """Bytes that were accepted: committed before the sender is answered, gone once sealed.

    A file of lines is cut at line ends into several receipts; a file that is one document stays one,
    and above a few MiB its bytes wait in an object (`object_name`) instead of in `body`.
    """

    class Shape(models.TextChoices):
        """Lines may share a batch with other lines; a document is a batch by itself."""

        LINES = "lines", "lines"
        DOCUMENT = "document", "document"

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="receipts")
    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, null=True, related_name="receipts")
    received_at = models.DateTimeField()
    shape = models.CharField(max_length=8, choices=Shape.choices)
    name = models.CharField(max_length=300, default="", blank=True)
    packed_sha256 = models.CharField(max_length=64, default="", blank=True)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    body = models.BinaryField(null=True)
    object_name = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        indexes = [models.Index(fields=["source", "received_at"], name="receipt_waiting")]

    def __str__(self) -> str:
        return f"{self.source} {self.received_at:%Y-%m-%d %H:%M:%S} {self.size} bytes"
