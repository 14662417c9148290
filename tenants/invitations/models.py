"""A link by mail that makes somebody a member, or an auditor of an engagement, once."""

import uuid

from django.db import models

from tenants.members.models import Role


class Invitation(models.Model):
    """Who is asked to come, as what, until when. Only the hash of the link's secret is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=150, default="", blank=True)
    # Without a client: a role at the MSSP.
    client = models.ForeignKey(
        "tenants.Client", on_delete=models.CASCADE, null=True, blank=True, related_name="invitations"
    )
    role = models.CharField(max_length=2, choices=Role.choices)
    # An auditor comes to one engagement.
    engagement = models.ForeignKey(
        "tenants.Engagement", on_delete=models.CASCADE, null=True, blank=True, related_name="invitations"
    )
    secret_sha256 = models.CharField(max_length=64)
    invited_by = models.ForeignKey("tenants.User", on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey("tenants.User", on_delete=models.PROTECT, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("secret_sha256", name="invitation_secret_once"),
            models.CheckConstraint(
                condition=models.Q(role="AU", client__isnull=False, engagement__isnull=False)
                | models.Q(role__in=["MA", "AN"], client__isnull=True, engagement__isnull=True)
                | models.Q(role__in=["CA", "CO", "EM"], client__isnull=False, engagement__isnull=True),
                name="invitation_role_fits_place",
            ),
        ]
        indexes = [models.Index(fields=["client", "-created_at"], name="invitation_by_client")]

    def __str__(self) -> str:
        return f"{self.email} as {self.get_role_display()}"
