"""What sources say of accounts, as intervals, and what one event proves for others."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Snapshot(models.Model):
    """A full listing at an instant. `kind` names what is listed and its scope (`accounts 123456789012`)."""

    source = models.ForeignKey("evidence.Source", on_delete=models.PROTECT, related_name="snapshots")
    kind = models.CharField(max_length=60)
    at = models.DateTimeField()
    subjects = models.IntegerField()
    batch = models.ForeignKey("evidence.Batch", on_delete=models.PROTECT, related_name="snapshots")
    seq = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint("source", "kind", "at", name="snapshot_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.kind} {self.at:%Y-%m-%d %H:%M}"


class FactInterval(models.Model):
    """Snapshots said this value of `name` of `subject` from `first_at` to `last_at`, both observed.

    An empty `last_at` means: until the newest snapshot of this kind, which says it again. Intervals depend
    on the set of snapshots alone, not on the order of their arrival.
    """

    source = models.ForeignKey("evidence.Source", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=300)
    name = models.CharField(max_length=40)
    value = models.JSONField(null=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(null=True)
    batch = models.ForeignKey("evidence.Batch", on_delete=models.PROTECT, related_name="+")
    seq = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "subject",
                "name",
                "source",
                "kind",
                "first_at",
                name="fact_interval_once",
            ),
            models.CheckConstraint(
                condition=models.Q(last_at__isnull=True) | models.Q(last_at__gte=models.F("first_at")),
                name="fact_interval_in_order",
            ),
        ]
        indexes = [
            models.Index(
                fields=["source", "kind"],
                condition=models.Q(last_at__isnull=True),
                name="fact_interval_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.name}"


class FactChange(models.Model):
    """An event said that `name` of `subject` has this value from `at` on: the instant between two snapshots."""

    source = models.ForeignKey("evidence.Source", on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=300)
    name = models.CharField(max_length=40)
    value = models.JSONField(null=True)
    # False: the event shows that the earlier value ended, not beyond doubt which one began.
    certain = models.BooleanField(default=True)
    at = models.DateTimeField()
    batch = models.ForeignKey("evidence.Batch", on_delete=models.PROTECT, related_name="+")
    seq = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint("subject", "name", "source", "at", name="fact_change_once")]

    def __str__(self) -> str:
        return f"{self.subject} {self.name}"


class Proof(models.Model):
    """What one event proves for others: a credential's first link, a second factor of a sign-in flow."""

    # Proofs are found by key; an index over a handful of sources, or over batches, would only take room.
    source = models.ForeignKey("evidence.Source", on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=200)
    at = models.DateTimeField()
    value = models.JSONField()
    uid = models.BinaryField(max_length=16)
    batch = models.ForeignKey("evidence.Batch", on_delete=models.PROTECT, related_name="+", db_index=False)
    seq = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint("kind", "key", "uid", name="proof_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Account(models.Model):
    """An account of a source, with its names, first and last seen."""

    source = models.ForeignKey("evidence.Source", on_delete=models.PROTECT, related_name="accounts")
    key = models.CharField(max_length=300)
    name = models.CharField(max_length=200, default="", blank=True)
    # Other names the vendor uses for it (ARN, role name), each unique to it in practice.
    aliases = ArrayField(models.CharField(max_length=300), default=list)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint("source", "key", name="account_once")]

    def __str__(self) -> str:
        return self.name or self.key
