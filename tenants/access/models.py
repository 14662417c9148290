"""The log of what auditors read."""

from django.db import models


class ReadLogEntry(models.Model):
    """One read by an auditor: who, what kind and id, when. Never the content that was read."""

    time = models.DateTimeField()
    user = models.ForeignKey("tenants.User", on_delete=models.PROTECT, related_name="+")
    client = models.ForeignKey("tenants.Client", on_delete=models.CASCADE, related_name="+")
    engagement = models.ForeignKey("tenants.Engagement", on_delete=models.CASCADE, related_name="+")
    action = models.CharField(max_length=40)
    path = models.CharField(max_length=500)
    status = models.PositiveSmallIntegerField()
    size = models.PositiveIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["client", "-time"], name="readlog_by_client")]

    def __str__(self) -> str:
        return f"{self.time:%Y-%m-%d %H:%M:%S} {self.user} {self.action}"
