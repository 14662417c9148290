"""What the installation signs with."""

from django.db import models


class Installation(models.Model):
    """The one row that says which installation this is: set at first start, never changed after.

    `host` is the first part of every checkpoint's origin line (`evidence.ledger`).
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    host = models.CharField(max_length=253)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="installation_only_one")]

    def __str__(self) -> str:
        return self.host


class SigningKey(models.Model):
    """An Ed25519 key of the installation; the private half is encrypted with the master key."""

    public = models.BinaryField(max_length=32)
    private_encrypted = models.BinaryField()
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                models.Value(1),
                condition=models.Q(valid_until__isnull=True),
                name="signing_key_one_current",
            )
        ]

    def __str__(self) -> str:
        return bytes(self.public).hex()[:16]
