"""`manage.py client create SLUG --name N …` and `client list [--json]`."""

from __future__ import annotations

import json
import zoneinfo
from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError
from django.db.models import Prefetch

from tenants.access.command import PortalCommand, acting, add_as_option
from tenants.access.policy import allowed
from tenants.clients.models import Client, Host
from tenants.clients.services import PAPERS, ClientRefused, create_client
from tenants.clients.switch import public
from tenants.database.errors import NotProvisioned


class Command(PortalCommand):
    """Makes clients and lists them."""

    help = "Make a client, or list those there are."
    action = {"create": "client.create", "list": "client.list"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Two subcommands."""
        actions = parser.add_subparsers(dest="do", required=True, metavar="{create,list}")
        create = actions.add_parser("create", help="make a client and its schema")
        create.add_argument(
            "slug", metavar="SLUG", help="small letters, digits, hyphens: its address and schema"
        )
        create.add_argument("--name", required=True, help="as it is printed")
        create.add_argument("--host", help="a host name of its own, where it answers at the root")
        create.add_argument(
            "--zone", default="UTC", help='its time zone, such as "Europe/Zurich" (default UTC)'
        )
        create.add_argument("--paper", default="A4", help=f"{' or '.join(PAPERS)} (default A4)")
        add_as_option(create)
        listing = actions.add_parser("list", help="list the clients")
        listing.add_argument("--json", action="store_true", help="one JSON object on standard output")
        add_as_option(listing)

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 2 with a sentence where something is malformed, taken or missing."""
        with public():
            if options["do"] == "create":
                self._create(options)
            else:
                self._list(options)

    def _create(self, options: dict[str, Any]) -> None:
        acting(options["as_user"], self.action["create"])
        zone = options["zone"]
        if zone not in zoneinfo.available_timezones():
            near = sorted(name for name in zoneinfo.available_timezones() if _last(zone) in name.lower())[:5]
            also = f" Did you mean {', '.join(near)}?" if near and _last(zone) else ""
            raise CommandError(
                f'"{zone}" is no IANA time zone. Use one such as "Europe/Zurich".{also}', returncode=2
            )
        try:
            client = create_client(
                options["slug"], name=options["name"], zone=zone, paper=options["paper"], host=options["host"]
            )
        except (ClientRefused, NotProvisioned) as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(f"Client {client.slug} ({client.name}) made; it answers at /c/{client.slug}/.")

    def _list(self, options: dict[str, Any]) -> None:
        hosts = Prefetch("domains", Host.objects.filter(is_primary=True), to_attr="own_hosts")
        user = acting(options["as_user"], self.action["list"])
        clients = [
            {
                "slug": client.slug,
                "name": client.name,
                "host": client.own_hosts[0].domain if client.own_hosts else None,
                "zone": client.zone,
            }
            for client in Client.objects.prefetch_related(hosts)
            if user is None or allowed(user, self.action["list"], client, client)
        ]
        if options["json"]:
            self.stdout.write(json.dumps({"clients": clients}, ensure_ascii=False))
            return
        if not clients:
            self.stdout.write("There are no clients yet. Make one: manage.py client create SLUG --name NAME")
            return
        rows = [("SLUG", "NAME", "HOST", "ZONE")]
        rows += [(c["slug"], c["name"], c["host"] or "-", c["zone"]) for c in clients]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for row in rows:
            self.stdout.write(
                "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
            )


def _last(zone: str) -> str:
    return zone.rsplit("/", 1)[-1].strip().lower()
