"""One row per client for the MSSP's cockpit, written from the right, read without visiting schemas."""

from django.db import models


class ClientSummary(models.Model):
    """Counts that the cockpit shows. A field that nothing has measured yet is null, shown as not collected."""

    client = models.OneToOneField(
        "tenants.Client", on_delete=models.CASCADE, primary_key=True, related_name="summary"
    )
    exceptions_live = models.PositiveIntegerField(null=True)
    exceptions_critical = models.PositiveIntegerField(null=True)
    exceptions_high = models.PositiveIntegerField(null=True)
    exceptions_late = models.PositiveIntegerField(null=True)
    unknown_members_30d = models.PositiveIntegerField(null=True)
    sources = models.PositiveIntegerField(null=True)
    events_30d = models.PositiveBigIntegerField(null=True)
    covered_days_30d = models.PositiveSmallIntegerField(null=True)
    last_event_at = models.DateTimeField(null=True)
    # Events per day of the last 30 local days, oldest first: the cockpit's sparkline.
    daily_events = models.JSONField(default=list)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"Summary of {self.client}"


class SavedView(models.Model):
    """A person's own name for a page with its filters and order: `query` is the address's query string."""

    user = models.ForeignKey("tenants.User", on_delete=models.CASCADE, related_name="saved_views")
    page = models.CharField(max_length=40)
    client = models.ForeignKey(
        "tenants.Client", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=500, default="", blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "user", "page", "client", "name", name="saved_view_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return self.name
