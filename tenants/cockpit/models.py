"""One row per client for the MSSP's cockpit, written from the right, read without visiting schemas."""

from django.contrib.postgres.fields import ArrayField
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
    # What the open exceptions are about, as `about_tokens` writes it: `R01`, `AC-01`, `/critical`, `R01/critical`.
    open_about = ArrayField(models.CharField(max_length=60), default=list)
    # Posture (0 to 100) and what caps it in words, silent sources, overdue duties: null until something measures them.
    posture = models.PositiveSmallIntegerField(null=True)
    posture_cap = models.CharField(max_length=60, default="", blank=True)
    sources_silent = models.PositiveIntegerField(null=True)
    duties_overdue = models.PositiveIntegerField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"Summary of {self.client}"
