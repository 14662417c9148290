"""Entering a client without an assignment, in an emergency: reads only, for a while, seen by the client."""

import uuid

from django.db import models


class BreakGlass(models.Model):
    """One entry: who, why, from when until when. It is live while `ended_at` is empty and `expires_at` ahead."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey("tenants.User", on_delete=models.PROTECT, related_name="breakglass")
    client = models.ForeignKey("tenants.Client", on_delete=models.CASCADE, related_name="breakglass")
    reason = models.TextField()
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # Ended by the person or by the client before its time.
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey("tenants.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["client", "-opened_at"], name="breakglass_by_client")]

    def __str__(self) -> str:
        return f"{self.user} at {self.client} from {self.opened_at:%Y-%m-%d %H:%M}"
