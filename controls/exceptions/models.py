"""The one record of what went wrong (soc2-work §5.2) and its history."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class ControlException(models.Model):
    """One exception with one life. `number` is EX-YYYY-NNNN, per client and year of opening, never re-used."""

    class State(models.TextChoices):
        """The states of the table in `controls.exceptions.states`."""

        OPEN = "open", "open"
        TRIAGED = "triaged", "triaged"
        TICKETED = "ticketed", "ticketed"
        FIXED = "fixed", "fixed"
        RETESTED = "retested", "retested"
        CLOSED = "closed", "closed"
        ACCEPTED = "accepted", "risk accepted"
        FALSE_POSITIVE = "false_positive", "false positive"
        MERGED = "merged", "merged"

    number = models.CharField(max_length=16, unique=True)
    origin = models.CharField(max_length=24)
    rule = models.CharField(max_length=40)
    rule_version = models.CharField(max_length=12)
    group_key = models.CharField(max_length=400)
    bucket = models.CharField(max_length=32)
    control = models.CharField(max_length=12)
    further_controls = ArrayField(models.CharField(max_length=12), default=list)
    criteria = ArrayField(models.CharField(max_length=6))
    severity = models.CharField(max_length=8)
    facts = models.TextField()
    state = models.CharField(max_length=14, choices=State.choices, default=State.OPEN)
    occurred_first = models.DateTimeField()
    occurred_last = models.DateTimeField()
    detected = models.DateTimeField()
    opened = models.DateTimeField()
    triage_due = models.DateTimeField()
    fix_due = models.DateTimeField()
    owner = models.UUIDField(null=True)
    cause = models.CharField(max_length=16, default="", blank=True)
    cause_words = models.TextField(default="", blank=True)
    harm = models.CharField(max_length=12, default="", blank=True)
    fix = models.TextField(default="", blank=True)
    fixed_at = models.DateTimeField(null=True)
    fixed_by = models.UUIDField(null=True)
    retested_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    accepted_until = models.DateField(null=True)
    accepted_by = models.UUIDField(null=True)
    recurs = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="recurrences")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint("rule", "group_key", "bucket", name="exception_once_per_bucket")
        ]
        indexes = [models.Index(fields=["state", "fix_due"], name="exception_live_by_due")]

    def __str__(self) -> str:
        return self.number


class ExceptionAct(models.Model):
    """One transition or note: who did what, when, why, and by which way in."""

    exception = models.ForeignKey(ControlException, on_delete=models.CASCADE, related_name="acts")
    at = models.DateTimeField()
    by = models.UUIDField(null=True)
    action = models.CharField(max_length=24)
    state_before = models.CharField(max_length=14, default="", blank=True)
    state_after = models.CharField(max_length=14)
    words = models.TextField(default="", blank=True)
    way = models.CharField(max_length=8)
    ledger_seq = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.exception} {self.action}"
