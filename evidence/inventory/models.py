"""What sources say of accounts, as intervals, and what one event proves for others."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Snapshot(models.Model):
    """A full listing of one kind at an instant: between snapshots facts hold, after `max_age` they do not."""

    source = models.ForeignKey("evidence.Source", on_delete=models.PROTECT, related_name="snapshots")
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    subjects = models.IntegerField()
    batch = models.ForeignKey("evidence.Batch", on_delete=models.PROTECT, related_name="snapshots")
    seq = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint("source", "kind", "at", name="snapshot_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.kind} {self.at:%Y-%m-%d %H:%M}"


class FactInterval(models.Model):
    """`subject` had this value of `name` from `first_at` to `last_at`, both observed (soc2-rules §3.3).

    Between two intervals of one subject and name the fact is unknown unless they touch: a change event
    moves the earlier one's end and the later one's start to its own time.
    """

    source = models.ForeignKey("evidence.Source", on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=300)
    name = models.CharField(max_length=40)
    value = models.JSONField(null=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    batch = models.ForeignKey("evidence.Batch", on_delete=models.PROTECT, related_name="+")
    seq = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint("subject", "name", "source", "first_at", name="fact_interval_once"),
            models.CheckConstraint(condition=models.Q(last_at__gte=models.F("first_at")), name="fact_interval_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.name}"


class Proof(models.Model):
    """What one event proves for others: a credential's first link, a second factor of a sign-in flow."""

    source = models.ForeignKey("evidence.Source", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=200)
    at = models.DateTimeField()
    value = models.JSONField()
    uid = models.BinaryField(max_length=16)
    batch = models.ForeignKey("evidence.Batch", on_delete=models.PROTECT, related_name="+")
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
