"""What a person is told, in the portal and by mail."""

import uuid

from django.db import models


class Notification(models.Model):
    """One thing told to one person. `client` is empty for what concerns the portal itself.

    `kind` is one of `tenants.notifications.kinds`. `dedup` keeps one thing from being told twice. `url` is a path
    below the client's (or the portal's) root.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey("tenants.User", on_delete=models.CASCADE, related_name="notifications")
    client = models.ForeignKey("tenants.Client", on_delete=models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=200)
    body = models.TextField(default="", blank=True)
    url = models.CharField(max_length=300, default="", blank=True)
    dedup = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    # When a mail with it left; empty while it waits for the digest, or where the person wants no mail.
    mailed_at = models.DateTimeField(null=True)
    mail_tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint("user", "dedup", name="notification_once")]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="notification_by_user"),
            models.Index(
                fields=["created_at"],
                condition=models.Q(mailed_at__isnull=True),
                name="notification_unmailed",
            ),
        ]

    def __str__(self) -> str:
        return self.subject


class NotificationSetting(models.Model):
    """How a person wants to be told by mail: at once, in one mail a day, or not at all."""

    class Mail(models.TextChoices):
        """What must not wait (break-glass) is mailed at once whatever is chosen."""

        AT_ONCE = "at_once", "at once"
        DIGEST = "digest", "in one mail a day"
        OFF = "off", "not by mail"

    user = models.OneToOneField(
        "tenants.User", on_delete=models.CASCADE, primary_key=True, related_name="notification_setting"
    )
    mail = models.CharField(max_length=8, choices=Mail.choices, default=Mail.DIGEST)
    # In the person's zone.
    digest_hour = models.PositiveSmallIntegerField(default=7)
    zone = models.CharField(max_length=64, default="UTC")
    digested_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.user}: {self.get_mail_display()}"
