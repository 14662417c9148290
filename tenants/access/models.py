"""The log of what auditors read, and whoever is in by break-glass."""

from django.db import models


class ReadLogEntry(models.Model):
    """One read by an auditor or in break-glass: who, what kind and id, when. Never the content that was read."""

    time = models.DateTimeField()
    user = models.ForeignKey("tenants.User", on_delete=models.PROTECT, related_name="+")
    client = models.ForeignKey("tenants.Client", on_delete=models.CASCADE, related_name="+")
    engagement = models.ForeignKey(
        "tenants.Engagement", on_delete=models.CASCADE, null=True, related_name="+"
    )
    breakglass = models.ForeignKey(
        "tenants.BreakGlass", on_delete=models.CASCADE, null=True, related_name="reads"
    )
    action = models.CharField(max_length=40)
    path = models.CharField(max_length=500)
    status = models.PositiveSmallIntegerField()
    size = models.PositiveIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["client", "-time"], name="readlog_by_client")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(engagement__isnull=False) ^ models.Q(breakglass__isnull=False),
                name="readlog_one_reason",
            )
        ]

    def __str__(self) -> str:
        return f"{self.time:%Y-%m-%d %H:%M:%S} {self.user} {self.action}"
