"""Packages that were asked for, and the frozen populations in them."""

import uuid

from django.db import models


class Package(models.Model):
    """One build of a Type I or Type II package. All are drafts until issuing exists (soc2-packages §10.1)."""

    class State(models.TextChoices):
        """The build's progress; a failed or canceled one can be built again."""

        WAITING = "waiting", "waiting"
        BUILDING = "building", "building"
        BUILT = "built", "built"
        FAILED = "failed", "failed"
        CANCELED = "canceled", "canceled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=1, choices=[("1", "Type I"), ("2", "Type II")])
    as_of = models.DateField(null=True)
    period_start = models.DateField(null=True)
    period_end = models.DateField(null=True)
    engagement = models.UUIDField(null=True)
    version = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=10, default="draft")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    step = models.CharField(max_length=120, default="", blank=True)
    progress = models.PositiveSmallIntegerField(default=0)
    reason = models.TextField(default="", blank=True)
    asked_at = models.DateTimeField()
    asked_by = models.UUIDField(null=True)
    built_at = models.DateTimeField(null=True)
    name = models.CharField(max_length=200, default="", blank=True)
    object_name = models.CharField(max_length=240, default="", blank=True)
    sha256 = models.CharField(max_length=64, default="", blank=True)
    size = models.BigIntegerField(default=0)
    ledger_size = models.BigIntegerField(null=True)
    ledger_root = models.CharField(max_length=64, default="", blank=True)
    # {control: {population, fail, unknown, result}} and the count of gap lines, as `package --json` prints.
    controls = models.JSONField(default=dict)
    gaps = models.IntegerField(null=True)

    def __str__(self) -> str:
        return self.name or f"Type {self.kind}"
