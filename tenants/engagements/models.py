"""What an external auditor may see: one client, one period, one range of access dates."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from tenants.history.tracking import tracked


@tracked("engagement", name="firm", client="client")
class Engagement(models.Model):
    """One audit. Its people read what the period covers, between the access dates, and nothing else."""

    class Kind(models.TextChoices):
        """Type I looks at one date, Type II at a period."""

        TYPE_1 = "1", "Type I"
        TYPE_2 = "2", "Type II"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.ForeignKey("tenants.Client", on_delete=models.CASCADE, related_name="engagements")
    firm = models.CharField(max_length=120)
    kind = models.CharField(max_length=1, choices=Kind.choices)
    as_of = models.DateField(null=True, blank=True)
    period_start = models.DateField(null=True, blank=True)
    period_end = models.DateField(null=True, blank=True)
    access_from = models.DateField()
    access_until = models.DateField()
    categories = ArrayField(models.CharField(max_length=2), default=list)
    created_by = models.ForeignKey(
        "tenants.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # A closed engagement is past, whatever its access dates say.
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        "tenants.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    auditors = models.ManyToManyField(
        "tenants.User", through="tenants.EngagementAuditor", related_name="engagements"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    kind="1", as_of__isnull=False, period_start__isnull=True, period_end__isnull=True
                )
                | models.Q(
                    kind="2",
                    as_of__isnull=True,
                    period_start__isnull=False,
                    period_end__gte=models.F("period_start"),
                ),
                name="engagement_date_or_period",
            ),
            models.CheckConstraint(
                condition=models.Q(access_until__gte=models.F("access_from")),
                name="engagement_access_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.firm}"


@tracked("auditor", name="user", client="engagement__client")
class EngagementAuditor(models.Model):
    """One person of the firm on one engagement."""

    engagement = models.ForeignKey(Engagement, on_delete=models.CASCADE)
    user = models.ForeignKey("tenants.User", on_delete=models.CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint("engagement", "user", name="engagement_auditor_once")]

    def __str__(self) -> str:
        return f"{self.user} on {self.engagement}"
