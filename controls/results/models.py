"""What rules said: one row per occurrence, figures per day, the settings that judged."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from tenants.history.tracking import tracked


@tracked("rule setting", name="rule")
class RuleSetting(models.Model):
    """Values of a rule's settings at this client from an instant on; the value in force at event time judges."""

    rule = models.CharField(max_length=40)
    values = models.JSONField(default=dict)
    enabled = models.BooleanField(default=True)
    valid_from = models.DateTimeField()
    by = models.UUIDField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint("rule", "valid_from", name="rule_setting_once")]

    def __str__(self) -> str:
        return f"{self.rule} from {self.valid_from:%Y-%m-%d}"


class Occurrence(models.Model):
    """One thing that a rule looked at and judged.

    `result` `none` is an event whose own part of the population matched while a fact says that it is no
    member; it is kept so that a fact that arrives late can judge it again, and is counted nowhere.
    `depends` names the facts and proofs that were asked (`account:…`, `credential:…`, `workflow:…`).
    """

    class Result(models.TextChoices):
        """`attached` is a second record of an occurrence that another row already counts."""

        PASS = "pass", "pass"
        FAIL = "fail", "fail"
        UNKNOWN = "unknown", "unknown"
        NONE = "none", "not a member"
        ATTACHED = "attached", "attached"

    rule = models.CharField(max_length=40)
    member_id = models.CharField(max_length=340)
    time = models.DateTimeField()
    local_date = models.DateField()
    source = models.ForeignKey("evidence.Source", on_delete=models.PROTECT, related_name="+", db_index=False)
    batch = models.ForeignKey("evidence.Batch", on_delete=models.PROTECT, related_name="+")
    seq = models.IntegerField()
    uid = models.BinaryField(max_length=16, null=True)
    # What several records of one occurrence share; empty where there is only this one.
    occurrence_key = models.CharField(max_length=200, default="", blank=True)
    action = models.TextField(default="", blank=True)
    actor_key = models.TextField(default="", blank=True)
    target_key = models.TextField(default="", blank=True)
    result = models.CharField(max_length=8, choices=Result.choices)
    reason = models.CharField(max_length=12, default="", blank=True)
    note = models.TextField(default="", blank=True)
    severity = models.CharField(max_length=8)
    group = ArrayField(models.TextField(), default=list)
    depends = ArrayField(models.CharField(max_length=340), default=list)
    rule_version = models.CharField(max_length=12)
    judged_at = models.DateTimeField()
    late = models.BooleanField(default=False)
    exception = models.ForeignKey(
        "controls.ControlException",
        on_delete=models.SET_NULL,
        null=True,
        related_name="members",
    )

    class Meta:
        constraints = [models.UniqueConstraint("rule", "member_id", name="occurrence_once")]
        indexes = [
            models.Index(fields=["rule", "local_date"], name="occurrence_by_day"),
            GinIndex(fields=["depends"], name="occurrence_depends"),
            models.Index(
                fields=["occurrence_key"],
                condition=~models.Q(occurrence_key=""),
                name="occurrence_by_shared_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.member_id} {self.result}"


class Tally(models.Model):
    """Per rule, source and client-zone day: population = passed + failed + unknown, always."""

    rule = models.CharField(max_length=40)
    source = models.ForeignKey("evidence.Source", on_delete=models.PROTECT, related_name="+")
    local_date = models.DateField()
    population = models.IntegerField(default=0)
    passed = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    unknown = models.IntegerField(default=0)
    # {reason: count} of the unknown members.
    reasons = models.JSONField(default=dict)
    late = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint("rule", "source", "local_date", name="tally_once_per_day"),
            models.CheckConstraint(
                condition=models.Q(
                    population=models.F("passed") + models.F("failed") + models.F("unknown"),
                    passed__gte=0,
                    failed__gte=0,
                    unknown__gte=0,
                ),
                name="tally_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.local_date}"
