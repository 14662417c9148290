"""What a program shows to the API: a token of one person at one client."""

import uuid

from django.db import models

from tenants.members.models import Role


class ApiToken(models.Model):
    """A visible prefix and the hash of a secret, shown once. It can do at most what its person can in `role`.

    `source` (a slug), if given, narrows it to that source. `writes` says whether it may do more than read.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey("tenants.User", on_delete=models.CASCADE, related_name="api_tokens")
    client = models.ForeignKey("tenants.Client", on_delete=models.CASCADE, related_name="api_tokens")
    role = models.CharField(max_length=2, choices=Role.choices)
    source = models.CharField(max_length=40, default="", blank=True)
    writes = models.BooleanField(default=False)
    name = models.CharField(max_length=60)
    prefix = models.CharField(max_length=12, unique=True)
    secret_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("tenants.User", on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["client", "-created_at"], name="apitoken_by_client")]

    def __str__(self) -> str:
        return f"{self.prefix} {self.name}"

    def reaches(self, source: str) -> bool:
        """Tell whether the token may see this source, by its slug."""
        return self.source in ("", source)


class IdempotencyKey(models.Model):
    """A write of the API that was answered: the same key and body get the same answer, for a day."""

    client = models.ForeignKey("tenants.Client", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey("tenants.User", on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=100)
    request_sha256 = models.CharField(max_length=64)
    # Empty while the first request is still being answered; its text is encrypted with the master key.
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint("client", "user", "key", name="idempotency_key_once")]

    def __str__(self) -> str:
        return self.key
