"""A client's own sign-in: its identity provider by OpenID Connect."""

import uuid

from django.db import models

from tenants.history.tracking import tracked


@tracked("sign-in", name="name", client="client", exclude=("secret_encrypted",))
class IdentityProvider(models.Model):
    """One client's OpenID provider: sign-in by it is for people of that client alone.

    `issuer` is the address whose `/.well-known/openid-configuration` describes it. The secret is encrypted with the
    master key. `second_factor` says that the client vouches for the provider asking for one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.OneToOneField(
        "tenants.Client", on_delete=models.CASCADE, related_name="identity_provider"
    )
    name = models.CharField(max_length=60)
    issuer = models.URLField(max_length=300)
    oidc_client_id = models.CharField(max_length=200)
    secret_encrypted = models.BinaryField()
    enabled = models.BooleanField(default=True)
    second_factor = models.BooleanField(default=False)
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey("tenants.User", on_delete=models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.name} of {self.client}"
