"""What a person is told, in the portal and by mail."""

import uuid

from django.db import models


class Notification(models.Model):
    """One thing told to one person. `client` is empty for what concerns the portal itself.

    `kind` is one of `tenants.notifications.kinds`. `dedup` keeps one thing from being told twice. `url` is a path
    below the client's (or the portal's) root. `count` says how many things of the kind were gathered into it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey("tenants.User", on_delete=models.CASCADE, related_name="notifications")
    client = models.ForeignKey("tenants.Client", on_delete=models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=200)
    body = models.TextField(default="", blank=True)
    url = models.CharField(max_length=300, default="", blank=True)
    dedup = models.CharField(max_length=120)
    count = models.PositiveIntegerField(default=1)
    # Mailed at once, whatever the person chose.
    urgent = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    # When it is next looked at for a mail: sent, put off to the digest, or left out. Empty once nothing is to be
    # sent any more: with `mailed_at`, it was; with `mail_tries` alone, sending was given up.
    mail_after = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)
    mail_tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint("user", "dedup", name="notification_once")]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="notification_by_user"),
            models.Index(
                fields=["mail_after"],
                condition=models.Q(mail_after__isnull=False),
                name="notification_to_mail",
            ),
            models.Index(
                fields=["user", "client"],
                condition=models.Q(read_at__isnull=True),
                name="notification_unread",
            ),
        ]

    def __str__(self) -> str:
        return self.subject


class NotificationMark(models.Model):
    """Up to where things of a kind at a client were told: by their growing number, or by time."""

    client = models.ForeignKey("tenants.Client", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    number = models.BigIntegerField(default=0)
    time = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint("client", "kind", name="notification_mark_once")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.client}"


class NotificationSetting(models.Model):
    """How a person wants to be told by mail: by kind, at once, in one mail a day, or not at all.

    Its row is also what a sender locks, so that two never send the same person's mail.
    """

    class Mail(models.TextChoices):
        """What must not wait (break-glass) is mailed at once whatever is chosen."""

        BY_KIND = "by_kind", "as each kind says"
        AT_ONCE = "at_once", "at once"
        DIGEST = "digest", "in one mail a day"
        OFF = "off", "not by mail"

    user = models.OneToOneField(
        "tenants.User", on_delete=models.CASCADE, primary_key=True, related_name="notification_setting"
    )
    mail = models.CharField(max_length=8, choices=Mail.choices, default=Mail.BY_KIND)
    # In the person's zone.
    digest_hour = models.PositiveSmallIntegerField(default=7)
    zone = models.CharField(max_length=64, default="UTC")
    digested_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.user}: {self.get_mail_display()}"
