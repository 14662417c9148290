"""`manage.py mail`: what mail waits or was given up, and trying again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count, Min, Q
from django.utils import timezone

from tenants.access.command import acting, add_as_option
from tenants.clients.switch import public
from tenants.notifications.models import Notification


class Command(BaseCommand):
    """Counts the notifications that wait for a mail."""

    help = "Say how many notifications wait for a mail and how many were given up; --retry tries those again."
    action = {"waiting": "ops.health", "retry": "ops.retry"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--retry` and `--as`."""
        parser.add_argument("--retry", action="store_true", help="try again what was given up")
        add_as_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        with public():
            acting(options["as_user"], self.action["retry" if options["retry"] else "waiting"])
            given_up = Notification.objects.filter(mail_after=None, mailed_at=None, mail_tries__gt=0)
            if options["retry"]:
                again = given_up.update(mail_after=timezone.now(), mail_tries=0)
                self.stdout.write(f"{again} will be tried again within a minute.")
                return
            now = timezone.now()
            due = Q(mail_after__lte=now) | Q(mail_tries__gt=0)
            sums = Notification.objects.filter(mail_after__isnull=False).aggregate(
                due=Count("pk", filter=due),
                since=Min("created_at", filter=due),
                later=Count("pk", filter=~due),
            )
            since = f", the oldest since {sums['since']:%Y-%m-%d %H:%M} UTC" if sums["since"] else ""
            self.stdout.write(f"{sums['due']} due{since}")
            self.stdout.write(f"{sums['later']} for a later daily mail")
            self.stdout.write(f"{given_up.count()} given up")
