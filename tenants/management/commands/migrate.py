"""`manage.py migrate`: `public`, then the template of this release, then every client."""

from __future__ import annotations

import sys
import time
from typing import Any

from django.core.management import CommandError, call_command
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import DEFAULT_DB_ALIAS

from tenants.access.command import tooling
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.clients.switch import public
from tenants.database import migrating
from tenants.database.errors import NoReader
from tenants.database.models import SchemaTemplate, SpareSchema
from tenants.database.reader import ensure_readers
from tenants.database.recording import executor_here, migrate_here
from tenants.database.release import client_labels, client_release, public_release
from tenants.database.spares import refill_spares
from tenants.database.template import make_template
from tenants.tasks.envelope import each_client


class Command(DjangoMigrate):
    """Brings the database to this release. What is done already is not done again.

    With an app (and a migration) named, that app alone goes there: the shared one in `public`, one of the
    clients' in every client's schema, by Django's own executor.
    """

    help = "Bring public, the template of this release, and every client to this release."
    action = tooling("changes the schemas' form and reads no client's content")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run; exit 1 if a client could not be migrated, or with --check if there is anything to do."""
        self.quiet = options["verbosity"] < 1
        if options["database"] != DEFAULT_DB_ALIAS or options["plan"] or options["prune"]:
            with public():
                super().handle(*args, **options)
            return
        if options["app_label"]:
            self._one_app(*args, **options)
            return
        current = migrating.is_current()
        if options["check_unapplied"]:
            self._say("Nothing to migrate." if current else "There are migrations to apply.")
            sys.exit(0 if current else 1)
        if current:
            with migrating.only_migration(self._say), public():
                self._ensure_readers()
            self._say("Nothing to migrate.")
            return
        self._all(*args, **options)

    def _ensure_readers(self) -> None:
        try:
            ensure_readers()
        except NoReader as error:
            raise CommandError(str(error), returncode=1) from error

    def _all(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        with migrating.only_migration(self._say), public():
            super().handle(*args, **options)
            call_command("createcachetable", verbosity=0)
            self._ensure_readers()
            if not SchemaTemplate.objects.filter(pk=client_release()).exists():
                make_template()
                self._say(f"Template of release {client_release()} made ({time.monotonic() - began:.1f} s).")
            outcome = migrating.migrate_clients(self._say)
            SchemaTemplate.objects.filter(pk=client_release()).update(public_release=public_release())
            if not SpareSchema.objects.exists():  # older ones are replaced by the scheduled task
                self._say(f"{refill_spares().made} spare schemas made.")
        if outcome.failed:
            lines = "\n".join(f"  {slug}: {reason}" for slug, reason in outcome.failed.items())
            raise CommandError(
                f"{len(outcome.failed)} clients were not migrated:\n{lines}\n"
                "Mend the reason and run `manage.py migrate` again; it goes on where it stopped.",
                returncode=1,
            )

    def _one_app(self, *args: Any, **options: Any) -> None:
        label = options["app_label"]
        with public():
            SchemaTemplate.objects.update(public_release="")
            super().handle(*args, **options)
            if label not in client_labels():
                return
            for client in each_client():
                self._say(f"{client.slug}: migrating {label}.")
                with at_client(client):
                    migrate_here([self._target(label, options["migration_name"])])
                Client.objects.filter(pk=client.pk).update(release="behind")

    def _target(self, label: str, name: str | None) -> tuple[str, str | None]:
        loader = executor_here().loader
        if name == "zero":
            return label, None
        if name is None:
            return next(key for key in loader.graph.leaf_nodes() if key[0] == label)
        return label, loader.get_migration_by_prefix(label, name).name

    def _say(self, line: str) -> None:
        if not self.quiet:
            self.stdout.write(line)
            self.stdout.flush()
