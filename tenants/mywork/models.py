"""What waits for people, of all clients in `public`, so that "My work" over hundreds of them visits no schema."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class WorkItem(models.Model):
    """One thing that waits at a client, as `tenants.mywork.registry.Work` says it; no content beyond what names it."""

    client = models.ForeignKey("tenants.Client", on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=60)
    title = models.CharField(max_length=200)
    url = models.CharField(max_length=200)
    action = models.CharField(max_length=40)
    due = models.DateTimeField(null=True)
    severity = models.CharField(max_length=8, default="", blank=True)
    assignee = models.UUIDField(null=True)
    owners = ArrayField(models.UUIDField(), default=list)
    parties = ArrayField(models.UUIDField(), default=list)

    class Meta:
        constraints = [models.UniqueConstraint("client", "kind", "key", name="work_item_once")]
        indexes = [models.Index(fields=["client", "due"], name="work_by_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
